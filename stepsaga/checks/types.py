"""Rules on types. What a parameter is given must fit it, as JSON that pydantic reads."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.times import looks_at_input
from stepsaga.checks.annotations import accepts_none, arms, is_open, name_of
from stepsaga.checks.calls import calls_of
from stepsaga.checks.fit import fits
from stepsaga.checks.schemas import NoSchemaError, schema_of
from stepsaga.errors import Problem
from stepsaga.graph import Origin, StepNode, steps_of
from stepsaga.runtime.sensitive import is_hidden

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.graph import Call, Parameter, SagaGraph


_DATA: Final = frozenset({Origin.INPUT, Origin.STEP, Origin.ITEM})


def parameters_fit(graph: SagaGraph) -> Iterator[Problem]:
    """S301, S303: a parameter's type does not read what fills it."""
    for node in steps_of(graph.nodes):
        for call in calls_of(node):
            for parameter in call.parameters:
                if parameter.origin not in _DATA:
                    continue
                raw = parameter.origin is Origin.INPUT
                if not fits(parameter.given, parameter.annotation, raw=raw):
                    yield _misfit(graph, f"{graph.name}.{node.name}", call, parameter)


def _misfit(graph: SagaGraph, subject: str, call: Call, parameter: Parameter) -> Problem:
    given, wanted = name_of(parameter.given), name_of(parameter.annotation)
    dotted = ".".join([parameter.step or graph.input.name, *parameter.path])
    if _is_one_of(parameter.given, parameter.annotation):
        text = f"{call.handler} takes {parameter.name}: {wanted}, but {given} cannot read its JSON"
        hint = f"let {given} read the keys that it writes: serialization_alias, extra, exclude"
        return Problem("S303", subject, text, hint, call.source)
    text = f"{call.handler} takes {parameter.name}: {wanted}, but {dotted} is {given}"
    if parameter.origin is Origin.INPUT:
        text += ", as its sender writes it: what has a default may be absent"
    hint = f"annotate {parameter.name}: {given}, or map another value with takes"
    return Problem("S301", subject, text, hint, call.source)


def _is_one_of(given: Any, wanted: Any) -> bool:
    return all(any(one == other for other in arms(wanted)) for one in arms(given))


def parameters_readable(graph: SagaGraph) -> Iterator[Problem]:
    """S302: a parameter's type that pydantic cannot read from JSON."""
    for node in steps_of(graph.nodes):
        for call in calls_of(node):
            for parameter in call.parameters:
                data = parameter.origin in _DATA
                if not data or parameter.annotation is inspect.Parameter.empty:
                    continue
                try:
                    schema_of(parameter.annotation, "validation")
                except NoSchemaError as error:
                    taken = f"{parameter.name}: {name_of(parameter.annotation)}"
                    text = f"{call.handler} takes {taken}, which JSON cannot give: {error}"
                    hint = "use pydantic models, dataclasses, or types that pydantic reads"
                    yield Problem("S302", f"{graph.name}.{node.name}", text, hint, call.source)


def secrets_keep_their_type(graph: SagaGraph) -> Iterator[Problem]:
    """S304: a secret handed to a type that does not say so, and would show it in a text."""
    for node in steps_of(graph.nodes):
        for call in calls_of(node):
            for parameter in call.parameters:
                if not is_open(parameter.annotation) or not hides(parameter.given):
                    continue
                given = name_of(parameter.given)
                taken = f"takes {parameter.name}: {name_of(parameter.annotation)}"
                text = f"{call.handler} {taken}, but {given} holds something sensitive"
                hint = f"annotate {parameter.name}: {given}, so that it is masked"
                if node.question and node.question.to:
                    text = f"a message would show {parameter.name}: {given}, which is sensitive"
                    hint = "take fields of it that everybody may see"
                source = call.source or node.source
                yield Problem("S304", f"{graph.name}.{node.name}", text, hint, source)


def hides(annotation: Any) -> bool:
    """Whether something in a type's values is sensitive."""
    try:
        return _marked(schema_of(annotation, "validation"))
    except NoSchemaError:
        return False


def _marked(schema: Any) -> bool:
    if isinstance(schema, list):
        return any(map(_marked, schema))
    if not isinstance(schema, Mapping):
        return False
    return is_hidden(schema) or any(map(_marked, schema.values()))


def input_is_validated(graph: SagaGraph) -> Iterator[Problem]:
    """S211: nothing would validate the whole input before the first effect."""
    if graph.input.model or not graph.nodes:
        return
    first = graph.nodes[0]
    if looks_at_input(graph):
        kind = name_of(graph.input.annotation)
        text = f"the definition looks at the input, whose type {kind} has no name to be imported by"
        hint = "make the input a class at the top of a module"
        yield Problem("S211", f"{graph.name}.{graph.input.name}", text, hint, graph.source)
        return
    if isinstance(first, StepNode) and any(
        one.origin is Origin.INPUT and not one.path for one in first.call.parameters
    ):
        return
    kind = name_of(graph.input.annotation)
    text = (
        f"{first.name!r} does not take the input, whose type {kind} has no name to be imported by:"
        " input that does not fit would be found too late"
    )
    hint = f"let it take {graph.input.name}, or make the input a class at the top of a module"
    yield Problem("S211", f"{graph.name}.{first.name}", text, hint, first.source)


def own_result_may_be_none(graph: SagaGraph) -> Iterator[Problem]:
    """S402: a compensation that cannot be called when the outcome is unknown."""
    for node in steps_of(graph.nodes):
        if node.compensation is None:
            continue
        call = node.compensation.call
        for parameter in call.parameters:
            if parameter.step == node.name and not accepts_none(parameter.annotation):
                kind = name_of(parameter.annotation)
                text = (
                    f"{call.handler} takes {parameter.name}: {kind},"
                    " but after a timeout there may be no result"
                )
                hint = f"annotate {parameter.name}: {kind} | None"
                yield Problem("S402", f"{graph.name}.{node.name}", text, hint, call.source)


def probe_fits(graph: SagaGraph) -> Iterator[Problem]:
    """S410: a probe returns something else than the pivot's result."""
    for node in steps_of(graph.nodes):
        if node.verify and not fits(node.verify.returns, node.call.returns):
            text = (
                f"{node.verify.handler} returns {name_of(node.verify.returns)},"
                f" the pivot {name_of(node.call.returns)}"
            )
            hint = "the probe returns the pivot's result, or raises Rejected"
            yield Problem("S410", f"{graph.name}.{node.name}", text, hint, node.verify.source)
