"""A simulator with a saga, the machine that undoes, and whoever looks at what ended badly."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from stepsaga.asl import build
from stepsaga.asl.names import EVENT_TABLE, function_name, live_name, participants
from stepsaga.asl.release import substitute, substitutions
from stepsaga.engines.functions import FunctionError, NoAnswer
from stepsaga.engines.local import LocalFunctions
from stepsaga.engines.recovering import FollowedStore, RecoveringFunctions
from stepsaga.engines.simulator import Simulator
from stepsaga.engines.simulator.clock import VirtualClock
from stepsaga.engines.simulator.engine import START
from stepsaga.engines.simulator.integrations import LAMBDA_INVOKE, PUT_ITEM, LambdaInvoke, PutItem
from stepsaga.store.memory import MemoryStore
from stepsaga.testing.stubs import Stubs
from stepsaga.testing.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepsaga.engines.protocol import ExecutionView
    from stepsaga.engines.simulator.integrations import Integration
    from stepsaga.graph import SagaGraph
    from stepsaga.runtime.context import SagaContext
    from stepsaga.store.commits import Commit

INPUT = {"id": "order-1"}


def result(node: Any, saga: SagaContext) -> Any:
    """What each step returns."""
    return {"step": node.name, "key": saga.idempotency_key}


@dataclass
class Shop:
    """One saga, with stub handlers on a world made up.

    Attributes:
        broken: Handlers that fail.
        lost: Handlers that fail after they had their effect.
        hanging: Steps whose invocations do not answer, and have not had their effect yet.
        held: Those invocations' calls.
    """

    graph: SagaGraph
    world: World = field(default_factory=World)
    store: MemoryStore = field(default_factory=MemoryStore)
    broken: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    hanging: set[str] = field(default_factory=set)
    held: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.compiled = build(self.graph)
        self.store.put_definition(self.compiled.fingerprint, self.compiled.graph)
        self.stubs = Stubs(self.graph, result, self.world)
        self.clock = VirtualClock(START)
        modules = participants(self.graph)
        live = {module: f"{module.rpartition('.')[2]}:live" for module in modules}
        self.followed = FollowedStore(self.store)
        self.local = LocalFunctions(
            modules, store=self.followed, now=self.clock.now, resolve=self.resolve
        )
        self.functions = RecoveringFunctions(self, self.followed, live, self.clock.now)
        integrations: dict[str, Integration] = {
            LAMBDA_INVOKE: LambdaInvoke(self.functions),
            PUT_ITEM: PutItem(self.followed),
        }
        objects = self.store.objects
        self.engine = Simulator(integrations, clock=self.clock, objects=objects)
        values = {EVENT_TABLE: "events"}
        for module in modules:
            name = module.rpartition(".")[2]
            values |= {function_name(module): name, live_name(module): f"{name}:live"}
        used = {name: values[name] for name in substitutions(self.graph)}
        self.definition = substitute(self.compiled.text, used)
        self.engine.create(self.graph.name, self.definition)
        self.recovery = self.functions.on(self.engine, {self.graph.name: self.compiled.fingerprint})

    def invoke(self, function: str, payload: Any) -> Any:
        """Call a participant, or let the call hang."""
        if payload.get("step") in self.hanging and "undoes" not in payload:
            self.held.append(payload)
            raise NoAnswer
        return self.local.invoke(function, payload)

    def land(self, took: timedelta = timedelta()) -> None:
        """Let what hangs have its effect now: it has looked around long ago, when it was called."""
        for payload in self.held:
            entered = datetime.fromisoformat(payload["state"]["EnteredTime"]) + took
            function = payload["handler"].partition(":")[0].rpartition(".")[2]
            with suppress(FunctionError):  # it is fenced
                self.local.invoke(function, payload, now=lambda entered=entered: entered)  # type: ignore[misc]  # a moment
        self.held.clear()

    def resolve(self, reference: str) -> Callable[..., Any]:
        """A handler, or one that fails in its place."""
        handler = self.stubs.resolve(reference)
        if reference not in self.broken | self.lost:
            return handler

        def failing(**given: Any) -> Any:
            if reference in self.lost:
                handler(**given)
            raise ConnectionError("it is down")

        failing.__signature__ = handler.__signature__  # type: ignore[attr-defined]  # PEP 362
        failing.__annotations__ = handler.__annotations__
        return failing

    def start(self, name: str = "one") -> str:
        """Start the saga; its execution."""
        return self.engine.start(self.graph.name, INPUT, name=name)

    def stopped(self, after: timedelta, name: str = "one") -> str:
        """Start the saga, and stop it after a while; its execution."""
        arn = self.start(name)
        self.clock.after(after, lambda: self.engine.stop(arn))
        self.engine.wait(arn)
        return arn

    def look(self, arn: str) -> str:
        """Let the reconciler look at an execution, as EventBridge has it do."""
        found: str = self.recovery.handle({"detail": {"executionArn": arn}})["found"]
        return found

    def undos(self) -> list[ExecutionView]:
        """Let every undo that was started come to its end."""
        listed = list(self.engine.executions("Undo"))
        return [self.engine.wait(one.arn) for one in listed]

    def sweep(self) -> dict[str, int]:
        """Look at all open sagas, as the schedule has it."""
        return self.recovery.handle({"do": "sweep"})

    def open(self) -> dict[str, str]:
        """The open sagas by id, and since when they are stuck."""
        return {row.id: row.stuck_since for row in self.functions.open_sagas.rows()}

    def commits(self, name: str = "one") -> list[Commit]:
        """The stream."""
        return list(self.store.read(f"{self.graph.name}#{name}"))

    def events(self, name: str = "one") -> list[str]:
        """The types of its events."""
        return [event.type for commit in self.commits(name) for event in commit.events]
