"""A saga with its children: what their steps are called where all of them are tried together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepsaga.graph import children_of, steps_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.graph import SagaGraph, StepNode


def family_of(graph: SagaGraph) -> dict[str, SagaGraph]:
    """A saga and all that it starts, and that these start, by name; itself first."""
    return {graph.name: graph, **children_of(graph)}


def label(graph: SagaGraph, saga: str, name: str) -> str:
    """What a step or a state is called: a child's ``ShipParcel:label``."""
    return name if saga == graph.name else f"{saga}:{name}"


def returning(graph: SagaGraph) -> Iterator[tuple[str, StepNode]]:
    """The steps that return something of their own, a saga's and its children's, by label."""
    for saga, one in family_of(graph).items():
        for node in steps_of(one.nodes):
            if node.child is None:
                yield label(graph, saga, node.name), node


def source_of(graph: SagaGraph, step: str) -> str:
    """The label of the step whose result a step has: of a child step that is one in the child."""
    saga, family = graph, family_of(graph)
    while True:
        node = next((one for one in steps_of(saga.nodes) if one.name == step), None)
        if node is None or node.child is None or not node.child.result:
            return label(graph, saga.name, step)
        saga, step = family[node.child.name], node.child.result
