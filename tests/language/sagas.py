"""Any saga: steps, choices, parallels, maps and waits, nested in each other to three levels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from hypothesis import assume
from hypothesis import strategies as st

from stepsaga.asl import build
from stepsaga.asl.times import YEAR, execution_seconds, history_events
from stepsaga.authoring.children import CALL_SECONDS, CHILDREN, UNDO
from stepsaga.authoring.events import KEY, WAITING
from stepsaga.authoring.slots import numbered
from stepsaga.checks.limits import HISTORY_EVENTS
from stepsaga.drawing.conditions import condition_text, datum_text
from stepsaga.engines.simulator.sagas import plan_of
from stepsaga.graph import (
    AllOf,
    AnyOf,
    AwaitedEvent,
    Branch,
    BusinessEvent,
    Call,
    ChildSaga,
    ChoiceNode,
    Comparison,
    Compensation,
    Datum,
    Distributed,
    InputNode,
    ItemSource,
    Kind,
    Known,
    Lane,
    MapNode,
    Not,
    Operator,
    Origin,
    ParallelNode,
    Parameter,
    Present,
    Question,
    Retry,
    Role,
    SagaGraph,
    Service,
    StepNode,
    Target,
    TargetKind,
    Text,
    WaitNode,
)
from stepsaga.runtime.approval_links import ApprovalLinks
from stepsaga.runtime.approved import Approved
from stepsaga.runtime.service_steps import __name__ as SETTLER  # noqa: N812  # a constant
from stepsaga.testing.answering import Manner
from stepsaga.testing.family import family_of, returning, source_of
from tests.language.stubs import PARTICIPANT, Handlers, Order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.asl.release import Compiled
    from stepsaga.engines.simulator.sagas import Plan
    from stepsaga.graph import Condition, Node

ALONE: Final = ("step", "step", "step", "ask", "event", "wait", "parallel", "map", "choice")
"""What a saga without children is made of."""
KINDS: Final = (*ALONE, "child", "service", "many")
WITHOUT_QUESTIONS: Final = tuple(kind for kind in ALONE if kind not in {"ask", "event"})
"""Where time is real, what waits for an answer until its time is up would do so."""
MOST_CHILDREN: Final = 2
"""Of one saga, in its class body; each may start one more."""
DAY: Final = 24 * 60 * 60
"""Seconds in which a child that is stuck is mended."""
WAIT: Final = 100
"""Seconds for which every generated question waits."""
LINKS: Final = Parameter("links", ApprovalLinks, Origin.LINKS)
"""What a question's handler takes that sends links."""
WELL: Final = (Manner.AT_ONCE, Manner.LATER, Manner.NEVER)
"""How one answers where all goes well; a question that is never answered has another answer."""
DEEPEST: Final = 3
MOST: Final = 3
"""Items of a map, and nodes of a sequence."""
LONG_RETRY: Final = Retry(attempts=10, wait=2, backoff=2.0, longest_wait=300, jitter=True)
"""Of what has children undone: that of an author's, who has no say in it."""
RETRY: Final = Retry(attempts=2, wait=1, backoff=2.0, longest_wait=60, jitter=True)
COMPARED: Final = (
    Operator.LESS,
    Operator.LESS_OR_EQUAL,
    Operator.EQUAL,
    Operator.GREATER,
    Operator.GREATER_OR_EQUAL,
)


