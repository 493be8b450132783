"""Conditions as text."""

from __future__ import annotations

import pytest

from stepsaga.drawing.conditions import condition_text, datum_text
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
from tests.drawing.graphs import EXPRESS, RISKY, of_order, result

COUNTRY = of_order("country")
AUSTRIA = Comparison(COUNTRY, Operator.EQUAL, "AT", Kind.TEXT)
GERMANY = Comparison(COUNTRY, Operator.EQUAL, "DE", Kind.TEXT)


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (RISKY, "charge.risk >= 70"),
        (EXPRESS, "order.express"),
        (Not(EXPRESS), "not order.express"),
        (
            Comparison(of_order("express"), Operator.EQUAL, other=False, kind=Kind.BOOLEAN),
            "order.express == False",
        ),
        (AUSTRIA, "order.country == 'AT'"),
        (Not(AUSTRIA), "order.country != 'AT'"),
        (Not(RISKY), "not (charge.risk >= 70)"),
        (Comparison(result("a"), Operator.LESS, result("b", "x"), Kind.NUMBER), "a < b.x"),
        (
            Comparison(of_order("due"), Operator.LESS, "2026-01-01T00:00:00Z", Kind.INSTANT),
            "order.due < 2026-01-01T00:00:00Z",
        ),
        (Present(COUNTRY), "order.country is present"),
        (Not(Present(COUNTRY)), "order.country is absent"),
        (AnyOf((RISKY, EXPRESS)), "any of (charge.risk >= 70, order.express)"),
        (AllOf((RISKY, Not(EXPRESS))), "all of (charge.risk >= 70, not order.express)"),
        (AnyOf((AUSTRIA, GERMANY)), "order.country in ('AT', 'DE')"),
        (Not(AnyOf((AUSTRIA, GERMANY))), "not (order.country in ('AT', 'DE'))"),
        (AnyOf((AUSTRIA, RISKY)), "any of (order.country == 'AT', charge.risk >= 70)"),
        (AnyOf((RISKY,)), "charge.risk >= 70"),
        (AllOf(()), "always"),
        (AnyOf(()), "never"),
        (
            AllOf((AnyOf((RISKY, EXPRESS)), AUSTRIA)),
            "all of (any of (charge.risk >= 70, order.express), order.country == 'AT')",
        ),
    ],
)
def test_a_condition_reads_as_its_author_wrote_it(condition: Condition, text: str) -> None:
    """Names are those of the saga, operators those of Python."""
    assert condition_text(condition, "order") == text


@pytest.mark.parametrize(
    ("datum", "text"),
    [
        (Datum(Origin.INPUT), "order"),
        (Datum(Origin.ITEM, "line", ("sku",)), "line.sku"),
        (Datum(Origin.STEP, "charge", ("risk", "a key")), "charge.risk['a key']"),
    ],
)
def test_a_value_is_named_as_handlers_know_it(datum: Datum, text: str) -> None:
    """The input has its own name, and keys that are no names stand in brackets."""
    assert datum_text(datum, "order") == text
