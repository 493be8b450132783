"""A class body's declarations, put together as a graph."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, get_origin

from stepsaga.authoring.data import InputDeclaration, is_input, reference_of
from stepsaga.authoring.declared import slots_of
from stepsaga.authoring.hints import returns
from stepsaga.authoring.options import LONGEST_STEP, Options
from stepsaga.authoring.signatures import Signature, read
from stepsaga.authoring.step import FORWARD_RETRY, STEP_RETRY, TIMEOUT, UNDO_RETRY, Default, Step
from stepsaga.authoring.wiring import Scope, wire
from stepsaga.checks.annotations import name_of
from stepsaga.checks.schemas import NoSchemaError, schema_of
from stepsaga.errors import Problem
from stepsaga.graph import Call, Compensation, InputNode, Role, SagaGraph, StepNode
from stepsaga.limits import FIRST_OPERATION_SLOT

if TYPE_CHECKING:
    from stepsaga.authoring.saga import Saga
    from stepsaga.checks.schemas import Mode
    from stepsaga.errors import Source
    from stepsaga.graph import Retry

YEAR: Final = 365 * 24 * 60 * 60
"""Seconds that an execution may last.
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""


@dataclass(frozen=True, slots=True)
class _Flow:
    """What the steps of one saga share. ``results`` and ``problems`` grow from step to step."""

    saga: str
    input_name: str
    declaration: InputDeclaration
    steps: Mapping[str, Step[Any]]
    names: Mapping[int, str]
    results: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def build(
    cls: type[Saga], source: Source, places: Mapping[str, Source]
) -> tuple[SagaGraph | None, list[Problem]]:
    """The graph of a class, and what is wrong with its parts; no graph without input or steps.

    What cannot be read is left open in the graph, so that the checks can go on with the rest.
    """
    attributes = vars(cls)
    steps = {name: value for name, value in attributes.items() if isinstance(value, Step)}
    inputs = {name: value for name, value in attributes.items() if is_input(value)}
    deadline, problems = _deadline(cls, places.get("deadline", source))
    if len(inputs) != 1 or not steps or slots_of(steps.values()) >= FIRST_OPERATION_SLOT:
        return None, problems
    [(input_name, data)] = inputs.items()
    declaration = reference_of(data).root
    assert isinstance(declaration, InputDeclaration)  # noqa: S101  # for mypy; is_input said so
    names = {id(step): name for name, step in steps.items()}
    flow = _Flow(cls.__name__, input_name, declaration, steps, names, problems=problems)
    graph = SagaGraph(
        name=cls.__name__,
        reference=f"{cls.__module__}:{cls.__qualname__}",
        input=_input(flow),
        nodes=_nodes(flow),
        deadline=deadline,
        doc=cls.__doc__ or "",
        source=source,
    )
    return graph, problems


def _deadline(cls: type[Saga], source: Source) -> tuple[int | None, list[Problem]]:
    if cls.deadline is None:
        return None, []
    options = Options(cls.__name__, source)
    seconds = options.seconds("deadline", cls.deadline, most=YEAR, otherwise=YEAR)
    return None if options.problems else seconds, options.problems


def _input(flow: _Flow) -> InputNode:
    declaration = flow.declaration
    subject = f"{flow.saga}.{flow.input_name}"
    schema = _schema(declaration.annotation, "validation", subject, declaration.source, flow)
    return InputNode(
        flow.input_name, declaration.annotation, schema, _importable(declaration.annotation)
    )


def _importable(annotation: Any) -> str:
    """A class as ``module:qualname``; empty where nothing can be imported by that name."""
    if not isinstance(annotation, type) or get_origin(annotation) is not None:
        return ""
    if "<locals>" in annotation.__qualname__ or annotation.__module__ == "__main__":
        return ""
    return f"{annotation.__module__}:{annotation.__qualname__}"


def _schema(
    annotation: Any, mode: Mode, subject: str, source: Source | None, flow: _Flow
) -> Mapping[str, Any]:
    try:
        return schema_of(annotation, mode)
    except NoSchemaError as error:
        text = f"{name_of(annotation)} has no JSON form: {error}"
        hint = "use pydantic models, dataclasses, or types that pydantic writes as JSON"
        flow.problems.append(Problem("S302", subject, text, hint, source))
        return {}


def _nodes(flow: _Flow) -> tuple[StepNode, ...]:
    """Slots count up; those of the compensations follow, in the order in which they would run."""
    undoable = [name for name, step in flow.steps.items() if step.compensation is not None]
    undo_slots = {n: len(flow.steps) + i for i, n in enumerate(reversed(undoable), start=1)}
    nodes, forward_only = [], False
    for slot, (name, step) in enumerate(flow.steps.items(), start=1):
        role = _role(step, forward_only=forward_only)
        forward_only = forward_only or role in {Role.PIVOT, Role.RETRIABLE}
        nodes.append(_NodeBuilder(flow, name, step, role).node(slot, undo_slots.get(name, 0)))
        flow.results[name] = returns(step.handler)
    return tuple(nodes)