@dataclass(frozen=True)
class AnySaga:
    """A saga, an input for it, and what its steps return."""

    graph: SagaGraph
    input: dict[str, Any]
    values: dict[str, dict[str, Any]]
    manners: dict[str, Manner] = field(default_factory=dict)

    @cached_property
    def family(self) -> dict[str, SagaGraph]:
        """The saga and its children, by name; itself first."""
        return family_of(self.graph)

    @cached_property
    def all_compiled(self) -> dict[str, Compiled]:
        """The same, compiled once for all its runs."""
        return {name: build(graph) for name, graph in self.family.items()}

    @property
    def compiled(self) -> Compiled:
        """The saga itself, compiled."""
        return self.all_compiled[self.graph.name]

    @cached_property
    def plan(self) -> Plan:
        """Parsed once for all its runs."""
        return plan_of(self.all_compiled.values())

    def value_of(self, graph: SagaGraph, step: str) -> dict[str, Any]:
        """What a step of one of them returns, but its key; a child step what its child does."""
        return self.value(source_of(graph, step))

    def value(self, name: str) -> dict[str, Any]:
        """The same, by a name that no two steps have."""
        step = name.rpartition(":")[2]
        return {"step": step, **self.values[step]}

    @cached_property
    def handlers(self) -> Handlers:
        """Made once for all its runs, each of which acts on a world of its own."""
        return Handlers(self.graph, self.values)

    def __repr__(self) -> str:
        """What one needs to see of it, on few lines."""
        steps = {node.name: self.values[node.name] for _, node in returning(self.graph)}
        asked = {name: manner.value for name, manner in self.manners.items()}
        return f"{shown(self.graph.nodes)} input={self.input} values={steps} answers={asked}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # as Hypothesis calls it
        del cycle
        printer.text(repr(self))


def shown(nodes: tuple[Node, ...]) -> str:
    """Nodes as a line of text."""
    return "(" + ", ".join(map(_shown, nodes)) + ")"


def _shown(node: Node) -> str:  # noqa: PLR0911  # one for each kind
    match node:
        case StepNode(name=name, service=Service(action=action), role=role):
            return f"{name}:{role.value} {action}{' undo' if node.compensation else ''}"
        case StepNode(name=name, question=Question() as question, call=call):
            how = "waits" if question.event else "asks"
            return f"{name}:{how}{_taken(call)}{' or else' if question.otherwise else ''}"
        case StepNode(name=name, call=call, child=ChildSaga(graph=SagaGraph() as child) as saga):
            return f"{name}:{child.name}{shown(child.nodes)}.{saga.result}{_taken(call)}"
        case StepNode(name=name, role=role, call=call, compensation=undo):
            undone = f" undo{_taken(undo.call)}" if undo else ""
            said = f"{' claimed' if node.claim else ''}{' probed' if node.verify else ''}"
            return f"{name}:{role.value}{said}{_taken(call)}{undone}"
        case ChoiceNode(name=name, branches=branches, otherwise=otherwise):
            ways = [
                f"{condition_text(one.condition, 'order')} -> {shown(one.nodes)}"
                for one in branches
            ]
            return f"{name}:choice[{'; '.join([*ways, shown(otherwise)])}]"
        case ParallelNode(name=name, lanes=lanes):
            inner = "; ".join(f"{one.name} {shown(one.nodes)}" for one in lanes)
            return f"{name}:parallel[{inner}]"
        case MapNode(name=name, items=items, item=item, nodes=nodes):
            kind = f"many({node.distributed.tolerated})" if node.distributed else "map"
            return f"{name}:{kind}[{datum_text(items, 'order')} as {item} {shown(nodes)}]"
        case _:
            return node.name


def _taken(call: Call) -> str:
    return f"({', '.join(one.step for one in call.parameters if one.step)})"


@dataclass
class Seen:
    """What can be named at one place.

    Attributes:
        single: Steps with one result, by name; whether a choice can have passed it over.
        many: Steps in maps: their results are lists.
        items: The items of the maps around, and whether they have items of their own.
    """

    single: dict[str, bool] = field(default_factory=dict)
    many: set[str] = field(default_factory=set)
    items: tuple[str, ...] = ()

    def copy(self) -> Seen:
        """The same, to be added to."""
        return replace(self, single=dict(self.single), many=set(self.many))


