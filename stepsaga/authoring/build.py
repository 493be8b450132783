"""A class body's declarations, put together as a graph."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from stepsaga.authoring.awaited import Awaited
from stepsaga.authoring.children import CALL_SECONDS, UNDO, Child, child_of, start_of, times_of
from stepsaga.authoring.data import InputDeclaration, is_input, reference_of
from stepsaga.authoring.declared import named_steps, parts_of, slots_of
from stepsaga.authoring.destinations import Bus, Queue, Topic, signature_of
from stepsaga.authoring.distributed import (
    AT_ONCE,
    NOWHERE,
    DistributedMap,
    JsonLines,
    node_of,
    problems_of,
    source_of,
)
from stepsaga.authoring.events import WaitForEvent, event_of, waiting_signature
from stepsaga.authoring.flow import Choice, Map, Nested, Parallel, Sequence, Wait, When
from stepsaga.authoring.hints import returns
from stepsaga.authoring.looking import (
    LONGEST_WAIT,
    UnseenError,
    condition_of,
    items_of,
    problem,
    time_of,
)
from stepsaga.authoring.options import LONGEST_STEP, Options
from stepsaga.authoring.questions import Question, question_of
from stepsaga.authoring.service_step import ServiceStep, service_of
from stepsaga.authoring.service_step import signature_of as settled_by
from stepsaga.authoring.signatures import Signature, read
from stepsaga.authoring.slots import numbered
from stepsaga.authoring.step import FORWARD_RETRY, STEP_RETRY, TIMEOUT, UNDO_RETRY, Default, Step
from stepsaga.authoring.triggers import triggers_of
from stepsaga.authoring.wiring import Scope, wire
from stepsaga.checks.annotations import importable_name, name_of
from stepsaga.checks.schemas import NoSchemaError, schema_of
from stepsaga.errors import Problem
from stepsaga.graph import (
    AllOf,
    Branch,
    Call,
    ChoiceNode,
    Compensation,
    Datum,
    InputNode,
    Lane,
    MapNode,
    Origin,
    ParallelNode,
    Role,
    SagaGraph,
    StepNode,
    WaitNode,
)
from stepsaga.limits import FIRST_OPERATION_SLOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepsaga.authoring.saga import Saga
    from stepsaga.checks.schemas import Mode
    from stepsaga.errors import Source
    from stepsaga.graph import ChildSaga, Node, Retry

MOST_AT_ONCE: Final = 40
"""Iterations that an inline map runs at the same time.
https://docs.aws.amazon.com/step-functions/latest/dg/state-map.html"""

MOST_IN_MAP: Final = 5_000
"""Items of a map: each costs history events, of which an execution has 25,000."""

