"""Any saga, stopped somewhere, and undone from its log by a loop that knows no Step Functions.

One with children is undone by the machine that undoes, on the simulator: a child is undone by an
undo of its own, and tells when it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from stepsaga.asl.undo import NAME
from stepsaga.engines.functions import FunctionError
from stepsaga.engines.local import LocalFunctions
from stepsaga.engines.protocol import Status
from stepsaga.engines.simulator import Simulator
from stepsaga.errors import StepFailedForGood
from stepsaga.recovery.forward import Forwarding
from stepsaga.recovery.reconcile import input_of, name_of
from stepsaga.recovery.undo import Run, Undoing
from stepsaga.store.events import streams_of_items
from stepsaga.store.memory import MemoryStore
from stepsaga.store.slots import iso
from stepsaga.testing.answering import Answering
from stepsaga.testing.by_hand import fill_by_hand
from stepsaga.testing.children import Nursery
from stepsaga.testing.world import World
from tests.language.stubs import PARTICIPANT, Handlers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from stepsaga.engines.protocol import ExecutionView
    from stepsaga.graph import StepNode
    from stepsaga.store.commits import Commit
    from tests.language.sagas import AnySaga


@dataclass
class Stopped:
    """A saga that was stopped after a while, or ran to its end."""

    saga: AnySaga
    faults: Mapping[str, str | Sequence[str | None]] | None = None
    world: World = field(default_factory=World)
    store: MemoryStore = field(default_factory=lambda: MemoryStore(bucket="results"))

    def __post_init__(self) -> None:
        for one in self.saga.all_compiled.values():
            self.store.put_definition(one.fingerprint, one.graph)
        self.handlers = Handlers(self.saga.graph, self.saga.values, self.world)
        resolve = self.handlers.resolve
        asked = Answering(
            self.store,
            self.saga.graph,
            self.saga.manners,
            self.saga.value,
            inner=self.store,
        )
        saga = self.saga
        self.nursery = Nursery(
            saga.family, saga.all_compiled, "Any#one", self.store, {}, self.fill, lambda *_: "fault"
        )
        self.engine = Simulator.for_sagas(
            saga.plan, store=asked, resolve=resolve, faults=self.faults, watch=self.nursery
        )
        asked.on_simulator(self.engine)
        self.nursery.on(self.engine)
        self.functions = LocalFunctions(
            [PARTICIPANT], store=self.store, now=self.engine.clock.now, resolve=resolve
        )
        self.arn = self.engine.start("Any", self.saga.input, name="one")
        self.undoing = Undoing(self.store, self.engine.clock.now)
        self.forwarding = Forwarding(self.undoing, self.engine.clock.now)

    def stop(self, after: timedelta | None) -> ExecutionView:
        """Run it for so long, or to its end; what it has begun comes to its end, too."""
        if after is not None:
            self.engine.clock.after(after, lambda: self.engine.stop(self.arn))
        view = self.engine.wait(self.arn)
        self.engine.settle()
        return view

    @property
    def run(self) -> Run:
        """The run, as an undo is told of it."""
        started = iso(self.engine.describe(self.arn).started)
        return Run("Any", "one", started, self.arn)

    @property
    def commits(self) -> list[Commit]:
        """The stream, and those of distributed maps."""
        own = list(self.store.read("Any#one"))
        items = [one for stream in streams_of_items(own) for one in self.store.read(stream)]
        return sorted([*own, *items], key=lambda one: one.slot)

    def begin(self, *, forward: bool = False) -> int:
        """Begin an undo, or going forward."""
        return self.undoing.begin(
            self.run,
            fingerprint=self.saga.compiled.fingerprint,
            input=self.saga.input,
            why="it was stopped",
            completed=not forward,
            forward=forward,
        )

    def go_forward(self, generation: int = 0) -> bool:
        """Go forward to the end; say whether that could be: only behind the point of no return."""
        generation = generation or self.begin(forward=True)
        failed: dict[str, str] = {}
        while True:
            try:
                told = self.forwarding.proceed(self.run, generation, failed)
            except StepFailedForGood as error:
                if "point of no return" in str(error) or "is being undone" in str(error):
                    return False
                if not self.fill("Any#one"):
                    raise
                failed = {}
                continue
            if told["done"]:
                self.forwarding.end(self.run, generation)
                return True
            if told["until"]:
                now = self.engine.clock.now()
                self.engine.clock.advance(datetime.fromisoformat(told["until"]) - now)
            for one in told["calls"]:
                try:
                    self.call(one["call"])
                except FunctionError as error:
                    failed[one["key"]] = error.error

    def undo(self, generation: int = 0) -> bool:
        """Undo all from the log; say whether that could be: not behind the point of no return."""
        generation = generation or self.begin()
        if len(self.saga.family) > 1:
            return self._undo_by_machine(generation)
        while True:
            try:
                told = self.undoing.proceed(self.run, generation)
            except StepFailedForGood as error:
                if "cannot be undone" not in str(error):
                    raise
                return False
            if told["done"]:
                self.undoing.end(self.run, generation)
                return True
            assert told["calls"], "nothing can be done, and it is not done"
            for one in told["calls"]:
                self.call(one["call"])

    def _undo_by_machine(self, generation: int) -> bool:
        given = input_of(self.run, generation, self.engine.clock.now())
        undo = self.engine.start(NAME, given, name=name_of(self.run, generation))
        view = self.engine.wait(undo)
        while view.status is not Status.SUCCEEDED and "cannot be undone" not in str(view.cause):
            assert self.fill("Any#one"), view.cause
            self.engine.redrive(undo)
            view = self.engine.wait(undo)
        self.engine.settle()
        return view.status is Status.SUCCEEDED

    def fill(self, stream: str) -> bool:
        """Say what only a person can find out (rule 27), if there is such a thing."""
        graph = self.saga.family[stream.partition("#")[0]]
        world = self.world if stream == "Any#one" else self.handlers.worlds.get(stream, World())

        def value(node: StepNode, key: str) -> Any:
            return {**self.saga.value(node.name), "key": key}

        return fill_by_hand(graph, stream, world, self.store, value)

    @property
    def worlds(self) -> list[World]:
        """What the saga has done, and what each of its children has."""
        return [self.world, *self.handlers.worlds.values()]

    def call(self, call: dict[str, Any]) -> None:
        """Make one of its calls; a probe that found nothing, or a person, has settled the step."""
        now = iso(self.engine.clock.now())
        state = {"Name": "undo", "EnteredTime": now, "RetryCount": 0}
        payload = {"call": call, "state": state, "by": {"Id": "undo"}}
        try:
            self.functions.invoke(PARTICIPANT.rpartition(".")[2], payload)
        except FunctionError as error:
            waits = error.error == StepFailedForGood.__name__ and self.fill("Any#one")
            if error.error != "Rejected" and not waits:
                raise

    @property
    def ends(self) -> int:
        """How often it is recorded that all is undone."""
        events = [event for one in self.commits for event in one.events]
        return sum(event.type == "SagaCompensated" for event in events)
