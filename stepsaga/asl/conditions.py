"""Conditions as the rules of a Choice state: none of them can fail, whatever is absent.

A rule on a path that leads nowhere raises ``States.Runtime``, which cannot be caught, so each is
guarded: it asks first whether the value is there, and of the type that it is compared as.
https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.positions import path
from stepsaga.graph import AllOf, AnyOf, Comparison, Datum, Kind, Not, Operator, Present

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepsaga.graph import Condition

    Where = Callable[[Datum], tuple[str, ...]]

_WORDS: Final = {
    Operator.EQUAL: "Equals",
    Operator.LESS: "LessThan",
    Operator.LESS_OR_EQUAL: "LessThanEquals",
    Operator.GREATER: "GreaterThan",
    Operator.GREATER_OR_EQUAL: "GreaterThanEquals",
}
_TYPES: Final = {
    Kind.BOOLEAN: "Boolean",
    Kind.NUMBER: "Numeric",
    Kind.TEXT: "String",
    Kind.INSTANT: "Timestamp",
}


def rule(condition: Condition, where: Where) -> dict[str, Any]:
    """The rule of a condition.

    Args:
        condition: What is asked.
        where: The keys that lead to a datum in the document.
    """
    match condition:
        case Comparison():
            return _comparison(condition, where)
        case Present(datum=datum):
            variable = path(where(datum))
            return {"And": [_present(variable), {"Variable": variable, "IsNull": False}]}
        case AllOf(conditions=conditions):
            return {"And": [rule(one, where) for one in conditions]}
        case AnyOf(conditions=conditions):
            return {"Or": [rule(one, where) for one in conditions]}
        case Not(condition=inner):
            return {"Not": rule(inner, where)}


def _comparison(condition: Comparison, where: Where) -> dict[str, Any]:
    other = condition.other
    kind = _TYPES[condition.kind]
    variable = path(where(condition.datum))
    test = f"{kind}{_WORDS[condition.operator]}"
    guards = [_present(variable), {"Variable": variable, f"Is{kind}": True}]
    if isinstance(other, Datum):
        beside = path(where(other))
        guards += [_present(beside), {"Variable": beside, f"Is{kind}": True}]
        return {"And": [*guards, {"Variable": variable, f"{test}Path": beside}]}
    return {"And": [*guards, {"Variable": variable, test: other}]}


def _present(variable: str) -> dict[str, Any]:
    return {"Variable": variable, "IsPresent": True}
