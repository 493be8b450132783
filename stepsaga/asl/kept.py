"""A graph as JSON, kept beside the events, so that any later release can plan from an old log.

Kept is everything that decides what a saga does: nodes, slots, calls, wiring, schemas (rule 9).
Python types, docstrings and places in the source are not: a later release has others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.kept_nodes import keep_nodes, nodes_from
from stepsaga.asl.schemas import bare_schema
from stepsaga.errors import UsageError
from stepsaga.graph import InputNode, SagaGraph

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT: Final = 1
"""Raised when the kept form changes; old forms stay readable for ever."""


def keep(graph: SagaGraph) -> dict[str, Any]:
    """The JSON form of a graph: JSON values only, the same for the same saga."""
    return {
        "format": FORMAT,
        "saga": graph.name,
        "reference": graph.reference,
        "deadline": graph.deadline,
        "input": {
            "name": graph.input.name,
            "model": graph.input.model,
            "schema": bare_schema(graph.input.schema),
        },
        "nodes": keep_nodes(graph.nodes),
    }


def from_kept(kept: Mapping[str, Any]) -> SagaGraph:
    """The graph of a kept form: whole, but that every type is ``Any`` and there are no docs.

    Raises:
        UsageError: The form is not one that this release reads; the text says what is wrong.
    """
    form = kept.get("format")
    if form != FORMAT:
        raise UsageError(
            f"a kept graph has format {form!r}, this release of stepsaga reads {FORMAT}:"
            " use the release that kept it, or a later one"
        )
    try:
        return SagaGraph(
            name=kept["saga"],
            reference=kept["reference"],
            input=InputNode(
                kept["input"]["name"], Any, kept["input"]["schema"], kept["input"]["model"]
            ),
            nodes=nodes_from(kept["nodes"]),
            deadline=kept["deadline"],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(
            f"a kept graph of format {FORMAT} is damaged: {type(error).__name__}: {error};"
            " compare it with `stepsaga compile` of the release that kept it"
        ) from error
