"""A saga as frozen data: what authoring builds, checks read, and asl and sam turn into text.

No behaviour here but walking through it. Durations are whole seconds. A slot is its parts below the
lane that it is in: ``(2,)``. At run time the parts of a lane stand before it: fork slot, index.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.errors import Source

Slot = tuple[int, ...]


class Role(StrEnum):
    """What a step is to the saga.

    After Garcia-Molina and Salem, Sagas, 1987, and Richardson, Microservices Patterns, chapter 4.
    """

    COMPENSATABLE = "compensatable"
    READ_ONLY = "read-only"
    PIVOT = "pivot"
    RETRIABLE = "retriable"


class Origin(StrEnum):
    """Where a handler's parameter comes from."""

    INPUT = "input"
    STEP = "step"
    ITEM = "item"
    CONTEXT = "context"
    LINKS = "links"
    RESOURCE = "resource"
    DEFAULT = "default"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a handler and what fills it.

    Attributes:
        name: The parameter's name.
        annotation: Its resolved type, or `inspect.Parameter.empty`.
        origin: What fills it; ``NOTHING`` is a problem that a check reports.
        step: The step whose result it is, where origin is ``STEP``.
        path: Keys below the source's JSON, by alias; empty for the whole value.
        required: Whether the handler can be called without it.
        given: The type of what fills it, where that is known.
        explicit: Whether ``takes`` names it.
    """

    name: str
    annotation: Any
    origin: Origin
    step: str = ""
    path: tuple[str, ...] = ()
    required: bool = True
    given: Any = Any
    explicit: bool = False


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and when to try again, in whole seconds.

    ``attempts`` counts all attempts, the first included. Errors are class references
    ``module:qualname``; a subclass counts as its base. Empty ``only`` means every error.
    """

    attempts: int
    wait: int
    backoff: float
    longest_wait: int
    jitter: bool
    only: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """One Task: a handler of a participant, with its time and its retries.

    ``retry`` None means that the function must not run twice by itself. ``waits`` are the seconds
    for which its Task waits for somebody to answer the call's token; 0 for a Task that does not.
    ``direct``: no function is called, Step Functions itself does it (`Service`).
    """

    handler: str
    participant: str
    parameters: tuple[Parameter, ...]
    returns: Any
    seconds: int
    retry: Retry | None
    source: Source | None = None
    waits: int = 0
    direct: bool = False


@dataclass(frozen=True, slots=True)
class Compensation:
    """The call that undoes a step, and the slot of its success."""

    call: Call
    slot: Slot


class Channel(StrEnum):
    """By what a question's message goes out."""

    QUEUE = "queue"
    TOPIC = "topic"
    BUS = "bus"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a question's message goes: the logical id of a resource, or the bus ``default``."""

    channel: Channel
    name: str


@dataclass(frozen=True, slots=True)
class BusinessEvent:
    """A kind of event on an EventBridge bus.

    Attributes:
        source, name: The event's source, and its detail type.
        bus: The logical id of the bus, or ``default``.
        model: The type of its detail as ``module:qualname``.
    """

    source: str
    name: str
    bus: str
    model: str


@dataclass(frozen=True, slots=True)
class AwaitedEvent:
    """The business event that a step waits for; its parameter ``key`` says whose.

    Attributes:
        event: The kind of event.
        by: The field that has the key: keys in its detail, as it is written.
        since: For how many seconds before the saga's start an event counts.
    """

    event: BusinessEvent
    by: tuple[str, ...]
    since: int


@dataclass(frozen=True, slots=True)
class EventTrigger:
    """An event on an EventBridge bus starts a saga.

    Attributes:
        event: The kind of event.
        id: Keys below its detail, by alias, to what becomes the saga's id; empty for the event's
            own id.
        where: What EventBridge compares besides, below the detail.
        convert: What makes the saga's input of the detail, as ``module:qualname``; empty where the
            detail is the input.
    """

    event: BusinessEvent
    id: tuple[str, ...] = ()
    where: Mapping[str, Any] = field(default_factory=dict)
    convert: str = ""

    @property
    def name(self) -> str:
        """What it is called, among those of its saga."""
        bus = "" if self.event.bus == "default" else f" on {self.event.bus}"
        return f"event {self.event.source} {self.event.name}{bus}"


