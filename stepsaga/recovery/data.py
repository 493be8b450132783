"""What a saga's definition itself looks at, read from the log of one run (rules 9, 20).

Results are recorded as their models write them. The input is too where somebody has asked for it;
until then it is as its sender wrote it, and its schema says what counts for what was left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stepsaga.asl.positions import positions
from stepsaga.graph import (
    ChoiceNode,
    MapNode,
    Origin,
    ParallelNode,
    StepNode,
    blocks_of,
    data_in,
    walk,
)
from stepsaga.limits import FIRST_INDEX
from stepsaga.recovery.conditions import holds
from stepsaga.recovery.places import LaneOf, slots_of
from stepsaga.store.commits import Outcome

if TYPE_CHECKING:
    from stepsaga.asl.positions import Lanes as Around
    from stepsaga.graph import Datum, Node, SagaGraph
    from stepsaga.recovery.log import Log, Parts
    from stepsaga.recovery.places import Lanes

    Choices = tuple[tuple[ChoiceNode, int], ...]


class Data:
    """What one run's log says of its data.

    Args:
        graph: The saga.
        log: Of the run.

    Attributes:
        graph, log: As given.
        lacking: Whether a map was come to whose items only the input's model can tell.
    """

    def __init__(self, graph: SagaGraph, log: Log) -> None:
        self.lacking = False
        self.log = log
        self.graph = graph
        self._positions = positions(graph)
        self._maps = {
            node.item: node.items
            for node in walk(graph.nodes)
            if isinstance(node, MapNode) and not node.distributed
        }
        self._slots = {
            node.name: node.slot for node in walk(graph.nodes) if isinstance(node, StepNode)
        }
        self._choices = dict(_choices_around(graph.nodes, ()))

    def recorded(self, nodes: tuple[Node, ...], lanes: Lanes, *, seals: bool = True) -> bool:
        """Whether anything, or anything but seals, is recorded of these nodes, or below them."""
        for node in nodes:
            match node:
                case StepNode() | ParallelNode() | MapNode():
                    at = (*slots_of(lanes), *node.slot)
                    found = map(self.log.at, (at, *self.log.below(at)))
                    if any(one and (seals or one.outcome is not Outcome.SEALED) for one in found):
                        return True
                case ChoiceNode():
                    if any(self.recorded(way, lanes, seals=seals) for way in blocks_of(node)):
                        return True
                case _:
                    pass
        return False

    # Choices

    def way_told(self, node: ChoiceNode, lanes: Lanes) -> int | None:
        """The way of which something is recorded, by its number; None where none is.

        A seal tells nothing: an undo from the log seals what may be running on every way.
        """
        for number, way in enumerate(blocks_of(node)):
            if self.recorded(way, lanes, seals=False):
                return number
        return None

    def way_chosen(self, node: ChoiceNode, lanes: Lanes) -> int | None:
        """The way that the definition chooses; None where the log does not say for certain."""
        looked_at = (datum for branch in node.branches for datum in data_in(branch.condition))
        if not self.is_exact and any(map(self._of_input, looked_at)):
            return None
        for number, branch in enumerate(node.branches):
            if holds(branch.condition, lambda datum: self.value(datum, lanes)):
                return number
        return len(node.branches)

    def way(self, node: ChoiceNode, lanes: Lanes) -> int:
        """The way that is gone, where the log says for certain what is chosen."""
        told = self.way_told(node, lanes)
        chosen = self.way_chosen(node, lanes) if told is None else told
        assert chosen is not None  # noqa: S101  # `is_exact` is asked before
        return chosen

    @property
    def is_exact(self) -> bool:
        """Whether the input is known as its model writes it."""
        return self.log.checked is not None or not self.graph.input.model

    def _of_input(self, datum: Datum) -> bool:
        """Whether a datum is of the input, or of an item of one of its lists."""
        if datum.origin is Origin.ITEM:
            # What a distributed map runs over was recorded as its model writes it.
            return datum.name in self._maps and self._of_input(self._maps[datum.name])
        return datum.origin is Origin.INPUT

    # Values

    def value(self, datum: Datum, lanes: Lanes) -> Any:
        """A datum's value, seen from a lane; None where there is none."""
        match datum.origin:
            case Origin.INPUT:
                value = self.log.input
            case Origin.ITEM:
                named = [
                    one.item
                    for one in lanes
                    if isinstance(one.fork, MapNode) and one.fork.item == datum.name
                ]
                value = named[-1] if named else None
            case _:
                value = self.log.result(self._slot_of(datum.name, lanes))
        return _followed(value, datum.path, self._known(datum), self.graph.input.schema)

    def items(self, node: MapNode, lanes: Lanes) -> list[Any]:
        """A map's items: from the recorded input, from a result, or from the item around it.

        Lanes of which something is recorded are there in any case, whatever is known of their item.
        """
        at = (*slots_of(lanes), *node.slot)
        depth = len(at)
        lanes_known = [part[depth] - FIRST_INDEX for part in self.log.below(at)]
        found = self._list(node, lanes)
        missing = max(lanes_known, default=-1) + 1 - len(found)
        return [*found, *[None] * max(missing, 0)]

    def shape(self, step: str, lanes: Lanes) -> Any:
        """How many results a step in maps has, for one who takes them from a lane.

        Returns:
            For one map how many items it has, for maps in maps a list of that; None where a choice
            has passed the map over.
        """
        target = self._positions[step].lanes
        common = _common(lanes, target)
        return self._shape(target[common:], lanes[:common])

    def _shape(self, below: Around, lanes: Lanes) -> Any:
        at, *inner = below
        node = at.fork
        for choice, number in self._choices[node.name]:
            if self.way(choice, lanes) != number:
                return None
        if isinstance(node, ParallelNode):
            return self._shape(tuple(inner), (*lanes, LaneOf(node, at.index - FIRST_INDEX)))
        items = self.items(node, lanes)
        if not any(isinstance(one.fork, MapNode) for one in inner):
            return len(items)
        return [
            self._shape(tuple(inner), (*lanes, LaneOf(node, index, item)))
            for index, item in enumerate(items)
        ]

    def _list(self, node: MapNode, lanes: Lanes) -> list[Any]:
        found = self.value(node.items, lanes)
        if isinstance(found, list):
            return found
        if node.items.origin is not Origin.STEP and self.log.checked is None:
            self.lacking = True
        return []

    def _known(self, datum: Datum) -> Any:
        """The schema of what a datum's path begins at: the input, or an item of it."""
        schema = self.graph.input.schema
        if self.log.checked is not None:
            return {}
        match datum.origin:
            case Origin.INPUT:
                return schema
            case Origin.ITEM:
                if datum.name not in self._maps:
                    return {}
                outer = self._maps[datum.name]
                known = self._known(outer)
                for key in outer.path:
                    known = _resolved(known, schema).get("properties", {}).get(key, {})
                return _resolved(known, schema).get("items", {})
            case _:
                return {}

    def _slot_of(self, step: str, lanes: Lanes) -> Parts:
        """The slot of a step that is looked at: in the looker's own lane, or around it."""
        target = self._positions[step].lanes
        common = _common(lanes, target)
        branches = [part for one in target[common:] for part in (one.fork.slot[0], one.index)]
        return (*slots_of(lanes[:common]), *branches, *self._slots[step])


def _common(lanes: Lanes, target: Around) -> int:
    """How many lanes around a place are around another one, too."""
    number = 0
    for own, other in zip(lanes, target, strict=False):
        if own.fork.name != other.fork.name or other.index not in (0, FIRST_INDEX + own.index):
            break
        number += 1
    return number


def _choices_around(nodes: tuple[Node, ...], choices: Choices) -> list[tuple[str, Choices]]:
    """The choices that each fork is in, within its own lane, and on which of their ways."""
    found: list[tuple[str, Choices]] = []
    for node in nodes:
        if isinstance(node, ParallelNode | MapNode):
            found.append((node.name, choices))
        for number, block in enumerate(blocks_of(node)):
            inside = (*choices, (node, number)) if isinstance(node, ChoiceNode) else ()
            found += _choices_around(block, inside)
    return found


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
