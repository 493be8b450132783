"""What the definition itself looks at: conditions, lists of maps, times of waits.

It sees JSON as the input's model and the steps' results write it, and can compare little: rule 24.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import AwareDatetime

from stepsaga.authoring.conditions import Combined, Compared, IsPresent, Negated
from stepsaga.authoring.data import InputDeclaration, ItemDeclaration, SagaData, reference_of
from stepsaga.authoring.step import Step
from stepsaga.checks.annotations import arms, bare, is_open, name_of
from stepsaga.checks.fields import fields_of
from stepsaga.errors import Problem
from stepsaga.graph import (
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Datum,
    Kind,
    Not,
    Operator,
    Origin,
    Present,
)

if TYPE_CHECKING:
    from stepsaga.authoring.wiring import Scope

LONGEST_WAIT: Final = 99_999_999
"""Seconds. https://docs.aws.amazon.com/step-functions/latest/dg/state-wait.html"""

_LISTS: Final = (list, tuple, set, frozenset, Sequence, AbstractSet, Collection, Iterable)
_KINDS: Final = {
    bool: Kind.BOOLEAN,
    int: Kind.NUMBER,
    float: Kind.NUMBER,
    str: Kind.TEXT,
    AwareDatetime: Kind.INSTANT,
}


class UnseenError(Exception):
    """The definition cannot look at something; carries what is wrong, and a hint."""


def condition_of(test: object, scope: Scope) -> Condition:
    """A condition, with what it looks at resolved.

    Raises:
        UnseenError: It is no condition, or compares what cannot be compared.
    """
    match test:
        case Compared(data=data, operator=operator, other=other):
            return _comparison(data, operator, other, scope)
        case IsPresent(data=data):
            return Present(datum_of(data, scope))
        case Combined(every=every, tests=()):
            what = "all_of" if every else "any_of"
            raise UnseenError(f"{what} is given nothing", "give it conditions")
        case Combined(every=every, tests=tests):
            conditions = tuple(condition_of(one, scope) for one in tests)
            return AllOf(conditions) if every else AnyOf(conditions)
        case Negated(test=inner):
            return Not(condition_of(inner, scope))
        case SagaData():
            datum = datum_of(test, scope)
            if _kinds(datum.annotation) - {Kind.BOOLEAN}:
                text = f"{shown(datum)} is no bool"
                raise UnseenError(text, "compare it: charge.result.risk >= 70")
            return Comparison(datum, Operator.EQUAL, True, Kind.BOOLEAN)  # noqa: FBT003  # a constant
        case _:
            text = f"{test!r} is no condition over saga data"
            raise UnseenError(text, "compare saga data: charge.result.risk >= 70")


def datum_of(data: object, scope: Scope) -> Datum:
    """What saga data is to the definition.

    Raises:
        UnseenError: It is none, or not known at this place.
    """
    data = data.result if isinstance(data, Step) else data
    if not isinstance(data, SagaData):
        raise UnseenError(
            f"{data!r} is no saga data", "name the input, or an earlier step's result"
        )
    reference = reference_of(data)
    origin, name, annotation = _root_of(reference.root, scope)
    keys, given = _written(annotation, reference.path)
    return Datum(origin, name, keys, given)


def certain_datum_of(data: object, scope: Scope) -> Datum:
    """The same of what is there for certain, and never None: a path to it leads somewhere.

    Raises:
        UnseenError: It is none, not known at this place, or may be absent or None.
    """
    datum = datum_of(data, scope)
    data = data.result if isinstance(data, Step) else data
    assert isinstance(data, SagaData)  # noqa: S101  # for mypy; datum_of said so
    reference = reference_of(data)
    _, _, annotation = _root_of(reference.root, scope)
    whole = datum.name or "the input"
    hint = f"name a field that is always there; or let a step return it: {whole} may lack it"
    for number, part in enumerate(("", *reference.path)):
        if part:
            found = (fields_of(annotation) or {}).get(part)
            if found is None or not found.written or is_open(annotation):
                raise UnseenError(f"{name_of(annotation)} may have no {part!r}", hint)
            annotation = found.annotation
        if any(arm is type(None) for arm in arms(annotation)):
            where = ".".join([whole, *reference.path[:number]])
            raise UnseenError(f"{where} may be None: {name_of(annotation)}", hint)
    return datum


