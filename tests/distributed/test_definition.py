"""The definition of a distributed map: pinned whole, and what the linter refuses of others."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stepsaga.asl.release import build
from stepsaga.asl.rules import lint
from stepsaga.authoring import graph_of
from stepsaga.authoring.slots import numbered
from stepsaga.graph import Datum, Lane, MapNode, Origin, ParallelNode
from tests.distributed import pay

GOLDEN = Path(__file__).parent / "pay_file.asl.json"


def definition() -> dict[str, Any]:
    """The definition of a saga with a distributed map, to be changed."""
    return deepcopy(dict(build(graph_of(pay.PayFile)).definition))


def test_the_definition_is_the_one_that_was_reviewed() -> None:
    """To change it on purpose: write the text of `build` into the file, and read the difference."""
    assert build(graph_of(pay.PayFile)).text == GOLDEN.read_text()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda state: state.update(ToleratedFailurePercentage=5), "S625"),
        (lambda state: state["ItemReader"].update(Resource="arn:aws:states:::s3:x"), "S609"),
        (lambda state: state["ItemProcessor"]["ProcessorConfig"].update(Mode="INLINE"), "S601"),
        (
            lambda state: state["ItemProcessor"]["ProcessorConfig"].update(ExecutionType="EXPRESS"),
            "S602",
        ),
        (
            lambda state: state["ItemReader"]["Parameters"].update({"Key.$": "$.payouts.nowhere"}),
            "S612",
        ),
    ],
)
def test_what_would_lose_items_is_refused(change: Any, code: str) -> None:
    """A threshold, another resource or mode, and a path that may be missing."""
    changed = definition()
    change(changed["States"]["payouts"])
    assert code in {problem.code for problem in lint(changed)}


def test_a_list_from_a_lane_is_found_where_it_stands() -> None:
    """The result of a step in a parallel is not in the document by the step's own name."""
    graph = graph_of(pay.PayAll)
    hold, payouts, *rest = graph.nodes
    assert isinstance(payouts, MapNode)
    beside = ParallelNode("beside", (Lane("lane", (hold,)),), (0,))
    over = replace(payouts, items=Datum(Origin.STEP, hold.name, ("list",)))
    nodes = numbered((beside, over, *rest))
    states = build(replace(graph, nodes=nodes)).definition["States"]
    opened = states["open payouts"]["Parameters"]["Payload"]
    assert opened["takes"] == {"items": ["hold", "list"]}
    assert opened["places"] == {"hold": ["beside", "lane", "own", "hold", "value"]}
