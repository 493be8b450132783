"""What is ahead of a saga behind its pivot: how much at once, what handlers hear, and who dies."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.engines.protocol import Status
from stepsaga.errors import StepFailedForGood
from stepsaga.graph import (
    Branch,
    ChoiceNode,
    Comparison,
    Datum,
    Kind,
    Lane,
    MapNode,
    Operator,
    Origin,
    ParallelNode,
    Parameter,
    Role,
    StepNode,
)
from stepsaga.recovery.forward import Forwarding
from stepsaga.recovery.undo import Undoing
from stepsaga.store.commits import Outcome
from stepsaga.store.front import StoreInFront
from tests.language.running import UNMENDED
from tests.language.test_lanes import LINES, each, saga, step
from tests.recovery.stopped import Stopped

if TYPE_CHECKING:
    from stepsaga.graph import Node
    from stepsaga.store.commits import Commit
    from tests.language.sagas import AnySaga

MOMENT = timedelta(milliseconds=10)


def after(name: str, *taken: str) -> StepNode:
    """A step behind the pivot, which takes results of others."""
    node = step(name, Role.RETRIABLE)
    given = tuple(Parameter(one, Any, Origin.STEP, step=one) for one in taken)
    return replace(node, call=replace(node.call, parameters=(*node.call.parameters, *given)))


def behind(*nodes: Node) -> AnySaga:
    """A saga of a pivot, and these nodes behind it."""
    return saga(step("s9", Role.PIVOT), *nodes)


def failed(of: AnySaga, *steps: str) -> Stopped:
    """A saga some of whose steps fail, wherever they are, until it is mended."""
    states = [one.state for one in of.plan.targets if one.state.rpartition(".")[2] in steps]
    stuck = Stopped(of, {state: ["raises"] * UNMENDED for state in states})
    assert stuck.stop(None).status is Status.FAILED
    return stuck


def test_no_more_items_at_once_than_their_map_allows() -> None:
    """What is outside may bear no more; one that is stuck makes room for the next."""
    many = replace(each("m", after("s1")), at_most=2)
    stuck = failed(behind(many), "s1")
    generation, failures = stuck.begin(forward=True), dict[str, str]()
    waves: list[list[str]] = []
    while not (told := stuck.forwarding.proceed(stuck.run, generation, failures))["done"]:
        waves.append([one["key"][-13:] for one in told["calls"] if one["key"] != "input"])
        for one in told["calls"]:
            if one["key"].endswith("1000000/00001") and len(waves) == 2:
                failures[one["key"]] = "StepFailed"
            else:
                stuck.call(one["call"])
        if len(waves) == 3:
            failures.clear()
    items = [f"100000{n}/00001" for n in range(3)]
    assert waves == [[], items[:2], [items[2]], [items[0]]]


EVEN = Comparison(Datum(Origin.ITEM, "item_m", ("k",)), Operator.EQUAL, 2, Kind.NUMBER)


def test_a_handler_hears_of_every_item_as_if_nothing_had_failed() -> None:
    """Of those without a result, too, and of the last; of a map that was passed over, nothing."""
    some = ChoiceNode("way", (Branch("even", EVEN, (step("s1"),)),))
    never = Comparison(Datum(Origin.INPUT, path=("limit",)), Operator.LESS, 0, Kind.NUMBER)
    passed = ChoiceNode("over", (Branch("never", never, (each("n", step("s2")),)),))
    inner = each("o", step("s3"), over=Datum(Origin.ITEM, "item_q", ("sub",)))
    lanes = ParallelNode("p", (Lane("a", (each("q", inner),)), Lane("b", (step("s4"),))), (0,))
    asked = saga(
        each("m", some),
        passed,
        lanes,
        step("s9", Role.PIVOT),
        after("s5", "s1", "s2", "s3", "s4"),
        each("r", after("s6", "s3", "s5")),
    )
    lines = [{"k": 1, "sub": []}, {"k": 2, "sub": [{"k": 7}]}, {"k": 3}]
    asked = replace(asked, input={"lines": lines})
    whole, stuck = Stopped(asked), failed(asked, "s5")
    whole.stop(None)
    assert stuck.go_forward()
    heard = [[one for one in run.world.given if one[0] in {"s5", "s6"}] for run in (whole, stuck)]
    assert heard[0] == heard[1]
    [(_, told), *_] = heard[1]
    assert (told["s1"][0], told["s1"][2], told["s2"]) == (None, None, None)
    assert [len(one) for one in told["s3"]] == [0, 1, 0]


class Dies(StoreInFront):
    """A store whose user dies before its next append, or after it, so many appends on."""

    def __init__(self, inner: Any, left: int, *, after: bool) -> None:
        super().__init__(inner)
        self.left = left
        self._after = after

    def append(self, commit: Commit) -> Commit:
        """Put a commit, unless it is the last."""
        self.left -= 1
        if self.left < 0 and not self._after:
            raise KeyboardInterrupt
        stored = super().append(commit)
        if self.left < 0:
            raise KeyboardInterrupt
        return stored


SHAPES: dict[str, tuple[Node, ...]] = {
    "one": (after("s1"),),
    "two": (after("s1"), after("s2", "s1")),
    "parallel": (
        ParallelNode("p", (Lane("a", (after("s1"), after("s2"))), Lane("b", (after("s3"),))), (0,)),
    ),
    "map": (each("m", after("s1")), after("s2", "s1")),
    "nested": (
        each("m", ParallelNode("p", (Lane("a", (after("s1"),)), Lane("b", (after("s2"),))), (0,))),
    ),
}


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_who_drives_can_die_at_each_write(shape: str, late: bool) -> None:  # pytest
    """The next one finds all that was done, and does the rest: one result, one effect, one end."""
    asked = behind(*SHAPES[shape])
    whole = Stopped(asked)
    whole.stop(None)
    for appends in range(12):
        stuck = failed(asked, "s1")
        generation = stuck.begin(forward=True)
        dying = Dies(stuck.store, appends, after=late)
        stuck.functions._store = dying
        stuck.forwarding = Forwarding(
            Undoing(dying, stuck.engine.clock.now), stuck.engine.clock.now
        )
        with suppress(KeyboardInterrupt):
            assert stuck.go_forward(generation)
        died, dying.left = dying.left < 0, 1000
        assert stuck.go_forward(generation)
        types = [event.type for one in stuck.commits for event in one.events]
        assert (types.count("SagaCompleted"), types.count("ForwardEnded")) == (1, 1)
        assert stuck.world.standing == whole.world.standing
        slots = [
            {c.slot for c in run.commits if c.outcome is Outcome.RESULT} for run in (stuck, whole)
        ]
        assert slots[0] == slots[1]
        if not died:
            return
    raise AssertionError("it never got through")


def test_what_is_beside_a_step_that_is_stuck_goes_to_its_end() -> None:
    """What fails holds up only what comes after it, and is not tried again meanwhile (rule 13)."""
    lanes = (Lane("a", (after("s1"), after("s4"))), Lane("b", (after("s2"), after("s3"))))
    stuck = failed(behind(ParallelNode("p", lanes, (0,)), after("s5")), "s1", "s2")
    generation, failures, keys = stuck.begin(forward=True), dict[str, str](), list[str]()
    while (told := stuck.forwarding.proceed(stuck.run, generation, failures))["calls"]:
        for one in told["calls"]:
            keys.append(one["call"]["step"])
            if one["call"]["step"] == "s1":
                failures[one["key"]] = "StepFailed"
            else:
                stuck.call(one["call"])
        if keys == ["s1", "s2", "s3"]:
            break
    with pytest.raises(StepFailedForGood, match=r"s1 \(StepFailed\): after the fix"):
        stuck.forwarding.proceed(stuck.run, generation, failures)
    [told_stuck] = [one for one in stuck.commits if one.outcome is Outcome.STUCK]
    assert told_stuck.events[0].data["steps"] == ["s1"]
    assert stuck.go_forward(generation)


def test_a_large_map_is_called_in_parts() -> None:
    """As many calls side by side as run at once."""
    many = MapNode("m", LINES, "item_m", (after("s1"),), (0,), 0, 90)
    lines = [{"k": k} for k in range(90)]
    stuck = failed(replace(behind(many), input={"lines": lines}), "s1")
    assert stuck.go_forward()
    assert len(stuck.world.standing) == 91


def test_of_two_that_go_forward_the_earlier_plans_and_ends_nothing() -> None:
    """The later has won the run (rule 15)."""
    stuck = failed(behind(after("s1")), "s1")
    first, _ = stuck.begin(forward=True), stuck.begin(forward=True)
    for what in (stuck.forwarding.proceed, stuck.forwarding.end):
        with pytest.raises(StepFailedForGood, match="generation 2 has taken over from 1"):
            what(stuck.run, first)
    assert "SagaCompleted" not in {event.type for one in stuck.commits for event in one.events}


def test_what_only_seemed_to_be_behind_its_pivot_is_undone_after_all() -> None:
    """Which way was gone only the input's model tells; who goes forward asks it, and says so."""
    below = Comparison(Datum(Origin.INPUT, path=("limit",)), Operator.LESS, 9, Kind.NUMBER)
    way = ChoiceNode("way", (Branch("low", below, (step("s2"),)),))
    stuck = Stopped(saga(step("s1"), way, after("s3")), {"s2": "crashes after"})
    assert stuck.stop(MOMENT * 50).status is Status.ABORTED
    assert not stuck.undo()  # as far as is told, s3 may be running
    assert not stuck.go_forward()
    [told] = [one.events[0].data for one in stuck.commits if one.outcome is Outcome.STUCK]
    assert told["then"] == "`stepsaga undo Any#one --why ...` undoes it"
    assert stuck.undo()
    assert not stuck.world.standing
