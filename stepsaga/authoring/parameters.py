"""An action's parameters, read: saga data resolved, and nothing in them that could be missing.

A path that leads nowhere raises ``States.Runtime``, which cannot be caught (rule 20).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from stepsaga.asl.services import is_evaluated
from stepsaga.authoring.actions import NAMES, SDK, TextWith
from stepsaga.authoring.data import SagaData
from stepsaga.authoring.destinations import LOGICAL_ID
from stepsaga.authoring.looking import UnseenError, certain_datum_of, shown
from stepsaga.authoring.step import Step
from stepsaga.checks.annotations import arms, is_open, name_of
from stepsaga.checks.fields import fields_of
from stepsaga.graph import Datum, Known, Target, TargetKind, Text, Value, leaves

if TYPE_CHECKING:
    from stepsaga.authoring.actions import Action
    from stepsaga.authoring.options import Options
    from stepsaga.authoring.wiring import Scope

KNOWN: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "sqs:sendMessage": (
        frozenset({"QueueUrl", "MessageBody"}),
        frozenset({"MessageGroupId", "MessageDeduplicationId"}),
    ),
    "sns:publish": (
        frozenset({"TopicArn", "Message"}),
        frozenset({"MessageGroupId", "MessageDeduplicationId"}),
    ),
    "events:putEvents": (frozenset({"Entries"}), frozenset()),
    "dynamodb:putItem": (
        frozenset({"TableName", "Item"}),
        frozenset(
            {"ConditionExpression", "ExpressionAttributeNames", "ExpressionAttributeValues"}
            | {"ReturnValues"}
        ),
    ),
    "dynamodb:updateItem": (
        frozenset({"TableName", "Key", "UpdateExpression"}),
        frozenset(
            {"ConditionExpression", "ExpressionAttributeNames", "ExpressionAttributeValues"}
            | {"ReturnValues"}
        ),
    ),
    "dynamodb:deleteItem": (
        frozenset({"TableName", "Key"}),
        frozenset(
            {"ConditionExpression", "ExpressionAttributeNames", "ExpressionAttributeValues"}
            | {"ReturnValues"}
        ),
    ),
    "dynamodb:getItem": (
        frozenset({"TableName", "Key"}),
        frozenset({"ConsistentRead", "ProjectionExpression", "ExpressionAttributeNames"}),
    ),
    "states:startExecution": (frozenset({"StateMachineArn", "Input"}), frozenset({"Name"})),
    "http:invoke": (
        frozenset({"ApiEndpoint", "Method", "Authentication"}),
        frozenset({"Headers", "RequestBody", "QueryParameters"}),
    ),
}
"""What Step Functions' own integrations take: what they need, and what they may have besides."""

_OWN: Final[Mapping[str, str]] = {
    "aws-sdk:eventbridge:putEvents": "Action.put_event: here a refused entry would be no failure",
    "aws-sdk:lambda:invoke": "Step(handler): a function is called by its handler",
}
"""Actions that are done otherwise."""
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_TEXTS: Final = (str, int, bool)
_HEADER: Final = re.compile(
    r"Accept|Accept-Language|Content-Type|Idempotency-Key|X-(?!Amz|Forwarded)[A-Za-z0-9-]+",
    re.IGNORECASE,
)
"""Headers that are no business of Step Functions' own, nor of the connection."""