@dataclass
class Builder:
    """Draws nodes, and numbers their names.

    Attributes:
        draw: Draws.
        kinds: Of nodes.
        count: How many names there are.
        left: How many children there may be.
        onward: Whether what stands behind the pivot can be done from the log, too.
    """

    draw: Any
    kinds: tuple[str, ...] = KINDS
    count: int = 0
    left: int = MOST_CHILDREN
    onward: bool = False

    def name(self, kind: str) -> str:
        """A name that no node has yet."""
        self.count += 1
        return f"{kind}{self.count}"

    def sequence(self, seen: Seen, depth: int, *, after: bool, least: int = 1) -> tuple[Node, ...]:
        """Nodes one after the other; ``seen`` grows with them."""
        number = self.draw(st.integers(least, MOST))
        return tuple(self.node(seen, depth, after=after) for _ in range(number))

    def node(self, seen: Seen, depth: int, *, after: bool) -> Node:  # noqa: PLR0911  # as above
        """One node."""
        flat = {"step", "ask", "event", "wait", "child", "service", "many"}
        kinds = [one for one in self.kinds if depth < DEEPEST or one in flat]
        match self.draw(st.sampled_from(kinds)):
            case "child" if self.left and not after:
                return self.child(seen)
            case "many" if depth == 0 and not after:
                return self.many(seen)
            case "ask" if not after:
                return self.ask(seen)
            case "service" if not (after and self.onward):
                return self.service(seen, after=after)
            case "event" if not after:
                return self.event(seen)
            case "step" | "ask" | "event" | "child" | "service" | "many":
                return self.step(seen, after=after)
            case "wait":
                return WaitNode(self.name("w"), seconds=self.draw(st.integers(1, 3)))
            case "choice":
                return self.choice(seen, depth, after=after)
            case "parallel":
                return self.parallel(seen, depth, after=after)
            case _:
                return self.map(seen, depth, after=after)

    def step(self, seen: Seen, *, after: bool) -> StepNode:
        """A step, which can be undone, only reads, or stands after the pivot."""
        name = self.name("s")
        before = st.sampled_from([Role.COMPENSATABLE, Role.COMPENSATABLE, Role.READ_ONLY])
        role = Role.RETRIABLE if after else self.draw(before)
        undone = role is Role.COMPENSATABLE
        probe = undone and self.draw(st.sampled_from([False, False, True]))
        node = self.made(name, role, seen, undo=undone, probe=probe)
        seen.single[name] = False
        return node

    def ask(self, seen: Seen) -> StepNode:
        """A question, with or without an answer that counts where none comes."""
        name = self.name("s")
        node = self.made(name, Role.READ_ONLY, seen, undo=False)
        # What counts is one of the results that are drawn later: see `any_sagas`.
        otherwise = {"value": None} if self.draw(st.booleans()) else None
        beat = self.draw(st.sampled_from([None, WAIT - 1]))
        seen.single[name] = False
        call = node.call
        if self.draw(st.booleans()):
            # Whoever answers says what is drawn, not what an Approval's type says.
            call = replace(call, parameters=(*call.parameters, LINKS), returns=Approved)
        return replace(node, call=call, question=Question(WAIT, beat, otherwise))

    def event(self, seen: Seen) -> StepNode:
        """A wait for an event, whose key is what an earlier step has returned.

        A question where there is none, and for each item of a map: items would share the event.
        """
        known = [name for name, absent in seen.single.items() if not absent]
        node = self.ask(seen)
        if not known or seen.items:
            return node
        source = self.draw(st.sampled_from(known))
        key = Parameter(KEY, Any, Origin.STEP, step=source, path=("n",), explicit=True)
        call = Call(f"{WAITING}:await_event", WAITING, (key,), Any, 30, RETRY)
        event = BusinessEvent("shop", node.name, "default", f"{PARTICIPANT}:Happened")
        assert node.question is not None
        waits = replace(node.question, heartbeat=None, event=AwaitedEvent(event, ("k",), DAY))
        return replace(node, call=call, claim=False, question=waits)

    def service(self, seen: Seen, *, after: bool) -> StepNode:
        """A step that Step Functions itself does, with what can be named in its parameters."""
        node = self.step(seen, after=after)
        del seen.single[node.name]  # nobody has checked its reply, so no condition looks into it
        role = node.role
        repeatable = role is Role.RETRIABLE or self.draw(st.booleans())
        call = Call(
            "",
            PARTICIPANT if node.compensation else SETTLER,
            (),
            Any,
            10,
            RETRY if repeatable else None,
            direct=True,
        )
        reply = self.draw(st.sampled_from(["", "$"]))
        if reply:
            seen.many.add(node.name)
        action = self.draw(st.sampled_from(["sqs:sendMessage", "aws-sdk:test:act"]))
        service = Service(action, self.given(seen), repeatable, reply)
        return replace(node, call=call, service=service, claim=False)

    def given(self, seen: Seen) -> dict[str, Any]:
        """An action's parameters: constants, and data that is there for certain."""
        data = [Datum(Origin.INPUT, path=("limit",)), Datum(Origin.INPUT, path=("lines",))]
        data += [
            Datum(Origin.STEP, s, ("list",)) for s, absent in seen.single.items() if not absent
        ]
        data += [Datum(Origin.ITEM, outer, ("k",)) for outer in seen.items]
        some = self.draw(st.lists(st.sampled_from(data), max_size=2))
        whole = Text(("it's ", Datum(Origin.INPUT, path=("limit",)), " {} \\", Known.ID))
        return {
            "Target": Target(TargetKind.RESOURCE, "Somewhere"),
            "Key": Known.KEY,
            "Texts": {"whole": whole, "odd": "${x} '{}\\"},
            "Some": [*some, "$.x", 5, None],
            **({"One": some[0]} if some else {}),
        }

    def child(self, seen: Seen) -> StepNode:
        """A step that starts a saga, which is small, and may start one itself."""
        self.left -= 1
        grand = self.left and "child" in self.kinds
        # Children of a map's items would share their events, too.
        left_out = {"event"} if grand else {"event", "child"}
        kinds = tuple(one for one in self.kinds if one not in left_out)
        inner, known = Builder(self.draw, kinds, self.count, left=bool(grand)), Seen()
        nodes = list(inner.sequence(known, DEEPEST - 1, after=False))
        if not any(isinstance(node, StepNode) for node in nodes):
            nodes.append(inner.step(known, after=False))
        self.count = inner.count
        graph = SagaGraph(
            name=self.name("Child"),
            reference=f"{PARTICIPANT}:Child",
            input=InputNode("order", Order, {}, f"{PARTICIPANT}:Order"),
            nodes=numbered(tuple(nodes)),
        )
        assume(is_allowed(graph))
        steps = [node.name for node in nodes if isinstance(node, StepNode)]
        name = self.name("s")
        seen.single[name] = False
        return child_step(name, graph, self.draw(st.sampled_from(steps)))

    def around_child(self, seen: Seen) -> Node:
        """A child at the root, in a branch of a choice or of a parallel, or for each item."""
        inner = seen.copy()
        match self.draw(st.sampled_from(["root", "choice", "parallel", "map"])):
            case "choice":
                branch = Branch(self.name("b"), self.condition(seen), (self.child(inner),))
                return ChoiceNode(self.name("c"), (branch,))
            case "parallel":
                lanes = [(self.child(inner),), (self.step(inner.copy(), after=False),)]
                named = tuple(Lane(self.name("l"), nodes) for nodes in lanes)
                return ParallelNode(self.name("p"), named, (0,))
            case "map":
                items, item = Datum(Origin.INPUT, path=("lines",)), self.name("i")
                nodes = (self.child(inner), self.step(inner, after=False))
                return MapNode(self.name("m"), items, item, nodes, (0,), 0, MOST)
            case _:
                return self.child(seen)

    def made(
        self, name: str, role: Role, seen: Seen, *, undo: bool, probe: bool = False
    ) -> StepNode:
        """A step of a role."""
        parameters = self.parameters(seen)
        undoing = Compensation(self.call(f"undo_{name}", self.parameters(seen)), (0,))
        claim = role is not Role.READ_ONLY and self.draw(st.sampled_from([False, False, True]))
        call = self.call(name, parameters)
        return StepNode(
            name=name,
            role=role,
            call=replace(call, retry=None) if claim else call,
            slot=(0,),
            schema={},
            compensation=undoing if undo else None,
            verify=self.call(f"find_{name}", self.parameters(seen)) if probe else None,
            read_only=role is Role.READ_ONLY,
            declared_pivot=role is Role.PIVOT,
            claim=claim,
        )

    def call(self, name: str, parameters: tuple[Parameter, ...]) -> Call:
        """A call of a stub."""
        return Call(f"{PARTICIPANT}:{name}", PARTICIPANT, parameters, Any, 10, RETRY)

    def parameters(self, seen: Seen) -> tuple[Parameter, ...]:
        """The context, and some of what can be named."""
        steps = sorted([*seen.single, *seen.many])
        some = self.draw(st.lists(st.sampled_from(steps), unique=True, max_size=2)) if steps else []
        taken = [Parameter(name, Any, Origin.STEP, step=name) for name in some]
        if seen.items and self.draw(st.booleans()):
            item = self.draw(st.sampled_from(seen.items))
            taken.append(Parameter(item, Any, Origin.ITEM, step=item))
        return (Parameter("saga", Any, Origin.CONTEXT), *taken)

    def choice(self, seen: Seen, depth: int, *, after: bool) -> ChoiceNode:
        """A choice; what is in its branches can be named behind it, and may not be there."""
        name, known = self.name("c"), seen.copy()
        branches = []
        for _ in range(self.draw(st.integers(1, 2))):
            condition, inner = self.condition(seen), seen.copy()
            nodes = self.sequence(inner, depth + 1, after=after)
            branches.append(Branch(self.name("b"), condition, nodes))
            self.leave(known, inner)
        otherwise: tuple[Node, ...] = ()
        if self.draw(st.booleans()):
            inner = seen.copy()
            otherwise = self.sequence(inner, depth + 1, after=after)
            self.leave(known, inner)
        for step in known.single.keys() - seen.single.keys():
            known.single[step] = True
        seen.single, seen.many = known.single, known.many
        return ChoiceNode(name, tuple(branches), otherwise)

    def leave(self, known: Seen, inner: Seen) -> None:
        """Add what was seen inside."""
        known.single = inner.single | known.single
        known.many |= inner.many

    def condition(self, seen: Seen, depth: int = 0) -> Condition:
        """A condition over anything that can be named, also over what is never there."""
        kinds = ["number", "flag", "present", *(["not", "all", "any"] if depth < 2 else [])]
        match self.draw(st.sampled_from(kinds)):
            case "number":
                operator = self.draw(st.sampled_from(COMPARED))
                limit = self.draw(st.integers(0, 9))
                return Comparison(self.number(seen), operator, limit, Kind.NUMBER)
            case "flag":
                return Comparison(
                    self.flag(seen), Operator.EQUAL, self.draw(st.booleans()), Kind.BOOLEAN
                )
            case "present":
                return Present(
                    self.draw(
                        st.sampled_from([self.number(seen), Datum(Origin.INPUT, path=("note",))])
                    )
                )
            case "not":
                return Not(self.condition(seen, depth + 1))
            case "all":
                return AllOf((self.condition(seen, depth + 1), self.condition(seen, depth + 1)))
            case _:
                return AnyOf((self.condition(seen, depth + 1), self.condition(seen, depth + 1)))

    def number(self, seen: Seen) -> Datum:
        """A datum that may be a number."""
        found = [Datum(Origin.INPUT, path=("limit",)), Datum(Origin.INPUT, path=("nothing", "x"))]
        found += [Datum(Origin.STEP, name, ("n",)) for name in seen.single]
        found += [Datum(Origin.ITEM, name, ("k",)) for name in seen.items]
        datum: Datum = self.draw(st.sampled_from(found))
        return datum

    def flag(self, seen: Seen) -> Datum:
        """A datum that may be a bool."""
        found = [Datum(Origin.INPUT, path=("express",))]
        found += [Datum(Origin.STEP, name, ("flag",)) for name in seen.single]
        datum: Datum = self.draw(st.sampled_from(found))
        return datum

    def parallel(self, seen: Seen, depth: int, *, after: bool) -> ParallelNode:
        """Lanes that see what was before, and nothing of each other."""
        name, known, lanes = self.name("p"), seen.copy(), []
        for _ in range(self.draw(st.integers(1, 3))):
            inner = seen.copy()
            lanes.append(Lane(self.name("l"), self.sequence(inner, depth + 1, after=after)))
            self.leave(known, inner)
        seen.single, seen.many = known.single, known.many
        return ParallelNode(name, tuple(lanes), (0,))

    def map(self, seen: Seen, depth: int, *, after: bool) -> MapNode:
        """A map over a list of the input, of a result, or of an item of a map around it."""
        name, item = self.name("m"), self.name("i")
        found = [Datum(Origin.INPUT, path=("lines",))]
        found += [
            Datum(Origin.STEP, s, ("list",)) for s, absent in seen.single.items() if not absent
        ]
        found += [Datum(Origin.ITEM, outer, ("sub",)) for outer in seen.items]
        items = self.draw(st.sampled_from(found))
        inner = seen.copy()
        inner.items = (*seen.items, item)
        nodes = self.sequence(inner, depth + 1, after=after)
        seen.many |= inner.many | (inner.single.keys() - seen.single.keys())
        at_most = self.draw(st.integers(0, 2))
        return MapNode(name, items, item, nodes, (0,), at_most, MOST)

    def many(self, seen: Seen) -> MapNode:
        """A distributed map over a list of the input, or of a result, at the root."""
        name, item = self.name("m"), self.name("i")
        found = [Datum(Origin.INPUT, path=("lines",))]
        found += [
            Datum(Origin.STEP, s, ("list",)) for s, absent in seen.single.items() if not absent
        ]
        items = self.draw(st.sampled_from(found))
        inner = Builder(self.draw, ("step", "choice", "wait"), self.count, left=0)
        known = replace(seen.copy(), items=(item,))
        nodes = inner.sequence(known, DEEPEST - 1, after=False)
        self.count = inner.count
        if not any(isinstance(node, StepNode) for node in nodes):
            nodes = (*nodes, self.step(known, after=False))
        tolerated = self.draw(st.sampled_from([0, 1, 0.5]))
        many = Distributed(ItemSource.LIST, f"{PARTICIPANT}:Line", tolerated, (0,))
        at_most = self.draw(st.integers(0, 2))
        return MapNode(name, items, item, nodes, (0,), at_most, 1, distributed=many)