def _role(step: Step[Any], *, forward_only: bool) -> Role:
    if forward_only:
        return Role.RETRIABLE
    if _said(step.pivot):
        return Role.PIVOT
    if _said(step.retriable):
        return Role.RETRIABLE
    return Role.READ_ONLY if _said(step.read_only) else Role.COMPENSATABLE


def _said(flag: object) -> bool:
    """What a flag was most likely meant to say; that it is no bool is reported elsewhere."""
    return flag if isinstance(flag, bool) else flag is not None


class _NodeBuilder:
    """Builds the node of one step; ``flow.results`` holds those of the steps before it."""

    def __init__(self, flow: _Flow, name: str, step: Step[Any], role: Role) -> None:
        self.flow, self.name, self.step, self.role = flow, name, step, role
        self.subject = f"{flow.saga}.{name}"
        self.options = Options(self.subject, step.source)
        self.takes = self._takes()

    def node(self, slot: int, undo_slot: int) -> StepNode:
        step, flow = self.step, self.flow
        forward = self._read(step.handler, "handler")
        undo = self._read(step.compensation, "compensation")
        probe = self._read(step.verify, "probe")
        self._check_takes([forward, undo, probe])
        seconds = self._seconds("timeout", step.timeout)
        default = FORWARD_RETRY if self.role is Role.RETRIABLE else STEP_RETRY
        retry = self.options.retry("retry", step.retry, default)
        before = flow.results
        own = {self.name: forward.returns if forward else Any}
        after = ChainMap(own, flow.results)
        call = self._call(forward or Signature(), seconds, retry, before)
        undo_seconds, undo_retry = self._undo_options(seconds)
        for flag in ("pivot", "read_only", "retriable"):
            self.options.flag(flag, getattr(step, flag))
        flow.problems.extend(self.options.problems)
        return StepNode(
            name=self.name,
            role=self.role,
            call=call,
            slot=(slot,),
            schema=_schema(call.returns, "serialization", self.subject, call.source, flow),
            compensation=Compensation(
                self._call(undo, undo_seconds, undo_retry, after), (undo_slot,)
            )
            if undo
            else None,
            verify=self._call(probe, undo_seconds, undo_retry, before) if probe else None,
            doc=forward.doc if forward else "",
            source=step.source,
            read_only=_said(step.read_only),
            declared_pivot=_said(step.pivot),
            declared_retriable=_said(step.retriable),
        )

    def _undo_options(self, seconds: int) -> tuple[int, Retry | None]:
        step = self.step
        given = {
            "compensation_retry": not isinstance(step.compensation_retry, Default),
            "compensation_timeout": step.compensation_timeout is not None,
        }
        for option, used in given.items():
            if used and step.compensation is None and step.verify is None:
                text = f"{option} is given, but no compensation and no probe"
                self._add("S408", text, f"give compensation=... or verify=..., or drop {option}")
        retry = self.options.retry("compensation_retry", step.compensation_retry, UNDO_RETRY)
        if step.compensation_timeout is None:
            return seconds, retry
        return self._seconds("compensation_timeout", step.compensation_timeout), retry

    def _seconds(self, name: str, value: object) -> int:
        otherwise = int(TIMEOUT.total_seconds())
        return self.options.seconds(name, value, most=LONGEST_STEP, otherwise=otherwise)

    def _read(self, handler: object, part: str) -> Signature | None:
        if handler is None and part != "handler":
            return None
        signature, problems = read(handler, part, self.subject, self.step.source)
        self.flow.problems.extend(problems)
        return signature

    def _takes(self) -> Mapping[str, object]:
        takes: object = self.step.takes
        if isinstance(takes, Mapping):
            return takes
        hint = 'write takes={"payment": charge}: parameters and what fills them'
        self._add("S208", f"takes={takes!r} is no mapping", hint)
        return {}

    def _check_takes(self, signatures: list[Signature | None]) -> None:
        readable = [signature for signature in signatures if signature is not None]
        if not all(signature.reference for signature in readable):
            return  # that is a problem already, and hides the parameters
        names = {parameter.name for one in readable for parameter in one.parameters}
        for name in self.takes:
            if name not in names:
                text = f"takes names {name!r}, which is no parameter of its handlers"
                hint = f"their parameters are {', '.join(sorted(names))}"
                self._add("S207", text, hint)

    def _call(
        self, signature: Signature, seconds: int, retry: Retry | None, results: Mapping[str, Any]
    ) -> Call:
        flow = self.flow
        scope = Scope(
            subject=self.subject,
            source=self.step.source,
            step=self.name,
            input_name=flow.input_name,
            declaration=flow.declaration,
            results=results,
            steps=flow.names,
            takes=self.takes,
        )
        parameters, problems = wire(signature, scope)
        flow.problems.extend(problems)
        return Call(
            handler=signature.reference,
            participant=signature.module,
            parameters=parameters,
            returns=signature.returns,
            seconds=seconds,
            retry=retry,
            source=signature.source,
        )

    def _add(self, code: str, text: str, hint: str) -> None:
        self.flow.problems.append(Problem(code, self.subject, text, hint, self.step.source))