def _root_of(root: object, scope: Scope) -> tuple[Origin, str, Any]:
    """Where saga data comes from, the name of that, and its type."""
    if isinstance(root, InputDeclaration):
        if root is not scope.declaration:
            raise UnseenError("it is another saga's input", "name this saga's own")
        return Origin.INPUT, "", scope.declaration.annotation
    if isinstance(root, ItemDeclaration):
        if not scope.items:
            raise UnseenError("Map.item is named outside of a map", "name it in the map's nodes")
        name, annotation = list(scope.items.items())[-1]
        return Origin.ITEM, name, annotation
    name = scope.steps.get(id(root), "")
    if name not in scope.results:
        what = f"the step {name!r} has not run" if name else "it is of another saga"
        raise UnseenError(f"{what} at that point", "name the input, or an earlier step's result")
    return Origin.STEP, name, scope.results[name]


def _written(annotation: Any, path: tuple[str, ...]) -> tuple[tuple[str, ...], Any]:
    """Follow fields to the keys under which they are written."""
    keys: list[str] = []
    for part in path:
        absent = any(arm is type(None) for arm in arms(annotation))
        found = None
        for arm in arms(annotation):
            found = (fields_of(arm) or {}).get(part, found)
        if found is None:
            if not is_open(annotation):
                raise UnseenError(f"{name_of(annotation)} has no field {part!r}", "name a field")
            keys.append(part)
            annotation = Any
            continue
        if not found.writes:
            raise UnseenError(
                f"{part!r} is not written to JSON", "write it, or decide in a handler"
            )
        keys.append(found.writes[0])
        annotation = found.annotation | None if absent else found.annotation
    return tuple(keys), annotation


def _comparison(data: object, operator: Operator, other: object, scope: Scope) -> Condition:
    datum = datum_of(data, scope)
    against = datum_of(other, scope) if isinstance(other, SagaData | Step) else _constant(other)
    kinds = _kinds(datum.annotation)
    others = _kinds(against.annotation) if isinstance(against, Datum) else {_kind(against)}
    for found, one in ((kinds, datum), (others, against)):
        if unknown := [name for name in found if not isinstance(name, Kind)]:
            text = f"{shown(one)} is {unknown[0]}"
            hint = "compare int, float, bool, str or AwareDatetime; anything else in a handler"
            raise UnseenError(text, hint)
    both = (kinds & others) if kinds and others else kinds | others
    if not both:
        names = [" or ".join(sorted(found)) or "anything" for found in (kinds, others)]
        text = f"{shown(datum)} is {names[0]}, compared with {names[1]}"
        raise UnseenError(text, "compare what is of one type")
    if len(both) > 1:
        text = f"{shown(datum)} and {shown(against)} can be of several types"
        raise UnseenError(text, "annotate them with one type")
    [kind] = both
    if operator is not Operator.EQUAL and kind is Kind.BOOLEAN:
        raise UnseenError(f"{shown(datum)} is a bool, and has no order", "use == or !=")
    if isinstance(against, datetime):
        against = against.isoformat().replace("+00:00", "Z")
    return Comparison(datum, operator, against, Kind(kind))


def _constant(value: object) -> Any:
    value = value.value if isinstance(value, Enum) else value
    if value is None:
        raise UnseenError("it is compared with None", "use is_present, or not_(is_present(...))")
    if isinstance(value, datetime) and value.tzinfo is None:
        raise UnseenError("it is compared with a naive datetime", "give it a time zone")
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, str | int | float):
        return value
    text = f"it is compared with a {type(value).__name__}"
    raise UnseenError(text, "compare with int, float, bool, str or an aware datetime")