class Reader:
    """Reads the parameters of one step's action.

    Args:
        action: The action.
        scope: What is known where the step stands.
        options: Takes what is wrong with them.
    """

    def __init__(self, action: Action, scope: Scope, options: Options) -> None:
        self._action = action
        self._scope = scope
        self._options = options

    def read(self) -> Mapping[str, Value]:
        """The parameters as the graph has them; what cannot be read is None in them."""
        self._check_name()
        given: object = self._action.parameters
        if not isinstance(given, Mapping):
            self._add("S540", f"parameters are {given!r}", "give an object: {...}")
            return {}
        read = self._object("", given)
        self._check_event()
        if self._action.name == "http:invoke":
            self._check_request(read)
        return read

    def _check_name(self) -> None:
        name, given = self._action.name, self._action.parameters
        plain = name.removeprefix(SDK)
        if name in _OWN:
            self._add("S540", f"{plain} is done otherwise", f"use {_OWN[name]}")
        elif name.startswith(SDK) and not NAMES.fullmatch(plain):
            hint = "write the service in small letters and the action in camel case: s3:copyObject"
            self._add("S540", f"{plain!r} names no action", hint)
        elif not name.startswith(SDK) and name not in KNOWN:
            known = ", ".join(one for one in KNOWN if one.startswith(name.partition(":")[0]))
            self._add("S540", f"{name!r} is no action that Step Functions has", f"use {known}")
        elif name in KNOWN:
            needed, more = KNOWN[name]
            for key in sorted(needed - given.keys()):
                self._add("S540", f"{name}: {key} is missing", f"give {key}=...")
            for key in sorted(given.keys() - needed - more):
                self._add("S540", f"{name}: {key} is not known", f"it takes {', '.join(more)}")

    def _check_request(self, read: Mapping[str, Value]) -> None:
        """What Step Functions would not send is ``States.Runtime``, which cannot be caught."""
        given = self._action.parameters
        if given.get("Method") not in _METHODS:
            text = f"{given.get('Method')!r} is no method"
            self._add("S540", text, f"use one of {', '.join(sorted(_METHODS))}")
        if not _is_https(given.get("ApiEndpoint")):
            hint = 'write "https://api.example.com/parcels", or Action.text("https://.../{}", ...)'
            self._add("S540", "its address does not begin with https:// and a constant host", hint)
        for leaf in leaves(read.get("ApiEndpoint")):
            if isinstance(leaf, Datum) and not _is_one_of(leaf, (int,)):
                text = f"its address has {shown(leaf)} in it, which is no whole number"
                self._add(
                    "S540", text, "give texts in query=... or body=...: there they are encoded"
                )
        headers = read.get("Headers")
        for name, value in headers.items() if isinstance(headers, Mapping) else ():
            if not _HEADER.fullmatch(name):
                hint = "give Accept, Accept-Language, Content-Type, Idempotency-Key, or X-..."
                self._add("S540", f"the header {name!r} cannot be given", hint)
            if not isinstance(value, str):  # what every execution knows is one
                text = f"the header {name!r} is no constant, nor Action.key, nor Action.saga_id"
                self._add("S540", text, "give saga data in query=... or body=...")

    def _object(self, where: str, given: Mapping[Any, object]) -> dict[str, Value]:
        made: dict[str, Value] = {}
        for key, value in given.items():
            place = f"{where}.{key}" if where else str(key)
            if not isinstance(key, str) or key.endswith(".$") or "${" in key:
                hint = "name it otherwise: what ends in `.$`, or has `${`, is no plain name here"
                self._add("S540", f"{place}: {key!r} cannot be a key", hint)
                continue
            if key == "N" and self._in_dynamodb(given) and isinstance(value, SagaData | Step):
                made[key] = self._number(place, value)
            else:
                made[key] = self._value(place, value)
        return made

    def _value(self, where: str, value: object) -> Value:  # noqa: PLR0911  # one a kind
        match value:
            case SagaData() | Step():
                return self._datum(where, value)
            case Known():
                return value
            case Target():
                return self._target(where, value)
            case TextWith():
                return self._text(where, value)
            case Mapping():
                return self._object(where, value)
            case list() | tuple():
                return self._list(where, value)
            case Enum():
                return self._value(where, value.value)
            case None | bool() | int() | str():
                return value
            case float() if math.isfinite(value):
                return value
        self._add("S540", f"{where} is {value!r}, which is no JSON", _way_out(value))
        return None

    def _list(self, where: str, items: list[object] | tuple[object, ...]) -> Value:
        made = tuple(self._value(f"{where}[{n}]", item) for n, item in enumerate(items))
        if is_evaluated(made) and any(map(_has_object, made)):
            text = f"{where} has saga data, or what looks like it, beside objects"
            self._add("S540", text, "let the list have objects only, or values only")
        return made

    def _datum(self, where: str, value: object) -> Value:
        try:
            return certain_datum_of(value, self._scope)
        except UnseenError as error:
            text, hint = error.args
            self._add("S543", f"{where}: {text}", hint)
            return None

    def _text(self, where: str, text: TextWith) -> Value:
        template: object = text.template
        parts = template.split("{}") if isinstance(template, str) else []
        if len(parts) != len(text.data) + 1:
            said = f"{where}: {text.template!r} has not as many {{}} as it is given values"
            self._add("S540", said, 'write Action.text("order {} is late", order.id)')
            return None
        made: list[str | Datum | Known] = [parts[0]]
        for one, after in zip(text.data, parts[1:], strict=True):
            value = self._value(where, one)
            if isinstance(value, Datum) and not _is_one_of(value, _TEXTS):
                said = f"{where}: {shown(value)} is {name_of(value.annotation)}"
                self._add("S540", said, "a text takes str, int and bool: make it in a handler")
            if isinstance(value, Datum | Known):
                made += [value, after]
            elif value is not None:
                made[-1] = f"{made[-1]}{value}{after}"
        return Text(tuple(made))

    def _in_dynamodb(self, given: Mapping[Any, object]) -> bool:
        """Whether this may be a value in DynamoDB's form, which has one key: its type."""
        service, _, _ = self._action.name.removeprefix(SDK).partition(":")
        return len(given) == 1 and service.startswith("dynamodb")

    def _number(self, where: str, value: object) -> Value:
        """DynamoDB takes numbers as texts."""
        datum = self._datum(where, value)
        if isinstance(datum, Datum) and not _is_one_of(datum, (int, float)):
            said = f"{where}: {shown(datum)} is {name_of(datum.annotation)}"
            self._add("S540", said, "N takes int and float")
        return Text((datum,)) if isinstance(datum, Datum) else None

    def _target(self, where: str, target: Target) -> Value:
        name: object = target.name
        if target.kind is TargetKind.BUS and name == "default":
            return target
        if not isinstance(name, str) or not LOGICAL_ID.fullmatch(name):
            hint = "write the logical id of the resource in template.yaml: letters and digits"
            self._add("S540", f"{where}: {name!r} names no resource of a template", hint)
            return None
        if name == "EventTable":
            text = f"{where}: EventTable is the sagas' own, and only the event store writes to it"
            self._add("S540", text, "use a table of your own")
            return None
        return target

    def _check_event(self) -> None:
        """The detail of a business event has the fields of its model."""
        event = self._action.event
        if event is None:
            return
        detail, fields = self._action.detail, fields_of(event.model)
        if not isinstance(detail, Mapping) or fields is None:
            if not isinstance(detail, SagaData | Step):
                hint = "give its fields, {...}, or saga data that is all of it"
                self._add("S540", f"the detail of {event.name} is {detail!r}", hint)
            return
        for name, one in fields.items():
            if one.required and not any(key in detail for key in one.reads):
                self._add("S540", f"the detail of {event.name} lacks {name!r}", f"give {name}")
        known = {key for one in fields.values() for key in one.reads}
        for key in detail:
            if key not in known:
                hint = f"its model {name_of(event.model)} has {', '.join(sorted(known))}"
                self._add("S540", f"the detail of {event.name} has {key!r}", hint)

    def _add(self, code: str, text: str, hint: str) -> None:
        self._options.add(code, text, hint)


def _has_object(value: Value) -> bool:
    inside = value if isinstance(value, tuple) else ()
    return isinstance(value, Mapping | Target) or any(map(_has_object, inside))


def _is_one_of(datum: Datum, kinds: tuple[type, ...]) -> bool:
    found = arms(datum.annotation)
    return all(
        isinstance(arm, type) and issubclass(arm, kinds) and not issubclass(arm, Enum)
        for arm in found
        if not is_open(arm)
    ) and not any(map(is_open, found))


def _is_https(url: object) -> bool:
    text = url.template if isinstance(url, TextWith) else url
    if not isinstance(text, str) or not text.startswith("https://"):
        return False
    host = text.removeprefix("https://").partition("/")[0]
    return bool(host) and "{}" not in host


def _way_out(value: object) -> str:
    if isinstance(value, BaseModel):
        return "give its fields, {...}: a constant is JSON"
    return "write texts, numbers, true and false, None, lists, objects and saga data"
