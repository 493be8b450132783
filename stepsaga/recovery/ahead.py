"""What can be done now to go forward with a run, from its graph and its log (rules 9, 16 and 17).

As `stepsaga.recovery.plan` does for undoing, it reads what the slots hold, and remembers nothing:
what was done in the meantime is not done again. Lanes go side by side, as far as each can.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from stepsaga.asl import moments
from stepsaga.graph import (
    ChoiceNode,
    Distributed,
    MapNode,
    ParallelNode,
    Role,
    StepNode,
    WaitNode,
    blocks_of,
    steps_of,
)
from stepsaga.recovery.places import LaneOf
from stepsaga.recovery.plan import FINAL, Kind, Move, parts_of
from stepsaga.recovery.reached import Step
from stepsaga.store.commits import Outcome
from stepsaga.store.slots import moment_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from stepsaga.graph import Node, SagaGraph
    from stepsaga.recovery.data import Data
    from stepsaga.recovery.log import Parts
    from stepsaga.recovery.places import Lanes


@dataclass(frozen=True, slots=True)
class Ahead:
    """What comes next.

    Attributes:
        moves: What can be done now, side by side.
        blocked: What has failed, and is not tried again now.
        until: When the first wait is over; None where nothing is waited for.
        short: What keeps the run from going forward: a step that is not done, and that only its own
            execution could do.
        passed: Whether the point of no return is passed. Without that nothing else is told but
            whether a probe can tell.
    """

    moves: tuple[Move, ...] = ()
    blocked: tuple[Move, ...] = ()
    until: datetime | None = None
    short: tuple[Step, ...] = ()
    passed: bool = True

    @property
    def done(self) -> bool:
        """Whether all of the saga is done."""
        left = self.moves or self.blocked or self.short or self.until
        return self.passed and not left


def ahead(data: Data, now: datetime, failed: frozenset[str] = frozenset()) -> Ahead:
    """What to do next.

    Args:
        data: What the run's log says; its input exactly, if the definition looks at that.
        now: Aware; what is waited for until then is over.
        failed: The keys of moves that have failed, and are not tried again now.
    """
    walker = _Walker(data, now, failed)
    graph, turn = data.graph, _turn(data.graph)
    since = walker.sequence(graph.nodes[:turn], (), moment_of(data.log.run))
    if since is not None:
        walker.sequence(graph.nodes[turn:], (), since)
    return Ahead(
        moves=tuple(walker.moves),
        blocked=tuple(walker.blocked),
        until=min(walker.pauses, default=None),
        short=tuple(walker.short),
        passed=since is not None and has_turn(graph),
    )


def has_turn(graph: SagaGraph) -> bool:
    """Whether a saga has a point of no return."""
    return any(step.role in FINAL for step in steps_of(graph.nodes))


def _turn(graph: SagaGraph) -> int:
    """How many of the nodes at the root must be done before the saga only goes forward."""
    for index, node in enumerate(graph.nodes):
        if isinstance(node, StepNode) and node.role is Role.PIVOT:
            return index + 1
        if any(step.role is Role.RETRIABLE for step in steps_of((node,))):
            return index
    return len(graph.nodes)


class _Walker:
    """Goes through the nodes as the execution would, until it comes to what is not done."""

    def __init__(self, data: Data, now: datetime, failed: frozenset[str]) -> None:
        self.moves: list[Move] = []
        self.blocked: list[Move] = []
        self.pauses: list[datetime] = []
        self.short: list[Step] = []
        self._data = data
        self._now = now
        self._failed = failed

    def sequence(self, nodes: Iterable[Node], lanes: Lanes, since: datetime) -> datetime | None:
        """When all of these were done, if what was before them was since then; None where not."""
        nodes = tuple(nodes)
        passed = [bool(self._data.recorded((node,), lanes, seals=False)) for node in nodes]
        for at, node in enumerate(nodes):
            if any(passed[at + 1 :]):
                since = self._over(node, lanes, since)
                continue
            done = self._node(node, lanes, since)
            if done is None:
                return None
            since = max(since, done)
        return since

    def _over(self, node: Node, lanes: Lanes, since: datetime) -> datetime:
        """When a node was done of which what comes after it tells that it is.

        Today's model may say another way of a choice than was gone, or a later time of a wait: that
        is nothing to do any more.
        """
        look = _Walker(self._data, self._now, self._failed)
        return max(since, look.sequence((node,), lanes, since) or since)

    def _node(self, node: Node, lanes: Lanes, since: datetime) -> datetime | None:
        match node:
            case StepNode():
                return self._step(node, lanes)
            case WaitNode():
                return self._wait(node, lanes, since)
            case ChoiceNode():
                number = self._data.way(node, lanes)
                return self.sequence(blocks_of(node)[number], lanes, since)
            case ParallelNode(lanes=branches):
                ends = [
                    self.sequence(branch.nodes, (*lanes, LaneOf(node, index)), since)
                    for index, branch in enumerate(branches)
                ]
                return _last(ends, since)
            case MapNode(distributed=Distributed(end=end)):
                return self._closed(end)
            case MapNode():
                return self._map(node, lanes, since)

    def _closed(self, end: Parts) -> datetime | None:
        """When a distributed map was closed; only its own execution goes on with its items."""
        commit = self._data.log.at(end)
        if commit is None or commit.outcome is not Outcome.RESULT:
            return None
        return moment_of(commit.recorded_at)

    def _step(self, node: StepNode, lanes: Lanes) -> datetime | None:
        step = Step(node, lanes, None)
        commit = self._data.log.at(parts_of(step))
        if commit is not None and commit.outcome is Outcome.RESULT:
            return moment_of(commit.recorded_at)
        if commit is None and node.role is Role.RETRIABLE and node.service is None:
            self._add(Move(Kind.RUN, step))
        elif commit is None and node.role is Role.PIVOT and node.verify is not None:
            self._add(Move(Kind.ASK, step))
        else:
            self.short.append(Step(node, lanes, commit))
        return None

    def _add(self, move: Move) -> None:
        (self.blocked if move.key in self._failed else self.moves).append(move)

    def _wait(self, node: WaitNode, lanes: Lanes, since: datetime) -> datetime | None:
        """A wait begins with the commit before it, not when somebody looks."""
        given = None if node.until is None else self._data.value(node.until, lanes)
        if node.until is None:
            end = since + timedelta(seconds=node.seconds or 0)
        elif isinstance(given, int):
            end = since + timedelta(seconds=given)
        else:
            end = moments.moment_of(given) or since
        if end > self._now:
            self.pauses.append(end)
            return None
        return end

    def _map(self, node: MapNode, lanes: Lanes, since: datetime) -> datetime | None:
        """As many lanes at once as its author allows; one that is stuck counts no more."""
        ends: list[datetime | None] = []
        busy = 0
        for index, item in enumerate(self._data.items(node, lanes)):
            if node.at_most and busy >= node.at_most:
                return None
            before = len(self.moves) + len(self.pauses)
            ends.append(self.sequence(node.nodes, (*lanes, LaneOf(node, index, item)), since))
            busy += len(self.moves) + len(self.pauses) > before
        return _last(ends, since)


def _last(ends: list[datetime | None], since: datetime) -> datetime | None:
    """When lanes have joined; None where one has not come to its end."""
    known = [end for end in ends if end is not None]
    return max(known, default=since) if len(known) == len(ends) else None