def _kind(value: object) -> str:
    for types, kind in (
        (bool, Kind.BOOLEAN),
        (int | float, Kind.NUMBER),
        (str, Kind.TEXT),
        (datetime, Kind.INSTANT),
    ):
        if isinstance(value, types):
            return kind
    return type(value).__name__


def _kinds(annotation: Any) -> set[str]:
    """How a type's values can be compared, but None; nothing for one that is open."""
    if _is_aware(annotation):
        return {Kind.INSTANT}
    found: set[str] = set()
    for arm in arms(annotation):
        if is_open(arm):
            return set()
        if get_origin(arm) is Literal:
            found |= {_kind(_plain(value)) for value in get_args(arm)}
        elif isinstance(arm, type) and issubclass(arm, Enum):
            found |= {_kind(_plain(member)) for member in arm}
        elif arm is not type(None):
            found.add(_KINDS.get(arm) or name_of(arm))
    return found


def _plain(value: object) -> object:
    return value.value if isinstance(value, Enum) else value


def _is_aware(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        return _is_aware(get_args(annotation)[0])
    return annotation is AwareDatetime


def shown(datum: object) -> str:
    """A datum as an author would write it; a constant as it is."""
    if not isinstance(datum, Datum):
        return repr(datum)
    return ".".join([datum.name or "the input", *datum.path])


def items_of(data: object, scope: Scope) -> tuple[Datum, Any]:
    """The list of a map, and the type of its items.

    Raises:
        UnseenError: It is no list, or may be absent.
    """
    datum = datum_of(data, scope)
    kind = bare(datum.annotation)
    if is_open(kind):
        return datum, Any
    origin = get_origin(kind) or kind
    if origin not in _LISTS:
        text = f"{shown(datum)} is {name_of(datum.annotation)}, which is no list for certain"
        raise UnseenError(text, "give a field that is always a list: a default of [] will do")
    arguments = [item for item in get_args(kind) if item is not Ellipsis]
    return datum, arguments[0] if len(arguments) == 1 else Any


def time_of(data: object, scope: Scope) -> tuple[Datum, int | None]:
    """The time of a wait, and how many seconds it can be at most; None for a point in time.

    Raises:
        UnseenError: It is neither an aware datetime nor a number of seconds in range, for certain.
    """
    datum = datum_of(data, scope)
    if _is_aware(datum.annotation):
        return datum, None
    hint = "annotate it AwareDatetime; or Annotated[int, Field(ge=0, le=86400)], seconds"
    if bare(datum.annotation) is not int:
        text = f"{shown(datum)} is {name_of(datum.annotation)}, which is no time for certain"
        raise UnseenError(text, hint)
    metadata = getattr(datum.annotation, "__metadata__", ())
    least = [one for one in _flat(metadata) if isinstance(one, Ge | Gt)]
    most = [one for one in _flat(metadata) if isinstance(one, Le | Lt)]
    if not least or not most or _most(most) > LONGEST_WAIT or _least(least) < 0:
        raise UnseenError(f"{shown(datum)} may be out of range for a wait in seconds", hint)
    return datum, _most(most)


def _flat(metadata: Iterable[Any]) -> list[Any]:
    return [part for one in metadata for part in (one, *getattr(one, "metadata", ()))]


def _least(bounds: list[Any]) -> Any:
    found: list[Any] = [one.ge if isinstance(one, Ge) else one.gt + 1 for one in bounds]
    return max(found)


def _most(bounds: list[Any]) -> Any:
    found: list[Any] = [one.le if isinstance(one, Le) else one.lt - 1 for one in bounds]
    return min(found)


def problem(code: str, subject: str, error: UnseenError, source: Any) -> Problem:
    """What an author is told."""
    text, hint = error.args
    return Problem(code, subject, text, hint, source)
