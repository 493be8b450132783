"""A saga of four steps whose effects can be counted, built as a graph by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stepsaga.asl.compiler import compile_saga
from stepsaga.asl.text import render
from stepsaga.engines.simulator import Simulator
from stepsaga.errors import EngineError, Rejected
from stepsaga.graph import (
    Call,
    Compensation,
    InputNode,
    Origin,
    Parameter,
    Retry,
    Role,
    SagaGraph,
    StepNode,
)
from stepsaga.runtime.context import SagaContext  # noqa: TC001 -- the runtime reads annotations
from stepsaga.store.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stepsaga.engines.protocol import ExecutionView

MODULE = "tests.engines.shop"
ATTEMPTS = 3
FINGERPRINT = "f" * 64


class Shop:
    """Handlers that keep a ledger by idempotency key, with tombstones (rule 10)."""

    def __init__(self) -> None:
        self.effects: dict[str, str] = {}
        """Step by key: what has happened, and was not undone."""
        self.tombstones: set[str] = set()
        self.log: list[str] = []
        """Every call of a handler, in order."""

    def resolve(self, reference: str) -> Callable[..., Any]:
        """The handler of a reference."""
        found: Callable[..., Any] = getattr(self, reference.partition(":")[2])
        return found

    def do(self, saga: SagaContext) -> str:
        """Have an effect, once; never after it was undone."""
        self.log.append(saga.step)
        if saga.idempotency_key in self.tombstones:
            raise Rejected("it was undone before")
        self.effects[saga.idempotency_key] = saga.step
        return f"{saga.step} is done"

    def undo(self, saga: SagaContext, result: str | None) -> None:
        """Undo the effect, or see to it that it does not come."""
        self.log.append(f"undo {saga.step} {'in doubt' if result is None else 'with its result'}")
        self.tombstones.add(saga.step_idempotency_key)
        self.effects.pop(saga.step_idempotency_key, None)

    def find(self, saga: SagaContext) -> str:
        """Say that it happened, or see to it that it does not."""
        self.log.append(f"find {saga.step}")
        if saga.step_idempotency_key not in self.effects:
            self.tombstones.add(saga.step_idempotency_key)
            raise Rejected("there is nothing")
        return f"{saga.step} is found"


def _call(handler: str, *, takes: str = "", seconds: int = 20) -> Call:
    parameters = (Parameter("result", str, Origin.STEP, step=takes, explicit=True),)
    return Call(
        handler=f"{MODULE}:{handler}",
        participant=MODULE,
        parameters=parameters if takes else (),
        returns=str,
        seconds=seconds,
        retry=Retry(attempts=ATTEMPTS, wait=2, backoff=2.0, longest_wait=60, jitter=False),
    )


def _step(slot: int, name: str, role: Role, undo: int = 0, **fields: Any) -> StepNode:
    compensation = Compensation(_call("undo", takes=name), (undo,)) if undo else None
    return StepNode(name, role, _call("do"), (slot,), {}, compensation, **fields)


NODES = (
    _step(1, "reserve", Role.COMPENSATABLE, undo=6),
    _step(2, "charge", Role.COMPENSATABLE, undo=5),
    _step(3, "ship", Role.PIVOT, verify=_call("find")),
    _step(4, "thank", Role.RETRIABLE),
)
WITHOUT_PROBE = (
    *NODES[:2],
    _step(3, "ship", Role.PIVOT, undo=7),
    NODES[3],
)


def saga(nodes: tuple[StepNode, ...] = NODES) -> dict[str, str]:
    """The text of the saga's definition, by its name."""
    graph = SagaGraph("Shop", f"{MODULE}:Shop", InputNode("order", Any, {}), nodes)
    return {"Shop": render(compile_saga(graph, FINGERPRINT))}


@dataclass
class Order:
    """One saga under way."""

    faults: Mapping[str, str | Sequence[str | None] | None] = field(default_factory=dict)
    value: Any = 1
    nodes: tuple[StepNode, ...] = NODES

    def __post_init__(self) -> None:
        self.shop = Shop()
        self.store = MemoryStore()
        self.simulator = Simulator.for_sagas(
            saga(self.nodes), store=self.store, resolve=self.shop.resolve, faults=self.faults
        )
        self.arn = self.simulator.start("Shop", self.value, name="order-1")

    def wait(self) -> ExecutionView:
        """Let it come to its end, and everything land."""
        view = self.simulator.wait(self.arn)
        self.simulator.settle()
        return view

    def stop_at(self, event: int, *, settled: bool) -> None:
        """Stop it at an event of its history, if it comes so far, and redrive it.

        ``settled`` says whether what is under way happens before the redrive.
        """
        if self.simulator.describe(self.arn).status != "RUNNING":
            return
        try:
            self.simulator.run_until(self.arn, lambda found: found.id >= event)
        except EngineError:
            return
        self.simulator.stop(self.arn)
        if settled:
            self.simulator.settle()
        if self.simulator.describe(self.arn).status == "ABORTED":
            self.simulator.redrive(self.arn)

    @property
    def effects(self) -> list[str]:
        """What has happened, and was not undone, in order."""
        return list(self.shop.effects.values())

    @property
    def undone(self) -> list[str]:
        """The steps whose compensation has succeeded, in order."""
        return self._exited("undo ")

    @property
    def outcomes(self) -> dict[str, str]:
        """What each slot holds, without the run."""
        return {
            commit.slot.partition("/")[2]: commit.outcome.value
            for commit in self.store.read("Shop#order-1")
        }

    def _exited(self, prefix: str) -> list[str]:
        names = [
            str(event.details["name"])
            for event in self.simulator.history(self.arn)
            if event.type == "TaskStateExited"
        ]
        return [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
