"""The steps of a saga's graph, for tests of sagas that are a plain sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepsaga.graph import steps_of

if TYPE_CHECKING:
    from stepsaga.graph import SagaGraph, StepNode


def steps(graph: SagaGraph) -> tuple[StepNode, ...]:
    """Every step, as it is written."""
    return tuple(steps_of(graph.nodes))
