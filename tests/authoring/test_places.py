"""A problem stands at the line of what has it, not at the class's."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stepsaga import DefinitionError, Input, Saga, Step
from tests.authoring import shop


def lines_of(error: DefinitionError) -> dict[str, int]:
    """The line of each problem by its code, counted from the line of its class."""
    first = test_attributes_have_lines_of_their_own.__code__.co_firstlineno
    return {p.code: p.source.line - first for p in error.problems if p.source}


def test_attributes_have_lines_of_their_own() -> None:
    """A deadline without a unit and a near miss are told at their own lines."""
    with pytest.raises(DefinitionError) as told:

        class Stay(Saga):
            order = Input(shop.Order)
            deadline = 5  # type: ignore[assignment]  # that is the mistake
            dead_line = timedelta(hours=1)
            thank = Step(shop.thank, retriable=True)

    assert lines_of(told.value) == {"S501": 6, "S114": 7}
