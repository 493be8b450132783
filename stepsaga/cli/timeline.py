"""What happened in a saga, read from its commits alone."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.kept import from_kept
from stepsaga.cli.failures import LANE_FAILED, Failure, explained
from stepsaga.cli.labels import Labels, folded
from stepsaga.cli.values import brief, one_line
from stepsaga.client.answers import waiting_in
from stepsaga.client.operator import BY_HAND
from stepsaga.engines.endings import Ending
from stepsaga.errors import EventInvalid, UsageError
from stepsaga.graph import steps_of
from stepsaga.recovery.children import children_in, end_of
from stepsaga.recovery.undo import UNDONE_FROM_LOG
from stepsaga.runtime.stored import stored_bytes
from stepsaga.store.commits import Outcome
from stepsaga.store.events import EventTypes, late_effects_left
from stepsaga.store.saga_events import (
    ChildAwaited,
    Event,
    EventAwaited,
    EventTaken,
    ForwardEnded,
    ForwardStarted,
    InputChecked,
    ItemsClosed,
    ItemsOpened,
    SagaCompensated,
    SagaCompleted,
    SagaStarted,
    SagaStuck,
    StepAsked,
    StepClaimed,
    StepCompensated,
    StepCompleted,
    StepLanded,
    StepRejected,
    StepResolved,
    StepSealed,
    UndoEnded,
    UndoStarted,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from stepsaga.client import Waiting
    from stepsaga.graph import SagaGraph
    from stepsaga.store.commits import Commit, EventRecord


class What(StrEnum):
    """What a commit tells of its step."""

    STARTED = "started"
    ASKED = "asked"
    COMPLETED = "completed"
    REJECTED = "rejected"
    IN_DOUBT = "in doubt"
    CLAIMED = "claimed"
    UNDONE = "undone"
    NOTHING = "nothing to undo"
    LATE = "late effect"
    STUCK = "stuck"
    RESOLVED = "resolved"
    AWAITED = "waits for"
    BEGUN = "undo begun"
    FORWARD = "goes forward"
    ENDED = "ended"
    OTHER = "recorded"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that happened.

    Attributes:
        after: Since the start, as the writers' clocks say.
        step: Its name, with the lane that it is in: ``charge``, ``undo charge``,
            ``book.flight[2].seat``; empty for the saga itself.
        what: What happened.
        detail: In a few words, with nothing that must not be shown.
        attempt: Which attempt it was; 1 is the first.
        emitted: The names of domain events that were committed with it.
    """

    after: timedelta
    step: str
    what: What
    detail: str = ""
    attempt: int = 1
    emitted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Timeline:
    """One run of a saga.

    Attributes:
        saga: The saga's name.
        id: The saga's id.
        started: When the execution started, as its slots say.
        ending: How it ended.
        reason: Why it was undone, or is stuck; empty where there is nothing to explain.
        took: From the start to the last commit.
        rows: In the order in which they happened.
        undone: The steps that were undone, in that order, without those that had done nothing.
            Lanes were undone side by side: those of one fork are in the order of their ends.
        left: The steps whose effect landed after they were undone, and stands.
        fingerprint: Of the definition.
        waiting: What it asks, and nobody has answered yet.
        children: The streams of the children that it waits for.
        parent: The stream of the saga whose child it is; empty for none.
        started_sagas: The streams of all children that it has started, each with how it has ended.
    """

    saga: str
    id: str
    started: datetime
    ending: Ending
    reason: str
    took: timedelta
    rows: tuple[Row, ...]
    undone: tuple[str, ...]
    left: tuple[str, ...]
    fingerprint: str
    waiting: tuple[Waiting, ...] = ()
    children: tuple[str, ...] = ()
    parent: str = ""
    started_sagas: tuple[tuple[str, str], ...] = ()


_TYPES: Final = EventTypes()
LONGEST_REASON: Final = 300


def runs_of(commits: Iterable[Commit]) -> dict[str, list[Commit]]:
    """The commits of a stream by run: a name can be used again after its execution is gone."""
    runs: dict[str, list[Commit]] = {}
    for commit in commits:
        runs.setdefault(commit.slot.partition("/")[0], []).append(commit)
    return runs


