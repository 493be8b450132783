"""Calls as the compiler writes them, and a shop whose handlers a test makes up."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from stepsaga.runtime import Runtime
from stepsaga.store import MemoryStore
from stepsaga.store.slots import slot_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from stepsaga.runtime.answers import Answers
    from stepsaga.runtime.observer import Observer
    from stepsaga.store import Commit, EventStore
    from stepsaga.store.objects import Objects

PARTICIPANT = "shop.payments"
RUN = "2026-11-21T08:00:00.000Z"
ARN = "arn:aws:states:eu-central-1:123456789012:execution:FulfilOrder:order-1"
STREAM = "FulfilOrder#order-1"
START = datetime(2026, 11, 21, 8, tzinfo=UTC)
NOW = START + timedelta(seconds=2)


class Killed(BaseException):
    """The process ends here."""


def call(part: str = "compensatable", **changes: Any) -> dict[str, Any]:
    """A call of the step ``charge``, the second of its saga.

    ``input_``, ``attempt``, ``redrives``, ``redriven``, ``entered`` go where Step Functions puts
    them; everything else replaces or adds a field of the call.
    """
    execution = {
        "Id": ARN,
        "Input": changes.pop("input_", {"id": "order-1", "amount": 30}),
        "Name": "order-1",
        "RoleArn": "arn:aws:iam::123456789012:role/saga",
        "StartTime": RUN,
    }
    if redrives := changes.pop("redrives", 0):
        execution["RedriveCount"] = redrives
        execution["RedriveTime"] = changes.pop("redriven", "2026-11-21T08:00:01.000Z")
    state = {
        "Name": "charge",
        "EnteredTime": changes.pop("entered", "2026-11-21T08:00:01.000Z"),
        "RetryCount": changes.pop("attempt", 0),
    }
    payload = {
        "saga": "FulfilOrder",
        "step": "charge",
        "part": part,
        "handler": f"{PARTICIPANT}:handler",
        "slot": [2],
        "seconds": 20,
        "input": "order",
        "fingerprint": "f1",
        "execution": execution,
        "state": state,
    }
    if part == "compensation":
        payload |= {"slot": [5], "undoes": [2]}
    return payload | changes


@dataclass
class Shop:
    """A participant with one handler, and its event store."""

    handler: Callable[..., Any] | None = None
    store: EventStore = field(default_factory=MemoryStore)
    now: datetime = NOW
    resources: Mapping[str, Any] = field(default_factory=dict)
    observer: Observer | None = None
    answers: Answers | None = None

    def handle(self, payload: dict[str, Any], handler: Callable[..., Any] | None = None) -> Any:
        """The value with which a call is answered."""
        chosen = handler or self.handler

        def resolve(reference: str) -> Callable[..., Any]:
            if chosen is None:
                raise LookupError(f"no {reference} in this shop")
            return chosen

        runtime = Runtime(
            participant=PARTICIPANT,
            store=self.store,
            now=lambda: self.now,
            resolve=resolve,
            resources=self.resources,
            observer=self.observer,
            answers=self.answers,
        )
        reply = runtime.handle(payload)
        assert list(reply) == ["value"]
        return reply["value"]

    def at(self, *parts: int) -> Commit | None:
        """What a slot of the run holds."""
        return self.store.get(STREAM, slot_text(RUN, parts))

    def outcomes(self) -> dict[str, str]:
        """What every slot holds, by its key below the run."""
        return {
            commit.slot.removeprefix(f"{RUN}/"): commit.outcome.value
            for commit in self.store.read(STREAM)
        }

    def events(self, *parts: int) -> list[tuple[str, Any]]:
        """The events in a slot: names and data."""
        commit = self.at(*parts)
        return [(event.type, event.data) for event in commit.events] if commit else []


@dataclass
class Interrupted:
    """A store in which somebody else is quicker: ``before`` runs once, before the n-th append."""

    inner: EventStore
    before: Callable[[], object]
    append_number: int = 1
    appends: int = 0

    @property
    def objects(self) -> Objects | None:
        """Pass on."""
        return self.inner.objects

    def append(self, commit: Commit) -> Commit:
        """Let the other one go first, then append."""
        self.appends += 1
        if self.appends == self.append_number:
            self.before()
        return self.inner.append(commit)

    def get(self, stream_id: str, slot: str) -> Commit | None:
        """Pass on."""
        return self.inner.get(stream_id, slot)

    def read(self, stream_id: str, prefix: str = "") -> Iterator[Commit]:
        """Pass on."""
        return self.inner.read(stream_id, prefix)

    def put_definition(self, fingerprint: str, definition: Mapping[str, Any]) -> None:
        """Pass on."""
        self.inner.put_definition(fingerprint, definition)

    def get_definition(self, fingerprint: str) -> Mapping[str, Any] | None:
        """Pass on."""
        return self.inner.get_definition(fingerprint)


@dataclass
class Broken(Interrupted):
    """A store whose writes or reads fail."""

    before: Callable[[], object] = lambda: None
    on_append: Exception | None = None
    on_read: Exception | None = None
    loses_reply: bool = False

    def append(self, commit: Commit) -> Commit:
        """Fail, before or after the write."""
        if self.on_append and not self.loses_reply:
            raise self.on_append
        stored = self.inner.append(commit)
        if self.on_append:
            raise self.on_append
        return stored

    def get(self, stream_id: str, slot: str) -> Commit | None:
        """Fail, or pass on."""
        if self.on_read:
            raise self.on_read
        return self.inner.get(stream_id, slot)


def unused(*_: object, **__: object) -> None:
    """A handler that must not be called."""
    raise AssertionError("the handler was called")
