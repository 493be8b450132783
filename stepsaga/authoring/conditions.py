"""Conditions over saga data: what decides in the definition itself, without a handler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from stepsaga.authoring.standin import Standin
from stepsaga.graph import Operator

if TYPE_CHECKING:
    from collections.abc import Collection

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Test(Standin):
    """A condition, before the saga's names are known. Only `when`, `all_of` and others take it."""

    def __root__(self) -> tuple[object, tuple[str, ...]]:
        return self, ()


def _root(data: object) -> tuple[object, tuple[str, ...]]:
    return data.__root__() if isinstance(data, Standin) else (data, ())


@dataclass(frozen=True, slots=True, eq=False)
class Compared(Test):
    """Saga data beside a constant or other saga data."""

    data: object
    operator: Operator
    other: object

    def __root__(self) -> tuple[object, tuple[str, ...]]:
        return _root(self.data)


@dataclass(frozen=True, slots=True, eq=False)
class IsPresent(Test):
    """Saga data that is there."""

    data: object

    def __root__(self) -> tuple[object, tuple[str, ...]]:
        return _root(self.data)


@dataclass(frozen=True, slots=True, eq=False)
class Combined(Test):
    """All of some conditions, or any of them."""

    every: bool
    tests: tuple[object, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Negated(Test):
    """The opposite of a condition."""

    test: object

    def __root__(self) -> tuple[object, tuple[str, ...]]:
        return _root(self.test)


MIRRORED: Final = {
    "lt": Operator.LESS,
    "le": Operator.LESS_OR_EQUAL,
    "gt": Operator.GREATER,
    "ge": Operator.GREATER_OR_EQUAL,
    "eq": Operator.EQUAL,
}
"""Python's comparisons as a definition has them; ``!=`` is the opposite of ``==``."""


def all_of(*conditions: bool) -> bool:
    """Every one of the conditions: ``all_of(order.gift, charge.result.risk < 70)``."""
    return cast("bool", Combined(every=True, tests=conditions))


def any_of(*conditions: bool) -> bool:
    """At least one of the conditions."""
    return cast("bool", Combined(every=False, tests=conditions))


def not_(condition: bool) -> bool:
    """The opposite of a condition, where Python's ``not`` would ask the stand-in."""
    return cast("bool", Negated(condition))


def is_in(data: T, values: Collection[T]) -> bool:
    """Whether saga data is one of some constants: ``is_in(order.country, {"AT", "DE"})``."""
    ordered = sorted(values, key=repr) if isinstance(values, set | frozenset) else list(values)
    tests = tuple(Compared(data, Operator.EQUAL, value) for value in ordered)
    return cast("bool", Combined(every=False, tests=tests))


def is_present(data: object) -> bool:
    """Whether saga data is there and not None."""
    return cast("bool", IsPresent(data))


def compared(operator: str) -> Any:
    """The method of saga data for one of Python's comparisons."""

    def compare(self: object, other: object) -> Test:
        return Compared(self, MIRRORED[operator], other)

    return compare


def differs(self: object, other: object) -> Test:
    """The method of saga data for ``!=``."""
    return Negated(Compared(self, Operator.EQUAL, other))
