"""Conditions and data as text that an author knows again: ``charge.risk >= 70``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepsaga.graph import (
    AllOf,
    AnyOf,
    Comparison,
    Datum,
    Kind,
    Not,
    Operator,
    Origin,
    Present,
)

if TYPE_CHECKING:
    from stepsaga.graph import Condition


def condition_text(condition: Condition, input_name: str) -> str:
    """A condition as its author would read it; ``input_name`` is what the saga calls its input."""
    match condition:
        case Comparison():
            return _comparison(condition, input_name)
        case Present(datum=datum):
            return f"{datum_text(datum, input_name)} is present"
        case AllOf(conditions=parts):
            return _several("all of", "always", parts, input_name)
        case AnyOf(conditions=parts):
            return _one_of(parts, input_name) or _several("any of", "never", parts, input_name)
        case Not(condition=inner):
            return _negated(inner, input_name)


def datum_text(datum: Datum, input_name: str) -> str:
    """A value as handlers know it: ``order.lines``, ``charge.risk``, ``line.sku``."""
    root = input_name if datum.origin is Origin.INPUT else datum.name
    return root + "".join(f".{key}" if key.isidentifier() else f"[{key!r}]" for key in datum.path)


def _comparison(comparison: Comparison, input_name: str) -> str:
    left = datum_text(comparison.datum, input_name)
    if comparison.operator is Operator.EQUAL and comparison.other is True:
        return left
    return f"{left} {comparison.operator} {_other(comparison.other, input_name, comparison.kind)}"


def _negated(inner: Condition, input_name: str) -> str:
    text = condition_text(inner, input_name)
    match inner:
        case Comparison(operator=Operator.EQUAL, other=True):
            return f"not {text}"
        case Comparison(datum=datum, operator=Operator.EQUAL, other=other, kind=kind):
            return f"{datum_text(datum, input_name)} != {_other(other, input_name, kind)}"
        case Present(datum=datum):
            return f"{datum_text(datum, input_name)} is absent"
        case _:
            return f"not ({text})"


def _several(word: str, none: str, parts: tuple[Condition, ...], input_name: str) -> str:
    texts = [condition_text(part, input_name) for part in parts]
    if len(texts) < 2:  # noqa: PLR2004  # one of one is itself
        return texts[0] if texts else none
    return f"{word} ({', '.join(texts)})"


def _one_of(parts: tuple[Condition, ...], input_name: str) -> str:
    """Several constants for one value, as `is_in` was given them; empty for anything else."""
    equal = [
        (part.datum, _other(part.other, input_name, part.kind))
        for part in parts
        if isinstance(part, Comparison)
        and part.operator is Operator.EQUAL
        and not isinstance(part.other, bool | Datum)
    ]
    if len(equal) < max(2, len(parts)) or any(datum != equal[0][0] for datum, _ in equal):
        return ""
    values = ", ".join(value for _, value in equal)
    return f"{datum_text(equal[0][0], input_name)} in ({values})"


def _other(other: Any, input_name: str, kind: Kind) -> str:
    match other:
        case Datum():
            return datum_text(other, input_name)
        case str() if kind is Kind.INSTANT:
            return other
        case _:
            return repr(other)