YEAR: Final = 365 * 24 * 60 * 60
"""Seconds that an execution may last.
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""


@dataclass(frozen=True, slots=True)
class _Flow:
    """What the nodes of one saga share. ``problems`` grows from node to node."""

    saga: str
    input_name: str
    declaration: InputDeclaration
    names: Mapping[int, str]
    problems: list[Problem] = field(default_factory=list)


def build(
    cls: type[Saga], source: Source, places: Mapping[str, Source]
) -> tuple[SagaGraph | None, list[Problem]]:
    """The graph of a class, and what is wrong with its parts; no graph without input or steps.

    What cannot be read is left open in the graph, so that the checks can go on with the rest.
    """
    attributes = vars(cls)
    nodes = {n: value for n, value in attributes.items() if isinstance(value, Step | Nested)}
    inputs = {name: value for name, value in attributes.items() if is_input(value)}
    deadline, problems = _deadline(cls, places.get("deadline", source))
    steps = dict(named_steps(nodes))
    if len(inputs) != 1 or not steps or slots_of(steps.values()) >= FIRST_OPERATION_SLOT:
        return None, problems
    [(input_name, data)] = inputs.items()
    declaration = reference_of(data).root
    assert isinstance(declaration, InputDeclaration)  # noqa: S101  # for mypy; is_input said so
    names = {id(step): name for name, step in steps.items()}
    flow = _Flow(cls.__name__, input_name, declaration, names, problems=problems)
    built = _Block(flow, {}, {}).nodes(nodes)
    given = _input(flow)
    place = places.get("starts", source)
    triggers, found = triggers_of(cls.starts, f"{cls.__name__}.starts", given, place)
    problems += found
    graph = SagaGraph(
        name=cls.__name__,
        reference=f"{cls.__module__}:{cls.__qualname__}",
        input=given,
        nodes=numbered(built),
        deadline=deadline,
        doc=cls.__doc__ or "",
        source=source,
        triggers=triggers,
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
        flow.input_name, declaration.annotation, schema, importable_name(declaration.annotation)
    )


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


class _Block:
    """A sequence of nodes being built: what is known at its end to those that come after.

    Attributes:
        results: The types of steps' results, by step, as they are seen from here.
        items: The types of the items of the maps that it is in.
        forward_only: Whether the point of no return has been passed.
        nested: Whether it is inside of another node.
    """

    def __init__(
        self,
        flow: _Flow,
        results: Mapping[str, Any],
        items: Mapping[str, Any],
        *,
        forward_only: bool = False,
        nested: bool = False,
    ) -> None:
        self.flow = flow
        self.results = dict(results)
        self.items = items
        self.forward_only = forward_only
        self.nested = nested

    def nodes(self, declared: Mapping[str, object]) -> tuple[Node, ...]:
        """The nodes of what is declared, in its order."""
        return tuple(node for name, one in declared.items() for node in self._node(name, one))

    def _node(self, name: str, declared: object) -> tuple[Node, ...]:
        if isinstance(declared, Sequence):
            return self.nodes(declared.nodes)
        if isinstance(declared, Step):
            return (self._step(name, declared),)
        builders: Mapping[type, Callable[..., Node]] = {
            Choice: self._choice,
            Parallel: self._parallel,
            Map: self._map,
            DistributedMap: self._distributed,
            Wait: self._wait,
        }
        builder = builders.get(type(declared))
        # What is no node is reported where declarations are looked at.
        return (builder(name, declared),) if builder else ()

    def _inner(
        self, declared: Mapping[str, object], items: Mapping[str, Any] | None = None
    ) -> tuple[tuple[Node, ...], dict[str, Any]]:
        """A sequence inside of a node, and the results that are known only because of it."""
        block = _Block(
            self.flow,
            self.results,
            self.items if items is None else items,
            forward_only=self.forward_only,
            nested=True,
        )
        nodes = block.nodes(declared)
        new = {step: kind for step, kind in block.results.items() if step not in self.results}
        return nodes, new

    def _step(self, name: str, step: Step[Any]) -> StepNode:
        role = _role(step, forward_only=self.forward_only)
        node = _NodeBuilder(self, name, step, role).node()
        if not self.nested:
            self.forward_only = self.forward_only or role in {Role.PIVOT, Role.RETRIABLE}
        told = step.answer if isinstance(step, Awaited | ServiceStep) else returns(step.handler)
        self.results[name] = told
        return node

    def _choice(self, name: str, choice: Choice) -> ChoiceNode:
        branches: list[Branch] = []
        known: dict[str, Any] = {}
        for branch, declared in choice.branches.items():
            if not isinstance(declared, When):
                continue
            try:
                condition = condition_of(declared.condition, self._scope(name, choice))
            except UnseenError as error:
                self._add("S212", f"{name}.{branch}", error, declared.source)
                condition = AllOf(())
            nodes, new = self._inner(parts_of(branch, declared))
            branches.append(Branch(branch, condition, nodes))
            known |= new
        otherwise: tuple[Node, ...] = ()
        if choice.otherwise is not None:
            otherwise, new = self._inner(parts_of("otherwise", choice.otherwise))
            known |= new
        self.results |= {step: optional(kind) for step, kind in known.items()}
        return ChoiceNode(name, tuple(branches), otherwise, choice.source)

    def _parallel(self, name: str, parallel: Parallel) -> ParallelNode:
        lanes: list[Lane] = []
        known: dict[str, Any] = {}
        for branch, declared in parallel.branches.items():
            nodes, new = self._inner(parts_of(branch, declared))
            lanes.append(Lane(branch, nodes))
            known |= new
        self.results |= known
        return ParallelNode(name, tuple(lanes), (0,), (), parallel.source)

    def _map(self, name: str, given: Map) -> MapNode:
        subject = f"{self.flow.saga}.{name}"
        options = Options(subject, given.source)
        at_most = options.count("at_most", given.at_most, least=0, most=MOST_AT_ONCE)
        most = options.count("most", given.most, least=1, most=MOST_IN_MAP)
        self.flow.problems.extend(options.problems)
        try:
            items, kind = items_of(given.over, self._scope(name, given))
        except UnseenError as error:
            self._add("S213", name, error, given.source)
            items, kind = Datum(Origin.INPUT), Any
        nodes, new = self._inner(given.nodes, {**self.items, given.item_name: kind})
        self.results |= {step: listed(one) for step, one in new.items()}
        return MapNode(
            name, items, given.item_name, nodes, (0,), at_most, most, source=given.source
        )

    def _distributed(self, name: str, given: DistributedMap) -> MapNode:
        options = Options(f"{self.flow.saga}.{name}", given.source)
        options.count("at_most", given.at_most, least=0, most=AT_ONCE)
        try:
            items, kind, source = source_of(given, self._scope(name, given))
        except UnseenError as error:
            code = "S552" if isinstance(given.over, JsonLines) else "S213"
            self._add(code, name, error, given.source)
            items, kind, source = NOWHERE
        model = importable_name(kind)
        self.flow.problems.extend(options.problems)
        self.flow.problems.extend(problems_of(given, options.subject, kind, source, model))
        nodes, _ = self._inner(given.nodes, {**self.items, given.item_name: kind})
        self.results[name] = dict[str, Any]
        return node_of(name, given, nodes, (items, source, model))

    def _wait(self, name: str, wait: Wait) -> WaitNode:
        time = wait.time
        if isinstance(time, timedelta):
            options = Options(f"{self.flow.saga}.{name}", wait.source)
            seconds = options.seconds("Wait", time, most=LONGEST_WAIT, otherwise=1)
            self.flow.problems.extend(options.problems)
            return WaitNode(name, seconds=seconds, source=wait.source)
        try:
            until, most = time_of(time, self._scope(name, wait))
        except UnseenError as error:
            self._add("S214", name, error, wait.source)
            return WaitNode(name, seconds=1, source=wait.source)
        return WaitNode(name, seconds=most, until=until, source=wait.source)

    def _scope(self, name: str, declared: Nested) -> Scope:
        flow = self.flow
        return Scope(
            subject=f"{flow.saga}.{name}",
            source=declared.source,
            step="",
            input_name=flow.input_name,
            declaration=flow.declaration,
            results=self.results,
            steps=flow.names,
            items=self.items,
        )

    def _add(self, code: str, name: str, error: UnseenError, source: Source) -> None:
        self.flow.problems.append(problem(code, f"{self.flow.saga}.{name}", error, source))


def listed(kind: Any) -> Any:
    """The type of a list of these."""
    return list[kind]


def optional(kind: Any) -> Any:
    """A type that may also be None."""
    try:
        return kind | None
    except TypeError:  # a name in quotes, or what is no type: reported where it is read
        return kind


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
    """Builds the node of one step; ``block.results`` holds those of the steps before it."""

    def __init__(self, block: _Block, name: str, step: Step[Any], role: Role) -> None:
        self.block, self.name, self.step, self.role = block, name, step, role
        self.flow = block.flow
        self.subject = f"{self.flow.saga}.{name}"
        self.options = Options(self.subject, step.source)
        self.takes = self._takes()

    def node(self) -> StepNode:
        step, flow, results = self.step, self.flow, self.block.results
        child = child_of(step, self.options)
        forward, undo = self._forward(child), self._undo()
        probe = self._read(step.verify, "probe")
        if isinstance(step, ServiceStep):
            forward = settled_by(step, undo)
            self._check_takes([undo, probe])
        else:
            self._check_takes([forward, undo, probe])
        seconds = CALL_SECONDS if child else self._seconds("timeout", step.timeout)
        default = FORWARD_RETRY if self.role is Role.RETRIABLE else STEP_RETRY
        # What is claimed is never tried again by itself: its effect may have been had (rule 27).
        once = isinstance(step, ServiceStep) and step.repeatable is not True
        alone = (_said(step.claim) or once) and isinstance(step.retry, Default)
        retry = None if alone else self.options.retry("retry", step.retry, default)
        own = {self.name: forward.returns if forward else Any}
        after = ChainMap(own, results)
        call = self._call(forward or Signature(), seconds, retry, results)
        if isinstance(step, Awaited):
            call = replace(call, returns=step.answer)
        question = question_of(step, self.options)
        if question and isinstance(step, WaitForEvent):
            given = {one.name: one.given for one in call.parameters}
            question = replace(question, event=event_of(step, given, self.options))
        service = None
        if isinstance(step, ServiceStep):
            call = replace(call, direct=True)
            service = service_of(step, call, self._scope(results), self.options)
        undo_seconds, undo_retry = self._undo_options(seconds)
        back = self._call(undo, undo_seconds, undo_retry, after) if undo else None
        if child and back and isinstance(step, Child):
            waits, undo_waits = times_of(step, child, self.options)
            call, back = replace(call, waits=waits), replace(back, waits=undo_waits)
        for flag in ("pivot", "read_only", "retriable", "claim"):
            self.options.flag(flag, getattr(step, flag))
        flow.problems.extend(self.options.problems)
        return StepNode(
            name=self.name,
            role=self.role,
            call=call,
            slot=(0,),
            schema=_schema(call.returns, "serialization", self.subject, call.source, flow),
            compensation=Compensation(back, (0,)) if back else None,
            verify=self._call(probe, undo_seconds, undo_retry, results) if probe else None,
            doc=forward.doc if forward else "",
            source=step.source,
            read_only=_said(step.read_only),
            declared_pivot=_said(step.pivot),
            declared_retriable=_said(step.retriable),
            claim=_said(step.claim),
            question=question,
            child=child,
            service=service,
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

    def _forward(self, child: ChildSaga | None) -> Signature | None:
        handler: object = self.step.handler
        if isinstance(self.step, ServiceStep):
            return None  # no function: see `node`
        if isinstance(self.step, Child):
            return start_of(child, self.step.answer) if child else None
        if isinstance(self.step, WaitForEvent):
            return waiting_signature(self.step)
        if isinstance(self.step, Question) and isinstance(handler, Queue | Topic | Bus):
            return signature_of(self.takes)
        return self._read(handler, "handler")

    def _undo(self) -> Signature | None:
        if isinstance(self.step, Child):
            return UNDO
        return self._read(self.step.compensation, "compensation")

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
        parameters, problems = wire(signature, self._scope(results))
        self.flow.problems.extend(problems)
        return Call(
            handler=signature.reference,
            participant=signature.module,
            parameters=parameters,
            returns=signature.returns,
            seconds=seconds,
            retry=retry,
            source=signature.source,
        )

    def _scope(self, results: Mapping[str, Any]) -> Scope:
        flow = self.flow
        return Scope(
            subject=self.subject,
            source=self.step.source,
            step=self.name,
            input_name=flow.input_name,
            declaration=flow.declaration,
            results=dict(results),
            steps=flow.names,
            items=self.block.items,
            takes=self.takes,
        )

    def _add(self, code: str, text: str, hint: str) -> None:
        self.flow.problems.append(Problem(code, self.subject, text, hint, self.step.source))
