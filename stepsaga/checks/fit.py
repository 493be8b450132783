"""Whether what one type writes as JSON is read by another."""

from __future__ import annotations

import typing
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

from pydantic import SecretStr

from stepsaga.checks.annotations import arms, is_open
from stepsaga.checks.fields import (
    fields_of,
    forbids_more,
    keeps_more,
    reads_anything,
    writes_anything,
)

if TYPE_CHECKING:
    from stepsaga.checks.fields import Field

_READ_AS: Final[Mapping[type, tuple[type, ...]]] = {
    bool: (int, float),
    int: (float, Decimal),
    float: (Decimal,),
    str: (SecretStr,),
}
"""What pydantic reads as something else without loss, by what is written."""

_LISTS: Final = (list, tuple, set, frozenset, Sequence, AbstractSet, Collection, Iterable)


def fits(given: Any, wanted: Any, *, raw: bool = False) -> bool:
    """Whether every value of a type, as JSON, is read as another.

    Args:
        given: The type of what is there.
        wanted: The type of the parameter.
        raw: What is there is the saga's input as its sender wrote it, which may lack what has a
            default; otherwise it was written from the type, complete and by alias.

    Returns:
        False only where it is certain that some value does not fit. What types cannot tell
        (validators, serialisers, Any) passes.
    """
    return _Comparison(raw=raw).fits(given, wanted)


class _Comparison:
    def __init__(self, *, raw: bool) -> None:
        self.raw = raw
        self.assumed: set[tuple[int, int]] = set()
        """Structured types that are being compared: a recursive type meets itself again."""

    def fits(self, given: Any, wanted: Any) -> bool:
        if is_open(given) or is_open(wanted):
            return True
        return all(
            is_open(one) or any(is_open(other) or self._arm(one, other) for other in arms(wanted))
            for one in arms(given)
        )

    def _arm(self, given: Any, wanted: Any) -> bool:
        if typing.Literal in {get_origin(given), get_origin(wanted)}:
            return self._literals(given, wanted)
        left, right = fields_of(given), fields_of(wanted)
        if left is not None and right is not None:
            return self._structures(given, wanted, left, right)
        if given == wanted:  # what it is made of may still be unable to read itself
            return all(self.fits(part, part) for part in _members(given))
        if writes_anything(given) or reads_anything(wanted):
            return True
        if left is not None:
            return self._as_mapping(given, left, wanted)
        return right is None and self._classes(given, wanted)

    def _literals(self, given: Any, wanted: Any) -> bool:
        if get_origin(wanted) is typing.Literal:
            return get_origin(given) is typing.Literal and set(get_args(given)) <= set(
                get_args(wanted)
            )
        return all(self.fits(type(value), wanted) for value in get_args(given))

    def _structures(
        self, given: Any, wanted: Any, left: Mapping[str, Field], right: Mapping[str, Field]
    ) -> bool:
        """Structured types fit by their fields: a handler may read a part of a result."""
        pair = (id(given), id(wanted))
        if pair in self.assumed or reads_anything(wanted) or (self.raw and given == wanted):
            return True
        self.assumed.add(pair)
        try:
            return self._fields(given, wanted, left, right)
        finally:
            self.assumed.discard(pair)

    def _fields(
        self, given: Any, wanted: Any, left: Mapping[str, Field], right: Mapping[str, Field]
    ) -> bool:
        there = self._keys(left)
        known = {key for field in right.values() for key in field.reads}
        if forbids_more(wanted) and (self._has_more(given) or not there.keys() <= known):
            return False
        return all(self._field(there, field) for field in right.values())

    def _keys(self, fields: Mapping[str, Field]) -> dict[str, tuple[Any, bool]]:
        """What is there under each key, and whether it always is."""
        if not self.raw:
            return {
                key: (field.annotation, field.written)
                for field in fields.values()
                for key in field.writes
            }
        return {
            key: (field.annotation, field.required and len(field.reads) == 1)
            for field in fields.values()
            for key in field.reads
        }

    def _field(self, there: Mapping[str, tuple[Any, bool]], wanted: Field) -> bool:
        found = [there[key] for key in wanted.reads if key in there]
        if wanted.required and wanted.reads and not any(always for _, always in found):
            return False
        return all(self.fits(annotation, wanted.annotation) for annotation, _ in found)

    def _has_more(self, given: Any) -> bool:
        """Whether there can be keys that the given type does not name."""
        return not forbids_more(given) if self.raw else keeps_more(given)

    def _as_mapping(self, given: Any, fields: Mapping[str, Field], wanted: Any) -> bool:
        kind = get_origin(wanted) or wanted
        if not (isinstance(kind, type) and issubclass(dict, kind)):
            return False
        values = get_args(wanted)[1:]
        if not values or is_open(values[0]):
            return True
        there = self._keys(fields).values()
        return not self._has_more(given) and all(self.fits(one, values[0]) for one, _ in there)

    def _classes(self, given: Any, wanted: Any) -> bool:
        left, right = get_origin(given) or given, get_origin(wanted) or wanted
        if not (isinstance(left, type) and isinstance(right, type)):
            return False
        if left in _LISTS and right in _LISTS:
            return self._items(given, wanted)
        if issubclass(left, Mapping) and issubclass(right, Mapping):
            pairs = zip(get_args(given), get_args(wanted), strict=False)
            return all(self.fits(one, other) for one, other in pairs)
        if right in _LISTS:
            return False  # pydantic takes no text for a list of texts
        return issubclass(left, right) or right in _READ_AS.get(left, ())

    def _items(self, given: Any, wanted: Any) -> bool:
        exact = _exact(wanted)
        if exact is not None:
            items = _exact(given)
            return (
                items is not None and len(items) == len(exact) and all(map(self.fits, items, exact))
            )
        return all(self.fits(one, other) for one in _members(given) for other in _members(wanted))


def _exact(kind: Any) -> tuple[Any, ...] | None:
    """The items of a tuple of fixed length."""
    items = get_args(kind)
    if get_origin(kind) is tuple and Ellipsis not in items:
        return items
    return None


def _members(kind: Any) -> tuple[Any, ...]:
    return tuple(item for item in get_args(kind) if item is not Ellipsis)
