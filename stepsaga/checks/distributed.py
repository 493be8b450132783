"""Rules on distributed maps: where one may stand, and what may stand in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepsaga.errors import Problem
from stepsaga.graph import MapNode, ParallelNode, Role, StepNode, steps_of, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.graph import Node, SagaGraph


def place(graph: SagaGraph) -> Iterator[Problem]:
    """S553: a distributed map inside of a node, or where the saga only goes forward (rule 16)."""
    at_root = {node.name for node in graph.nodes}
    for node in walk(graph.nodes):
        if not isinstance(node, MapNode) or node.distributed is None:
            continue
        subject = f"{graph.name}.{node.name}"
        if node.name not in at_root:
            text = f"{node.name!r} is a distributed map inside of another node"
            hint = "write it in the class body itself; inside, a Map takes up to 5,000 items"
            yield Problem("S553", subject, text, hint, node.source)
        elif any(step.role is Role.RETRIABLE for step in steps_of(node.nodes)):
            text = f"{node.name!r} stands behind the point of no return"
            hint = "write it before the pivot; or let a Step start a saga of its own that has it"
            yield Problem("S553", subject, text, hint, node.source)


def content(graph: SagaGraph) -> Iterator[Problem]:
    """S554: what an item's execution does not hold: forks, questions, children, services."""
    for node in walk(graph.nodes):
        if isinstance(node, MapNode) and node.distributed:
            for inner in walk(node.nodes):
                if what := _foreign(inner):
                    text = f"{inner.name!r} is {what}, inside of the distributed map {node.name!r}"
                    hint = "give it steps, choices and waits; anything else before or behind it"
                    yield Problem("S554", f"{graph.name}.{inner.name}", text, hint, inner.source)


def _foreign(node: Node) -> str:
    match node:
        case ParallelNode() | MapNode():
            return "a fork"
        case StepNode(child=child) if child:
            return "a child saga"
        case StepNode(question=question) if question:
            return "a question"
        case StepNode(service=service) if service:
            return "a service step"
        case _:
            return ""
