"""The children of a saga on trial: when their ends are told, and who mends those that are stuck."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Final

from stepsaga.asl.undo import NAME as UNDO
from stepsaga.client import Client
from stepsaga.client.operator import Operator
from stepsaga.engines.endings import Ending, ending_of
from stepsaga.engines.protocol import Status
from stepsaga.errors import ExecutionMissing
from stepsaga.recovery.children import End, end_of, parent_of
from stepsaga.store.slots import stream_of
from stepsaga.testing.laws import Broken, Story
from stepsaga.testing.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from stepsaga.asl.release import Compiled
    from stepsaga.client.operator import Stuck
    from stepsaga.engines.protocol import ExecutionView, HistoryEvent
    from stepsaga.engines.simulator import Simulator
    from stepsaga.graph import SagaGraph
    from stepsaga.store.commits import Commit
    from stepsaga.store.memory import MemoryStore

    Explained = Callable[[str, Stuck], str]
    """Why nobody needs to wonder that a child is stuck; empty where somebody does."""

TOLD: Final = "a saga that waits for a stuck child names it, and what is to be done"
GOES_ON: Final = "a child that was stuck ends once it is mended and redriven"
FOR_A_REASON: Final = "a child is stuck only where something was made to fail for good"
AFTER: Final = timedelta(hours=1)
"""So long after its end somebody comes, and mends what is stuck."""
MOST: Final = 60
"""So often a child is redriven: more than there are Tasks that fail, one at a time."""


class Telling(StrEnum):
    """When whoever waits for a child hears of its end; at once where nothing is said."""

    TWICE = "told twice"
    LATE = "told late"
    NEVER = "never told"
    """Until a redrive looks at the child."""


_PAUSES: Final[Mapping[Telling | None, Sequence[float]]] = {
    None: (0,),
    Telling.TWICE: (0, 0, AFTER.total_seconds()),
    Telling.LATE: (2 * AFTER.total_seconds(),),
    Telling.NEVER: (),
}
"""The seconds after which it is told, each time that it is."""


_ENDINGS: Final = {End.COMPLETED: Ending.COMPLETED, End.COMPENSATED: Ending.COMPENSATED}


@dataclass(frozen=True)
class ChildRun:
    """One child of a saga, at its end.

    Attributes:
        saga: Its name.
        compiled: The same, compiled.
        view: Its execution.
        history: That execution's history.
        commits: Its commits, in the order of their slots.
    """

    saga: str
    compiled: Compiled
    view: ExecutionView
    history: tuple[HistoryEvent, ...]
    commits: tuple[Commit, ...]

    @property
    def stream(self) -> str:
        """Its stream."""
        return stream_of(self.saga, self.view.name)

    @property
    def ending(self) -> Ending:
        """How it ended: by its log, which may say more than its execution."""
        end = end_of(self.commits)
        return ending_of(self.view) if end is None else _ENDINGS[end]


@dataclass
class Nursery:
    """Watches the children of one run, and does what an operator does where one is stuck.

    Attributes:
        family: The saga and its children, by name; itself first.
        compiled: The same, compiled.
        parent: The saga's stream.
        store: The event store.
        tellings: When ends are told to a step of the saga.
        fill: Says of a child what only a person can find out.
        explained: Why a child may be stuck.
        mended: What was stuck: each child with where that was.
        broken: The laws that do not hold.
    """

    family: Mapping[str, SagaGraph]
    compiled: Mapping[str, Compiled]
    parent: str
    store: MemoryStore
    tellings: Mapping[str, Telling]
    fill: Callable[[str], object]
    explained: Explained
    mended: list[str] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)

    def on(self, simulator: Simulator) -> None:
        """Watch a simulator."""
        self._simulator = simulator
        self._views: dict[str, tuple[ExecutionView, tuple[HistoryEvent, ...]]] = {}
        self._redrives: dict[str, int] = {}

    @cached_property
    def _operator(self) -> Operator:
        now = self._simulator.clock.now
        client = Client(self._simulator, self.store, sagas=list(self.family), now=now)
        return Operator(client, self.store, by="trial", now=now)

    # What the simulator tells

    def pauses(self, stream_id: str) -> Sequence[float]:
        """See `stepsaga.engines.simulator.sagas.Watch`."""
        link = parent_of(self.store, stream_id)
        known = link is not None and link.stream == self.parent
        return _PAUSES[self.tellings.get(link.step) if link and known else None]

    def closed(self, view: ExecutionView) -> None:
        """See `stepsaga.engines.simulator.sagas.Watch`."""
        if view.machine in self._children:
            self._views[view.arn] = view, tuple(self._simulator.history(view.arn))
        if view.machine in {*self._children, UNDO} and ending_of(view) is Ending.STUCK:
            self._simulator.clock.after(AFTER, self._mend)

    # What an operator does

    def _mend(self) -> None:
        for saga in self._children:
            for one in self._operator.stuck(saga):
                self._mend_one(saga, one)

    def _mend_one(self, saga: str, one: Stuck) -> None:
        stream = stream_of(saga, one.status.id)
        self._redrives[stream] = self._redrives.get(stream, 0) + 1
        if self._redrives[stream] > MOST:
            self.broken.append(Broken(GOES_ON, f"{stream} is stuck again and again: {one.why}"))
            return
        if not self.explained(saga, one):
            text = f"{stream} is stuck at {', '.join(one.steps)}: {one.why}"
            self.broken.append(Broken(FOR_A_REASON, text))
        self._look_at_parent(stream)
        self.mended.append(f"{stream} at {', '.join(one.steps)}: {one.why}; {one.then}")
        if self._simulator.faults is not None:
            self._simulator.faults.mend(saga)
        self.fill(stream)
        self._operator.redrive(saga, one.status.id)

    def _look_at_parent(self, stream: str) -> None:
        saga, _, name = self.parent.partition("#")
        arn = self._simulator.execution_arn(saga, name)
        if self._simulator.describe(arn).status is not Status.RUNNING:
            return
        named = {one.stream for one in self._operator.waits_for(saga, name) if one.stuck}
        if stream not in named:
            self.broken.append(Broken(TOLD, f"{self.parent} does not name {stream}"))

    # What has become of them

    def runs(self) -> Iterator[ChildRun]:
        """Every child that was started, in that order."""
        open_ones = [one for saga in self._children for one in self._simulator.executions(saga)]
        for one in open_ones:
            self._views.setdefault(one.arn, (one, ()))
        for view, history in self._views.values():
            commits = tuple(self.store.read(stream_of(view.machine, view.name)))
            compiled = self.compiled[view.machine]
            yield ChildRun(view.machine, compiled, self._latest(view), history, commits)

    def _latest(self, view: ExecutionView) -> ExecutionView:
        try:
            return self._simulator.describe(view.arn)
        except ExecutionMissing:  # it is forgotten
            return view

    def stories(
        self, runs: Sequence[ChildRun], worlds: Mapping[str, World] | None
    ) -> tuple[Story, ...]:
        """What became of the children of the saga, each with its own.

        Args:
            runs: All of them.
            worlds: What stubs have done, by stream; None for other handlers.
        """
        links = {one.stream: parent_of(self.store, one.stream) for one in runs}

        def below(parent: str) -> tuple[Story, ...]:
            return tuple(
                Story(
                    self.family[one.saga],
                    one.ending,
                    one.view.error or "" if one.ending is Ending.STUCK else "",
                    one.commits,
                    None if worlds is None else worlds.get(one.stream, World()),
                    one.stream,
                    below(one.stream),
                )
                for one in runs
                if (link.stream if (link := links[one.stream]) else self.parent) == parent
            )

        return below(self.parent)

    @property
    def _children(self) -> list[str]:
        return list(self.family)[1:]
