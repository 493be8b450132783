"""Triggers inside of Lambda: what an event, a message or a request starts, and under which id.

An id comes from what triggers, so that what is delivered twice starts one saga, for ever (rule 29).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Self

from stepsaga.errors import IdInvalid, InputInvalid, TriggerUnknown
from stepsaga.graph import EventTrigger, QueueTrigger, RequestTrigger, ScheduleTrigger
from stepsaga.recovery.starting import Start, start_once
from stepsaga.runtime.inputs import SagaInput
from stepsaga.runtime.runtime import load
from stepsaga.runtime.texts import class_text
from stepsaga.runtime.values import JsonType, Unfit
from stepsaga.store.slots import execution_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stepsaga.graph import SagaGraph, Trigger
    from stepsaga.recovery.starting import Executions
    from stepsaga.store.protocol import StreamReader

EVENT: Final = "event"
SCHEDULE: Final = "schedule"
QUEUE: Final = "queue"
REQUEST: Final = "request"
"""The kinds of triggers."""
_NAME: Final = re.compile(r"[A-Za-z0-9._@=+!()'-]{1,80}")
"""What of an id Step Functions takes as the name of an execution, and nobody minds to type.
https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html"""


@dataclass(frozen=True, slots=True)
class KnownTrigger:
    """A trigger as the starter knows it: JSON values.

    Attributes:
        key: Its logical id, by which messages name it: ``OnboardOnQueueSignupQueue``.
        kind: One of `EVENT`, `SCHEDULE`, `QUEUE`, `REQUEST`.
        name: As people know it: ``queue SignupQueue``.
        saga: What it starts.
        input: The name of the saga's input.
        model: The input's type as ``module:qualname``.
        detail: The type of an event's detail.
        convert: What makes the input of the detail; empty where the detail is the input.
        id: Keys to what becomes the id; empty where what triggers has one.
        value: Of a schedule, the input.
        source: The queue's logical id; the method and path of a request.
    """

    key: str
    kind: str
    name: str
    saga: str
    input: str
    model: str
    detail: str = ""
    convert: str = ""
    id: tuple[str, ...] = ()
    value: Any = None
    source: str = ""

    @property
    def what(self) -> str:
        """What it is for, in a dead letter."""
        return f"trigger {self.saga}/{self.name}"

    def json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def of_json(cls, told: Mapping[str, Any]) -> Self:
        """What `json` gave."""
        return cls(**{**told, "id": tuple(told["id"])})


@dataclass(frozen=True, slots=True)
class Triggered:
    """What became of it.

    Attributes:
        saga, id: The saga.
        new: Whether this call started it.
    """

    saga: str
    id: str
    new: bool


def known_triggers(graph: SagaGraph) -> tuple[KnownTrigger, ...]:
    """A saga's triggers as the starter knows them."""
    return tuple(_known(graph, one) for one in graph.triggers)


def _known(graph: SagaGraph, trigger: Trigger) -> KnownTrigger:
    given = (graph.name, graph.input.name, graph.input.model)
    match trigger:
        case EventTrigger(event=event, id=id_, convert=convert):
            key = f"{graph.name}On{_words(trigger.name)}"
            return KnownTrigger(
                key, EVENT, trigger.name, *given, detail=event.model, convert=convert, id=id_
            )
        case ScheduleTrigger(input=value):
            mark = hashlib.sha256(trigger.name.encode()).hexdigest()[:8]
            key = f"{graph.name}OnSchedule{mark}"
            return KnownTrigger(key, SCHEDULE, trigger.name, *given, value=value)
        case QueueTrigger(queue=queue, id=id_):
            key = f"{graph.name}On{_words(trigger.name)}"
            return KnownTrigger(key, QUEUE, trigger.name, *given, id=id_, source=queue)
        case RequestTrigger(method=method, path=path, id=id_):
            key = f"{graph.name}On{_words(trigger.name)}"
            route = f"{method} {path}"
            return KnownTrigger(key, REQUEST, trigger.name, *given, id=id_, source=route)


def _words(name: str) -> str:
    """``event shop.customers`` as ``EventShopCustomers``."""
    words = re.split(r"[^A-Za-z0-9]+", name)
    return "".join(word[:1].upper() + word[1:] for word in words)


