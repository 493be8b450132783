"""Values made up from JSON schemas: inputs, results and answers of sagas that nobody wrote.

The same schema makes the same value, and a full one: what may be left out is there. Texts are the
names of their fields, so that two fields of one object differ; lists have two items where they may.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from stepsaga.errors import UsageError
from stepsaga.runtime.values import JsonType, Unfit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Schema = Mapping[str, Any]

DEEPEST: Final = 4
"""How often a model may be in itself, before what can be left out is."""
ITEMS: Final = 2
"""Of a list: two are enough for items to be mixed up."""
_FORMATS: Final = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "ada@example.com",
    "idn-email": "ada@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-00000000000{}",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
}
_FITS_A_PATTERN: Final = (
    *("1", "a", "A", "12", "ab", "AB", "123", "abc", "ABC", "1234", "abcd", "12345", "123456"),
    *("ABCDEF", "a-1", "A-1", "a_1", "AB12", "AB123", "AB-123", "ABC-123", "2026-01-01", "12:00"),
    *("1.00", "#000000", "/a", "a/b", "a@example.com", "+41441234567", "+1 555 0100", "0" * 32),
)
"""Tried in this order where a text has a pattern."""


class NoSampleError(UsageError):
    """No value can be made up: says of what, and what to write instead."""


def sample(schema: Schema, annotation: Any, name: str) -> Any:
    """A JSON value of a type.

    Args:
        schema: The type's JSON schema.
        annotation: The type, which has the last word.
        name: What messages call the value.

    Raises:
        NoSampleError: None can be made up that fits.
    """
    try:
        value = _Maker(schema).value(schema, _Place(name))
        JsonType(annotation).read(name, value)
    except (Unfit, NoSampleError) as error:
        raise NoSampleError(
            f"no {name} can be made up from its model ({error}): give fields examples,"
            ' as in Field(examples=["CH93"])'
        ) from None
    return value


def sample_below(schema: Schema, path: Sequence[str]) -> Any:
    """A JSON value for what stands at keys below a value: there, also where it may be absent.

    Raises:
        NoSampleError: There is no such field, or no value can be made up.
    """
    maker, found = _Maker(schema), schema
    for key in path:
        found = maker.there(found).get("properties", {}).get(key, {})
    found = maker.there(found)
    return maker.value({k: v for k, v in found.items() if k != "default"}, _Place(path[-1]))


@dataclass(frozen=True)
class _Place:
    """Where a value is wanted: its field, which item it is, and which models it is in."""

    name: str
    item: int = 0
    inside: tuple[str, ...] = ()


class _Maker:
    def __init__(self, root: Schema) -> None:
        self._root = root

    def value(self, schema: Schema, place: _Place) -> Any:
        """A value of a schema."""
        if "$ref" in schema:
            reference = schema["$ref"]
            inner = replace(place, inside=(*place.inside, reference))
            return self.value({**self._found(reference), **_beside(schema)}, inner)
        if "const" in schema or schema.get("default"):
            # A default that is empty shows less than what is made up.
            return schema.get("const", schema.get("default"))
        for key in ("examples", "enum"):
            if found := schema.get(key):
                return found[place.item % len(found)]
        if ways := schema.get("anyOf") or schema.get("oneOf"):
            return self._one_of(ways, place)
        if parts := schema.get("allOf"):
            return self.value({k: v for part in parts for k, v in self._open(part).items()}, place)
        return self._typed(schema, place)

    def _typed(self, schema: Schema, place: _Place) -> Any:
        kinds = schema.get("type", "object" if "properties" in schema else "string")
        match kinds if isinstance(kinds, str) else kinds[0]:
            case "object":
                return dict(self._fields(schema, place))
            case "array":
                return self._list(schema, place)
            case "string":
                return _text(schema, place)
            case "integer" | "number":
                return _number(schema, place)
            case "boolean":
                return False
            case _:
                return None

    def _one_of(self, ways: list[Schema], place: _Place) -> Any:
        empty = [way for way in ways if way.get("type") == "null"]
        full = [way for way in ways if way not in empty]
        if empty and self._is_deep(full, place):
            return None
        for way in full:
            try:
                return self.value(way, place)
            except NoSampleError:
                continue
        if empty:
            return None
        raise NoSampleError(f"{place.name} has no form that can be made up")

    def _fields(self, schema: Schema, place: _Place) -> Iterator[tuple[str, Any]]:
        required = schema.get("required", ())
        for name, inner in schema.get("properties", {}).items():
            if name in required or not self._is_deep([inner], place):
                yield name, self.value(inner, replace(place, name=name))
        for number in range(schema.get("minProperties", 0)):
            other = schema.get("additionalProperties", {})
            yield f"key{number}", self.value(other if isinstance(other, Mapping) else {}, place)

    def _list(self, schema: Schema, place: _Place) -> list[Any]:
        first = [self.value(one, place) for one in schema.get("prefixItems", ())]
        inner = schema.get("items", {})
        least = schema.get("minItems", 0)
        most = schema.get("maxItems", max(least, ITEMS))
        wanted = 0 if self._is_deep([inner], place) else ITEMS
        number = min(max(wanted, least), most) - len(first)
        if inner is False:
            return first
        return first + [self.value(inner, replace(place, item=n)) for n in range(number)]

    def _is_deep(self, schemas: list[Schema], place: _Place) -> bool:
        """Whether a model would be in itself once more than it may."""
        named = [one.get("$ref") or one.get("items", {}).get("$ref") for one in schemas]
        return any(name and place.inside.count(name) >= DEEPEST // 2 for name in named)

    def _found(self, reference: str) -> Schema:
        found: Any = self._root
        for key in reference.removeprefix("#/").split("/"):
            found = found[key.replace("~1", "/").replace("~0", "~")]
        return found  # type: ignore[no-any-return]  # a part of the schema

    def there(self, schema: Schema) -> Schema:
        """A schema that does not take null, references followed."""
        schema = self._open(schema)
        full = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
        return self._open(full[0]) if full else schema

    def _open(self, schema: Schema) -> Schema:
        return self._found(schema["$ref"]) if "$ref" in schema else schema


def _beside(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key != "$ref"}


def _text(schema: Schema, place: _Place) -> str:
    if text := _FORMATS.get(schema.get("format", "")):
        return text.format(place.item)
    least, most = schema.get("minLength", 0), schema.get("maxLength", 10_000)
    if pattern := schema.get("pattern"):
        for text in _FITS_A_PATTERN:
            if re.search(pattern, text) and least <= len(text) <= most:
                return text
        raise NoSampleError(f"{place.name}: no text is known that fits the pattern {pattern}")
    text = f"{place.name}-{place.item + 1}" if place.item else place.name
    return text.ljust(least, "x")[:most]


def _number(schema: Schema, place: _Place) -> int | float:
    step: int | float = schema.get("multipleOf", 1)
    above: int | float | None = schema.get("exclusiveMinimum")
    below: int | float | None = schema.get("exclusiveMaximum")
    least: int | float = schema.get("minimum", 0 if above is None else above)
    most: int | float | None = schema.get("maximum", below)
    if most is not None and most <= least and "minimum" not in schema and above is None:
        least = most - step
    value = max(-(-least // step) * step, step if most is None or most > step else least)
    if value == above:
        value += step
    if most is not None and (value > most or value == below):
        value = (least + most) / 2
    more = value + place.item * step
    return more if most is None or more < most else value
