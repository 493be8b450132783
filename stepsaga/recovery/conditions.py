"""Conditions as a Choice decides them, over values that were read from a log.

What `stepsaga.asl.conditions` compiles, for whoever has no Step Functions to ask. What is absent,
null, or of another type than it is compared as makes a comparison false, never an error.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.moments import moment_of
from stepsaga.graph import AllOf, AnyOf, Comparison, Datum, Kind, Not, Operator, Present

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stepsaga.graph import Condition

    Value = Callable[[Datum], Any]
    """A datum's value, JSON; None where it is absent."""

_ORDERS: Final[Mapping[Operator, Callable[[Any, Any], bool]]] = {
    Operator.EQUAL: operator.eq,
    Operator.LESS: operator.lt,
    Operator.LESS_OR_EQUAL: operator.le,
    Operator.GREATER: operator.gt,
    Operator.GREATER_OR_EQUAL: operator.ge,
}


def holds(condition: Condition, value: Value) -> bool:
    """Whether a condition is true."""
    match condition:
        case Comparison(datum=datum, operator=order, other=other, kind=kind):
            beside = value(other) if isinstance(other, Datum) else other
            left, right = _taken_for(kind, value(datum)), _taken_for(kind, beside)
            return left is not None and right is not None and _ORDERS[order](left, right)
        case Present(datum=datum):
            return value(datum) is not None
        case AllOf(conditions=conditions):
            return all(holds(one, value) for one in conditions)
        case AnyOf(conditions=conditions):
            return any(holds(one, value) for one in conditions)
        case Not(condition=inner):
            return not holds(inner, value)


def _taken_for(kind: Kind, value: Any) -> Any:
    """A value as it is compared; None where it is of another type."""
    match kind, value:
        case (Kind.BOOLEAN, bool()) | (Kind.TEXT, str()):
            return value
        case Kind.NUMBER, int() | float() if not isinstance(value, bool):
            return value
        case Kind.INSTANT, _:
            return moment_of(value)
        case _:
            return None
