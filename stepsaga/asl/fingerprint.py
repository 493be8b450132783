"""What makes two releases of a saga the same: a fingerprint that every call and commit carries."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stepsaga.asl.compiler import compile_saga
from stepsaga.asl.kept import keep
from stepsaga.graph import ChoiceNode, MapNode, ParallelNode, StepNode

if TYPE_CHECKING:
    from stepsaga.graph import Node, SagaGraph


def fingerprint(graph: SagaGraph) -> str:
    """The SHA-256 of everything that decides what a saga does, in hexadecimal.

    That is its definition, compiled without docstrings and without a fingerprint, and the kept form
    of the graph: references of saga and handlers, slots, wiring, schemas of input and results.
    Docstrings, comments, source lines and the order of imports are not in it, so they do not make a
    release of their own; the same fingerprint means the same definition but for its comments.
    """
    content = {"definition": compile_saga(without_docs(graph), ""), "graph": keep(graph)}
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def canonical(value: Any) -> str:
    """JSON with sorted keys and no whitespace: one text for one value.

    Raises:
        ValueError: The value holds a number that is none (NaN, Infinity).
    """
    return json.dumps(
        value, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False
    )


def without_docs(graph: SagaGraph) -> SagaGraph:
    """The graph without docstrings, which become comments of states and nothing else."""
    return replace(graph, doc="", nodes=_bare(graph.nodes))


def _bare(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    return tuple(map(_bare_node, nodes))


def _bare_node(node: Node) -> Node:
    match node:
        case StepNode():
            return replace(node, doc="")
        case ChoiceNode(branches=branches, otherwise=otherwise):
            bare = tuple(replace(branch, nodes=_bare(branch.nodes)) for branch in branches)
            return replace(node, branches=bare, otherwise=_bare(otherwise))
        case ParallelNode(lanes=lanes):
            return replace(
                node, lanes=tuple(replace(lane, nodes=_bare(lane.nodes)) for lane in lanes)
            )
        case MapNode(nodes=nodes):
            return replace(node, nodes=_bare(nodes))
        case _:
            return node
