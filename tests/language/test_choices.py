"""Choices at a saga's root, on the way forward and on the way back."""

from __future__ import annotations

from typing import Any

import pytest

from stepsaga.asl import build
from stepsaga.authoring.slots import numbered
from stepsaga.engines.endings import Ending
from stepsaga.graph import (
    Branch,
    ChoiceNode,
    Comparison,
    Datum,
    InputNode,
    Kind,
    Operator,
    Origin,
    Role,
    SagaGraph,
)
from tests.language.running import assert_laws, run
from tests.language.sagas import AnySaga, Builder, Seen
from tests.language.stubs import PARTICIPANT, Order


def _nothing(*_: Any) -> Any:
    return []


def step(name: str) -> Any:
    """A step that can be undone."""
    return Builder(_nothing).made(name, Role.COMPENSATABLE, Seen(), undo=True)


LIMIT = Datum(Origin.INPUT, path=("limit",))
SAGA = SagaGraph(
    name="Any",
    reference=f"{PARTICIPANT}:Any",
    input=InputNode("order", Order, {}, f"{PARTICIPANT}:Order"),
    nodes=numbered(
        (
            step("s1"),
            ChoiceNode(
                "way",
                (
                    Branch("low", Comparison(LIMIT, Operator.LESS, 3, Kind.NUMBER), (step("s2"),)),
                    Branch("mid", Comparison(LIMIT, Operator.LESS, 6, Kind.NUMBER), (step("s3"),)),
                ),
                (step("s4"),),
            ),
            step("s5"),
        )
    ),
)


@pytest.mark.parametrize(("limit", "taken"), [(0, "s2"), (4, "s3"), (9, "s4")])
def test_the_way_that_was_taken_is_undone(limit: int, taken: str) -> None:
    """Behind a choice undoing asks the same question, and goes back the way that was gone."""
    values: dict[str, dict[str, Any]] = {name: {} for name in ("s1", "s2", "s3", "s4", "s5")}
    saga = AnySaga(SAGA, {"lines": [], "limit": limit}, values)
    done = run(saga, {"s5": "rejected"})
    assert done.ending is Ending.COMPENSATED
    assert_laws(done)
    assert done.undone == [taken, "s1"]


def test_the_same_rules_both_ways() -> None:
    """The question on the way back is that on the way forward, word for word."""
    states = build(SAGA).definition["States"]
    forward, back = states["way"], states["undo way"]
    bare = [
        [{k: v for k, v in one.items() if k != "Next"} for one in s["Choices"]]
        for s in (forward, back)
    ]
    assert bare[0] == bare[1]
    assert [one["Next"] for one in back["Choices"]] == ["undo s2", "undo s3"]
    assert back["Default"] == "undo s4"