def is_allowed(graph: SagaGraph) -> bool:
    """What a check refuses is no saga."""
    return history_events(graph) <= HISTORY_EVENTS and execution_seconds(graph) <= YEAR


def child_step(name: str, graph: SagaGraph, result: str) -> StepNode:
    """A step that starts a saga with the input of its own; see `stepsaga.authoring.children`."""
    child = ChildSaga(graph.name, graph.reference, "order", graph.input.model, result, graph)
    waits = execution_seconds(graph) + DAY
    taken = (Parameter("order", Order, Origin.INPUT),)
    call = Call(f"{CHILDREN}:start_child", CHILDREN, taken, Any, CALL_SECONDS, RETRY, waits=waits)
    undo = Call(UNDO.reference, CHILDREN, (), None, CALL_SECONDS, LONG_RETRY, waits=waits)
    role = Role.COMPENSATABLE
    return StepNode(name, role, call, (0,), {}, Compensation(undo, (0,)), child=child)


@st.composite
def any_sagas(
    draw: st.DrawFn, kinds: tuple[str, ...] = KINDS, *, children: int = 0, forward: bool = False
) -> AnySaga:
    """A saga of some kinds of nodes, with so many children at least, an input, and results.

    With ``forward`` it has a pivot, and something behind it.
    """
    builder, seen = Builder(draw, kinds, onward=forward), Seen()
    # A saga that surely has children is small, so that many of them can be tried.
    nodes = list(builder.sequence(seen, DEEPEST - 1 if children else 0, after=False))
    while MOST_CHILDREN - builder.left < children:
        nodes.append(builder.around_child(seen))
    if forward or draw(st.booleans()):
        settled = draw(st.sampled_from(["probe", "compensation"]))
        name = builder.name("pivot")
        pivot = builder.made(
            name, Role.PIVOT, seen, undo=settled == "compensation", probe=settled == "probe"
        )
        seen.single[name] = False
        nodes.append(pivot)
        if forward or draw(st.booleans()):
            nodes += builder.sequence(seen, 1, after=True)
    if not any(isinstance(node, StepNode) for node in nodes):
        nodes.insert(0, builder.step(Seen(), after=False))
    values = draw(results(builder.count))
    graph = SagaGraph(
        name="Any",
        reference=f"{PARTICIPANT}:Any",
        input=InputNode("order", Order, {}, f"{PARTICIPANT}:Order"),
        nodes=numbered(tuple(with_answers(tuple(nodes), values))),
    )
    assume(is_allowed(graph))
    well = [m for m in WELL if m is not Manner.NEVER]
    manners = {
        name: draw(
            st.sampled_from(
                [
                    *(WELL if node.question.otherwise else well),
                    *([Manner.TWICE] if node.question.event else []),
                ]
            )
        )
        for name, node in returning(graph)
        if node.question
    }
    return AnySaga(graph, draw(inputs()), values, manners)


