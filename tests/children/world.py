"""A simulator with sagas and their children, whoever tells of ends, and all that can go wrong."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from stepsaga.asl import build
from stepsaga.asl.names import EVENT_TABLE, function_name, live_name, participants
from stepsaga.asl.release import substitute, substitutions
from stepsaga.authoring import graph_of
from stepsaga.client import Client
from stepsaga.client.operator import Operator
from stepsaga.engines.answers import EngineAnswers
from stepsaga.engines.children import ChildrenStore, EngineChildExecutions, EngineChildren
from stepsaga.engines.functions import FunctionError, ProcessKilled, unknown_error
from stepsaga.engines.local import LocalFunctions
from stepsaga.engines.protocol import Status
from stepsaga.engines.recovering import RecoveringFunctions
from stepsaga.engines.simulator import Simulator
from stepsaga.engines.simulator.clock import VirtualClock
from stepsaga.engines.simulator.engine import START
from stepsaga.engines.simulator.integrations import LAMBDA_INVOKE, PUT_ITEM, LambdaInvoke, PutItem
from stepsaga.graph import children_of
from stepsaga.recovery.children import Children
from stepsaga.store.front import StoreInFront
from stepsaga.store.memory import MemoryStore
from tests.children.shop import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stepsaga.engines.protocol import ExecutionView
    from stepsaga.engines.simulator.integrations import Integration
    from stepsaga.store.commits import Commit

ORDER: dict[str, Any] = {"price": 10, "parcel": {"sku": "tea"}}
PAID = {"customer": -19, "shop": 10, "packer": 1, "carrier": 5, "courier": 2, "post": 1}
MOMENT = timedelta(milliseconds=10)


class Deadly(StoreInFront):
    """A store in front of another at which processes die."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.before: list[str] = []
        self.after: list[str] = []
        """Slots' ends at which the next process dies, before or after they are written."""

    def append(self, commit: Commit) -> Commit:
        """Append, or die."""
        self._die(self.before, commit)
        stored = self._store.append(commit)
        self._die(self.after, commit)
        return stored

    def _die(self, marks: list[str], commit: Commit) -> None:
        for mark in marks:
            if mark in f"{commit.stream_id} {commit.slot}":
                marks.remove(mark)
                raise ProcessKilled


class Mortal(EngineChildren):
    """Children whose process dies around the start of an execution."""

    def __init__(self) -> None:
        super().__init__()
        self.before = 0
        self.after = 0

    def start(self, saga: str, name: str, input: Any, *, again: bool) -> bool:  # noqa: A002  # as there
        """Start, or die."""
        if self.before:
            self.before -= 1
            raise ProcessKilled
        started = super().start(saga, name, input, again=again)
        if self.after:
            self.after -= 1
            raise ProcessKilled
        return started


