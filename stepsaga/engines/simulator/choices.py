"""The rules of a Choice: text in, a condition out.

https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.moments import moment_of
from stepsaga.engines.jsontext import dump
from stepsaga.engines.simulator.errors import runtime_error
from stepsaga.engines.simulator.fields import Fields
from stepsaga.engines.simulator.paths import PathMissing, parse_path
from stepsaga.engines.simulator.states import ChoiceRule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stepsaga.engines.simulator.expressions import Scope
    from stepsaga.engines.simulator.paths import Path
    from stepsaga.errors import EngineError

_ORDERS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "GreaterThan": operator.gt,
    "LessThanEquals": operator.le,
    "GreaterThanEquals": operator.ge,
}
_LOGIC: Final = ("And", "Or", "Not")
_RULE: Final = frozenset({"Next", "Comment"})
_INNER: Final = frozenset({"Comment"})
_PRESENT: Final = "IsPresent"


def parse_rules(place: Fields) -> tuple[ChoiceRule, ...]:
    """``Choices``.

    Raises:
        EngineError: There are none, or one of them is no rule.
    """
    contents = place.items("Choices")
    if not contents:
        raise place.refuse("Choices", "must hold at least one rule")
    rules = []
    for index, content in enumerate(contents):
        rule = Fields(f"{place.place}: Choices[{index}]", content)
        rules.append(ChoiceRule(_condition(rule, _RULE), rule.string("Next")))
    return tuple(rules)


def _condition(rule: Fields, beside: frozenset[str]) -> Callable[[Scope], bool]:
    """A condition; ``beside`` are fields that may stand there and say nothing of it."""
    kind = rule.one_of(*_LOGIC, "Variable")
    if kind == "Variable":
        return _comparison(rule, beside)
    rule.only({kind, *beside})
    if kind == "Not":
        negated = _condition(Fields(f"{rule.place}: Not", rule.get("Not")), _INNER)
        return lambda scope: not negated(scope)
    contents = rule.items(kind)
    if not contents:
        raise rule.refuse(kind, "must hold at least one rule")
    conditions = [
        _condition(Fields(f"{rule.place}: {kind}[{index}]", content), _INNER)
        for index, content in enumerate(contents)
    ]
    # Both stop at the first condition that decides: what follows it is not even looked up.
    joined = all if kind == "And" else any
    return lambda scope: joined(condition(scope) for condition in conditions)


def _comparison(rule: Fields, beside: frozenset[str]) -> Callable[[Scope], bool]:
    rule.only({"Variable", *_OPERATORS, *beside})
    variable = parse_path(rule.string("Variable"))
    names = [name for name in _OPERATORS if name in rule.content]
    if len(names) != 1:
        raise rule.refuse(
            "Variable", f"exactly one operator must stand beside it, got: {names or 'none'}"
        )
    return _OPERATORS[names[0]](rule, names[0], variable)


def _order(
    kind: Callable[[Any], Any], compare: Callable[[Any, Any], bool]
) -> Callable[[Fields, str, Path], Callable[[Scope], bool]]:
    """An operator that compares with a value, or with what is found at a path."""

    def parse(rule: Fields, name: str, variable: Path) -> Callable[[Scope], bool]:
        value = rule.get(name)
        if not name.endswith("Path"):
            fixed = kind(value)
            if fixed is None:
                raise _no_operand(rule, name, value)
            return lambda scope: _holds(kind(_read(variable, scope)), fixed, compare)
        other = parse_path(rule.string(name))
        return lambda scope: _holds(
            kind(_read(variable, scope)), kind(_read(other, scope)), compare
        )

    return parse


def _holds(left: Any, right: Any, compare: Callable[[Any, Any], bool]) -> bool:
    """What is of another type than the operator's compares as false."""
    return left is not None and right is not None and compare(left, right)


def _matches(rule: Fields, name: str, variable: Path) -> Callable[[Scope], bool]:
    pattern = _pattern(rule.string(name))

    def condition(scope: Scope) -> bool:
        value = _read(variable, scope)
        return isinstance(value, str) and pattern.fullmatch(value) is not None

    return condition


def _pattern(text: str) -> re.Pattern[str]:
    r"""A pattern of ``StringMatches``: ``*`` is anything, ``\*`` a star, ``\\`` a backslash."""
    parts = re.findall(r"\\[*\\]|.", text, re.DOTALL)
    regular = (".*" if part == "*" else re.escape(part[-1]) for part in parts)
    return re.compile("".join(regular), re.DOTALL)


def _is(
    kind: Callable[[Any], bool],
) -> Callable[[Fields, str, Path], Callable[[Scope], bool]]:
    """An operator that asks for a type, or, with false, for any other."""

    def parse(rule: Fields, name: str, variable: Path) -> Callable[[Scope], bool]:
        wanted = rule.get(name)
        if not isinstance(wanted, bool):
            raise _no_operand(rule, name, wanted)
        if name == _PRESENT:
            return lambda scope: _is_present(variable, scope) is wanted
        return lambda scope: kind(_read(variable, scope)) is wanted

    return parse


def _no_operand(rule: Fields, name: str, value: Any) -> EngineError:
    why = "String does not match RFC3339 timestamp" if "Timestamp" in name else "wrong type"
    return rule.refuse(name, f"{why}: {dump(value)}")


def _read(path: Path, scope: Scope) -> Any:
    try:
        return path.read(scope.context if path.context else scope.document)
    except PathMissing:
        raise runtime_error(
            f"Invalid path '{path.text}': The choice state's condition path references an invalid"
            " value."
        ) from None


def _is_present(path: Path, scope: Scope) -> bool:
    try:
        path.read(scope.context if path.context else scope.document)
    except PathMissing:
        return False
    return True


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number else None


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _orders(kind: str, read: Callable[[Any], Any], orders: tuple[str, ...]) -> dict[str, Any]:
    return {
        f"{kind}{order}{path}": _order(read, _ORDERS[order])
        for order in orders
        for path in ("", "Path")
    }


_OPERATORS: Final[Mapping[str, Callable[[Fields, str, Path], Callable[[Scope], bool]]]] = {
    **_orders("String", _string, tuple(_ORDERS)),
    **_orders("Numeric", _number, tuple(_ORDERS)),
    **_orders("Timestamp", moment_of, tuple(_ORDERS)),
    **_orders("Boolean", _boolean, ("Equals",)),
    "StringMatches": _matches,
    _PRESENT: _is(lambda _: True),
    "IsNull": _is(lambda value: value is None),
    "IsString": _is(lambda value: isinstance(value, str)),
    "IsNumeric": _is(lambda value: _number(value) is not None),
    "IsBoolean": _is(lambda value: isinstance(value, bool)),
    "IsTimestamp": _is(lambda value: moment_of(value) is not None),
}
