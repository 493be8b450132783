"""Lanes in the definition and in the log: how they report, join, and are undone."""

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
    Lane,
    MapNode,
    Node,
    Operator,
    Origin,
    ParallelNode,
    Role,
    SagaGraph,
    StepNode,
)
from tests.language.running import Done, assert_laws, run
from tests.language.sagas import AnySaga, Builder, Seen
from tests.language.stubs import PARTICIPANT, Order

LINES = Datum(Origin.INPUT, path=("lines",))
THREE = {"lines": [{"k": 1}, {"k": 2}, {"k": 3}]}


def _nothing(*_: Any) -> Any:
    return []


def step(name: str, role: Role = Role.COMPENSATABLE) -> StepNode:
    """A step; it can be undone where its role has something to undo."""
    undo = role is Role.COMPENSATABLE
    return Builder(_nothing).made(name, role, Seen(), undo=undo, probe=role is Role.PIVOT)


def each(name: str, *nodes: Node, over: Datum = LINES) -> MapNode:
    """A map."""
    return MapNode(name, over, f"item_{name}", nodes, (0,), 0, 3)


def saga(*nodes: Node, value: dict[str, Any] | None = None) -> AnySaga:
    """A saga of these nodes, whose steps return this."""
    graph = SagaGraph(
        name="Any",
        reference=f"{PARTICIPANT}:Any",
        input=InputNode("order", Order, {}, f"{PARTICIPANT}:Order"),
        nodes=numbered(nodes),
    )
    names = [f"s{number}" for number in range(10)]
    return AnySaga(graph, THREE, {name: value or {} for name in names})


def undone(done: Done) -> dict[tuple[int, ...], str]:
    """What each compensation found, by its slot."""
    return {
        tuple(int(part) for part in commit.slot.split("/")[1:]): event.data["found"]
        for commit in done.commits
        for event in commit.events
        if event.type == "StepCompensated"
    }


def test_an_item_that_fails_cuts_off_no_other() -> None:
    """Rule 13: all items run to their end, and then all of them are undone, side by side."""
    done = run(saga(each("m", step("s1"), step("s2"))), {"m.s1": [None, "rejected"]})
    assert done.ending is Ending.COMPENSATED
    assert_laws(done)
    assert len(done.world.done) == 4
    assert undone(done) == {
        (2, 1_000_000, 1): "result",
        (2, 1_000_000, 2): "result",
        (2, 1_000_001, 1): "doubt",  # the second step of the item that failed was never tried
        (2, 1_000_001, 2): "nothing",
        (2, 1_000_002, 1): "result",
        (2, 1_000_002, 2): "result",
    }


def test_an_undoing_that_fails_in_one_lane_is_finished_in_the_others() -> None:
    """Rule 13: the fork's undoing is stuck in `settle`, and a redrive does what is left."""
    fork = ParallelNode("p", (Lane("a", (step("s1"),)), Lane("b", (step("s2"),))), (0,))
    wanted = {"s3": "rejected", "undo p.a.s1": ["raises"] * 2}
    stuck = run(saga(fork, step("s3")), wanted, redrive=False)
    assert stuck.ending is Ending.STUCK
    assert stuck.view.error == "StepFailedForGood"
    assert "settle p: 1 of 2 lanes failed: StepFailed" in (stuck.view.cause or "")
    assert [len(stuck.world.undone), len(stuck.world.standing)] == [1, 1]
    mended = run(saga(fork, step("s3")), wanted)
    assert (mended.ending, mended.redrives) == (Ending.COMPENSATED, 1)
    assert_laws(mended)


def test_what_fails_after_the_pivot_is_tried_again_in_its_lane() -> None:
    """Rules 13, 16: after the pivot nothing is undone; a redrive does what is not done."""
    tail = ParallelNode(
        "p",
        (Lane("a", (step("s2", Role.RETRIABLE),)), Lane("b", (step("s3", Role.RETRIABLE),))),
        (0,),
    )
    done = run(saga(step("s1", Role.PIVOT), tail), {"p.a.s2": ["raises"] * 2})
    assert (done.ending, done.redrives) == (Ending.COMPLETED, 1)
    assert_laws(done)
    assert len(done.world.done) == 3


def test_items_that_a_lane_found_itself_are_found_again() -> None:
    """Rule 14: a map in a lane, over a result of that lane, is undone over the recorded list."""
    lines = [{"k": 1, "sub": []}, {"k": 2, "sub": []}]
    inner = each("m", step("s2"), over=Datum(Origin.STEP, "s1", ("list",)))
    fork = ParallelNode("p", (Lane("a", (step("s1"), inner)),), (0,))
    done = run(saga(fork, step("s3"), value={"list": lines}), {"s3": "rejected"})
    assert done.ending is Ending.COMPENSATED
    assert_laws(done)
    assert len(done.world.undone) == 3


