"""What steps have services do, as JSON, and back: a part of `stepsaga.asl.kept`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepsaga.graph import Datum, Known, Origin, Service, Target, TargetKind, Text, Value


def keep_service(service: Service) -> dict[str, Any]:
    """An action as JSON values. Its rights are no part of what a saga does."""
    return {
        "action": service.action,
        "parameters": _value(service.parameters),
        "repeatable": service.repeatable,
        "reply": service.reply,
        "done": list(service.done),
    }


def service_from(kept: Mapping[str, Any]) -> Service:
    """An action of its kept form."""
    return Service(
        action=kept["action"],
        parameters=_value_from(kept["parameters"]),
        repeatable=kept["repeatable"],
        reply=kept["reply"],
        done=tuple(kept["done"]),
    )


def keep_datum(datum: Datum) -> dict[str, Any]:
    """A datum as JSON values."""
    return {"origin": datum.origin.value, "name": datum.name, "path": list(datum.path)}


def datum_from(kept: Mapping[str, Any]) -> Datum:
    """A datum of its kept form; its type is not kept."""
    return Datum(Origin(kept["origin"]), kept["name"], tuple(kept["path"]))


def _value(value: Value) -> dict[str, Any]:  # noqa: PLR0911  # one a kind
    """Each value says what it is: an author's object may look like anything."""
    match value:
        case Mapping():
            return {"object": {key: _value(item) for key, item in value.items()}}
        case list() | tuple():
            return {"list": [_value(item) for item in value]}
        case Datum():
            return {"data": keep_datum(value)}
        case Known():
            return {"known": value.value}
        case Text(parts=parts):
            return {"text": [_value(part) for part in parts]}
        case Target(kind=kind, name=name):
            return {"target": name, "kind": kind.value}
        case _:
            return {"value": value}


def _value_from(kept: Mapping[str, Any]) -> Value:  # noqa: PLR0911  # one a kind
    match kept:
        case {"object": items}:
            return {key: _value_from(item) for key, item in items.items()}
        case {"list": items}:
            return tuple(_value_from(item) for item in items)
        case {"data": datum}:
            return datum_from(datum)
        case {"known": known}:
            return Known(known)
        case {"text": parts}:
            return Text(tuple(_value_from(part) for part in parts))
        case {"target": name, "kind": kind}:
            return Target(TargetKind(kind), name)
        case {"value": value}:
            return value
        case _:
            raise ValueError(f"{sorted(kept)} is no parameter of an action")
