"""How many results a saga's document may get yet, when a step returns (rule 22)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepsaga.graph import ChoiceNode, MapNode, ParallelNode, StepNode, blocks_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.graph import Node


def shares(nodes: tuple[Node, ...]) -> dict[str, int]:
    """For each step how many results there may yet be, its own among them.

    Those of lanes beside its own count, because it cannot see them; a map's for as many items as
    it may have; of a choice those of its longest way.
    """
    return dict(_shares(nodes, 0))


def results_in(nodes: tuple[Node, ...]) -> int:
    """How many results these nodes can put into a document."""
    return sum(map(_results, nodes))


def _results(node: Node) -> int:
    match node:
        case StepNode():
            return 1
        case ChoiceNode():
            return max(map(results_in, blocks_of(node)), default=0)
        case ParallelNode():
            return sum(map(results_in, blocks_of(node)))
        case MapNode(nodes=nodes, most=most):
            return most * results_in(nodes)
    return 0


def _shares(nodes: tuple[Node, ...], after: int) -> Iterator[tuple[str, int]]:
    for index, node in enumerate(nodes):
        rest = after + results_in(nodes[index + 1 :])
        if isinstance(node, StepNode):
            yield node.name, 1 + rest
        for block in blocks_of(node):
            # Beside the block: nothing in a choice, in a fork all other lanes.
            beside = 0 if isinstance(node, ChoiceNode) else _results(node) - results_in(block)
            yield from _shares(block, rest + beside)