def test_a_map_that_was_never_reached_has_nothing_to_undo() -> None:
    """Rule 14: where the list was never recorded, the undoing runs over no items."""
    inner = each("m", step("s2"), over=Datum(Origin.STEP, "s1", ("list",)))
    fork = ParallelNode("p", (Lane("a", (step("s1"), inner)),), (0,))
    done = run(saga(fork, value={"list": []}), {"p.a.s1": "rejected"})
    assert done.ending is Ending.COMPENSATED
    assert_laws(done)


def test_an_input_that_does_not_fit_is_rejected_before_anything_is_done() -> None:
    """Rule 20: a definition that looks at the input sees one that was validated."""
    asked = saga(step("s1"), each("m", step("s2")))
    unfit: list[Any] = [{}, {"lines": 5}, None, [], {"lines": [{"k": "x"}]}]
    for given in unfit:
        done = run(AnySaga(asked.graph, given, asked.values))
        assert done.ending is Ending.COMPENSATED
        assert '"Error":"Rejected"' in (done.view.cause or "")
        assert (done.world.done, [len(one.events) for one in done.commits]) == ([], [2])


def test_a_list_that_is_too_long_is_rejected() -> None:
    """Rule 25: more items than a map may have would outgrow the execution's history."""
    asked = saga(step("s1"), each("m", step("s2")))
    given = {"lines": [{"k": 1}] * 4}
    done = run(AnySaga(asked.graph, given, asked.values))
    assert done.ending is Ending.COMPENSATED
    assert "has 4 items, and the map over it takes at most 3" in (done.view.cause or "")


def test_a_list_in_an_item_that_is_too_long_is_rejected() -> None:
    """Rule 25: an inner map's bound holds for the list of each item, not for all together."""
    inner = each("n", step("s2"), over=Datum(Origin.ITEM, "item_m", ("sub",)))
    asked = saga(step("s1"), each("m", inner))
    for lengths, ending in (((3, 3, 3), Ending.COMPLETED), ((0, 4), Ending.COMPENSATED)):
        lines = [{"k": 1, "sub": [{"k": 2}] * length} for length in lengths]
        done = run(AnySaga(asked.graph, {"lines": lines}, asked.values))
        assert done.ending is ending
        assert ("order.lines.*.sub has 4 items" in (done.view.cause or "")) is (4 in lengths)


def test_a_result_that_is_too_long_is_refused() -> None:
    """Rule 25: a step's result is refused before it is recorded, and the step is undone."""
    over = Datum(Origin.STEP, "s1", ("list",))
    lines = [{"k": 1, "sub": []}] * 4
    done = run(saga(step("s1"), each("m", step("s2"), over=over), value={"list": lines}))
    assert done.ending is Ending.COMPENSATED
    assert "its result.list has 4 items" in (done.view.cause or "")
    assert_laws(done)


def test_every_lane_ends_with_its_report() -> None:
    """Rule 21: own, failed, failure and at, whether it failed or not, in every end."""
    choice = ChoiceNode(
        "c",
        (Branch("b", Comparison(LINES, Operator.EQUAL, 1, Kind.NUMBER), (step("s2"),)),),
    )
    fork = ParallelNode(
        "p",
        (Lane("a", (step("s1"), choice)), Lane("b", (each("m", step("s3")),))),
        (0,),
    )
    states = build(saga(fork, step("s4")).graph).definition["States"]
    for branch in states["p"]["Branches"]:
        for state in branch["States"].values():
            if state["Type"] == "Succeed" or state.get("End"):
                told = state.get("Parameters", {})
                keys = {key.removesuffix(".$") for key in told}
                assert state.get("OutputPath") == "$.lane" or keys == {
                    *("own", "failed", "failure", "at")
                }
    begin = states["p"]["Parameters"]["lane"]
    assert begin == {"own": {}, "failed": False, "failure": None, "at": None}


@pytest.mark.parametrize("value", [None, "x", [], {"k": 1}, True, 5])
def test_whatever_is_there_a_condition_decides(value: Any) -> None:
    """Rule 24: what is absent, null or of another type compares as false, and never fails."""
    asked = Comparison(Datum(Origin.STEP, "s1", ("n", "x")), Operator.LESS, 9, Kind.NUMBER)
    flat = Comparison(Datum(Origin.STEP, "s1", ("n",)), Operator.LESS, 9, Kind.NUMBER)
    choice = ChoiceNode("c", (Branch("a", asked, (step("s2"),)), Branch("b", flat, (step("s3"),))))
    done = run(saga(step("s1"), choice, step("s4"), value={"n": value}))
    assert done.ending is Ending.COMPLETED
    assert len(done.world.done) == (3 if value == 5 and value is not True else 2)
