"""How far a run has come, from its graph and its commits alone (rule 9).

What is reached is a tree of its own: steps that were decided or may be running, in the order in
which they ran, and forks with their lanes, as many as there are items.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stepsaga.graph import (
    ChoiceNode,
    Distributed,
    MapNode,
    ParallelNode,
    StepNode,
    WaitNode,
    blocks_of,
)
from stepsaga.recovery.data import Data
from stepsaga.recovery.log import Items
from stepsaga.recovery.places import LaneOf, slots_of
from stepsaga.store.commits import Outcome

if TYPE_CHECKING:
    from stepsaga.graph import Fork, Node, SagaGraph
    from stepsaga.recovery.log import Log
    from stepsaga.recovery.places import Lanes
    from stepsaga.store.commits import Commit


@dataclass(frozen=True, slots=True)
class Step:
    """A step that was decided, or may be running: then ``commit`` is None."""

    node: StepNode
    lanes: Lanes
    commit: Commit | None

    @property
    def is_open(self) -> bool:
        """Whether nothing is known of it."""
        return self.commit is None

    @property
    def has_result(self) -> bool:
        """Whether it is done."""
        return self.commit is not None and self.commit.outcome is Outcome.RESULT


@dataclass(frozen=True, slots=True)
class Side:
    """A fork that was begun: what its lanes have reached."""

    node: Fork
    lanes: tuple[tuple[Reached, ...], ...]


Reached = Step | Side


def reached(graph: SagaGraph, log: Log) -> tuple[tuple[Reached, ...], bool]:
    """What a run has reached, and whether items are lacking to tell that.

    They are where a map that was begun runs over what its sender left out, or wrote otherwise. What
    counts then only the input's model can tell: its schema tells nothing that is made.
    """
    reader = _Reader(graph, log)
    found, _ = reader.sequence(graph.nodes, ())
    return found, reader.data.lacking


class _Reader:
    def __init__(self, graph: SagaGraph, log: Log) -> None:
        self.data = Data(graph, log)
        self._log = log

    def sequence(self, nodes: tuple[Node, ...], lanes: Lanes) -> tuple[tuple[Reached, ...], bool]:
        found: list[Reached] = []
        for at, node in enumerate(nodes):
            one, passed = self._node(node, lanes)
            found += one
            if not passed and not self.data.recorded(nodes[at + 1 :], lanes):
                return tuple(found), False
        return tuple(found), True

    def _node(self, node: Node, lanes: Lanes) -> tuple[tuple[Reached, ...], bool]:
        match node:
            case StepNode():
                step = Step(node, lanes, self._log.at((*slots_of(lanes), *node.slot)))
                return (step,), step.has_result
            case WaitNode():
                return (), True
            case ChoiceNode():
                return self._choice(node, lanes)
            case ParallelNode(lanes=branches):
                inner = [
                    self.sequence(branch.nodes, (*lanes, LaneOf(node, index)))
                    for index, branch in enumerate(branches)
                ]
                return _side(node, inner)
            case MapNode(distributed=Distributed(end=end)):
                # What failed within its tolerance holds up nothing: its end says that it is passed.
                side, _ = self._items(node, lanes)
                return side, self._log.at(end) is not None
            case MapNode():
                inner = [
                    self.sequence(node.nodes, (*lanes, LaneOf(node, index, item)))
                    for index, item in enumerate(self.data.items(node, lanes))
                ]
                return _side(node, inner)

    def _items(self, node: MapNode, lanes: Lanes) -> tuple[tuple[Reached, ...], bool]:
        known = self._log.items.get(node.slot[0], Items(1, ()))
        inner = [
            self.sequence(node.nodes, (*lanes, LaneOf(node, index, item, index % known.shards)))
            for index, item in enumerate(known.items)
        ]
        return _side(node, inner)

    def _choice(self, node: ChoiceNode, lanes: Lanes) -> tuple[tuple[Reached, ...], bool]:
        """The way that was gone; where none is told, what may be running on each of them.

        What the model of today's release says of the input may differ from what it said then, so a
        way that is only chosen anew tells no more than whether all was gone through.
        """
        ways = blocks_of(node)
        if (told := self.data.way_told(node, lanes)) is not None:
            return self.sequence(ways[told], lanes)
        inner = [self.sequence(way, lanes) for way in ways]
        found = tuple(one for steps, _ in inner for one in steps)
        chosen = self.data.way_chosen(node, lanes)
        passed = any(passed for _, passed in inner) if chosen is None else inner[chosen][1]
        return found, passed


def _side(
    node: Fork, inner: list[tuple[tuple[Reached, ...], bool]]
) -> tuple[tuple[Reached, ...], bool]:
    side = Side(node, tuple(found for found, _ in inner))
    return (side,), all(passed for _, passed in inner)