@dataclass
class World:
    """Sagas and their children.

    Attributes:
        sagas: The sagas; their children come along.
        hears: Whether anybody is told of the end of a child.
        bridge: Whether recovery is told of executions that end badly.
        twice: What is called a second time with the same payload, by its step: it is delivered
            twice.
        unheard: How many replies of a step are lost.
        resources: What the handlers use, by parameter name; by default the ledger.
        order: The names of functions called, with steps.
    """

    sagas: tuple[type[Any], ...]
    ledger: Ledger = field(default_factory=Ledger)
    store: MemoryStore = field(default_factory=lambda: MemoryStore(bucket="results"))
    hears: bool = True
    bridge: bool = True
    twice: set[str] = field(default_factory=set)
    unheard: dict[str, int] = field(default_factory=dict)
    resources: Mapping[str, Any] | None = None
    kept: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        graphs = [graph_of(saga) for saga in self.sagas]
        known = {graph.name: graph for graph in graphs}
        for graph in graphs:
            known |= children_of(graph)
        self.clock = VirtualClock(START)
        self.ends = ChildrenStore(self.store, self._later)
        self.deadly = Deadly(self.ends)  # type: ignore[arg-type]  # a store
        self.starting = Mortal()
        self.answers = EngineAnswers()
        modules = list(dict.fromkeys(m for graph in known.values() for m in participants(graph)))
        live = {module: f"{module.rpartition('.')[2]}:live" for module in modules}
        self.local = LocalFunctions(
            modules,
            store=self.deadly,
            now=self.clock.now,
            resources=self.resources or {"ledger": self.ledger},
            answers=self.answers,
            children=self.starting,
        )
        self.functions = RecoveringFunctions(self, self.ends, live, self.clock.now)
        integrations: dict[str, Integration] = {
            LAMBDA_INVOKE: LambdaInvoke(self.functions),
            PUT_ITEM: PutItem(self.ends),
        }
        self.engine = Simulator(integrations, clock=self.clock, on_close=self._closed)
        self.answers.engine = self.engine
        self.fingerprints = {}
        for graph in known.values():
            compiled = build(graph)
            self.store.put_definition(compiled.fingerprint, compiled.graph)
            values = {EVENT_TABLE: "events"}
            for module in participants(graph):
                name = module.rpartition(".")[2]
                values |= {function_name(module): name, live_name(module): f"{name}:live"}
            used = {name: values[name] for name in substitutions(graph)}
            self.engine.create(graph.name, substitute(compiled.text, used))
            self.fingerprints[graph.name] = compiled.fingerprint
        self.recovery = self.functions.on(self.engine, self.fingerprints)
        executions = EngineChildExecutions(self.engine, self.fingerprints)
        self.children = Children(self.ends, executions, self.answers, self.clock.now)
        self.starting.known = self.children
        if self.hears:
            self.ends.children = self.children

    # What happens

    def invoke(self, function: str, payload: Any) -> Any:
        """Call a participant; the reply may be lost, and the call delivered twice."""
        call = payload.get("call", payload)
        name = f"undo {call['step']}" if "undoes" in call else call["step"]
        reply = self.local.invoke(function, payload)
        if name in self.twice:
            with suppress(FunctionError):
                self.local.invoke(function, payload)
        if self.unheard.get(name):
            self.unheard[name] -= 1
            self.kept.append((function, payload))
            raise unknown_error()
        return reply

    def _later(self, seconds: float, do: Callable[[], None]) -> None:
        self.clock.after(timedelta(seconds=seconds), do)

    def _closed(self, view: ExecutionView) -> None:
        bad = view.status in {Status.FAILED, Status.TIMED_OUT, Status.ABORTED}
        if bad and self.bridge and view.machine != "Undo":
            self.clock.after(MOMENT, lambda: (self.look(view.arn), None)[1])

    def look(self, arn: str) -> str:
        """Let the reconciler look at an execution."""
        found: str = self.recovery.handle({"detail": {"executionArn": arn}})["found"]
        return found

    # What a test does

    def start(self, saga: str = "Sell", order: Any = ORDER, name: str = "one") -> str:
        """Start a saga; its execution."""
        return self.engine.start(saga, order, name=name)

    def run(self, saga: str = "Sell", order: Any = ORDER, name: str = "one") -> ExecutionView:
        """Run a saga to its end, and all that it leads to."""
        view = self.engine.wait(self.start(saga, order, name))
        self.rest()
        return view

    def rest(self, days: float = 50) -> None:
        """Let everything happen that is under way."""
        self.clock.advance(timedelta(days=days))

    def after(self, pause: timedelta, do: Callable[[], Any]) -> None:
        """Let something happen after a while."""
        self.clock.after(pause, lambda: (do(), None)[1])

    def child(self, saga: str = "ShipParcel") -> ExecutionView:
        """The one execution of a child."""
        [found] = list(self.engine.executions(saga))
        return found

    def commits(self, stream: str = "Sell#one") -> list[Commit]:
        """A stream."""
        return list(self.store.read(stream))

    def types(self, stream: str = "Sell#one") -> list[str]:
        """The types of its events."""
        return [event.type for commit in self.commits(stream) for event in commit.events]

    @property
    def operator(self) -> Operator:
        """An operator."""
        client = Client(self.engine, self.store, sagas=list(self.fingerprints), now=self.clock.now)
        return Operator(client, self.store, by="ann", now=self.clock.now)

    def ends_of(self, saga: str) -> list[str]:
        """The ends that the logs of all sagas of a name tell."""
        return [
            event.type
            for one in self.engine.executions(saga)
            for event in (
                event for commit in self.commits(f"{saga}#{one.name}") for event in commit.events
            )
            if event.type in {"SagaCompleted", "SagaCompensated"}
        ]
