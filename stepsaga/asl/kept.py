"""A graph as JSON, kept beside the events, so that any later release can plan from an old log.

Kept is everything that decides what a saga does: nodes, slots, calls, wiring, schemas (rule 9).
Python types, docstrings and places in the source are not: a later release has others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from stepsaga.errors import UsageError
from stepsaga.graph import (
    Call,
    Compensation,
    InputNode,
    Origin,
    Parameter,
    Retry,
    Role,
    SagaGraph,
    StepNode,
)

FORMAT: Final = 1
"""Raised when the kept form changes; old forms stay readable for ever."""

ANNOTATIONS: Final = frozenset({"title", "description", "examples", "deprecated", "$comment"})
"""Keywords of JSON schema that say nothing about what is valid.
https://json-schema.org/draft/2020-12/json-schema-validation#section-9"""

_NAMED: Final = frozenset(
    {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "mapping"}
)
"""Keywords whose keys are names, so that a field called ``title`` is no annotation."""

_VALUES: Final = frozenset({"const", "enum", "default"})
"""Keywords that hold values, not schemas."""


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
        "nodes": [_step(node) for node in graph.nodes],
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
            nodes=tuple(map(_step_from, kept["nodes"])),
            deadline=kept["deadline"],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(
            f"a kept graph of format {FORMAT} is damaged: {type(error).__name__}: {error};"
            " compare it with `stepsaga compile` of the release that kept it"
        ) from error


def bare_schema(schema: Any) -> Any:
    """A JSON schema without titles and descriptions, so that a docstring changes nothing.

    Defaults of sets are sorted: pydantic writes them in the order of their hashes.
    """
    if isinstance(schema, list):
        return [bare_schema(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    bare: dict[str, Any] = {}
    for key, value in schema.items():
        if key in ANNOTATIONS:
            continue
        if key in _NAMED and isinstance(value, Mapping):
            bare[key] = {name: bare_schema(item) for name, item in value.items()}
        elif key == "default" and schema.get("uniqueItems") and isinstance(value, list):
            bare[key] = sorted(value, key=repr)
        else:
            bare[key] = value if key in _VALUES else bare_schema(value)
    return bare


def _step(node: StepNode) -> dict[str, Any]:
    undo = node.compensation
    return {
        "kind": "step",
        "name": node.name,
        "role": node.role.value,
        "slot": list(node.slot),
        "call": _call(node.call),
        "schema": bare_schema(node.schema),
        "compensation": undo and {"call": _call(undo.call), "slot": list(undo.slot)},
        "verify": node.verify and _call(node.verify),
        "read_only": node.read_only,
        "declared_pivot": node.declared_pivot,
        "declared_retriable": node.declared_retriable,
    }


def _step_from(kept: Mapping[str, Any]) -> StepNode:
    if kept["kind"] != "step":
        raise ValueError(f"{kept['kind']!r} is no kind of node")
    undo = kept["compensation"]
    return StepNode(
        name=kept["name"],
        role=Role(kept["role"]),
        call=_call_from(kept["call"]),
        slot=tuple(kept["slot"]),
        schema=kept["schema"],
        compensation=undo and Compensation(_call_from(undo["call"]), tuple(undo["slot"])),
        verify=kept["verify"] and _call_from(kept["verify"]),
        read_only=kept["read_only"],
        declared_pivot=kept["declared_pivot"],
        declared_retriable=kept["declared_retriable"],
    )


def _call(call: Call) -> dict[str, Any]:
    return {
        "handler": call.handler,
        "participant": call.participant,
        "seconds": call.seconds,
        "retry": call.retry and _retry(call.retry),
        "parameters": [_parameter(parameter) for parameter in call.parameters],
    }


def _call_from(kept: Mapping[str, Any]) -> Call:
    return Call(
        handler=kept["handler"],
        participant=kept["participant"],
        parameters=tuple(map(_parameter_from, kept["parameters"])),
        returns=Any,
        seconds=kept["seconds"],
        retry=kept["retry"] and _retry_from(kept["retry"]),
    )


def _retry(retry: Retry) -> dict[str, Any]:
    return {
        "attempts": retry.attempts,
        "wait": retry.wait,
        # A whole number has one form, so that what was kept and read again is the same text.
        "backoff": int(retry.backoff) if retry.backoff == int(retry.backoff) else retry.backoff,
        "longest_wait": retry.longest_wait,
        "jitter": retry.jitter,
        "only": sorted(retry.only),
        "never": sorted(retry.never),
    }


def _retry_from(kept: Mapping[str, Any]) -> Retry:
    return Retry(
        attempts=kept["attempts"],
        wait=kept["wait"],
        backoff=kept["backoff"],
        longest_wait=kept["longest_wait"],
        jitter=kept["jitter"],
        only=tuple(kept["only"]),
        never=tuple(kept["never"]),
    )


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "origin": parameter.origin.value,
        "step": parameter.step,
        "path": list(parameter.path),
        "required": parameter.required,
        "explicit": parameter.explicit,
    }


def _parameter_from(kept: Mapping[str, Any]) -> Parameter:
    return Parameter(
        name=kept["name"],
        annotation=Any,
        origin=Origin(kept["origin"]),
        step=kept["step"],
        path=tuple(kept["path"]),
        required=kept["required"],
        explicit=kept["explicit"],
    )
