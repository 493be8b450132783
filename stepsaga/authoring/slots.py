"""Which slot each outcome has: known when the saga is compiled (rules 5 and 8).

In each lane slots count up as nodes are written; those of compensations follow at the saga's root,
and begin anew in the lanes of an undoing. A fork, and its undoing, have a slot each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from stepsaga.graph import ChoiceNode, MapNode, ParallelNode, StepNode, steps_of

if TYPE_CHECKING:
    from stepsaga.graph import Node

Numbers = Callable[[], int]


def numbered(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """The nodes of a saga with their slots."""
    numbers = count(1).__next__
    return _undo(_forward(nodes, numbers), numbers)


def undoable(nodes: Iterable[Node]) -> bool:
    """Whether there is anything to undo in a sequence, at any depth."""
    return any(step.compensation for step in steps_of(tuple(nodes)))


def _forward(nodes: tuple[Node, ...], numbers: Numbers) -> tuple[Node, ...]:
    return tuple(_forward_one(node, numbers) for node in nodes)


def _forward_one(node: Node, numbers: Numbers) -> Node:
    match node:
        case StepNode():
            return replace(node, slot=(numbers(),))
        case ChoiceNode(branches=branches, otherwise=otherwise):
            return replace(
                node,
                branches=tuple(replace(b, nodes=_forward(b.nodes, numbers)) for b in branches),
                otherwise=_forward(otherwise, numbers),
            )
        case ParallelNode(lanes=lanes):
            slot = (numbers(),)
            inner = tuple(
                replace(lane, nodes=_forward(lane.nodes, count(1).__next__)) for lane in lanes
            )
            return replace(node, slot=slot, lanes=inner)
        case MapNode(distributed=distributed):
            slot = (numbers(),)
            if distributed:
                node = replace(node, distributed=replace(distributed, end=(numbers(),)))
            return replace(node, slot=slot, nodes=_forward(node.nodes, count(1).__next__))
        case _:
            return node


def _undo(nodes: tuple[Node, ...], numbers: Numbers) -> tuple[Node, ...]:
    """Compensations get their slots in the order in which they would run."""
    return tuple(reversed([_undo_one(node, numbers) for node in reversed(nodes)]))


def _undo_one(node: Node, numbers: Numbers) -> Node:
    match node:
        case StepNode(compensation=compensation) if compensation is not None:
            return replace(node, compensation=replace(compensation, slot=(numbers(),)))
        case ChoiceNode(branches=branches, otherwise=otherwise):
            last = _undo(otherwise, numbers)
            undone = [replace(b, nodes=_undo(b.nodes, numbers)) for b in reversed(branches)]
            return replace(node, branches=tuple(reversed(undone)), otherwise=last)
        case ParallelNode(lanes=lanes) if any(undoable(lane.nodes) for lane in lanes):
            slot = (numbers(),)
            inner = tuple(
                replace(lane, nodes=_undo(lane.nodes, count(1).__next__)) for lane in lanes
            )
            return replace(node, undo_slot=slot, lanes=inner)
        case MapNode() if undoable(node.nodes):
            slot = (numbers(),)
            return replace(node, undo_slot=slot, nodes=_undo(node.nodes, count(1).__next__))
        case _:
            return node
