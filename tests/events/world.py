"""One wait and one router, line by line: whoever acts can be killed, or overtaken, at every one."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from stepsaga.errors import CallError
from stepsaga.runtime import Runtime
from stepsaga.runtime.event_router import EventRouter, Routed
from stepsaga.runtime.journal import event_of
from stepsaga.store.commits import Outcome
from stepsaga.store.front import StoreInFront
from stepsaga.store.memory import MemoryStore
from stepsaga.store.saga_events import StepCompleted, StepSealed
from tests.events.till import delivered
from tests.runtime.calls import NOW, Killed, call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stepsaga.store.commits import Commit
    from stepsaga.store.protocol import EventStore

WAITING = "stepsaga.runtime.business_events"
EVENT = {
    "source": "shop.payments",
    "name": "PaymentReceived",
    "by": ["order_id"],
    "since": 60,
    "seconds": 3600,
}
ROUTED = Routed(
    "shop.payments", "PaymentReceived", "tests.events.till:PaymentReceived", (("order_id",),)
)


def waits(**changes: Any) -> dict[str, Any]:
    """The call that waits for the payment of the order."""
    attempt = changes.get("attempt", 0)
    given = {
        "handler": f"{WAITING}:await_event",
        "event": EVENT,
        "takes": {"key": ["order", "id"]},
        "token": f"token-{attempt}",
    }
    return call("question", **given | changes)


def too_late(**changes: Any) -> dict[str, Any]:
    """The call that decides when its time is up."""
    given: dict[str, Any] = {"handler": "", "event": EVENT, "failure": {"Error": "States.Timeout"}}
    return call("unanswered", **given | changes)


class Line:
    """Counts what somebody does, and lets things happen at some of these moments.

    Args:
        happens: At which moment, and what; there are two for each thing done, before and after it.
    """

    def __init__(self, *happens: tuple[int, Callable[[], None]]) -> None:
        self.count = 0
        self._happens = happens

    def __call__(self) -> None:
        """Another moment."""
        self.count += 1
        for moment, happens in self._happens:
            if self.count == moment:
                happens()


def die() -> None:
    """The process ends."""
    raise Killed


class Lined(StoreInFront):
    """A store in front of another, each use of which is two moments."""

    def __init__(self, store: EventStore, line: Line) -> None:
        super().__init__(store)
        self._line = line

    def append(self, commit: Commit) -> Commit:
        """Append."""
        self._line()
        stored = super().append(commit)
        self._line()
        return stored

    def get(self, stream_id: str, slot: str) -> Commit | None:
        """Get."""
        self._line()
        found = super().get(stream_id, slot)
        self._line()
        return found

    def read(self, stream_id: str, prefix: str = "") -> Iterator[Commit]:
        """Read, all at once as one query does."""
        self._line()
        found = list(super().read(stream_id, prefix))
        self._line()
        return iter(found)


@dataclass
class Tasks:
    """What Tasks were told, by token; telling is two moments, too."""

    told: list[tuple[str, Any]] = field(default_factory=list)
    line: Line = field(default_factory=Line)

    def success(self, token: str, output: Any) -> None:
        """Hear it."""
        self.line()
        self.told.append((token, output))
        self.line()

    def failure(self, token: str, error: str, cause: str) -> None:
        """Hear it, too."""
        self.line()
        self.told.append((token, (error, cause)))
        self.line()


@dataclass
class World:
    """A step that waits, and a router.

    Attributes:
        store: The event store.
        told: What Tasks were told.
    """

    store: MemoryStore = field(default_factory=lambda: MemoryStore(bucket="results"))
    told: list[tuple[str, Any]] = field(default_factory=list)

    def wait(self, line: Line | None = None, **changes: Any) -> bool:
        """The call that waits; whether it came to its end."""
        return self._handle(waits(**changes), line)

    def decide(self, line: Line | None = None, **changes: Any) -> bool:
        """The call that decides when the time is up; whether it came to its end."""
        return self._handle(too_late(**changes), line)

    def _handle(self, payload: dict[str, Any], line: Line | None) -> bool:
        used = line or Line()
        runtime = Runtime(
            participant=WAITING,
            store=Lined(self.store, used),
            now=lambda: NOW,
            answers=Tasks(self.told, used),
        )
        with suppress(Killed):
            with suppress(CallError):
                runtime.handle(payload)
            return True
        return False

    def route(self, line: Line | None = None, **changes: Any) -> bool:
        """The router takes the event; whether it came to its end."""
        used = line or Line()
        store, answers = Lined(self.store, used), Tasks(self.told, used)
        router = EventRouter([ROUTED], store, answers, lambda: NOW)
        with suppress(Killed):
            router.take(delivered(**changes))
            return True
        return False

    def put(self, outcome: str) -> None:
        """Decide the step's slot otherwise."""
        token = next(iter(self.store.read("FulfilOrder#order-1")))
        events = {
            "sealed": event_of(StepSealed, step="charge"),
            "answered": event_of(StepCompleted, step="charge", value={"by": "hand"}),
        }
        result = Outcome.SEALED if outcome == "sealed" else Outcome.RESULT
        slot = token.slot.partition("/token/")[0]
        self.store.append(replace(token, slot=slot, outcome=result, events=(events[outcome],)))

    @property
    def slot(self) -> Commit | None:
        """What the step's slot holds."""
        return self.store.get("FulfilOrder#order-1", "2026-11-21T08:00:00.000Z/00002")
