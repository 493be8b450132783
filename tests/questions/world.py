"""A simulator with one saga of the office on it, and a client that answers in virtual time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from stepsaga.asl import build
from stepsaga.authoring import graph_of
from stepsaga.client import Client
from stepsaga.engines.endings import Ending, ending_of
from stepsaga.engines.simulator import Simulator
from stepsaga.store.memory import MemoryStore
from tests.questions.office import Desk

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepsaga.authoring import Saga
    from stepsaga.engines.protocol import ExecutionView
    from stepsaga.store.commits import Commit


@dataclass
class Office:
    """One saga, its world, and what was said to whom."""

    saga: type[Saga]
    faults: dict[str, Any] | None = None
    desk: Desk = field(default_factory=Desk)
    store: MemoryStore = field(default_factory=MemoryStore)
    said: list[object] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.engine = Simulator.for_sagas(
            [build(graph_of(self.saga))],
            store=self.store,
            resources={"desk": self.desk},
            faults=self.faults,
        )
        self.client = Client(self.engine, self.store, now=self.engine.clock.now)

    def start(self, **purchase: Any) -> str:
        """Start it under the id ``one``."""
        return self.client.start(self.saga, {"sku": "tea"} | purchase, id="one").execution

    def after(self, hours: float, do: Callable[[], object]) -> None:
        """Do something later; what comes of it, also an error, is kept."""

        def guarded() -> None:
            try:
                self.said.append(do())
            except Exception as error:  # noqa: BLE001  # the tests look at it
                self.said.append(error)

        self.engine.clock.after(timedelta(hours=hours), guarded)

    def answer(self, hours: float, step: str, value: Any, lane: str | None = None) -> None:
        """Answer later."""
        self.after(hours, lambda: self.client.answer(self.saga, "one", step, value, lane=lane))

    def reject(self, hours: float, step: str, **told: Any) -> None:
        """Reject later."""
        self.after(hours, lambda: self.client.reject(self.saga, "one", step, **told))

    def end(self, **purchase: Any) -> Ending:
        """Run it to its end."""
        self.view: ExecutionView = self.engine.wait(self.start(**purchase))
        self.engine.settle()
        return ending_of(self.view)

    @property
    def commits(self) -> list[Commit]:
        """The stream."""
        return list(self.store.read(f"{self.saga.__name__}#one"))

    @property
    def hours(self) -> float:
        """How long it lasted, in virtual time."""
        assert self.view.stopped is not None
        return round((self.view.stopped - self.view.started).total_seconds() / 3600, 2)
