"""Starts by a trigger: what each asks of the events and of Step Functions, beside its bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl import build
from stepsaga.engines.children import EngineChildExecutions
from stepsaga.engines.simulator import Simulator
from stepsaga.recovery.triggers import KnownTrigger, Starter
from stepsaga.store.memory import MemoryStore
from tools.sequences import sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.recovery.executions import Execution
    from stepsaga.store.commits import Commit

READS: Final = 1
"""The stream's first commit; more is read only where that does not say how the saga began."""
REQUESTS: Final = {"first": 1, "again, while it runs": 1, "again, when it has ended": 0}
"""Of Step Functions: a start; where events tell that there was one, none."""


@dataclass(frozen=True, slots=True)
class StartCost:
    """What a start has asked, and may ask.

    Attributes:
        name: When it comes.
        reads: Of the event table; it writes nothing.
        requests: Of Step Functions.
    """

    name: str
    reads: int
    requests: int

    @property
    def above(self) -> bool:
        """Whether that is more than it may be."""
        return self.reads > READS or self.requests > REQUESTS[self.name]


class _Store(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    def first(self, stream_id: str) -> Commit | None:
        self.reads += 1
        return super().first(stream_id)


class _Executions(EngineChildExecutions):
    requests = 0

    def start(self, saga: str, name: str, input: Any) -> bool:  # noqa: A002  # as Step Functions names it
        self.requests += 1
        return super().start(saga, name, input)

    def find(self, saga: str, name: str) -> Execution | None:
        self.requests += 1
        return super().find(saga, name)


def starts() -> Iterator[StartCost]:
    """A saga's start by a message, that comes three times."""
    compiled, store = build(sequence(1)), _Store()
    simulator = Simulator.for_sagas([compiled], store=store)
    executions = _Executions(simulator, {})
    model = "builtins:dict"
    trigger = KnownTrigger("Q", "queue", "queue Q", compiled.name, "order", model, source="Q")
    starter = Starter(store, executions)
    for name in REQUESTS:
        if name.endswith("ended"):
            simulator.wait(simulator.execution_arn(compiled.name, "order-1"))
        store.reads = executions.requests = 0
        starter.by_input(trigger, {}, "order-1")
        yield StartCost(name, store.reads, executions.requests)