@dataclass(frozen=True, slots=True)
class ScheduleTrigger:
    """The clock starts a saga. The id comes from the scheduled time.

    Attributes:
        expression: ``rate(...)`` or ``cron(...)``, in UTC.
        input: The saga's input, as JSON values.
    """

    expression: str
    input: Any

    @property
    def name(self) -> str:
        """As `EventTrigger.name`."""
        return f"schedule {self.expression}"


@dataclass(frozen=True, slots=True)
class QueueTrigger:
    """A message of an SQS queue starts a saga: its body is the input.

    Attributes:
        queue: The logical id of the queue.
        id: Keys below the input, as in `EventTrigger`; empty for the message's own id.
    """

    queue: str
    id: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As `EventTrigger.name`."""
        return f"queue {self.queue}"


@dataclass(frozen=True, slots=True)
class RequestTrigger:
    """A request to the API starts a saga: its body is the input.

    Attributes:
        method, path: ``POST``, ``/signups``.
        id: As in `QueueTrigger`; empty for the header ``Idempotency-Key``.
        auth: ``AWS_IAM`` or ``NONE``.
    """

    method: str
    path: str
    id: tuple[str, ...] = ()
    auth: str = "AWS_IAM"

    @property
    def name(self) -> str:
        """As `EventTrigger.name`."""
        return f"request {self.method} {self.path}"


Trigger = EventTrigger | ScheduleTrigger | QueueTrigger | RequestTrigger


@dataclass(frozen=True, slots=True)
class Question:
    """A step that asks somebody outside, and has the answer as its result.

    Attributes:
        seconds: How long an answer is waited for.
        heartbeat: How long nothing may be heard of whoever works at it; None for all the time.
        otherwise: What counts as the answer where none comes, as ``{"value": ...}``; None for a
            rejection.
        to: Where it is sent; None where a handler of the author's asks.
        event: What is waited for, where nobody is asked: whatever brings the answer is an event.
    """

    seconds: int
    heartbeat: int | None = None
    otherwise: Mapping[str, Any] | None = None
    to: Destination | None = None
    event: AwaitedEvent | None = None


@dataclass(frozen=True, slots=True)
class ChildSaga:
    """The saga that a step starts and waits for (rule 28).

    Attributes:
        name: The saga's name.
        reference: Its class as ``module:qualname``.
        input: The name of its input.
        model: Its input's type as ``module:qualname``; empty for one without such a name.
        result: The step of it whose result is this step's; empty for none.
        graph: Its graph, as it is now; absent in a graph that was kept.
    """

    name: str
    reference: str
    input: str
    model: str = ""
    result: str = ""
    graph: SagaGraph | None = field(default=None, compare=False, repr=False)


class TargetKind(StrEnum):
    """What an action of a service works on."""

    QUEUE = "queue"
    TOPIC = "topic"
    BUS = "bus"
    TABLE = "table"
    MACHINE = "machine"
    CONNECTION = "connection"
    RESOURCE = "resource"


@dataclass(frozen=True, slots=True)
class Target:
    """What an action works on: the logical id of a resource, or the bus ``default``."""

    kind: TargetKind
    name: str


class Known(StrEnum):
    """What every execution knows, for an action's parameters."""

    KEY = "key"
    """The step's idempotency key: the same at every retry and redrive, another in each lane."""
    ID = "id"
    """The saga's id."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text with data in it: constants, data, and what an execution knows, one after the other."""

    parts: tuple[str | Datum | Known, ...]


Value = Any
"""An action's parameter: JSON values, in which `Datum`, `Known`, `Text` and `Target` may stand."""


