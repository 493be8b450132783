"""Whether what was written under one JSON schema is read under another.

Sound, not complete: YES only where every value that the first describes is read by the second; NO
where some value is refused; and UNKNOWN for all else, never silently one of the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

from stepsaga.compat.schemas import ALSO, BEYOND, UNTOLD, Schema


class Verdict(IntEnum):
    """Whether it is read; the worst has the lowest number."""

    NO = 0
    UNKNOWN = 1
    YES = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """A verdict, and why it is no better: each reason with its place."""

    verdict: Verdict = Verdict.YES
    reasons: tuple[str, ...] = ()


FINE: Final = Answer()
_SILENT: Final = frozenset(
    {"default", "readOnly", "writeOnly", "discriminator", "$defs", "$ref", BEYOND, ALSO, UNTOLD}
)
_KNOWN: Final[Mapping[str, frozenset[str]]] = {
    "null": frozenset(),
    "boolean": frozenset(),
    "integer": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
    "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "array": frozenset({"items", "prefixItems", "minItems", "maxItems"}),
    "object": frozenset(
        {"properties", "required", "additionalProperties", "minProperties", "maxProperties"}
    ),
}
"""Keywords that are understood, by type. Any other must be the same on both sides."""
_UNBOUND: Final = frozenset({"password", "path"})
"""Formats that any text has."""
_WORDS: Final = {
    "null": "null",
    "boolean": "a truth value",
    "integer": "a whole number",
    "number": "a number",
    "string": "a text",
    "array": "a list",
    "object": "an object",
}


def reads(written: Schema, wanted: Schema, before: Schema | None = None, *, raw: bool) -> Answer:
    """Whether a reader reads whatever was written.

    Args:
        written: What there is.
        wanted: The reader's.
        before: The reader's schema in the release that wrote it, where it had one: what it asked
            for beyond its schema it asked for then, too.
        raw: It was not written by a model, but by a sender for one: ``written`` is a reader's.
    """
    if before is not None and _same(before, wanted):
        return FINE
    comparison = _Comparison(written.definitions, wanted.definitions, raw=raw)
    befores = [] if before is None else [_At(before.schema, before.definitions)]
    return comparison.compare(written.schema, wanted.schema, befores, "")


@dataclass(frozen=True, slots=True)
class _At:
    """A place in the reader's schema of before."""

    schema: Mapping[str, Any]
    definitions: Mapping[str, Any]

    def resolved(self) -> list[_At]:
        """The arms of it."""
        arms = _arms(_resolved(self.schema, self.definitions), self.definitions)
        return [_At(_resolved(arm, self.definitions), self.definitions) for arm in arms]

    def field(self, key: str) -> list[_At]:
        inner = self.schema.get("properties", {}).get(key)
        return [] if inner is None else [_At(inner, self.definitions)]

    def item(self) -> list[_At]:
        inner = self.schema.get("items")
        return [_At(inner, self.definitions)] if isinstance(inner, Mapping) else []

    def value(self) -> list[_At]:
        inner = self.schema.get("additionalProperties")
        return [_At(inner, self.definitions)] if isinstance(inner, Mapping) else []