def timeline_of(
    stream_id: str,
    run: str,
    commits: Sequence[Commit],
    *,
    kept: Mapping[str, Any] | None = None,
    failure: Failure | None = None,
) -> Timeline:
    """The timeline of one run.

    Args:
        stream_id: ``FulfilOrder#order-123``.
        run: The execution's start, with which its slots begin.
        commits: All of the run's. None at all is possible: nothing was recorded yet.
        kept: The graph that is kept for its fingerprint; without it no values are shown, because
            nothing says which of them must not be.
        failure: What the engine says, where it knows that the execution has failed.
    """
    saga, _, saga_id = stream_id.partition("#")
    started = _moment(run) or _NO_TIME
    graph = _graph(kept)
    labels = Labels(graph)
    reader = _Reader(started, graph, labels)
    # A seal stands in its step's slot, and is written when the undoing comes to it.
    # Its question stands below the slot of its answer, and comes before it; what landed late comes
    # after what it was too late for.
    late = {Outcome.ASKED: 0, Outcome.AWAITED: 0, Outcome.LATE: 2}
    ordered = sorted(commits, key=lambda one: (one.recorded_at, late.get(one.outcome, 1), one.slot))
    rows = [row for commit in ordered for row in reader.rows(commit)]
    events = [event for commit in ordered for event in commit.events]
    ending = _ending(events, failure)
    if ending is Ending.STUCK and failure is not None and failure.state:
        rows += _stuck(failure, labels)
    return Timeline(
        saga=saga,
        id=saga_id,
        started=started,
        ending=ending,
        reason=_reason(events, rows, ending, failure, labels),
        took=max((row.after for row in rows), default=timedelta()),
        rows=tuple(_told_once(rows)),
        undone=tuple(row.step.removeprefix("undo ") for row in rows if row.what is What.UNDONE),
        left=tuple(dict.fromkeys(map(reader.label, late_effects_left(ordered)))),
        fingerprint=commits[0].fingerprint if commits else "",
        waiting=waiting_in(commits) if ending is Ending.OPEN else (),
        children=tuple(children_in(commits)) if ending is Ending.OPEN else (),
    )


def with_family(
    timeline: Timeline,
    commits: Iterable[Commit],
    read: Callable[[str], Iterable[Commit]],
    parent: str = "",
) -> Timeline:
    """A timeline that names the run's children with their ends, and its parent.

    Args:
        timeline: Of the run.
        commits: The run's.
        read: The commits of a stream.
        parent: The parent's stream; empty for none.
    """
    events = [event for commit in commits for event in commit.events]
    streams = [one.data["child"] for one in events if one.type == ChildAwaited.__name__]
    told = tuple((stream, _end_of(read(stream))) for stream in dict.fromkeys(streams))
    return replace(timeline, parent=parent, started_sagas=told)


def _end_of(commits: Iterable[Commit]) -> str:
    known = list(commits)
    if not known:
        return "not started"
    end = end_of(known)
    return end.value if end else "not ended"


def _graph(kept: Mapping[str, Any] | None) -> SagaGraph | None:
    try:
        return from_kept(kept or {})
    except UsageError:
        return None  # of a later release, or damaged: what happened can be told all the same


def _stuck(failure: Failure, labels: Labels) -> list[Row]:
    # The last line says why in full.
    after = timedelta(seconds=failure.after)
    if failure.lanes:
        return [
            Row(after, labels.of_state(one.state, one.lane), What.STUCK, one.error)
            for one in failure.lanes
        ]
    return [Row(after, failure.state, What.STUCK, failure.error, failure.attempts)]


