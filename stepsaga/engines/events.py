"""Business events on an engine in this process: they come when they are said to come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID, uuid5

from pydantic import BaseModel

from stepsaga.asl.awaited_events import routed_events
from stepsaga.asl.kept import from_kept
from stepsaga.engines.answers import EngineAnswers
from stepsaga.errors import UsageError
from stepsaga.runtime.event_router import EventRouter, NoSuchEventError
from stepsaga.runtime.values import JsonType
from stepsaga.store.slots import iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from stepsaga.asl.release import Compiled
    from stepsaga.engines.simulator import Simulator
    from stepsaga.store.protocol import EventStore

_NAMESPACE = UUID("6d0a2f6e-43a0-5c43-8f38-2f4d6f8d4a55")


class Kind(Protocol):
    """A kind of event: a `stepsaga.BusEvent`, or as a graph has it."""

    @property
    def source(self) -> str:
        """Its source."""
        ...

    @property
    def name(self) -> str:
        """Its detail type."""
        ...


@dataclass(frozen=True, slots=True)
class Arrival:
    """A business event that comes.

    Attributes:
        event: Its kind.
        detail: What it says: an instance of its model, or JSON values.
        after: How long after the start of the saga; negative for one that comes before.
        id: EventBridge's id of it: twice the same is one event, delivered twice. By default each
            has one of its own.
    """

    event: Kind
    detail: Any
    after: timedelta = timedelta()
    id: str = ""

    def delivered(self, number: int, moment: datetime) -> dict[str, Any]:
        """The event as EventBridge delivers it."""
        detail = self.detail
        if isinstance(detail, BaseModel):
            detail = JsonType(type(detail)).write(detail)
        return {
            "version": "0",
            "id": self.id or str(uuid5(_NAMESPACE, str(number))),
            "detail-type": self.event.name,
            "source": self.event.source,
            "account": "123456789012",
            "time": iso(moment),
            "region": "local",
            "resources": [],
            "detail": detail,
        }


def router_for(
    sagas: Iterable[Compiled], simulator: Simulator, store: EventStore, now: Any = None
) -> EventRouter:
    """The router of what these sagas wait for, on a simulator."""
    graphs = [from_kept(one.graph) for one in sagas]
    answers = EngineAnswers(simulator)
    return EventRouter(routed_events(graphs), store, answers, now or simulator.clock.now)


def deliver(
    arrivals: Sequence[Arrival], sagas: Sequence[Compiled], simulator: Simulator, store: EventStore
) -> None:
    """Let events come: at once where they come before the start, else in virtual time.

    Raises:
        UsageError: One is no event that these sagas wait for, or does not fit its model.
    """
    if not arrivals:
        return
    start = simulator.clock.now()
    router = router_for(sagas, simulator, store)
    for number, one in sorted(enumerate(arrivals), key=lambda pair: pair[1].after):
        moment = start + one.after
        event = one.delivered(number, moment)
        if one.after < timedelta():
            early = router_for(sagas, simulator, store, now=lambda moment=moment: moment)
            _take(early, event)
        else:
            simulator.clock.at(moment, partial(_take, router, event))


def _take(router: EventRouter, event: dict[str, Any]) -> None:
    try:
        router.take(event)
    except NoSuchEventError as error:
        raise UsageError(f"events: {error}") from error