@dataclass(frozen=True, slots=True)
class Service:
    """What a step has Step Functions itself do, without a function of its own (rule 26).

    Attributes:
        action: ``sqs:sendMessage``, or ``aws-sdk:s3:copyObject``.
        parameters: What it is given: names and `Value`.
        repeatable: Whether it may be done twice: else it is never tried again by itself.
        reply: What of the reply is the step's result: nothing, a key of it, or ``$`` for all of it.
        done: The errors which say that an earlier attempt has done it.
        policies: The rights that it takes, where they do not follow from the action.
    """

    action: str
    parameters: Mapping[str, Value]
    repeatable: bool
    reply: str = ""
    done: tuple[str, ...] = ()
    policies: tuple[Mapping[str, Any], ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class StepNode:
    """One step at the place where it runs.

    ``verify`` is a probe that settles doubt; a pivot's compensation serves only for doubt. With
    ``claim`` the effect is had at most once: a claim is written before it (rule 27). ``schema`` is
    the JSON schema of its result. ``role`` is what the step is where it stands; ``read_only``,
    ``declared_pivot`` and ``declared_retriable`` are what its author said. The ``call`` of a
    ``question`` asks, and its ``returns`` is the type of the answer; that of a ``child`` starts a
    saga, and its ``returns`` is the type of the result that is taken. That of a ``service`` has no
    handler; its participant is whose function settles what became of it.
    """

    name: str
    role: Role
    call: Call
    slot: Slot
    schema: Mapping[str, Any]
    compensation: Compensation | None = None
    verify: Call | None = None
    doc: str = ""
    source: Source | None = None
    read_only: bool = False
    declared_pivot: bool = False
    declared_retriable: bool = False
    claim: bool = False
    question: Question | None = None
    child: ChildSaga | None = None
    service: Service | None = None


@dataclass(frozen=True, slots=True)
class Datum:
    """A value of the running saga that the definition itself looks at.

    Attributes:
        origin: ``INPUT``, ``STEP`` or ``ITEM``.
        name: The step, or the item of a map; empty for the input.
        path: Keys below the source's JSON, by alias.
        annotation: Its type.
    """

    origin: Origin
    name: str = ""
    path: tuple[str, ...] = ()
    annotation: Any = Any


class Operator(StrEnum):
    """How a comparison compares."""

    EQUAL = "=="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="


class Kind(StrEnum):
    """What a comparison takes both of its sides for (rule 24)."""

    BOOLEAN = "bool"
    NUMBER = "number"
    TEXT = "text"
    INSTANT = "instant"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A value beside a constant or another value; false where one of them is absent or null.

    ``other`` is a Datum or a constant; a constant instant is ISO 8601 text with ``Z``.
    """

    datum: Datum
    operator: Operator
    other: Any
    kind: Kind


@dataclass(frozen=True, slots=True)
class Present:
    """A value is there, and is not null."""

    datum: Datum


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every one of the conditions is true."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of the conditions is true."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The condition is not true."""

    condition: Condition


Condition = Comparison | Present | AllOf | AnyOf | Not


@dataclass(frozen=True, slots=True)
class Branch:
    """One way of a choice, taken where its condition is the first that is true."""

    name: str
    condition: Condition
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class ChoiceNode:
    """At most one of several ways: its steps are in the lane that it is in."""

    name: str
    branches: tuple[Branch, ...]
    otherwise: tuple[Node, ...] = ()
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class WaitNode:
    """A pause.

    Attributes:
        seconds: How long; where a datum says it, how long at most. None where it is until a time.
        until: The datum: a number of seconds where there is a most, else a point in time.
    """

    name: str
    seconds: int | None = None
    until: Datum | None = None
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Lane:
    """What runs beside others: a branch of a parallel."""

    name: str
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class ParallelNode:
    """Branches that run at the same time and always join. ``undo_slot`` is that of their undoing.

    ``undo_slot`` is empty where there is nothing to undo in it.
    """

    name: str
    lanes: tuple[Lane, ...]
    slot: Slot
    undo_slot: Slot = ()
    source: Source | None = None


class ItemSource(StrEnum):
    """Where the items of a distributed map come from."""

    LIST = "list"
    JSON_LINES = "json lines"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Distributed:
    """What a distributed map has besides: its items are executions of their own.

    Attributes:
        source: What the map's ``items`` name: a list, or an object in S3.
        model: The type of an item as ``module:qualname``; empty for one without such a name.
        tolerated: How many items may fail: a count, or below 1.0 a share.
        end: The slot of what the map came to; its own is that of the recorded items.
    """

    source: ItemSource
    model: str
    tolerated: int | float
    end: Slot


@dataclass(frozen=True, slots=True)
class MapNode:
    """The same nodes for each item of a list, in lanes of their own that always join.

    Attributes:
        items: The list.
        item: The parameter name of an item.
        at_most: How many items run at the same time; 0 for all of them.
        most: How many items there may be (rule 25).
        undo_slot: Of the undoing; empty where there is nothing to undo.
        distributed: Of a distributed map, which has no bound, so that its ``most`` is 1: so much of
            an item is in any one document. None for an inline one.
    """

    name: str
    items: Datum
    item: str
    nodes: tuple[Node, ...]
    slot: Slot
    at_most: int
    most: int
    undo_slot: Slot = ()
    source: Source | None = None
    distributed: Distributed | None = None


Fork = ParallelNode | MapNode
Node = StepNode | ChoiceNode | WaitNode | ParallelNode | MapNode


@dataclass(frozen=True, slots=True)
class InputNode:
    """The saga's one input: the parameter name that handlers use, its type and JSON schema.

    ``model`` is the type as ``module:qualname``, for the first call to validate the whole input;
    empty for a type that has no name to be imported by.
    """

    name: str
    annotation: Any
    schema: Mapping[str, Any]
    model: str = ""


@dataclass(frozen=True, slots=True)
class SagaGraph:
    """A whole saga. ``reference`` is its class as ``module:qualname``.

    ``triggers`` are what starts it besides clients. They decide nothing about what runs: they are
    neither in the fingerprint nor in what is kept of a graph.
    """

    name: str
    reference: str
    input: InputNode
    nodes: tuple[Node, ...]
    deadline: int | None = None
    doc: str = ""
    source: Source | None = None
    triggers: tuple[Trigger, ...] = ()


def blocks_of(node: Node) -> tuple[tuple[Node, ...], ...]:
    """The sequences directly inside of a node, as they are written."""
    match node:
        case ChoiceNode():
            return (*(branch.nodes for branch in node.branches), node.otherwise)
        case ParallelNode():
            return tuple(lane.nodes for lane in node.lanes)
        case MapNode():
            return (node.nodes,)
        case _:
            return ()


def closing_step(graph: SagaGraph) -> StepNode | None:
    """The step whose own commit says that the saga is completed: the last one, if it is single.

    Answers, and what children come to, are committed from outside, by whoever knows nothing of the
    saga's end.
    """
    last = graph.nodes[-1]
    if not isinstance(last, StepNode) or last.question or last.child:
        return None
    return last


def children_of(graph: SagaGraph) -> dict[str, SagaGraph]:
    """The sagas that a saga starts, and those that these start, by name; what is known of them."""
    found: dict[str, SagaGraph] = {}
    for node in steps_of(graph.nodes):
        if node.child and node.child.graph and node.child.name not in found:
            found |= {node.child.name: node.child.graph} | children_of(node.child.graph)
    return found


def distributed_of(nodes: tuple[Node, ...]) -> Iterator[tuple[MapNode, Distributed]]:
    """The distributed maps among these nodes, which stand at a saga's root alone."""
    for node in nodes:
        if isinstance(node, MapNode) and node.distributed:
            yield node, node.distributed


def walk(nodes: tuple[Node, ...]) -> Iterator[Node]:
    """Every node of a sequence and of what is inside, as they are written."""
    for node in nodes:
        yield node
        for block in blocks_of(node):
            yield from walk(block)


def steps_of(nodes: tuple[Node, ...]) -> Iterator[StepNode]:
    """Every step of a sequence and of what is inside, as they are written."""
    return (node for node in walk(nodes) if isinstance(node, StepNode))


def takes_links(call: Call) -> bool:
    """Whether a handler takes approval links."""
    return any(parameter.origin is Origin.LINKS for parameter in call.parameters)


def data_of(nodes: tuple[Node, ...]) -> Iterator[Datum]:
    """Everything that a definition itself looks at."""
    for node in walk(nodes):
        match node:
            case ChoiceNode(branches=branches):
                for branch in branches:
                    yield from data_in(branch.condition)
            case MapNode(items=items, distributed=None):
                yield items
            case WaitNode(until=Datum() as until):
                yield until
            case StepNode(service=Service() as service):
                yield from (one for one in leaves(service.parameters) if isinstance(one, Datum))
            case _:
                pass


def leaves(value: Value) -> Iterator[Any]:
    """Everything in an action's parameters that holds nothing itself, the parts of texts too."""
    match value:
        case Mapping():
            for item in value.values():
                yield from leaves(item)
        case list() | tuple():
            for item in value:
                yield from leaves(item)
        case Text(parts=parts):
            yield from parts
        case _:
            yield value


def data_in(condition: Condition) -> Iterator[Datum]:
    """Everything that a condition looks at."""
    match condition:
        case Comparison(datum=datum, other=other):
            yield datum
            if isinstance(other, Datum):
                yield other
        case Present(datum=datum):
            yield datum
        case AllOf(conditions=conditions) | AnyOf(conditions=conditions):
            for one in conditions:
                yield from data_in(one)
        case Not(condition=inner):
            yield from data_in(inner)
