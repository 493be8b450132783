"""What starts a saga besides clients: an event, a schedule, a queue, a request to an API."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from stepsaga.authoring.signatures import EMPTY, read
from stepsaga.checks.annotations import importable_name, name_of
from stepsaga.checks.fields import did_you_mean, fields_of
from stepsaga.checks.fit import fits
from stepsaga.checks.schemas import NoSchemaError, schema_of
from stepsaga.checks.types import hides
from stepsaga.errors import InputInvalid, Problem
from stepsaga.graph import (
    BusinessEvent,
    EventTrigger,
    QueueTrigger,
    RequestTrigger,
    ScheduleTrigger,
)
from stepsaga.runtime.bus_event import DEFAULT_BUS, BusEvent
from stepsaga.runtime.inputs import SagaInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stepsaga.errors import Source
    from stepsaga.graph import InputNode, Trigger

D = TypeVar("D")

METHODS: Final = ("POST", "PUT", "PATCH")
"""What has a body."""
AUTH: Final = ("AWS_IAM", "NONE")
_LOGICAL_ID: Final = re.compile(r"[A-Za-z0-9]{1,255}")
_PATH: Final = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_RATE: Final = re.compile(r"rate\((1 (minute|hour|day)|([2-9]|[1-9]\d+) (minutes|hours|days))\)")
_CRON: Final = re.compile(r"cron\(\S+ \S+ (\S+) \S+ (\S+) \S+\)")
"""https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html"""


class OnEvent:
    """Each event of a kind starts a saga.

    As in ``OnEvent(customer_registered, id="customer_id")``. An event that is delivered twice
    starts one saga.

    Args:
        event: The kind of event, a `BusEvent`.
        id: A field of its detail, dotted where it is inside of another, that becomes the saga's id:
            a text or a whole number that every detail has. By default the event's own id.
        input: A function at the top of a module that makes the saga's input of the detail, and of
            the same detail the same; by default the detail is the input.
        where: What EventBridge compares besides, as in ``{"plan": ["pro"]}``; see
            https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
    """

    __slots__ = ("event", "id", "input", "where")

    def __init__(
        self,
        event: BusEvent[D],
        *,
        id: str = "",  # noqa: A002  # the saga's id
        input: Callable[[D], Any] | None = None,  # noqa: A002  # the saga's input
        where: Mapping[str, Any] | None = None,
    ) -> None:
        self.event = event
        self.id = id
        self.input = input
        self.where = where


@dataclass(frozen=True, slots=True)
class OnSchedule:
    """The clock starts a saga: ``OnSchedule("cron(0 6 * * ? *)", input=Report(...))``, in UTC.

    The id comes from the scheduled time, so that each time starts one saga.

    Attributes:
        expression: ``rate(...)`` or ``cron(...)`` as EventBridge has them.
        input: The input of each.
    """

    expression: str
    input: Any


@dataclass(frozen=True, slots=True)
class OnQueue:
    """Each message of an SQS queue starts a saga: its body is the input, as JSON.

    Attributes:
        queue: The logical id of the queue in ``template.yaml``. One saga reads it.
        id: A field of the input that becomes the saga's id, as in `OnEvent`; by default the
            message's own id, which is another one where somebody sends a message again.
    """

    queue: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class OnRequest:
    """Each request to a route of an API starts a saga: its body is the input, as JSON.

    The answer is 202 with the saga and its id, also where it was started before with that input;
    400 with the fields that are wrong; 409 where the id has a saga with another input.

    Attributes:
        method: ``POST``, ``PUT`` or ``PATCH``.
        path: As in ``/signups``, without parameters.
        id: A field of the input that becomes the saga's id, as in `OnEvent`; by default the
            header ``Idempotency-Key``, without which a request is refused.
        auth: Who may call: ``AWS_IAM``, whoever has the right and signs; ``NONE``, everybody.
    """

    method: str
    path: str
    id: str = ""
    auth: str = "AWS_IAM"


Start = OnEvent | OnSchedule | OnQueue | OnRequest


def triggers_of(
    starts: object, subject: str, given: InputNode, source: Source
) -> tuple[tuple[Trigger, ...], list[Problem]]:
    """A saga's triggers as the graph has them, and what is wrong with them.

    Args:
        starts: What the class assigns.
        subject: For problems: ``Onboard.starts``.
        given: The saga's input.
        source: The line.
    """
    reader = _Reader(subject, given, source)
    if not isinstance(starts, tuple):
        text = f"starts={starts!r} is no tuple of triggers"
        reader.add("S530", text, "write starts = (OnEvent(...),) with the comma")
        return (), reader.problems
    if starts and not given.model:
        kind = name_of(given.annotation)
        text = f"the starter reads the input, whose type {kind} has no name to be imported by"
        reader.add("S536", text, "make the input a class at the top of a module")
    found = [trigger for one in starts if (trigger := reader.trigger(one)) is not None]
    names = [one.name for one in found]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        hint = "keep one of them; an event can be one of several in where={...}"
        reader.add("S534", f"two triggers are: {name}", hint)
    return tuple(found), reader.problems


class _Reader:
    def __init__(self, subject: str, given: InputNode, source: Source) -> None:
        self.subject, self.given, self.source = subject, given, source
        self.problems: list[Problem] = []

    def add(self, code: str, text: str, hint: str) -> None:
        self.problems.append(Problem(code, self.subject, text, hint, self.source))

    def trigger(self, declared: object) -> Trigger | None:
        match declared:
            case OnEvent():
                return self._event(declared)
            case OnSchedule(expression=expression, input=value):
                return self._schedule(expression, value)
            case OnQueue(queue=queue, id=id_):
                self._logical_id(queue, "a queue")
                return QueueTrigger(str(queue), self._id(id_, self.given.annotation))
            case OnRequest():
                return self._request(declared)
            case _:
                text = f"{declared!r} is no trigger"
                self.add("S530", text, "give OnEvent, OnSchedule, OnQueue or OnRequest")
                return None

    def _event(self, declared: OnEvent) -> EventTrigger | None:
        event: object = declared.event
        if not isinstance(event, BusEvent):
            text = f"OnEvent is given {event!r}, which is no BusEvent"
            hint = 'declare it beside its model: BusEvent(CustomerRegistered, source="shop")'
            self.add("S530", text, hint)
            return None
        if not event.source:
            self.add("S530", f"{event!r} has no source", 'say whose it is: source="shop.web"')
        if event.bus != DEFAULT_BUS:
            self._logical_id(event.bus, "a bus")
        model = importable_name(event.model)
        if not model:
            text = f"the detail's type {name_of(event.model)} has no name to be imported by"
            self.add("S536", text, "make it a class at the top of a module")
        return EventTrigger(
            event=BusinessEvent(event.source, event.name, event.bus, model),
            id=self._id(declared.id, event.model),
            where=self._where(declared.where),
            convert=self._convert(declared.input, event.model) if model else "",
        )

    def _where(self, where: object) -> Mapping[str, Any]:
        """A pattern for the detail; EventBridge is the one that understands it."""
        if where is None:
            return {}
        try:
            text = json.dumps(where, allow_nan=False)
        except (TypeError, ValueError):
            text = ""
        # CloudFormation refuses a template with a null in it.
        if not text or not _is_pattern(where):
            hint = 'write each field with a list of what it may be: where={"plan": ["pro"]}'
            self.add("S535", f"where={where!r} is no pattern", hint)
            return {}
        found: Mapping[str, Any] = json.loads(text)
        return found

    def _convert(self, convert: object, model: Any) -> str:
        if convert is None:
            if not fits(model, self.given.annotation):
                event, wanted = name_of(model), name_of(self.given.annotation)
                text = f"the detail {event} is not the saga's input {wanted}"
                hint = f"give a function that makes it: input=a_function_of_{event}"
                self.add("S532", text, hint)
            return ""
        signature, problems = read(convert, "input", self.subject, self.source)
        self.problems += problems
        if problems:
            return ""
        needed = [one for one in signature.parameters if one.default is EMPTY]
        takes = needed or list(signature.parameters[:1])
        if len(takes) != 1 or not fits(model, takes[0].annotation):
            text = f"{signature.reference} does not take the detail {name_of(model)} alone"
            self.add("S532", text, f"let it take one value: detail: {name_of(model)}")
        if not fits(signature.returns, self.given.annotation):
            wanted = name_of(self.given.annotation)
            text = f"{signature.reference} returns {name_of(signature.returns)}, no {wanted}"
            self.add("S532", text, f"return the saga's input: -> {wanted}")
        return signature.reference

    def _schedule(self, expression: object, value: Any) -> ScheduleTrigger:
        cron = isinstance(expression, str) and _CRON.fullmatch(expression)
        rate = isinstance(expression, str) and _RATE.fullmatch(expression)
        if not rate and not (cron and "?" in cron.groups()):
            text = f"{expression!r} is no schedule of EventBridge"
            hint = 'write "rate(1 hour)", "rate(5 minutes)", or "cron(0 6 * * ? *)": six fields,'
            self.add("S533", text, f"{hint} a ? for the day of the month or of the week")
        try:
            kind = SagaInput(self.subject, self.given.name, self.given.annotation)
            sent = kind.to_send(value)
        except InputInvalid as error:
            self.add("S533", f"the input does not fit: {error}", "give the saga's input")
            sent = None
        return ScheduleTrigger(str(expression), sent)

    def _request(self, declared: OnRequest) -> RequestTrigger:
        if declared.method not in METHODS:
            text = f"{declared.method!r} is no method that starts a saga"
            self.add("S535", text, f"give one of {', '.join(METHODS)}")
        path: object = declared.path
        if not isinstance(path, str) or not _PATH.fullmatch(path):
            text = f"{path!r} is no path"
            self.add("S535", text, 'write "/signups", without parameters: they are in the body')
        if declared.auth not in AUTH:
            text = f"auth={declared.auth!r} is not known"
            self.add("S535", text, f"give one of {', '.join(AUTH)}; more is the template's own")
        id_ = self._id(declared.id, self.given.annotation)
        return RequestTrigger(declared.method, str(path), id_, declared.auth)

    def _logical_id(self, name: object, what: str) -> None:
        if not isinstance(name, str) or not _LOGICAL_ID.fullmatch(name):
            text = f"{name!r} names no resource of a template"
            self.add("S535", text, f"give the logical id of {what}: letters and digits")

    def _id(self, dotted: object, annotation: Any) -> tuple[str, ...]:
        """The keys, by alias, to what becomes the saga's id."""
        if dotted == "":
            return ()
        if not isinstance(dotted, str):
            self.add("S531", f"id={dotted!r} is no field", 'write id="customer_id"')
            return ()
        keys: list[str] = []
        for part in dotted.split("."):
            fields = fields_of(annotation)
            if fields is None or part not in fields:
                text = f"id={dotted!r}: {name_of(annotation)} has no field {part!r}"
                names = [] if fields is None else list(fields)
                hint = did_you_mean(part, names) if names else "name a field of a model"
                self.add("S531", text, hint or f"its fields are {', '.join(names)}")
                return ()
            field = fields[part]
            if not field.required or not field.writes:
                text = f"id={dotted!r}: {part!r} can be absent, and would then be no saga's own"
                self.add("S531", text, "name a field without a default, or leave id out")
                return ()
            keys.append(field.writes[0])
            annotation = field.annotation
        if set(_json_types(annotation)) - {"string", "integer"}:
            text = f"id={dotted!r} is {name_of(annotation)}, no text and no whole number"
            self.add("S531", text, "name a field of str or int")
        elif hides(annotation):
            text = f"id={dotted!r} is sensitive, and a saga's id stands in names and logs"
            self.add("S531", text, "name a field that everybody may see")
        return tuple(keys)


def _json_types(annotation: Any) -> Iterator[str]:
    """What a value of a type can be in JSON."""
    try:
        schema = schema_of(annotation, "serialization")
    except NoSchemaError:
        yield "nothing"
        return
    if "$ref" in schema:
        schema = schema["$defs"][schema["$ref"].rpartition("/")[2]]
    for one in schema.get("anyOf", (schema,)):
        yield str(one.get("type", "anything"))


def _is_pattern(where: object) -> bool:
    """Whether every field leads to a list that is not empty, and nothing is null."""
    if (
        not isinstance(where, Mapping)
        or not where
        or not all(isinstance(key, str) for key in where)
    ):
        return False
    return all(
        _listed(value) if isinstance(value, list | tuple) else _is_pattern(value)
        for value in where.values()
    )


def _listed(values: list[Any] | tuple[Any, ...]) -> bool:
    return bool(values) and "null" not in re.sub(r'"[^"]*"', "", json.dumps(values))
