"""How many bytes the JSON of a schema's values has: at least, and at most if that can be told."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NUMBER_BYTES: Final = 24
"""A float's longest text (``-2.2250738585072014e-308``); integers are taken for no longer."""
ESCAPED: Final = 6
"""Bytes of the longest character in JSON text: ``\\u0000``."""
FORMATS: Final = {"date": (12, 12), "uuid": (38, 38), "date-time": (19, 48), "time": (7, 32)}
"""Texts of a known length, quotes included."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bytes of compact JSON; ``most`` None: there is no bound that the model tells."""

    least: int
    most: int | None

    def times(self, count: int) -> Bounds:
        """The bounds of so many."""
        most = None if self.most is None and count else (self.most or 0) * count
        return Bounds(self.least * count, most)

    def __add__(self, other: Bounds) -> Bounds:
        """The bounds of both together."""
        most = None if self.most is None or other.most is None else self.most + other.most
        return Bounds(self.least + other.least, most)


ANYTHING: Final = Bounds(1, None)


def bounds_of(schema: Mapping[str, Any], *, whole: bool) -> Bounds:
    """The bounds of a schema's values.

    Args:
        schema: A JSON schema, as pydantic makes them.
        whole: Whether all properties are there, as in what a model writes, or the required only.
    """
    return _Reader(schema.get("$defs") or {}, whole=whole).read(schema, ())


class _Reader:
    def __init__(self, defined: Mapping[str, Any], *, whole: bool) -> None:
        self._defined = defined
        self._whole = whole

    def read(self, schema: Any, inside: tuple[str, ...]) -> Bounds:  # noqa: PLR0911  # one a keyword
        """``inside``: the definitions that this is a part of."""
        if not isinstance(schema, dict):
            return ANYTHING
        if "$ref" in schema:
            name = str(schema["$ref"]).rpartition("/")[2]
            if name in inside or name not in self._defined:
                return ANYTHING  # a value that can hold itself has no bound
            return self.read(self._defined[name], (*inside, name))
        if "const" in schema:
            return _any_of([_exactly(schema["const"])])
        if "enum" in schema:
            return _any_of(map(_exactly, schema["enum"]))
        for key in ("anyOf", "oneOf", "allOf"):
            if schema.get(key):
                return _any_of(self.read(one, inside) for one in schema[key])
        if isinstance(kinds := schema.get("type"), list):
            return _any_of(self.read({**schema, "type": kind}, inside) for kind in kinds)
        return self._of_kind(kinds, schema, inside)

    def _of_kind(  # noqa: PLR0911  # one a kind
        self, kind: Any, schema: Mapping[str, Any], inside: tuple[str, ...]
    ) -> Bounds:
        match kind:
            case "null":
                return Bounds(4, 4)
            case "boolean":
                return Bounds(4, 5)
            case "integer" | "number":
                return Bounds(1, NUMBER_BYTES)
            case "string":
                return _text(schema)
            case "array":
                return self._list(schema, inside)
            case "object":
                return self._object(schema, inside)
        return ANYTHING

    def _list(self, schema: Mapping[str, Any], inside: tuple[str, ...]) -> Bounds:
        fixed = [self.read(one, inside) for one in schema.get("prefixItems", ())]
        item = self.read(schema.get("items", {}), inside)
        least, most = schema.get("minItems", 0), schema.get("maxItems")
        few = sum(one.least for one in fixed[:least]) + item.least * max(least - len(fixed), 0)
        bottom = 2 + few + max(least - 1, 0)
        if most is None:
            return Bounds(bottom, None)
        total = Bounds(0, 0)
        for one in [*fixed[:most], item.times(max(most - len(fixed), 0))]:
            total += one
        return Bounds(bottom, None if total.most is None else 2 + total.most + max(most - 1, 0))

    def _object(self, schema: Mapping[str, Any], inside: tuple[str, ...]) -> Bounds:
        properties = schema.get("properties") or {}
        required = schema.get("required") or ()
        total, there = Bounds(2, 2), 0
        for number, (name, part) in enumerate(properties.items()):
            entry = self.read(part, inside) + _exactly(name) + Bounds(1, 1)
            certain = self._whole or name in required
            comma = Bounds(int(certain and there > 0), int(number > 0))
            total += comma + Bounds(entry.least if certain else 0, entry.most)
            there += certain
        more = schema.get("additionalProperties", not properties)
        return total if more is False else Bounds(total.least, None)


def _any_of(found: Iterable[Bounds]) -> Bounds:
    known = list(found)
    tops = [one.most for one in known]
    most = None if None in tops else max(one for one in tops if one is not None)
    return Bounds(min(one.least for one in known), most)


def _exactly(value: Any) -> Bounds:
    size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    return Bounds(size, size)


def _text(schema: Mapping[str, Any]) -> Bounds:
    if schema.get("format") in FORMATS:
        return Bounds(*FORMATS[schema["format"]])
    longest = schema.get("maxLength")
    most = None if longest is None else 2 + ESCAPED * int(longest)
    return Bounds(2 + int(schema.get("minLength", 0)), most)
