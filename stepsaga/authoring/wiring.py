"""What fills each parameter of a handler: the first of context, takes, input, step, resource."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from stepsaga.authoring.data import (
    InputDeclaration,
    ItemDeclaration,
    Own,
    SagaData,
    reference_of,
)
from stepsaga.authoring.signatures import EMPTY
from stepsaga.authoring.step import Step
from stepsaga.checks.annotations import name_of
from stepsaga.checks.fields import did_you_mean, fields_of
from stepsaga.errors import Problem
from stepsaga.graph import Origin, Parameter

if TYPE_CHECKING:
    import inspect
    from collections.abc import Mapping

    from stepsaga.authoring.signatures import Signature
    from stepsaga.errors import Source

_OWN: Final = {
    ("stepsaga", "SagaContext"): Origin.CONTEXT,
    ("stepsaga", "ApprovalLinks"): Origin.LINKS,
}
"""What fills parameters of classes of ours, by package and name: reading a saga need not load what
runs in Lambda."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What can fill parameters at one place of a saga.

    Attributes:
        subject: The step, for problems.
        source: The step's line.
        step: The step's name.
        input_name: The parameter name of the saga's input.
        declaration: What `Input` was given.
        results: The types of the results that are known there, by step.
        steps: Every step's name, by the step's identity.
        items: The types of the items of the maps that it is in, the innermost last.
        takes: What the author said.
    """

    subject: str
    source: Source
    step: str
    input_name: str
    declaration: InputDeclaration
    results: Mapping[str, Any]
    steps: Mapping[int, str]
    items: Mapping[str, Any] = field(default_factory=dict)
    takes: Mapping[str, object] = field(default_factory=dict)


class _MissingError(Exception):
    """``takes`` names what is not there; carries the problem's code, text and hint."""


def wire(signature: Signature, scope: Scope) -> tuple[tuple[Parameter, ...], list[Problem]]:
    """Say for each parameter what fills it, and what is wrong with that."""
    wirer = _Wirer(signature, scope)
    return tuple(wirer.fill(parameter) for parameter in signature.parameters), wirer.problems


class _Wirer:
    def __init__(self, signature: Signature, scope: Scope) -> None:
        self.signature, self.scope = signature, scope
        self.resources = resources_of(signature.module)
        self.problems: list[Problem] = []

    def fill(self, parameter: inspect.Parameter) -> Parameter:
        name, scope = parameter.name, self.scope
        if (own := own_origin(parameter.annotation)) is not None:
            if name in scope.takes:
                text = f"takes names {name!r}, which is the {parameter.annotation.__name__}"
                self._add("S207", text, "leave it out: it is given by its annotation")
            return _filled(parameter, own)
        if name in scope.takes:
            return self._taken(parameter, scope.takes[name])
        found = self._by_name(parameter)
        if found is not None:
            return found
        self._add(
            "S204", f"nothing provides {name!r} of {self.signature.reference}", self._way(name)
        )
        return _filled(parameter, Origin.NOTHING)

    def _by_name(self, parameter: inspect.Parameter) -> Parameter | None:
        name, scope = parameter.name, self.scope
        resource = name in self.resources
        data = name == scope.input_name or name in scope.results or name in scope.items
        if resource and data:
            text = f"{name!r} of {self.signature.reference} is a resource and saga data"
            self._add("S205", text, "rename the resource, or the step or input")
        if name == scope.input_name:
            return _filled(parameter, Origin.INPUT, given=scope.declaration.annotation)
        if name in scope.results:
            return _filled(parameter, Origin.STEP, step=name, given=scope.results[name])
        if name in scope.items:
            return _filled(parameter, Origin.ITEM, step=name, given=scope.items[name])
        if resource:
            return _filled(parameter, Origin.RESOURCE)
        return None if parameter.default is EMPTY else _filled(parameter, Origin.DEFAULT)

    def _way(self, name: str) -> str:
        scope = self.scope
        if name == scope.step:
            return "that is this step's own result, which only its compensation can take"
        if name in scope.steps.values():
            return f"the step {name!r} has not run at that point: write it before this one"
        known = [scope.input_name, *scope.results, *scope.items, *self.resources]
        return did_you_mean(name, known) or (
            f"known here: {', '.join(known)}; or say what fills it: takes={{{name!r}: ...}}"
        )

    def _taken(self, parameter: inspect.Parameter, source: object) -> Parameter:
        try:
            return _resolve(parameter, source, self.scope)
        except _MissingError as missing:
            code, text, hint = missing.args
            self._add(code, f"takes[{parameter.name!r}] {text}", hint)
            return _filled(parameter, Origin.NOTHING)

    def _add(self, code: str, text: str, hint: str) -> None:
        self.problems.append(Problem(code, self.scope.subject, text, hint, self.scope.source))


