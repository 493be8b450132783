"""A timeline for eyes: what happened at a glance, then how it ended and why."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from stepsaga.cli.folding import fold
from stepsaga.cli.labels import BESIDE, side_by_side
from stepsaga.cli.timeline import What
from stepsaga.cli.words import for_people
from stepsaga.engines.endings import Ending

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from stepsaga.cli.timeline import Row, Timeline
    from stepsaga.client import Waiting
    from stepsaga.engines.cost import Cost

ENDING_STYLES: Final = {
    Ending.COMPLETED: "bold green",
    Ending.COMPENSATED: "bold yellow",
    Ending.STUCK: "bold red",
    Ending.RUNNING: "bold cyan",
    Ending.OPEN: "bold cyan",
}
WHAT_STYLES: Final = {
    What.STARTED: "dim",
    What.ASKED: "cyan",
    What.AWAITED: "cyan",
    What.COMPLETED: "green",
    What.REJECTED: "red",
    What.IN_DOUBT: "magenta",
    What.CLAIMED: "dim",
    What.UNDONE: "yellow",
    What.NOTHING: "dim",
    What.LATE: "bold magenta",
    What.STUCK: "bold red",
    What.RESOLVED: "bold cyan",
    What.BEGUN: "bold yellow",
    What.FORWARD: "bold cyan",
    What.ENDED: "dim",
    What.OTHER: "dim",
}
ENDINGS: Final = {
    Ending.COMPLETED: "all steps are done",
    Ending.COMPENSATED: "all that was done is undone",
    Ending.STUCK: "mend what it is stuck at, then redrive the execution: it goes on there",
    Ending.RUNNING: "it runs, or waits",
    Ending.OPEN: "it runs, waits, or is stuck: ask Step Functions for the execution",
}


def view(timeline: Timeline, cost: Cost | None = None) -> RenderableType:
    """A timeline as rich shows it; without colours it says the same."""
    parts: list[RenderableType] = [_head(timeline)]
    if cost is not None:
        parts.append(Text(f"  {cost}", style="dim"))
    parts += [Text(""), _table(timeline), Text(""), *_end(timeline)]
    return Group(*parts)


def as_json(timeline: Timeline, cost: Cost | None = None) -> dict[str, Any]:
    """A timeline for a machine. Times are seconds since the start."""
    return {
        "saga": timeline.saga,
        "id": timeline.id,
        "started": timeline.started.isoformat(),
        "ending": timeline.ending.value,
        "reason": timeline.reason,
        "seconds": timeline.took.total_seconds(),
        "undone": list(timeline.undone),
        "left": list(timeline.left),
        "fingerprint": timeline.fingerprint,
        "waiting": [waiting_json(one) for one in timeline.waiting],
        "children": list(timeline.children),
        "parent": timeline.parent or None,
        "started_sagas": [{"child": one, "ending": end} for one, end in timeline.started_sagas],
        "cost": None if cost is None else _cost_json(cost),
        "rows": [_row_json(row) for row in timeline.rows],
    }


def _head(timeline: Timeline) -> Text:
    return Text.assemble(
        (timeline.saga, "bold"),
        f" {timeline.id}  ",
        (timeline.ending.value.upper(), ENDING_STYLES[timeline.ending]),
        f" after {for_people(timeline.took.total_seconds())}",
        (f"  (started {timeline.started:%Y-%m-%d %H:%M:%S} UTC)", "dim"),
    )


def _table(timeline: Timeline) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(justify="right", no_wrap=True, style="dim", min_width=10)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row in fold(timeline.rows):
        if row.what is What.ENDED:
            continue  # the last lines say so
        table.add_row(
            f"+{for_people(row.after.total_seconds())}",
            _step(row),
            Text(row.what.value, style=WHAT_STYLES[row.what]),
            _detail(row),
        )
    return table


def _step(row: Row) -> Text:
    text = Text(row.step, style="yellow" if row.step.startswith("undo ") else "bold")
    _, dot, step = row.step.rpartition(".")
    if dot:  # the lane stands back behind the step
        text.stylize("not bold dim", 0, len(row.step) - len(step))
    return text


def _detail(row: Row) -> Text:
    parts = [(row.detail, "")] if row.detail else []
    if row.attempt > 1:
        parts.append((f"attempt {row.attempt}", "magenta"))
    if row.emitted:
        parts.append((f"emitted {', '.join(row.emitted)}", "cyan"))
    return Text("  ").join(Text(text, style=style) for text, style in parts)


def _end(timeline: Timeline) -> list[Text]:
    style = ENDING_STYLES[timeline.ending]
    lines = [
        Text.assemble(
            ("  ", ""), (f"{timeline.ending.value}", style), f": {ENDINGS[timeline.ending]}"
        )
    ]
    lines += [Text(f"  {waiting_text(one)}", style="cyan") for one in timeline.waiting]
    lines += [Text(f"  {child_text(one)}", style="cyan") for one in timeline.children]
    for stream, end in timeline.started_sagas:
        if stream not in timeline.children:
            lines.append(Text(f"  its child: {end}; {looked_at(stream)}", style="dim"))
    if timeline.parent:
        lines.append(Text(f"  a child of {timeline.parent}", style="dim"))
    if timeline.undone:
        lines.append(Text(f"  {_undone(timeline.undone)}"))
    if timeline.left:
        steps = ", ".join(timeline.left)
        text = f"  BUT an effect landed after its undoing, and stands: {steps}; undo it by hand"
        lines.append(Text(text, style="bold red"))
    if timeline.reason:
        lines.append(Text.assemble("  because ", (timeline.reason, "bold")))
    return lines


def _undone(undone: Sequence[str]) -> str:
    groups = side_by_side(undone)
    if len(groups) == 1 and groups[0].startswith(BESIDE):
        return f"undone, {BESIDE}:{groups[0].removeprefix(BESIDE)}"
    sign = "; " if any(group.startswith(BESIDE) for group in groups) else ", "
    return f"undone, in this order: {sign.join(groups)}"


def waiting_text(one: Waiting) -> str:
    """What a saga waits for, and since when."""
    lane = f" (--lane {one.lane})" if one.lane else ""
    since = one.since.astimezone(UTC)
    return f"waits for an answer to {one.step!r}{lane} since {since:%Y-%m-%d %H:%M:%S} UTC"


def child_text(stream: str) -> str:
    """Which child a saga waits for."""
    return f"waits for its child {stream}: {looked_at(stream)}"


def looked_at(stream: str) -> str:
    """The command that shows it."""
    return f"`stepsaga show {stream}`"


def waiting_json(one: Waiting) -> dict[str, Any]:
    """The same for a machine."""
    since = one.since.astimezone(UTC).isoformat()
    return {"step": one.step, "lane": one.lane, "since": since}


def _row_json(row: Row) -> dict[str, Any]:
    return {
        "after": row.after.total_seconds(),
        "step": row.step,
        "what": row.what.value,
        "detail": row.detail,
        "attempt": row.attempt,
        "emitted": list(row.emitted),
    }


def _cost_json(cost: Cost) -> dict[str, Any]:
    return {
        "transitions": cost.transitions,
        "retries": cost.retries,
        "writes": cost.writes,
        "write_units": cost.write_units,
        "reads": cost.reads,
        "dollars_per_million": round(cost.dollars_per_million, 3),
    }
