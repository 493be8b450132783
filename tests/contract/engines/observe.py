"""What can be seen of a run, without what may differ: times, ARNs, and how JSON text is spaced."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from stepsaga.engines.protocol import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepsaga.engines.protocol import Engine, ExecutionView, HistoryEvent
    from stepsaga.store.commits import Commit
    from stepsaga.store.protocol import EventStore
    from tests.contract.engines.scripts import Invocation

_VOLATILE: Final = frozenset(
    {
        "EnteredTime",
        "Id",
        "RoleArn",
        "StartTime",
        "requestId",
        "since",
        "stackTrace",
        "execution",
        "token",
    }
)
"""Keys whose values are engines' own. ``execution`` is, where its value is an ARN."""


_KEY: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=TRK-)[0-9A-F]{8}")
"""Keys that come from a run's start."""


@dataclass(frozen=True)
class Seen:
    """One call: the function, the state, the attempt, the payload."""

    function: str
    state: str
    attempt: int
    payload: Any


@dataclass(frozen=True)
class Happening:
    """One history event: its type, and of its details the name of the state, or the error."""

    type: str
    name: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class Recorded:
    """One commit, without its run and its times."""

    slot: str
    outcome: str
    attempt: int
    events: tuple[tuple[str, int, Any], ...]


@dataclass(frozen=True)
class Run:
    """What an engine made of a case."""

    status: str
    output: Any
    error: str | None
    cause: Any
    calls: tuple[Seen, ...]
    history: tuple[Happening, ...]
    commits: tuple[Recorded, ...]

    def without_order(self) -> Run:
        """The same, where it does not matter what of the calls and events came first."""
        return replace(
            self,
            calls=tuple(sorted(self.calls, key=repr)),
            history=tuple(sorted(self.history, key=repr)),
        )

    @property
    def order(self) -> list[str]:
        """The calls in order: ``charge``, and for a second attempt ``charge again``."""
        return [call.state + " again" * (call.attempt > 0) for call in self.calls]


def observe(
    engine: Engine,
    view: ExecutionView,
    invocations: Sequence[Invocation],
    store: EventStore,
) -> Run:
    """What can be seen of an execution that has ended."""
    sagas = {call.payload["saga"] for call in invocations if "saga" in call.payload}
    streams = [f"{saga}#{view.name}" for saga in sorted(sagas)]
    return Run(
        status=view.status,
        # That there is none of a failure is a contract of its own; see `test_protocol`.
        output=settled(view.output) if view.status is Status.SUCCEEDED else None,
        error=view.error,
        cause=settled(view.cause),
        calls=tuple(_seen(call) for call in invocations),
        history=_happenings(engine.history(view.arn)),
        commits=tuple(_recorded(commit) for stream in streams for commit in store.read(stream)),
    )


def _recorded(commit: Commit) -> Recorded:
    events = tuple((one.type, one.version, settled(one.data)) for one in commit.events)
    return Recorded(commit.slot.partition("/")[2], commit.outcome, commit.attempt, events)


def settled(value: Any) -> Any:
    """A JSON value without what may differ; JSON text in it is parsed."""
    if isinstance(value, dict):
        return {key: _settled_field(key, item) for key, item in value.items()}
    if isinstance(value, list):
        return [settled(item) for item in value]
    if isinstance(value, str):
        return _settled_text(value)
    return value


def _settled_text(text: str) -> Any:
    if text.startswith(("{", "[")):
        try:
            return {"as text": settled(json.loads(text))}
        except json.JSONDecodeError:
            return text
    return _KEY.sub("<key>", text)


def _settled_field(key: str, value: Any) -> Any:
    if key in _VOLATILE and not isinstance(value, dict):
        return "its own"
    return settled(value)


def _seen(call: Invocation) -> Seen:
    return Seen(call.function, call.state, call.attempt, settled(call.payload))


def _happenings(events: Sequence[HistoryEvent]) -> tuple[Happening, ...]:
    return tuple(
        Happening(event.type, event.details.get("name"), event.details.get("error"))
        for event in events
    )