def _filled(parameter: inspect.Parameter, origin: Origin, **more: Any) -> Parameter:
    required = parameter.default is EMPTY
    return Parameter(parameter.name, parameter.annotation, origin, required=required, **more)


def _resolve(parameter: inspect.Parameter, source: object, scope: Scope) -> Parameter:
    if isinstance(source, Own):
        if scope.step not in scope.results:
            hint = "name the parameters of handler, compensation and probe differently"
            raise _MissingError("S208", "is Step.own, for a compensation alone", hint)
        given = scope.results[scope.step]
        return _filled(parameter, Origin.STEP, step=scope.step, given=given, explicit=True)
    data = source.result if isinstance(source, Step) else source
    if not isinstance(data, SagaData):
        hint = "give the input, an earlier step, or a field of one: charge.result.amount"
        raise _MissingError("S208", f"is {source!r}, which is no saga data", hint)
    reference = reference_of(data)
    if reference.root is scope.declaration:
        keys, given = _walk(scope.declaration.annotation, reference.path, "", scope.input_name)
        return _filled(parameter, Origin.INPUT, path=keys, given=given, explicit=True)
    if isinstance(reference.root, ItemDeclaration):
        item, annotation = innermost(scope)
        keys, given = _walk(annotation, reference.path, item, item)
        return _filled(parameter, Origin.ITEM, step=item, path=keys, given=given, explicit=True)
    step = scope.steps.get(id(reference.root), "")
    if step not in scope.results:
        what = f"the step {step!r}, which has not run at that point" if step else "another saga"
        raise _MissingError(
            "S208", f"is of {what}", "only this saga's input and earlier steps are known"
        )
    keys, given = _walk(scope.results[step], reference.path, step, step)
    return _filled(parameter, Origin.STEP, step=step, path=keys, given=given, explicit=True)


def innermost(scope: Scope) -> tuple[str, Any]:
    """The name and the type of the item of the map that something is in."""
    if not scope.items:
        raise _MissingError("S208", "is Map.item, outside of a map", "name it in the map's nodes")
    return list(scope.items.items())[-1]


def _walk(
    annotation: Any, path: tuple[str, ...], step: str, whole: str
) -> tuple[tuple[str, ...], Any]:
    """Follow fields to their keys in JSON, refusing those that can be absent there.

    Results are as their models write them. The input is as its sender wrote it: it may lack a
    field that has a default, and may use any of a field's names.
    """
    keys: list[str] = []
    hint = f"take the whole value: takes={{...: {whole}}}, and its field in the handler"
    for part in path:
        found = (fields_of(annotation) or {}).get(part)
        if found is None:
            text = f"names {part!r}, which {name_of(annotation)} may not have"
            raise _MissingError("S210", text, hint)
        names = found.writes if step else found.reads
        if len(names) != 1 or not (found.written if step else found.required):
            text = f"names {part!r}, which the {'result' if step else 'input'} may lack"
            raise _MissingError("S210", text, hint)
        keys.append(names[0])
        annotation = found.annotation
    return tuple(keys), annotation


def own_origin(annotation: object) -> Origin | None:
    """What fills a parameter of a class of ours: a `SagaContext`, `ApprovalLinks`."""
    if not isinstance(annotation, type):
        return None
    return _OWN.get((annotation.__module__.partition(".")[0], annotation.__name__))


def resources_of(module: str) -> tuple[str, ...]:
    """The names of the resources that a participant's module declares."""
    participant = getattr(sys.modules.get(module), "participant", None)
    return tuple(getattr(participant, "resources", None) or ())
