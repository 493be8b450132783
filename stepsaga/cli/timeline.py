"""What happened in a saga, read from its commits alone."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from stepsaga.cli.values import brief, one_line
from stepsaga.engines.endings import Ending
from stepsaga.engines.protocol import Status
from stepsaga.errors import EventInvalid
from stepsaga.store.events import EventTypes, effects_left
from stepsaga.store.saga_events import (
    Event,
    SagaCompensated,
    SagaCompleted,
    SagaStarted,
    StepClaimed,
    StepCompensated,
    StepCompleted,
    StepLanded,
    StepRejected,
    StepSealed,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from stepsaga.engines.protocol import ExecutionView, HistoryEvent
    from stepsaga.store.commits import Commit, EventRecord


class What(StrEnum):
    """What a commit tells of its step."""

    STARTED = "started"
    COMPLETED = "completed"
    REJECTED = "rejected"
    IN_DOUBT = "in doubt"
    CLAIMED = "claimed"
    UNDONE = "undone"
    NOTHING = "nothing to undo"
    LATE = "late effect"
    STUCK = "stuck"
    ENDED = "ended"
    OTHER = "recorded"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that happened.

    Attributes:
        after: Since the start, as the writers' clocks say.
        step: The name of its state: ``charge``, ``undo charge``; empty for the saga itself.
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
        left: The steps whose effect landed after they were undone, and stands.
        fingerprint: Of the definition.
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


@dataclass(frozen=True, slots=True)
class Failure:
    """How an engine says that an execution failed without a word in the stream.

    Attributes:
        error: The execution's error.
        cause: Its cause.
        state: The state in which it failed, where that is known.
        attempts: How often that state was tried.
        after: Seconds from the start.
    """

    error: str
    cause: str = ""
    state: str = ""
    attempts: int = 1
    after: float = 0.0


_TYPES: Final = EventTypes()
LONGEST_REASON: Final = 300


def runs_of(commits: Iterable[Commit]) -> dict[str, list[Commit]]:
    """The commits of a stream by run: a name can be used again after its execution is gone."""
    runs: dict[str, list[Commit]] = {}
    for commit in commits:
        runs.setdefault(commit.slot.partition("/")[0], []).append(commit)
    return runs


def failure_of(view: ExecutionView, history: Sequence[HistoryEvent] = ()) -> Failure | None:
    """What an engine says of an execution that did not succeed."""
    if view.status is Status.SUCCEEDED:
        return None
    entered = [n for n, event in enumerate(history) if event.type.endswith("StateEntered")]
    last = history[entered[-1] :] if entered else ()
    return Failure(
        error=view.error or view.status.value,
        cause=view.cause or "",
        state=str(last[0].details.get("name", "")) if last else "",
        attempts=max(1, sum(event.type == "TaskScheduled" for event in last)),
        after=((view.stopped or view.started) - view.started).total_seconds(),
    )


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
    reader = _Reader(started, kept or {})
    # A seal stands in its step's slot, and is written when the undoing comes to it.
    ordered = sorted(commits, key=lambda commit: (commit.recorded_at, commit.slot))
    rows = [row for commit in ordered for row in reader.rows(commit)]
    events = [event for commit in ordered for event in commit.events]
    ending = _ending(events, failure)
    if ending is Ending.STUCK and failure is not None and failure.state:
        rows.append(_stuck(failure))
    return Timeline(
        saga=saga,
        id=saga_id,
        started=started,
        ending=ending,
        reason=_reason(events, rows, ending, failure),
        took=max((row.after for row in rows), default=timedelta()),
        rows=tuple(_told_once(rows)),
        undone=tuple(row.step.removeprefix("undo ") for row in rows if row.what is What.UNDONE),
        left=tuple(effects_left(ordered)),
        fingerprint=commits[0].fingerprint if commits else "",
    )


def _stuck(failure: Failure) -> Row:
    # The last line says why in full.
    after = timedelta(seconds=failure.after)
    return Row(after, failure.state, What.STUCK, failure.error, failure.attempts)


class _Reader:
    """Turns commits into rows."""

    def __init__(self, started: datetime, kept: Mapping[str, Any]) -> None:
        self._started = started
        self._input: Mapping[str, Any] | None = (kept.get("input") or {}).get("schema")
        self._results: dict[str, Any] = {
            node["name"]: node.get("schema") for node in kept.get("nodes", ())
        }

    def rows(self, commit: Commit) -> list[Row]:
        """A row for each of the saga's own events; domain events stand with the first step's."""
        after = (_moment(commit.recorded_at) or self._started) - self._started
        rows: list[Row] = []
        emitted: list[str] = []
        for record in commit.events:
            event = _read(record)
            if isinstance(event, StepSealed) and commit.slot.endswith("/claim"):
                continue  # the seal of its slot comes right behind it
            row = self._row(event) if isinstance(event, Event) else None
            if row is None:
                emitted.append(record.type)
            else:
                rows.append(replace(row, after=after, attempt=commit.attempt + 1))
        return _with_emitted(rows, emitted, after)

    def _row(self, event: Event) -> Row | None:
        match event:
            case SagaStarted():
                told = "", What.STARTED, brief(event.input, self._input)
            case StepCompleted():
                told = event.step, What.COMPLETED, self._value(event.step, event.value)
            case StepRejected():
                told = event.step, What.REJECTED, _refusal(event)
            case StepClaimed():
                told = event.step, What.CLAIMED, "its effect is had at most once"
            case StepSealed():
                told = event.step, What.IN_DOUBT, "nobody knows whether it happened: sealed"
            case StepCompensated():
                told = (f"undo {event.step}", *_undone(event.found))
            case StepLanded():
                told = event.step, What.LATE, self._value(event.step, event.value)
            case SagaCompleted():
                told = "", What.ENDED, Ending.COMPLETED.value
            case SagaCompensated():
                told = "", What.ENDED, Ending.COMPENSATED.value
            case _:
                return None
        return Row(timedelta(), *told)

    def _value(self, step: str, value: Any) -> str:
        return brief(value, self._results.get(step))


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
    if found == "doubt":
        return What.UNDONE, "whether or not it had happened"
    return What.UNDONE, "by its result"


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
    events: Sequence[EventRecord], rows: Sequence[Row], ending: Ending, failure: Failure | None
) -> str:
    if ending is Ending.COMPLETED:
        return ""
    if failure is None or ending is Ending.COMPENSATED:
        ends = [event for event in map(_read, events) if isinstance(event, SagaCompensated)]
        if not ends:
            return ""
        failure = Failure(ends[0].error, ends[0].cause)
    text = explained(failure)
    failed = next((r.step for r in rows if r.what in (What.REJECTED, What.IN_DOUBT)), "")
    # A call's own error begins with its step; what Step Functions says itself does not.
    told = text.startswith((f"{failed}:", f"verify {failed}:", f"settle {failed}:"))
    if ending is Ending.COMPENSATED and failed and not told:
        text = f"{failed}: {text}"
    return one_line(text, LONGEST_REASON)


def explained(failure: Failure) -> str:
    """An error as people read it: a Lambda function's cause is JSON with a message."""
    if failure.error == "States.Timeout":
        return "no answer in time (States.Timeout)"
    try:
        cause = json.loads(failure.cause)
    except ValueError:
        cause = failure.cause
    message = cause.get("errorMessage", "") if isinstance(cause, dict) else cause
    return f"{message} ({failure.error})" if message else failure.error


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