class _Reader:
    """Turns commits into rows."""

    def __init__(self, started: datetime, graph: SagaGraph | None, labels: Labels) -> None:
        self._started = started
        self._labels = labels
        self._input = graph.input.schema if graph else None
        nodes = graph.nodes if graph else ()
        self._results = {step.name: step.schema for step in steps_of(nodes)}
        self._services = {s.name: s.service.action for s in steps_of(nodes) if s.service}

    def label(self, commit: Commit) -> str:
        """The name of the step that a commit tells of, with its lane."""
        names = [str(event.data["step"]) for event in commit.events if "step" in (event.data or ())]
        return self._labels.of(commit.slot.partition("/")[2], names[0]) if names else ""

    def rows(self, commit: Commit) -> list[Row]:
        """A row for each of the saga's own events; domain events stand with the first step's."""
        after = (_moment(commit.recorded_at) or self._started) - self._started
        rows: list[Row] = []
        emitted: list[str] = []
        for record in commit.events:
            event = _read(record)
            if isinstance(event, StepSealed) and commit.slot.endswith("/claim"):
                continue  # the seal of its slot comes right behind it
            if isinstance(event, EventTaken):
                rows[-1] = replace(rows[-1], detail=_by_event(rows[-1].detail, event))
                continue  # it stands behind the step's result
            row = self._row(event, commit.slot) if isinstance(event, Event) else None
            if row is None:
                emitted.append(record.type)
            elif isinstance(event, EventAwaited):
                rows[-1] = replace(row, after=after, attempt=commit.attempt + 1)
            else:
                rows.append(replace(row, after=after, attempt=commit.attempt + 1))
        return _with_emitted(rows, emitted, after)

    def _row(self, event: Event, slot: str) -> Row | None:
        told = self._of_saga(event) or self._of_step(
            event, self._labels.of(slot.partition("/")[2], getattr(event, "step", ""))
        )
        return Row(timedelta(), *told) if told else None

    def _of_saga(self, event: Event) -> tuple[str, What, str] | None:
        match event:
            case SagaStarted():
                return "", What.STARTED, brief(event.input, self._input)
            case SagaCompleted():
                return "", What.ENDED, Ending.COMPLETED.value
            case InputChecked():
                return "", What.OTHER, "the input, with what its model fills in"
            case UndoStarted() | UndoEnded() | ForwardStarted() | ForwardEnded() | SagaStuck():
                return self._of_recovery(event)
            case SagaCompensated():
                return "", What.ENDED, Ending.COMPENSATED.value
            case _:
                return None

    def _of_recovery(
        self, event: UndoStarted | UndoEnded | ForwardStarted | ForwardEnded | SagaStuck
    ) -> tuple[str, What, str]:
        match event:
            case UndoStarted() | ForwardStarted():
                what = What.BEGUN if isinstance(event, UndoStarted) else What.FORWARD
                by = f" by {event.by}" if event.by else ""
                return "", what, one_line(f"from the log{by}: {event.why}")
            case ForwardEnded():
                return "", What.ENDED, "going forward from the log"
            case UndoEnded():
                return "", What.ENDED, "the undo from the log"
            case SagaStuck():
                return "", What.STUCK, one_line(f"{', '.join(event.steps) or '?'}: {event.error}")

    def _of_waiting(
        self, event: StepAsked | EventAwaited | ChildAwaited, step: str
    ) -> tuple[str, What, str]:
        """Whoever has the token of one of these can answer: it is shown to nobody."""
        match event:
            case StepAsked():
                by = f"by the {event.to}, " if event.to else "by links, " * bool(event.shown)
                return step, What.ASKED, f"{by}waits for an answer"
            case EventAwaited():
                # It stands behind the question that it is, in whose place it is told.
                return step, What.AWAITED, one_line(f"{event.event} with {event.by} {event.key}")
            case ChildAwaited():
                return f"undo {step}" if event.undo else step, What.AWAITED, event.child

    def _of_step(self, event: Event, step: str) -> tuple[str, What, str] | None:
        match event:
            case StepCompleted():
                told = step, What.COMPLETED, self._value(event.step, event.value)
            case ItemsOpened() | ItemsClosed():
                told = step, *_of_items(event)
            case StepAsked() | EventAwaited() | ChildAwaited():
                told = self._of_waiting(event, step)
            case StepRejected():
                told = step, What.REJECTED, _refusal(event)
            case StepClaimed():
                told = step, What.CLAIMED, "its effect is had at most once"
            case StepSealed():
                told = step, What.IN_DOUBT, "nobody knows whether it happened: sealed"
            case StepCompensated():
                told = (f"undo {step}", *_undone(event.found))
            case StepResolved():
                told = step, What.RESOLVED, one_line(f"{event.by or 'somebody'}: {event.why}")
            case StepLanded():
                told = step, What.LATE, self._value(event.step, event.value)
            case _:
                return None
        return told

    def _value(self, step: str, value: Any) -> str:
        if (size := stored_bytes(value)) is not None:
            return f"{size:,} bytes, in the bucket"
        if value is None and step in self._services:
            return f"{self._services[step]}, by Step Functions"
        return brief(value, self._results.get(step))


