"""How far a run has come: what is undone of it, what is not, and how much of it at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, Field

from stepsaga.engines.protocol import Status
from stepsaga.errors import StepFailedForGood
from stepsaga.graph import (
    Branch,
    ChoiceNode,
    Comparison,
    InputNode,
    Kind,
    Lane,
    MapNode,
    Operator,
    ParallelNode,
    Role,
)
from stepsaga.recovery.calls import MOST_BYTES, MOST_CALLS
from stepsaga.runtime.values import compact
from tests.asl.graphs import Options, claimed, pivot
from tests.asl.graphs import saga as order_of
from tests.asl.graphs import step as order_step
from tests.language.test_choices import LIMIT
from tests.language.test_lanes import LINES, each, saga, step
from tests.recovery.shop import Shop
from tests.recovery.stopped import Stopped

if TYPE_CHECKING:
    from tests.language.sagas import AnySaga

MOMENT = timedelta(milliseconds=10)


def crashed(of: AnySaga, *states: str) -> Stopped:
    """A saga that was stopped when steps had had their effect, and recorded nothing."""
    stopped = Stopped(of, dict.fromkeys(states, "crashes after"))
    assert stopped.stop(MOMENT * 50).status is Status.ABORTED
    return stopped


def test_behind_a_way_without_steps_the_next_is_undone() -> None:
    """Where nothing is recorded of a choice, the way through it may have been the empty one."""
    low = Branch("low", Comparison(LIMIT, Operator.LESS, 3, Kind.NUMBER), (step("s2"),))
    stopped = crashed(saga(step("s1"), ChoiceNode("way", (low,)), step("s3")), "s3")
    assert len(stopped.world.standing) == 2
    assert stopped.undo()
    assert not stopped.world.standing


def test_what_cannot_be_taken_back_is_not_undone() -> None:
    """A step that may be running, and has no compensation, is a point of no return (rule 16)."""
    stopped = crashed(saga(step("s1"), step("s2", Role.RETRIABLE)), "s2")
    assert not stopped.undo()
    assert len(stopped.world.standing) == 2


def test_what_a_fork_has_not_let_through_is_not_reached() -> None:
    """Behind lanes that are not done nothing runs, so it keeps nothing from being undone."""
    fork = ParallelNode("p", (Lane("a", (step("s1"),)), Lane("b", (step("s2"),))), (0,))
    stopped = crashed(saga(fork, step("s3", Role.RETRIABLE)), "p.b.s2")
    assert stopped.undo()
    assert not stopped.world.standing


class Made(BaseModel):
    """An input whose list only its model can make."""

    lines: list[dict[str, int]] = Field(default_factory=lambda: [{"k": 1}, {"k": 2}])


def test_lanes_of_items_that_nothing_tells_are_undone() -> None:
    """What is recorded in them says that they are there (rule 9)."""
    asked = saga(each("m", step("s1")), step("s2"))
    model = InputNode("order", Made, Made.model_json_schema(), f"{__name__}:Made")
    stopped = crashed(replace(asked, graph=replace(asked.graph, input=model), input={}), "s2")
    assert len(stopped.world.standing) == 3
    assert stopped.undo()
    assert not stopped.world.standing


@pytest.mark.parametrize(
    "last", [claimed("charge"), pivot("charge", probe="", claim=True, retry=None)]
)
def test_what_is_claimed_and_not_recorded_only_a_person_can_settle(last: Options) -> None:
    """It is not sealed as if nothing had happened: the undo is stuck there (rule 27)."""
    shop = Shop(order_of([order_step("reserve"), last], name="Order"))
    shop.lost.add(last.handler)
    arn = shop.start()
    shop.engine.wait(arn)
    shop.clock.advance(MOMENT)
    assert shop.look(arn) == "undoing"
    [undo] = shop.undos()
    assert undo.status is Status.FAILED
    assert "charge (StepFailedForGood) could not be undone" in (undo.cause or "")
    assert len(shop.world.standing) == 2


def test_of_two_runs_in_a_stream_one_is_undone() -> None:
    """An id that is used again after 90 days is another run, and the first one stands (rule 4)."""
    three = order_of([order_step(name) for name in ("reserve", "charge", "ship")], name="Order")
    first = Shop(three)
    first.engine.wait(first.start())
    second = Shop(three, world=first.world, store=first.store)
    second.clock.advance(timedelta(days=100))
    assert second.look(second.stopped(MOMENT * 3)) == "undoing"
    assert [one.status for one in second.undos()] == [Status.SUCCEEDED]
    assert len(second.world.standing) == 3
    assert second.events().count("SagaCompleted") == 1
    assert len(second.world.undone) in (1, 2)


def test_beside_a_lane_that_is_stuck_the_others_are_undone_to_their_ends() -> None:
    """What fails holds up only what was before it, and is not tried again meanwhile (rule 13)."""
    fork = ParallelNode(
        "p", (Lane("a", (step("s1"),)), Lane("b", (step("s2"), step("s3"), step("s4")))), (0,)
    )
    stopped = crashed(saga(fork, step("s5")), "s5")
    keys = undone_but(stopped, "s1")
    assert len(keys) == len(set(keys)) == 5
    assert len(stopped.world.standing) == 1


def undone_but(stopped: Stopped, failing: str) -> list[str]:
    """Undo all but a step whose compensation fails, until that is all; the calls, by their keys."""
    generation, failed, keys = stopped.begin(), dict[str, str](), list[str]()
    while True:
        try:
            told = stopped.undoing.proceed(stopped.run, generation, failed)
        except StepFailedForGood:
            return keys
        for one in told["calls"]:
            keys.append(one["key"])
            if one["call"]["step"] == failing:
                failed[one["key"]] = "StepFailed"
            else:
                stopped.call(one["call"])


@pytest.mark.parametrize(("items", "letters"), [(90, 0), (60, 2500)])
def test_as_many_calls_at_once_as_fit(items: int, letters: int) -> None:
    """Side by side they are no more than run at once, and no larger than a document holds."""
    many = MapNode("m", LINES, "item_m", (step("s1"),), (0,), 0, items)
    lines: list[dict[str, Any]] = [{"k": k, "text": "x" * letters} for k in range(items)]
    stopped = Stopped(replace(saga(many), input={"lines": lines}))
    stopped.stop(None)
    generation, counts = stopped.begin(), list[int]()
    while not (told := stopped.undoing.proceed(stopped.run, generation))["done"]:
        counts.append(len(told["calls"]))
        assert len(told["calls"]) <= MOST_CALLS
        assert sum(len(compact(one["call"])) for one in told["calls"]) <= MOST_BYTES
        for one in told["calls"]:
            stopped.call(one["call"])
    assert sum(counts) == items
    assert counts[0] == MOST_CALLS if not letters else 30 < counts[0] < MOST_CALLS
