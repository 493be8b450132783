"""Conditions read from a log say what the compiled Choice says, whatever they look at."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, Final

from hypothesis import example, given
from hypothesis import strategies as st

from stepsaga.asl.conditions import rule
from stepsaga.engines.simulator.choices import parse_rules
from stepsaga.engines.simulator.expressions import Scope
from stepsaga.engines.simulator.fields import Fields
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
from stepsaga.recovery.conditions import holds

if TYPE_CHECKING:
    from stepsaga.graph import Condition

NAMES: Final = ("a", "b", "c", "d")
INSTANTS: Final = (
    "2026-03-01T10:00:00Z",
    "2026-03-01T12:00:00+02:00",
    "2026-03-01T10:00:00.5Z",
    "2026-03-01 10:00:00Z",
    "2026-03-01T10:00:00",
    "2026-13-01T10:00:00Z",
)
TEXTS: Final = ("", "a", "b", "B", "é", *INSTANTS)
NUMBERS: Final = (0, 1, -1, 0.5, 1.0, 10**12, True)
VALUES: Final[tuple[Any, ...]] = (None, True, False, [], {}, {"x": 1}, *NUMBERS, *TEXTS)
CONSTANTS: Final[dict[Kind, tuple[Any, ...]]] = {
    Kind.BOOLEAN: (True, False),
    Kind.NUMBER: NUMBERS[:-1],
    Kind.TEXT: TEXTS,
    Kind.INSTANT: INSTANTS[:3],
}

paths: st.SearchStrategy[tuple[str, ...]] = st.sampled_from([(), ("x",)])
data = st.builds(Datum, st.just(Origin.STEP), st.sampled_from(NAMES), paths)


@st.composite
def comparisons(draw: st.DrawFn) -> Comparison:
    """A value beside a constant of its kind, or beside another value."""
    kind = draw(st.sampled_from(Kind))
    orders = [Operator.EQUAL] if kind is Kind.BOOLEAN else list(Operator)
    other = draw(data | st.sampled_from(CONSTANTS[kind]))
    return Comparison(draw(data), draw(st.sampled_from(orders)), other, kind)


def joined(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    """Conditions of conditions."""
    several = st.tuples(inner) | st.tuples(inner, inner) | st.tuples(inner, inner, inner)
    return st.builds(Not, inner) | st.builds(AllOf, several) | st.builds(AnyOf, several)


leaves: st.SearchStrategy[Condition] = comparisons() | st.builds(Present, data)
conditions = st.recursive(leaves, joined, max_leaves=5)
documents = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES), max_size=4)


def value(document: dict[str, Any], datum: Datum) -> Any:
    """A datum, as a log has it: None where there is none."""
    found: Any = document.get(datum.name)
    for key in datum.path:
        found = found.get(key) if isinstance(found, dict) else None
    return found


@given(condition=conditions, document=documents)
@example(
    Comparison(Datum(Origin.STEP, "a"), Operator.EQUAL, other=True, kind=Kind.BOOLEAN), {"a": 1}
)
@example(Comparison(Datum(Origin.STEP, "a"), Operator.EQUAL, 1, Kind.NUMBER), {"a": True})
@example(Comparison(Datum(Origin.STEP, "a"), Operator.LESS, INSTANTS[2], Kind.INSTANT), {"a": "x"})
@example(Not(Present(Datum(Origin.STEP, "a"))), {"a": None})
def test_a_condition_is_what_its_compiled_rule_is(
    condition: Condition, document: dict[str, Any]
) -> None:
    """False where something is absent, null, or of another type; instants by their moment."""
    compiled = {**rule(condition, lambda datum: (datum.name, *datum.path)), "Next": "yes"}
    [decide] = parse_rules(Fields("the choice", {"Choices": [compiled]}))
    scope = Scope(document, {}, Random(0))  # noqa: S311  # nothing is drawn
    assert holds(condition, lambda datum: value(document, datum)) is decide.holds(scope)