def _of_items(event: ItemsOpened | ItemsClosed) -> tuple[What, str]:
    """What a distributed map has, or came to: the failed items by their numbers, the first few."""
    value = event.value
    if isinstance(event, ItemsOpened):
        return What.OTHER, f"{value['items']:,} items"
    told = f"{value['done']:,} of {value['items']:,} items done"
    if not value["failed"]:
        return What.COMPLETED, told
    first = ", ".join(f"{one['index']} ({one['error']})" for one in value["first"])
    more = ", ..." if value["failed"] > len(value["first"]) else ""
    return What.COMPLETED, one_line(f"{told}; undone: {first}{more}")


_NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _read(record: EventRecord) -> Event | EventRecord:
    try:
        return _TYPES.read(record)
    except EventInvalid:
        return record  # a timeline shows what it can


def _refusal(event: StepRejected) -> str:
    name = event.error.rpartition(".")[2]
    return one_line(": ".join(part for part in (name, event.message) if part))


def _undone(found: str) -> tuple[What, str]:
    if found == "nothing":
        return What.NOTHING, "the step had done nothing"
    if found == BY_HAND:
        return What.UNDONE, "by hand, outside"
    if found == "doubt":
        return What.UNDONE, "whether or not it had happened"
    return What.UNDONE, "by its result"


def _by_event(detail: str, event: EventTaken) -> str:
    return "  ".join(filter(None, [detail, f"by {event.event} {event.id}"]))


def _with_emitted(rows: list[Row], emitted: list[str], after: timedelta) -> list[Row]:
    if not emitted:
        return rows
    place = next((n for n, row in enumerate(rows) if row.step), None)
    if place is None:
        return [*rows, Row(after, "", What.OTHER, emitted=tuple(emitted))]
    rows[place] = replace(rows[place], emitted=tuple(emitted))
    return rows


def _told_once(rows: list[Row]) -> list[Row]:
    """Every commit that can be the first says that the saga started; it started once."""
    started = [row for row in rows if row.what is What.STARTED]
    return [row for row in rows if row.what is not What.STARTED or row is started[0]]


def _ending(events: Sequence[EventRecord], failure: Failure | None) -> Ending:
    types = {event.type for event in events}
    # The terminal record is the last word.
    if SagaCompensated.__name__ in types:
        return Ending.COMPENSATED
    if SagaCompleted.__name__ in types:
        return Ending.COMPLETED
    return Ending.OPEN if failure is None else Ending.STUCK


def _reason(
    events: Sequence[EventRecord],
    rows: Sequence[Row],
    ending: Ending,
    failure: Failure | None,
    labels: Labels,
) -> str:
    if ending is Ending.COMPLETED:
        return ""
    if failure is None or ending is Ending.COMPENSATED:
        ends = [event for event in map(_read, events) if isinstance(event, SagaCompensated)]
        if not ends:
            return ""
        failure = Failure(ends[0].error, ends[0].cause)
    text = explained(failure)
    if failure.error == UNDONE_FROM_LOG:
        text = failure.cause
    elif ending is Ending.COMPENSATED:
        text = _whose(text, failure, [r for r in rows if r.what in (What.REJECTED, What.IN_DOUBT)])
    elif failure.lanes:
        where = folded(labels.of_state(one.state, one.lane) for one in failure.lanes)
        text = f"{', '.join(where)}: {_without_step(explained(failure.lanes[0]))}"
    return one_line(text, LONGEST_REASON)


def _without_step(text: str) -> str:
    """What a call says of itself begins with its step, which here is told with its lane."""
    return re.sub(r"^((undo|verify|settle) )?\w+: ", "", text)


def _whose(text: str, failure: Failure, failed: Sequence[Row]) -> str:
    """Why a saga was undone, with the name of the step, and its lane, before it."""
    if not failed:
        return text
    if failure.error == LANE_FAILED:
        refused = [row for row in failed if row.what is What.REJECTED]
        where = ", ".join(folded(row.step for row in refused or failed))
        return f"{where}: {refused[0].detail if refused else text}"
    for row in failed:
        own = re.split(r"[.\]]", row.step)[-1]
        for verb in ("", "verify ", "settle "):
            # A call's own error begins with its step; what Step Functions says itself does not.
            if text.startswith(f"{verb}{own}:"):
                return f"{verb}{row.step}{text.removeprefix(verb + own)}"
    return f"{failed[0].step}: {text}"


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
