"""Any saga, stopped somewhere, and undone from its log by a loop that knows no Step Functions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stepsaga.engines.functions import FunctionError
from stepsaga.engines.local import LocalFunctions
from stepsaga.engines.simulator import Simulator
from stepsaga.errors import StepFailedForGood
from stepsaga.recovery.undo import Run, Undoing
from stepsaga.store.memory import MemoryStore
from stepsaga.store.slots import iso
from stepsaga.testing.answering import Answering
from stepsaga.testing.world import World
from tests.language.stubs import PARTICIPANT, Handlers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from stepsaga.engines.protocol import ExecutionView
    from stepsaga.store.commits import Commit
    from tests.language.sagas import AnySaga


@dataclass
class Stopped:
    """A saga that was stopped after a while, or ran to its end."""

    saga: AnySaga
    faults: Mapping[str, str | Sequence[str | None]] | None = None
    world: World = field(default_factory=World)
    store: MemoryStore = field(default_factory=MemoryStore)

    def __post_init__(self) -> None:
        compiled = self.saga.compiled
        self.store.put_definition(compiled.fingerprint, compiled.graph)
        resolve = Handlers(self.saga.graph, self.saga.values, self.world).resolve
        asked = Answering(
            self.store,
            self.saga.graph,
            self.saga.manners,
            lambda step: {"step": step, **self.saga.values[step]},
            inner=self.store,
        )
        self.engine = Simulator.for_sagas(
            self.saga.plan, store=asked, resolve=resolve, faults=self.faults
        )
        asked.on_simulator(self.engine)
        self.functions = LocalFunctions(
            [PARTICIPANT], store=self.store, now=self.engine.clock.now, resolve=resolve
        )
        self.arn = self.engine.start("Any", self.saga.input, name="one")
        self.undoing = Undoing(self.store, self.engine.clock.now)

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
        """The stream."""
        return list(self.store.read("Any#one"))

    def begin(self) -> int:
        """Begin an undo."""
        return self.undoing.begin(
            self.run,
            fingerprint=self.saga.compiled.fingerprint,
            input=self.saga.input,
            why="it was stopped",
            completed=True,
        )

    def undo(self, generation: int = 0) -> bool:
        """Undo all from the log; say whether that could be: not behind the point of no return."""
        generation = generation or self.begin()
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

    def call(self, call: dict[str, Any]) -> None:
        """Make one of its calls; a probe that found nothing has settled the step."""
        now = iso(self.engine.clock.now())
        state = {"Name": "undo", "EnteredTime": now, "RetryCount": 0}
        payload = {"call": call, "state": state, "by": {"Id": "undo"}}
        try:
            self.functions.invoke(PARTICIPANT.rpartition(".")[2], payload)
        except FunctionError as error:
            if error.error != "Rejected":
                raise

    @property
    def ends(self) -> int:
        """How often it is recorded that all is undone."""
        events = [event for one in self.commits for event in one.events]
        return sum(event.type == "SagaCompensated" for event in events)
