"""What came of a fault matrix, as a table."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

from stepsaga.cli.words import for_people
from stepsaga.engines.endings import Ending

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stepsaga.testing.cases import Case
    from stepsaga.testing.matrix import Report
    from stepsaga.testing.trial import Verdict

ENDINGS: Final = (Ending.COMPLETED, Ending.COMPENSATED, Ending.STUCK)
WELL: Final = "nothing goes wrong"
_NAMED: Final = 3
"""So many examples are named of what there are many of."""


def table(report: Report) -> Table:
    """How runs ended, by the Task that went wrong; where several did, by the last."""
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), title_justify="left")
    shown.add_column(report.saga, style="bold", no_wrap=True)
    for column in ("runs", *(ending.value for ending in ENDINGS), "laws broken"):
        shown.add_column(column, justify="right", no_wrap=True)
    for name, some in by_task(report).items():
        shown.add_row(name, *_counts(some))
    shown.add_row("all", *_counts(report.verdicts), style="bold")
    return shown


def by_task(report: Report) -> Mapping[str, list[Verdict]]:
    """The runs by what went wrong in them."""
    found: dict[str, list[Verdict]] = {}
    for one in report.verdicts:
        last = one.case.texts[-1].partition("=")[0] if one.case.texts else WELL
        found.setdefault(last, []).append(one)
    return found


def summary(report: Report) -> list[str]:
    """What the table does not say: how long it took, and what was not proved."""
    lines = [f"{report.saga}: {_result([report])}"]
    if stuck := [one.stuck for one in report.verdicts if one.stuck]:
        person = sum(one.person for one in stuck)
        for_person = f"; {person:,} waited for a person" if person else ""
        lines.append(f"stuck: {len(stuck):,} runs, each with its next action{for_person}")
    if mended := sum(bool(one.mended) for one in report.verdicts):
        lines.append(
            f"children: in {mended:,} runs one was stuck, was mended, and its parent went on"
        )
    if report.idle:
        some = "; ".join(str(one.case) for one in report.idle[:_NAMED])
        lines.append(
            f"not struck: in {len(report.idle):,} runs a fault found nothing to strike, because"
            f" the saga did not come there: {some}{'; ...' * (len(report.idle) > _NAMED)}"
        )
    if report.unreached:
        lines.append(f"never reached, so nothing is known of: {', '.join(report.unreached)}")
    return lines


def in_all(reports: Sequence[Report]) -> str:
    """All sagas together, in a line."""
    return f"{len(reports)} sagas: {_result(reports)}"


def _result(reports: Sequence[Report]) -> str:
    runs = sum(len(report.verdicts) for report in reports)
    broken = sum(len(report.broken) for report in reports)
    seconds = sum(report.seconds for report in reports)
    told = f"{broken:,} of them break a law" if broken else "every law holds in each of them"
    return f"{runs:,} runs in {for_people(seconds)}; {told}"


def as_json(report: Report, again: Callable[[Case], str]) -> dict[str, Any]:
    """The same for a machine.

    Args:
        report: What came of the matrix.
        again: What runs a case again.
    """
    return {
        "saga": report.saga,
        "runs": len(report.verdicts),
        "seconds": round(report.seconds, 1),
        "endings": {ending.value: _number(report.verdicts, ending) for ending in ENDINGS},
        "not_struck": [str(one.case) for one in report.idle],
        "never_reached": list(report.unreached),
        "broken": [
            {
                "way": one.case.way,
                "faults": list(one.case.texts),
                "laws": [{"law": broken.law, "text": broken.text} for broken in one.broken],
                "command": again(one.case),
            }
            for one in report.broken
        ],
    }


def _counts(some: Sequence[Verdict]) -> list[str]:
    broken = sum(bool(one.broken) for one in some)
    numbers = [len(some), *(_number(some, ending) for ending in ENDINGS)]
    return [*(f"{number:,}" if number else "-" for number in numbers), f"{broken:,}"]


def _number(some: Sequence[Verdict], ending: Ending) -> int:
    return Counter(one.ending for one in some)[ending]
