"""Why an execution failed, as an engine says it, and as people read it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from stepsaga.engines.protocol import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepsaga.engines.protocol import ExecutionView, HistoryEvent

LANE_FAILED: Final = "LaneFailed"
"""The error of a fork of which lanes have failed; its cause lists what each of them failed with."""

_SETTLE: Final = "settle "
_FAILED: Final = " failed"


@dataclass(frozen=True, slots=True)
class LaneFailure:
    """A lane that failed where nothing catches any more, so that its saga is stuck.

    Attributes:
        state: The Task that failed.
        lane: The forks' slots and the indices of the lane; empty where the state says it.
        error: The Task's error.
        cause: Its cause.
    """

    state: str
    lane: tuple[int, ...] = ()
    error: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """How an engine says that an execution failed without a word in the stream.

    Attributes:
        error: The execution's error.
        cause: Its cause.
        state: The state in which it failed, where that is known.
        attempts: How often that state was tried.
        after: Seconds from the start.
        lanes: The lanes that failed before, where the state is the one that looks at lanes.
    """

    error: str
    cause: str = ""
    state: str = ""
    attempts: int = 1
    after: float = 0.0
    lanes: tuple[LaneFailure, ...] = ()


def failure_of(view: ExecutionView, history: Sequence[HistoryEvent] = ()) -> Failure | None:
    """What an engine says of an execution that did not succeed."""
    if view.status is Status.SUCCEEDED:
        return None
    entered = [n for n, event in enumerate(history) if event.type.endswith("StateEntered")]
    last = history[entered[-1] :] if entered else ()
    state = str(last[0].details.get("name", "")) if last else ""
    return Failure(
        error=view.error or view.status.value,
        cause=view.cause or "",
        state=state,
        attempts=max(1, sum(event.type == "TaskScheduled" for event in last)),
        after=((view.stopped or view.started) - view.started).total_seconds(),
        lanes=_lanes(state, [history[n] for n in entered]) if state.startswith(_SETTLE) else (),
    )


def explained(failure: Failure | LaneFailure) -> str:
    """An error as people read it: a Lambda function's cause is JSON with a message."""
    if failure.error == "States.Timeout":
        return "no answer in time (States.Timeout)"
    cause = _json(failure.cause)
    if failure.error == LANE_FAILED:
        return _of_lanes(cause)
    if cause is None:
        cause = failure.cause
    message = cause.get("errorMessage", "") if isinstance(cause, dict) else cause
    return f"{message} ({failure.error})" if message else failure.error


def _of_lanes(cause: Any) -> str:
    if not isinstance(cause, list):
        return f"lanes failed ({LANE_FAILED})"
    errors = [str(one.get("Error", "?")) for one in cause if isinstance(one, dict)]
    told = ", ".join(sorted(set(errors)))
    return f"{len(errors)} of {len(cause)} lanes failed: {told} ({LANE_FAILED})"


def _lanes(settle: str, entered: Sequence[HistoryEvent]) -> tuple[LaneFailure, ...]:
    """The lanes of a fork that have failed since it was entered last.

    A lane that fails ends in a Pass which is named after its Task. What is inside of another lane
    is told by the innermost one.
    """
    fork = settle.removeprefix(_SETTLE)
    since = max((n for n, one in enumerate(entered) if one.details.get("name") == fork), default=0)
    found = []
    for event in entered[since:]:
        name = str(event.details.get("name", ""))
        if name.startswith(f"{fork}.") and name.endswith(_FAILED):
            found.append(_lane(name.removesuffix(_FAILED), _json(event.details.get("input"))))
    return tuple(sorted(found, key=lambda one: (one.state, one.lane)))


def _lane(state: str, document: Any) -> LaneFailure:
    document = document if isinstance(document, dict) else {}
    inner = document.get("lane")
    failure = document.get("failure") or (inner.get("failure") if isinstance(inner, dict) else None)
    failure = failure if isinstance(failure, dict) else {}
    lane = document.get("at")
    return LaneFailure(
        state,
        tuple(one for one in lane if isinstance(one, int)) if isinstance(lane, list) else (),
        str(failure.get("Error", "")),
        str(failure.get("Cause", "")),
    )


def _json(text: object) -> Any:
    try:
        return json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return None