class Starter:
    """Starts sagas by triggers.

    Args:
        store: The event store.
        executions: Step Functions.
        resolve: How ``module:qualname`` becomes a function.
    """

    def __init__(
        self,
        store: StreamReader,
        executions: Executions,
        resolve: Callable[[str], Callable[..., Any]] = load,
    ) -> None:
        self._store = store
        self._executions = executions
        self._resolve = resolve

    def by_event(self, trigger: KnownTrigger, event: Any) -> Triggered:
        """Start what an event starts, or a scheduled one.

        Args:
            trigger: Its trigger.
            event: As EventBridge has it.

        Raises:
            TriggerUnknown: It is no event.
            InputInvalid, IdInvalid, IdTaken: It can never be started as it is.
            StoreError, EngineError: Not now; whatever the clients raise besides.
        """
        own = "time" if trigger.kind == SCHEDULE else "id"
        if not isinstance(event, dict) or not isinstance(event.get(own), str):
            raise TriggerUnknown(f"{trigger.what} is given what is no event of EventBridge")
        if trigger.kind == SCHEDULE:
            name = execution_name(event["time"], f"{trigger.key}/{event['time']}")
            return self._start(trigger, name, trigger.value, trigger.value)
        value, detail = _detail(trigger, event.get("detail"))
        given = _given(trigger)
        if trigger.convert:
            made = self._converted(trigger, value)
        else:
            made = value if trigger.detail == trigger.model else given.read(detail)
        sent = given.to_send(made)
        return self._start(trigger, _id_in(trigger, detail, event["id"]), made, sent)

    def by_input(self, trigger: KnownTrigger, value: Any, own: str) -> Triggered:
        """Start what a message or a request starts.

        Args:
            trigger: Its trigger.
            value: The input, as JSON values.
            own: The id that the message has, or the request.

        Raises:
            StepsagaError: As `by_event`.
        """
        given = _given(trigger)
        made = given.read(value)
        sent = given.to_send(made)
        return self._start(trigger, _id_in(trigger, sent, own), made, sent)

    def _converted(self, trigger: KnownTrigger, detail: Any) -> Any:
        try:
            return self._resolve(trigger.convert)(detail)
        except Exception as error:
            text = f"{trigger.saga}: {trigger.convert} raised {class_text(type(error))}"
            raise InputInvalid(f"{text}; nothing was started") from error

    def _start(self, trigger: KnownTrigger, name: str, made: Any, sent: Any) -> Triggered:
        start = Start(trigger.saga, name, sent, made)
        before = start_once(start, _given(trigger), self._store, self._executions)
        return Triggered(trigger.saga, name, before is None)


def saga_id(value: str) -> str:
    """What becomes of an id from outside: itself, or what Step Functions takes as a name.

    Raises:
        IdInvalid: It is empty.
    """
    if not value:
        raise IdInvalid("the id is empty; nothing was started")
    return value if _NAME.fullmatch(value) else execution_name(value, value)


def _id_in(trigger: KnownTrigger, value: Any, own: str) -> str:
    for key in trigger.id:
        value = value.get(key) if isinstance(value, dict) else None
    if not trigger.id:
        return saga_id(own)
    if isinstance(value, bool) or not isinstance(value, str | int):
        dotted = ".".join(trigger.id)
        raise IdInvalid(f"{trigger.saga}: {dotted} is no text and no number; nothing was started")
    return saga_id(str(value))


def _detail(trigger: KnownTrigger, detail: Any) -> tuple[Any, Any]:
    """An event's detail as its model has it, and as the model writes it."""
    kind = JsonType(_type_of(trigger.detail))
    try:
        value = kind.read("detail", detail)
        return value, kind.write(value, "detail")
    except Unfit as unfit:
        text = f"{trigger.saga}: {unfit}; nothing was started"
        raise InputInvalid(text, fields=unfit.fields) from None


def _given(trigger: KnownTrigger) -> SagaInput:
    return _input_of(trigger.saga, trigger.input, trigger.model)


@lru_cache(maxsize=256)
def _input_of(saga: str, name: str, model: str) -> SagaInput:
    return SagaInput(saga, name, _type_of(model))


def _type_of(reference: str) -> Any:
    """The type that is called ``module:qualname``.

    Raises:
        TriggerUnknown: There is none: what is deployed does not go together.
    """
    module, _, name = reference.partition(":")
    try:
        return attrgetter(name)(import_module(module))
    except Exception as error:  # a module can raise anything when it is imported
        raise TriggerUnknown(
            f"{reference} cannot be imported: {class_text(type(error))}"
        ) from error
