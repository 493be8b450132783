"""The text of a definition."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepsaga.asl.compiler import compile_saga
from stepsaga.asl.rules import CHARACTERS
from stepsaga.asl.text import WIDTH, render
from tests.asl.golden_sagas import SAGAS
from tests.asl.graphs import saga, step

if TYPE_CHECKING:
    from stepsaga.graph import SagaGraph

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=60),
    lambda inner: (
        st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=30), inner, max_size=6)
    ),
    max_leaves=40,
)


def long(steps: int) -> SagaGraph:
    """A saga of many steps, each with a compensation and the default retries."""
    return saga(
        [
            step(
                f"step_{number:03d}",
                handler="handlers.inventory:reserve_stock",
                undo="handlers.inventory:release_stock",
                doc="Put the goods of an order aside.",
            )
            for number in range(1, steps + 1)
        ],
        deadline=172_800,
    )


@given(value=st.dictionaries(st.text(max_size=20), VALUES, max_size=8))
@settings(deadline=None)
def test_text_says_what_the_value_says(value: dict[str, Any]) -> None:
    """Whatever the layout, the JSON is the same, and so is the order of its keys."""
    assert json.dumps(json.loads(render(value))) == json.dumps(value)


@pytest.mark.parametrize("name", SAGAS)
def test_lines_are_filled_and_not_over_full(name: str) -> None:
    """Lines keep to their width, but for closing brackets and a text longer than a line."""
    lines = render(compile_saga(SAGAS[name], "0" * 64)).splitlines()
    for line in lines:
        assert len(line) <= WIDTH + len("}}}]") or ', "' not in line
    assert sum(map(len, lines)) / len(lines) > WIDTH / 2


def test_layout() -> None:
    """Containers open on their key's line and close behind their last item."""
    value = {
        "Type": "Task",
        "Parameters": {"FunctionName": "${F}", "Payload": {"a": "b" * 60, "c": "d" * 60}},
        "Catch": [{"ErrorEquals": ["A"], "Next": "a"}, {"ErrorEquals": ["B" * 80], "Next": "b"}],
        "End": True,
    }
    assert render(value) == (
        '{"Type":"Task",\n'
        ' "Parameters":{"FunctionName":"${F}",\n'
        '  "Payload":{"a":"' + "b" * 60 + '",\n'
        '   "c":"' + "d" * 60 + '"}},\n'
        ' "Catch":[\n'
        '  {"ErrorEquals":["A"], "Next":"a"},\n'
        '  {"ErrorEquals":["' + "B" * 80 + '"],\n'
        '   "Next":"b"}],\n'
        ' "End":true}\n'
    )


def test_four_hundred_steps_fit() -> None:
    """A saga of 400 steps, all with compensations and default retries, is within the limit."""
    assert len(render(compile_saga(long(400), "0" * 64))) <= CHARACTERS


def test_size_grows_by_the_step() -> None:
    """Each further step costs the same, but for the digits of its slots: nothing is repeated."""
    sizes = [len(render(compile_saga(long(steps), "0" * 64))) for steps in (100, 200, 300)]
    first, second = sizes[1] - sizes[0], sizes[2] - sizes[1]
    assert abs(first - second) < first / 100