@dataclass
class _Comparison:
    left: Mapping[str, Any]
    right: Mapping[str, Any]
    raw: bool
    assumed: set[tuple[str, str]] = field(default_factory=set)
    """Definitions that are being compared: a recursive type meets itself again."""

    def compare(
        self,
        old: Mapping[str, Any] | bool,
        new: Mapping[str, Any] | bool,
        befores: list[_At],
        at: str,
    ) -> Answer:
        old, new = _mapping(old), _mapping(new)
        pair = (str(old.get("$ref")), str(new.get("$ref")))
        if pair in self.assumed:
            return FINE
        if "None" not in pair:
            self.assumed.add(pair)
        try:
            return self._resolved(
                _resolved(old, self.left), _resolved(new, self.right), befores, at
            )
        finally:
            self.assumed.discard(pair)

    def _resolved(
        self, old: Mapping[str, Any], new: Mapping[str, Any], befores: list[_At], at: str
    ) -> Answer:
        befores = [arm for one in befores for arm in one.resolved()]
        beyond = _beyond(new, befores, at)
        if not _says_something(new):
            return beyond
        if old.get(UNTOLD) or not _says_something(old):
            return _worst([beyond, _unknown(at, "what was written no type tells")])
        arms = _arms(new, self.right)
        answers = [self._one(arm, arms, befores, at) for arm in _arms(old, self.left)]
        return _worst([beyond, *answers])

    def _one(
        self, old: Mapping[str, Any], arms: list[Mapping[str, Any]], befores: list[_At], at: str
    ) -> Answer:
        """One kind of value, against all that are read."""
        if "$ref" in old or any("$ref" in arm for arm in arms) or UNTOLD in old:
            answers = [self.compare(old, arm, befores, at) for arm in arms]
        else:
            answers = [self._arm(old, arm, befores, at) for arm in arms]
        if not answers:
            return _no(at, "nothing is read")
        best = max(answers, key=lambda answer: answer.verdict)
        if best.verdict is Verdict.YES or len(arms) == 1:
            return best
        near = [one for one in answers if one.verdict is best.verdict]
        kinds = " or ".join(dict.fromkeys(_word(_resolved(arm, self.right)) for arm in arms))
        text = f"{_word(_resolved(old, self.left))} is not surely {kinds}"
        if best.verdict is Verdict.NO:
            text = f"{_word(_resolved(old, self.left))} is not read as {kinds}"
        return near[0] if len(near) == 1 else Answer(best.verdict, (_said(at, text),))

    def _arm(
        self, old: Mapping[str, Any], new: Mapping[str, Any], befores: list[_At], at: str
    ) -> Answer:
        beyond = _beyond(new, befores, at)
        if not _says_something(new):
            return beyond
        if "const" in new:
            return _worst([beyond, self._constant(old, new, at)])
        kinds = _type(old), _type(new)
        if not all(kinds):
            return _worst([beyond, _unknown(at, "its schema has no type")])
        if kinds[0] != kinds[1] and kinds != ("integer", "number"):
            return _no(at, f"{_word(old)} was written, {_word(new)} is read")
        found = [beyond, self._same_type(old, new, befores, at)]
        odd = sorted(
            key
            for key in new.keys() - _KNOWN[kinds[1]] - _SILENT - {"type", "enum", "const"}
            if old.get(key) != new[key]
        )
        found += [_unknown(at, f"its schema says {key}") for key in odd]
        return _worst(found)

    def _constant(self, old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Answer:
        if "const" not in old:
            return _no(at, f"{_word(old)} was written, {_word(new)} is read")
        same = (type(old["const"]), old["const"]) == (type(new["const"]), new["const"])
        return FINE if same else _no(at, f"{old['const']!r} is no longer read")

    def _same_type(
        self, old: Mapping[str, Any], new: Mapping[str, Any], befores: list[_At], at: str
    ) -> Answer:
        match _type(new):
            case "integer" | "number":
                return _numbers(old, new, at)
            case "string":
                return _texts(old, new, at)
            case "array":
                return self._lists(old, new, befores, at)
            case "object":
                return self._objects(old, new, befores, at)
            case _:
                return FINE

    def _lists(
        self, old: Mapping[str, Any], new: Mapping[str, Any], befores: list[_At], at: str
    ) -> Answer:
        below = [inner for one in befores for inner in one.item()]
        found = [_lengths(old, new, ("minItems", "maxItems"), at, "items")]
        first, wanted = old.get("prefixItems", []), new.get("prefixItems", [])
        if len(first) < len(wanted):
            return _no(at, f"{len(wanted)} items are read one by one")
        found += [
            self.compare(one, other, [], f"{at}[{number}]")
            for number, (one, other) in enumerate(zip(first, wanted, strict=False))
        ]
        rest = new.get("items", {})
        found += [self.compare(one, rest, below, f"{at}[]") for one in first[len(wanted) :]]
        if not first or "items" in old:
            found.append(self.compare(old.get("items", {}), rest, below, f"{at}[]"))
        return _worst(found)

    def _objects(
        self, old: Mapping[str, Any], new: Mapping[str, Any], befores: list[_At], at: str
    ) -> Answer:
        there, wanted = old.get("properties", {}), new.get("properties", {})
        always = set(old.get("required", ()))
        also = new.get(ALSO, {})
        homes = {key: name for name, keys in also.items() for key in keys}
        found = [_lengths(old, new, ("minProperties", "maxProperties"), at, "fields")]
        for name in new.get("required", ()):
            keys = {name, *also.get(name, ())}
            if not keys & always:
                what = "may be absent" if keys & there.keys() else "is not there"
                found.append(_no(f"{at}.{name}", f"it {what}, and is required"))
        for key, inner in there.items():
            home = homes.get(key, key)
            if home in wanted:
                below = [place for one in befores for place in one.field(home)]
                found.append(self.compare(inner, wanted[home], below, f"{at}.{key}"))
            else:
                found.append(self._more(inner, new, befores, f"{at}.{key}"))
        found += self._others(old, new, befores, at)
        if self.raw:
            found += _spellings(old.get(ALSO, {}), also, at)
        return _worst(found)

    def _more(
        self, old: Mapping[str, Any], new: Mapping[str, Any], befores: list[_At], at: str
    ) -> Answer:
        """A field that the reader does not name."""
        more = new.get("additionalProperties", True)
        if more is False:
            return _no(at, "it is not known any more, and what is not known is refused")
        below = [inner for one in befores for inner in one.value()]
        return self.compare(old, more, below, at)

    def _others(
        self, old: Mapping[str, Any], new: Mapping[str, Any], befores: list[_At], at: str
    ) -> list[Answer]:
        """Fields that the writer does not name."""
        more = old.get("additionalProperties", False)
        if more is False:
            # What the old release did not know it ignored; as if nobody had sent it.
            strict = new.get("additionalProperties", True) is False
            if self.raw and strict and "additionalProperties" not in old:
                return [_unknown(at, "fields that are not known are refused now")]
            return []
        named = [
            (f"{at}.{key}", inner)
            for key, inner in new.get("properties", {}).items()
            if key not in old.get("properties", {})
        ]
        found = [self.compare(more, inner, [], place) for place, inner in named]
        return [*found, self._more(_mapping(more), new, befores, f"{at}.*")]


def _numbers(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Answer:
    found = []
    for low, strictly in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        sign = 1 if low == "minimum" else -1
        bounds = [_bound(one, low, strictly, sign) for one in (old, new)]
        if bounds[1] is not None and (bounds[0] is None or bounds[0] < bounds[1]):
            word = "more" if sign > 0 else "less"
            found.append(
                _no(at, f"it must be {word} than before ({new.get(low, new.get(strictly))})")
            )
    return _worst(found)


def _bound(
    schema: Mapping[str, Any], inclusive: str, strictly: str, sign: int
) -> tuple[float, bool] | None:
    """The narrower of two bounds, so that a larger tuple is narrower."""
    if "const" in schema and isinstance(schema["const"], int | float):
        return (sign * schema["const"], False)
    found = [
        (sign * schema[key], key == strictly) for key in (inclusive, strictly) if key in schema
    ]
    return max(found, default=None)


def _texts(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Answer:
    found = [_lengths(old, new, ("minLength", "maxLength"), at, "characters")]
    wanted, given = new.get("format"), old.get("format")
    if wanted not in {None, given} | _UNBOUND:
        other = given is not None or "const" in old
        text = f"its format is {wanted}" + (f", and was {given}" if given else "")
        found.append(_unknown(at, text) if other else _no(at, text))
    if "pattern" in new and new["pattern"] != old.get("pattern"):
        text = f"it must match {new['pattern']}"
        sure = "pattern" not in old and "const" not in old and given is None
        found.append(_no(at, text) if sure else _unknown(at, text))
    return _worst(found)


def _lengths(
    old: Mapping[str, Any], new: Mapping[str, Any], keys: tuple[str, str], at: str, what: str
) -> Answer:
    least, most = keys
    given = (old.get(least, 0), old.get(most))
    if isinstance(old.get("const"), str):
        given = (len(old["const"]), len(old["const"]))
    found = []
    if given[0] < new.get(least, 0):
        found.append(_no(at, f"it must have {new[least]} {what} or more"))
    if most in new and (given[1] is None or given[1] > new[most]):
        found.append(_no(at, f"it may have {new[most]} {what} at most"))
    return _worst(found)


def _spellings(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> list[Answer]:
    """Other keys under which a sender could have sent a field."""
    gone = [
        key
        for name, keys in old.items()
        for key in keys
        if key != name and not any(key in {own, *others} for own, others in new.items())
    ]
    return [_unknown(f"{at}.{key}", "it was another name of a field") for key in gone]


def _beyond(new: Mapping[str, Any], befores: Iterable[_At], at: str) -> Answer:
    """What the reader asks for beyond its schema, and did not ask for before."""
    kinds = {"", _type(new)}
    same = [one.schema for one in befores if _type(one.schema) in kinds or not _type(new)]
    known = {what for schema in same for what in schema.get(BEYOND, ())}
    odd = [what for what in new.get(BEYOND, ()) if what not in known]
    return _worst([_unknown(at, f"it is checked beyond its type: {what}") for what in odd])


def _mapping(schema: Mapping[str, Any] | bool) -> Mapping[str, Any]:
    if isinstance(schema, bool):
        return {} if schema else {"enum": []}
    return schema


def _resolved(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema without its reference; what stands beside that goes with it."""
    while "$ref" in schema:
        target = definitions[schema["$ref"].rpartition("/")[2]]
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        beyond = [*target.get(BEYOND, ()), *beside.get(BEYOND, ())]
        schema = {**target, **beside, **({BEYOND: beyond} if beyond else {})}
    return schema


def _arms(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The kinds of values that a schema describes, each without a choice in it."""
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            beyond = schema.get(BEYOND, ())
            return [
                {**arm, BEYOND: [*arm.get(BEYOND, ()), *beyond]} if beyond else arm
                for one in schema[keyword]
                for arm in _named_arms(one, definitions)
            ]
    if "enum" in schema:
        rest = {key: value for key, value in schema.items() if key != "enum"}
        return [rest | {"const": value} for value in schema["enum"]]
    return [schema]


def _named_arms(
    schema: Mapping[str, Any], definitions: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    """The same; a structure stays a reference, by which a recursive type is known again."""
    resolved = _resolved(schema, definitions)
    if resolved.keys() & {"anyOf", "oneOf", "enum"}:
        return _arms(resolved, definitions)
    return [schema]


def _says_something(schema: Mapping[str, Any]) -> bool:
    return bool(schema.keys() - _SILENT)


def _type(schema: Mapping[str, Any]) -> str:
    if isinstance(schema.get("type"), str):
        return str(schema["type"])
    names = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
    return names.get(type(schema["const"]), "") if "const" in schema else ""


def _word(schema: Mapping[str, Any]) -> str:
    if "const" in schema:
        return repr(schema["const"])
    return _WORDS.get(_type(schema), "something else")


def _said(at: str, text: str) -> str:
    place = at.removeprefix(".")
    return f"{place}: {text}" if place else text


def _no(at: str, text: str) -> Answer:
    return Answer(Verdict.NO, (_said(at, text),))


def _unknown(at: str, text: str) -> Answer:
    return Answer(Verdict.UNKNOWN, (_said(at, text),))


def _worst(answers: Iterable[Answer]) -> Answer:
    """The worst verdict, with the reasons for it."""
    answers = list(answers)
    worst = min((one.verdict for one in answers), default=Verdict.YES)
    reasons = [why for one in answers if one.verdict is worst for why in one.reasons]
    return Answer(worst, tuple(dict.fromkeys(reasons)))


def _same(one: Schema, other: Schema) -> bool:
    """Whether two readers are the same, as far as anything tells."""
    return one.schema == other.schema and all(
        one.definitions.get(name) == other.definitions.get(name)
        for name in _used(one.schema, one.definitions) | _used(other.schema, other.definitions)
    )


def _used(schema: Any, definitions: Mapping[str, Any]) -> set[str]:
    found: set[str] = set()
    todo = [schema]
    while todo:
        match todo.pop():
            case Mapping() as one:
                name = str(one.get("$ref", "")).rpartition("/")[2]
                if name and name not in found:
                    found.add(name)
                    todo.append(definitions[name])
                todo += one.values()
            case list() as items:
                todo += items
    return found
