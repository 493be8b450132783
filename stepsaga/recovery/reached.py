"""How far a run has come, from its graph and its commits alone (rule 9).

What is reached is a tree of its own: steps that were decided or may be running, in the order in
which they ran, and forks with their lanes, as many as there are items.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stepsaga.asl.positions import positions
from stepsaga.graph import ChoiceNode, MapNode, Origin, ParallelNode, StepNode, WaitNode, walk
from stepsaga.limits import FIRST_INDEX
from stepsaga.store.commits import Outcome

if TYPE_CHECKING:
    from stepsaga.graph import Datum, Fork, Node, SagaGraph
    from stepsaga.recovery.log import Log, Parts
    from stepsaga.store.commits import Commit


@dataclass(frozen=True, slots=True)
class LaneOf:
    """One lane of a fork, its number from 0, and the item that it has; None in a parallel."""

    fork: Fork
    index: int
    item: Any = None


Lanes = tuple[LaneOf, ...]


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


def slots_of(lanes: Lanes) -> Parts:
    """The parts that stand before the slots of steps in a lane."""
    return tuple(part for one in lanes for part in (one.fork.slot[0], FIRST_INDEX + one.index))


def undo_slots_of(lanes: Lanes) -> Parts:
    """The parts that stand before the slots of compensations in a lane."""
    return tuple(part for one in lanes for part in (one.fork.undo_slot[0], FIRST_INDEX + one.index))


def reached(graph: SagaGraph, log: Log) -> tuple[tuple[Reached, ...], bool]:
    """What a run has reached, and whether items are lacking to tell that.

    They are where a map that was begun runs over what its sender left out, or wrote otherwise. What
    counts then only the input's model can tell: its schema tells nothing that is made.
    """
    reader = _Reader(graph, log)
    found, _ = reader.sequence(graph.nodes, ())
    return found, reader.lacking


class _Reader:
    def __init__(self, graph: SagaGraph, log: Log) -> None:
        self.lacking = False
        self._log = log
        self._graph = graph
        self._positions = positions(graph)
        self._maps = {
            node.item: node.items for node in walk(graph.nodes) if isinstance(node, MapNode)
        }
        self._slots = {
            node.name: node.slot for node in walk(graph.nodes) if isinstance(node, StepNode)
        }

    def sequence(self, nodes: tuple[Node, ...], lanes: Lanes) -> tuple[tuple[Reached, ...], bool]:
        found: list[Reached] = []
        for at, node in enumerate(nodes):
            one, passed = self._node(node, lanes)
            found += one
            if not passed and not self._any(nodes[at + 1 :], lanes):
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
            case MapNode():
                inner = [
                    self.sequence(node.nodes, (*lanes, LaneOf(node, index, item)))
                    for index, item in enumerate(self._items(node, lanes))
                ]
                return _side(node, inner)

    def _choice(self, node: ChoiceNode, lanes: Lanes) -> tuple[tuple[Reached, ...], bool]:
        """The way that was gone; where none is known, what may be running on each of them.

        A seal tells nothing: an undo from the log seals what may be running on every way.
        """
        ways = [*(branch.nodes for branch in node.branches), node.otherwise]
        for way in ways:
            if self._any(way, lanes, seals=False):
                return self.sequence(way, lanes)
        inner = [self.sequence(way, lanes) for way in ways]
        found = tuple(one for steps, _ in inner for one in steps)
        return found, any(passed for _, passed in inner)

    def _any(self, nodes: tuple[Node, ...], lanes: Lanes, *, seals: bool = True) -> bool:
        """Whether anything, or anything but seals, is recorded of these nodes, or below them."""
        for node in nodes:
            match node:
                case StepNode() | ParallelNode() | MapNode():
                    at = (*slots_of(lanes), *node.slot)
                    found = map(self._log.at, (at, *self._log.below(at)))
                    if any(one and (seals or one.outcome is not Outcome.SEALED) for one in found):
                        return True
                case ChoiceNode(branches=branches, otherwise=otherwise):
                    ways = (*(branch.nodes for branch in branches), otherwise)
                    if any(self._any(way, lanes, seals=seals) for way in ways):
                        return True
                case WaitNode():
                    pass
        return False

    # Items

    def _items(self, node: MapNode, lanes: Lanes) -> list[Any]:
        """A map's items: from the recorded input, from a result, or from the item around it.

        Lanes of which something is recorded are there in any case, whatever is known of their item.
        """
        at = (*slots_of(lanes), *node.slot)
        depth = len(at)
        lanes_known = [part[depth] - FIRST_INDEX for part in self._log.below(at)]
        found = self._list(node, lanes)
        missing = max(lanes_known, default=-1) + 1 - len(found)
        return [*found, *[None] * max(missing, 0)]

    def _list(self, node: MapNode, lanes: Lanes) -> list[Any]:
        datum = node.items
        match datum.origin:
            case Origin.INPUT:
                value = self._log.input
            case Origin.ITEM:
                named = [
                    one.item
                    for one in lanes
                    if isinstance(one.fork, MapNode) and one.fork.item == datum.name
                ]
                value = named[-1] if named else None
            case _:
                value = self._log.result(self._slot_of(datum.name, lanes))
        found = _followed(value, datum.path, self._known(datum), self._graph.input.schema)
        if isinstance(found, list):
            return found
        if datum.origin is not Origin.STEP and self._log.checked is None:
            self.lacking = True
        return []

    def _known(self, datum: Datum) -> Any:
        """The schema of what a datum's path begins at: the input, or an item of it."""
        schema = self._graph.input.schema
        match datum.origin:
            case Origin.INPUT:
                return schema
            case Origin.ITEM:
                outer = self._maps[datum.name]
                known = self._known(outer)
                for key in outer.path:
                    known = _resolved(known, schema).get("properties", {}).get(key, {})
                return _resolved(known, schema).get("items", {})
            case _:
                return {}  # results are recorded as their models write them

    def _slot_of(self, step: str, lanes: Lanes) -> Parts:
        """The slot of a step whose list a map runs over: in the map's own lane, or around it."""
        target = self._positions[step].lanes
        common = sum(
            own.fork.name == other.fork.name and other.index in (0, FIRST_INDEX + own.index)
            for own, other in zip(lanes, target, strict=False)
        )
        branches = [part for one in target[common:] for part in (one.fork.slot[0], one.index)]
        return (*slots_of(lanes[:common]), *branches, *self._slots[step])


def _side(
    node: Fork, inner: list[tuple[tuple[Reached, ...], bool]]
) -> tuple[tuple[Reached, ...], bool]:
    side = Side(node, tuple(found for found, _ in inner))
    return (side,), all(passed for _, passed in inner)


def _followed(value: Any, keys: tuple[str, ...], known: Any, schema: Mapping[str, Any]) -> Any:
    """What stands at a path; a field that its sender left out counts with its model's default."""
    for key in keys:
        known = _resolved(known, schema)
        field = known.get("properties", {}).get(key, {})
        if isinstance(value, Mapping) and key in value:
            value = value[key]
        else:
            value = field.get("default") if isinstance(field, Mapping) else None
        known = field
    return value


def _resolved(known: Any, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part of a JSON schema, its reference followed."""
    if not isinstance(known, Mapping):
        return {}
    reference = known.get("$ref", "")
    if isinstance(reference, str) and reference.startswith("#/$defs/"):
        found = schema.get("$defs", {}).get(reference.removeprefix("#/$defs/"), {})
        return found if isinstance(found, Mapping) else {}
    return known
