"""Where each node of a saga stands: the lanes that it is in, its state's name, and its result.

A lane has a document of its own::

    {"lane": {"own": {...}, "failed": false, "failure": null, "at": null},
     "outer": the document around it, "items": {"line": {...}}, "at": [4, 1000012]}

``own`` holds the results of the lane's steps; what is under ``lane`` is its report, the only part
that leaves it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from stepsaga.graph import ChoiceNode, MapNode, Origin, ParallelNode, blocks_of, walk
from stepsaga.limits import FIRST_INDEX
from stepsaga.runtime.call import EVERY

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""Keys that need no quotes. Any other may stand in an author's alias."""

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stepsaga.graph import Datum, Fork, Node, SagaGraph


@dataclass(frozen=True, slots=True)
class LaneAt:
    """One lane: its fork, and the branch's number and name; none for a map's."""

    fork: Fork
    index: int = 0
    name: str = ""


Lanes = tuple[LaneAt, ...]


@dataclass(frozen=True, slots=True)
class Position:
    """Where a node is.

    Attributes:
        lanes: The outermost first.
        state: The name of its state.
        optional: Whether a choice can pass it over.
    """

    lanes: Lanes
    state: str
    optional: bool = False


def positions(graph: SagaGraph) -> dict[str, Position]:
    """The position of every node, by its name."""
    optional = {
        inner.name
        for node in walk(graph.nodes)
        if isinstance(node, ChoiceNode)
        for block in blocks_of(node)
        for inner in walk(block)
    }
    return {
        name: replace(position, optional=name in optional)
        for name, position in _positions(graph.nodes, (), "", "")
    }


def _positions(
    nodes: tuple[Node, ...], lanes: Lanes, prefix: str, lane: str
) -> Iterator[tuple[str, Position]]:
    """``lane`` is the name of a branch, which a lone node in it has too."""
    for node in nodes:
        # A lone node of a branch has the branch's name, which its prefix ends with.
        state = prefix.rstrip(".") if node.name == lane else f"{prefix}{node.name}"
        yield node.name, Position(lanes, state)
        match node:
            case ChoiceNode(branches=branches, otherwise=otherwise):
                for block in (*(branch.nodes for branch in branches), otherwise):
                    yield from _positions(block, lanes, prefix, lane)
            case ParallelNode(lanes=inner):
                for index, one in enumerate(inner):
                    at = (*lanes, LaneAt(node, FIRST_INDEX + index, one.name))
                    yield from _positions(one.nodes, at, f"{state}.{one.name}.", one.name)
            case MapNode():
                at = (*lanes, LaneAt(node))
                yield from _positions(node.nodes, at, f"{state}.", "")
            case _:
                pass


class Places:
    """Where results and items are, seen from a lane."""

    def __init__(self, found: Mapping[str, Position]) -> None:
        self._positions = found

    def of_step(self, name: str, lanes: Lanes) -> tuple[str, ...]:
        """The keys that lead to a step's result: ``("outer", "reserve", "value")``."""
        target = self._positions[name].lanes
        common = _common(lanes, target)
        keys = ["outer"] * (len(lanes) - common)
        keys += ["lane", "own"] if common else []
        for lane in target[common:]:
            inside = (lane.name, "own") if lane.name else ("items", EVERY)
            keys += [lane.fork.name, *inside]
        return (*keys, name, "value")

    def of(self, datum: Datum, lanes: Lanes) -> tuple[str, ...]:
        """The keys that lead to a datum."""
        match datum.origin:
            case Origin.INPUT:
                return (*("outer",) * len(lanes), "input", "value", *datum.path)
            case Origin.ITEM:
                return ("items", datum.name, *datum.path)
            case _:
                return (*self.of_step(datum.name, lanes), *datum.path)

    def slot_of(self, name: str, slot: tuple[int, ...], lanes: Lanes) -> list[object]:
        """The slot of a step for one who reads it from a lane.

        Returns:
            The parts of the slot, ``*`` for each item; where the reader's own lane leads to it, how
            many of its forks do, and the parts below.
        """
        target = self._positions[name].lanes
        common = _common(lanes, target)
        parts: list[object] = []
        for lane in target[common:]:
            parts += [*lane.fork.slot, lane.index or EVERY]
        return [common, [*parts, *slot]] if common else [*parts, *slot]


def _common(one: Lanes, other: Lanes) -> int:
    pairs = zip(one, other, strict=False)
    same = [(a.fork.name, a.index) == (b.fork.name, b.index) for a, b in pairs]
    return next((i for i, equal in enumerate(same) if not equal), len(same))


def path(keys: tuple[str, ...]) -> str:
    """Keys as a JSONPath: ``$.outer.labels.items[*].label.value``, ``$.input.value['is-vip']``."""
    return "$" + "".join(map(_step, keys))


def _step(key: str) -> str:
    if key == EVERY:
        return "[*]"
    if _PLAIN.fullmatch(key):
        return f".{key}"
    quoted = key.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{quoted}']"
