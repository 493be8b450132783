"""Whose commit can be the first of a saga's stream (rule 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepsaga.graph import ChoiceNode, MapNode, ParallelNode, StepNode, steps_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.graph import Node


def commits_for_certain(nodes: tuple[Node, ...]) -> bool:
    """Whether whoever has passed these nodes has found or put a commit of them in the stream."""
    for node in nodes:
        match node:
            case StepNode():
                return True
            case MapNode() if node.distributed:
                return True
            case ParallelNode(lanes=lanes) if any(
                commits_for_certain(lane.nodes) for lane in lanes
            ):
                return True
            case ChoiceNode(branches=branches, otherwise=otherwise):
                ways = [*(branch.nodes for branch in branches), otherwise]
                if all(map(commits_for_certain, ways)):
                    return True
            case _:
                pass
    return False


def openers(nodes: tuple[Node, ...]) -> Iterator[str]:
    """The steps whose commit, or whose undoing's, can be the stream's first (rule 8)."""
    for node in nodes:
        if isinstance(node, StepNode):
            yield node.name
        elif isinstance(node, ChoiceNode):
            for branch in node.branches:
                yield from openers(branch.nodes)
            yield from openers(node.otherwise)
        elif isinstance(node, MapNode) and node.distributed:
            yield node.name
        else:
            # In lanes an undoing may seal any step before another has committed.
            yield from (step.name for step in steps_of((node,)))
        if commits_for_certain((node,)):
            return
