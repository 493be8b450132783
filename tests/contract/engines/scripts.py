"""What functions do in a case: a list of acts for each state, and a record of every call."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stepsaga.engines.functions import FunctionError, NoAnswer
from stepsaga.limits import TERMINAL_SLOT
from stepsaga.store.commits import Commit, EventRecord, Outcome
from stepsaga.store.slots import key_of, slot_text, stream_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stepsaga.engines.protocol import Engine
    from stepsaga.store.protocol import EventStore


@dataclass(frozen=True)
class Replies:
    """The function returns a value, as stepsaga's runtime does: ``{"value": ...}``."""

    value: Any = None


@dataclass(frozen=True)
class RepliesRaw:
    """The function returns just this."""

    reply: Any


@dataclass(frozen=True)
class Fails:
    """The function fails with an error of this name."""

    error: str
    message: str = "as the script says"

    def told(self) -> FunctionError:
        """What Lambda tells of it."""
        cause = {
            "errorMessage": self.message,
            "errorType": self.error,
            "requestId": "1",
            "stackTrace": [],
        }
        return FunctionError(self.error, json.dumps(cause))


@dataclass(frozen=True)
class Hangs:
    """The function does not answer."""


@dataclass(frozen=True)
class Answers:
    """The function answers its task token, and returns."""

    output: Any


@dataclass(frozen=True)
class AnswersFailure:
    """The function answers its task token with a failure, and returns."""

    error: str = ""
    cause: str = ""


@dataclass(frozen=True)
class Meanwhile:
    """Something is done to the execution, whose ARN is given, while the function runs."""

    do: Callable[[Engine, str], object]


@dataclass(frozen=True)
class TakesTheEnd:
    """Somebody else records the saga's end; then the function returns."""


Act = Replies | RepliesRaw | Fails | Hangs | Answers | AnswersFailure | Meanwhile | TakesTheEnd


@dataclass(frozen=True)
class Invocation:
    """One call as the function saw it."""

    function: str
    state: str
    attempt: int
    payload: Any


@dataclass
class Company:
    """`Functions` that play a script.

    Attributes:
        script: For each state the acts of its attempts; the last one is repeated. A state without
            any returns ``{"did": <state>}``.
        invocations: All calls so far.
    """

    store: EventStore
    script: Mapping[str, Sequence[Act]] = field(default_factory=dict)
    invocations: list[Invocation] = field(default_factory=list)
    engine: Engine | None = None

    def play(self, script: Mapping[str, Sequence[Act]]) -> None:
        """Begin a new piece; what was recorded is forgotten."""
        self.script = script
        self.invocations = []

    def invoke(self, function: str, payload: Any) -> Any:
        """Do what the script says; see `stepsaga.engines.functions.Functions`."""
        state = payload["state"]["Name"]
        played = sum(call.state == state for call in self.invocations)
        attempt = payload["state"].get("RetryCount", 0)
        self.invocations.append(Invocation(function, state, attempt, payload))
        acts = self.script.get(state, ())
        act = acts[min(played, len(acts) - 1)] if acts else Replies({"did": state})
        return self._do(act, payload)

    def _do(self, act: Act, payload: Any) -> Any:
        match act:
            case Replies(value):
                return {"value": value}
            case RepliesRaw(reply):
                return reply
            case Fails():
                raise act.told()
            case Hangs():
                raise NoAnswer
            case Answers(output):
                self._own_engine.send_task_success(payload["token"], output)
            case AnswersFailure(error, cause):
                self._own_engine.send_task_failure(payload["token"], error=error, cause=cause)
            case Meanwhile(do):
                do(self._own_engine, payload["execution"]["Id"])
            case TakesTheEnd():
                self.store.append(_end(payload))
        return {"value": None}

    @property
    def _own_engine(self) -> Engine:
        if self.engine is None:
            raise LookupError("a company that does this needs its engine")
        return self.engine


def _end(payload: Any) -> Commit:
    execution = payload["execution"]
    stream = stream_of(payload["saga"], execution["Name"])
    slot = slot_text(execution["StartTime"], (TERMINAL_SLOT,))
    return Commit(
        stream_id=stream,
        slot=slot,
        outcome=Outcome.ENDED,
        events=(EventRecord("SagaCompensated", 1, {"Error": "Somebody", "Cause": "else"}),),
        commit_id=key_of(stream, slot),
        correlation_id=execution["Name"],
        causation_id=execution["Id"],
        recorded_at=execution["StartTime"],
        attempt=0,
        fingerprint=payload["fingerprint"],
    )