def with_answers(nodes: tuple[Node, ...], values: dict[str, dict[str, Any]]) -> Iterator[Node]:
    """Nodes whose questions have what is answered as what counts where nothing is."""
    for node in nodes:
        match node:
            case StepNode(name=name, question=Question(otherwise=dict()) as question):
                whole = {"value": {"step": name, **values[name]}}
                yield replace(node, question=replace(question, otherwise=whole))
            case StepNode(child=ChildSaga(graph=SagaGraph() as graph) as child):
                inner_graph = replace(graph, nodes=tuple(with_answers(graph.nodes, values)))
                yield replace(node, child=replace(child, graph=inner_graph))
            case ChoiceNode(branches=branches, otherwise=otherwise):
                ways = [replace(b, nodes=tuple(with_answers(b.nodes, values))) for b in branches]
                last = tuple(with_answers(otherwise, values))
                yield replace(node, branches=tuple(ways), otherwise=last)
            case ParallelNode(lanes=lanes):
                inner = [replace(b, nodes=tuple(with_answers(b.nodes, values))) for b in lanes]
                yield replace(node, lanes=tuple(inner))
            case MapNode(nodes=below):
                yield replace(node, nodes=tuple(with_answers(below, values)))
            case _:
                yield node


def lists(depth: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Lists of lines."""
    sub = lists(depth - 1) if depth else st.just([])
    line = st.fixed_dictionaries({"k": st.integers(0, 9)}, optional={"sub": sub})
    return st.lists(line, max_size=MOST)


@st.composite
def inputs(draw: st.DrawFn) -> dict[str, Any]:
    """An input, with or without what has a default."""
    return draw(
        st.fixed_dictionaries(
            {"lines": lists(2)},
            optional={
                "limit": st.integers(0, 9),
                "express": st.booleans(),
                "note": st.none() | st.just("a note"),
            },
        )
    )


@st.composite
def results(draw: st.DrawFn, count: int) -> dict[str, dict[str, Any]]:
    """What each step returns; enough for every name that there can be."""
    few = draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "n": st.integers(0, 9),
                    "flag": st.booleans(),
                    "list": lists(1).map(complete),
                }
            ),
            min_size=1,
            max_size=4,
        )
    )
    names = [f"{kind}{number}" for kind in ("s", "pivot") for number in range(1, count + 1)]
    return {name: few[position % len(few)] for position, name in enumerate(names)}


def complete(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lines as a model writes them."""
    return [{"k": line["k"], "sub": complete(line.get("sub", []))} for line in lines]
