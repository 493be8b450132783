"""How a child stands in a class, in the graph, in the definition, and in what is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga import Child, Input, Saga, Step
from stepsaga.asl import build
from stepsaga.asl.kept import from_kept, keep
from stepsaga.asl.rules import lint_text
from stepsaga.asl.states import ASK
from stepsaga.asl.times import execution_seconds, history_events, undo_seconds
from stepsaga.authoring import graph_of
from stepsaga.compat import compare
from stepsaga.compat.code import Deployment, SourceCode
from stepsaga.compat.releases import read_release, release_of, text_of
from stepsaga.engines.bound import bound_of
from stepsaga.graph import Role, StepNode, children_of, closing_step, steps_of
from stepsaga.store.front import StoreInFront
from tests.authoring.problems import codes_of, only
from tests.children import shop
from tests.children.shop import (
    Bundle,
    Order,
    Parcel,
    Sell,
    SellFirst,
    SellMany,
    SellSlowly,
    ShipParcel,
)
from tests.children.world import ORDER, World

if TYPE_CHECKING:
    from stepsaga.store.commits import Commit

DAY = 24 * 60 * 60


def child_in(saga: type[Saga], name: str = "ship") -> StepNode:
    """A child's step."""
    return next(node for node in steps_of(graph_of(saga).nodes) if node.name == name)


def test_a_child_is_a_step_with_a_compensation() -> None:
    """Both calls go to one function of ours, and wait; the step's result is that of the child's."""
    node = child_in(Sell)
    assert node.role is Role.COMPENSATABLE
    assert node.child is not None
    assert (node.child.name, node.child.result) == ("ShipParcel", "label")
    assert node.call.participant == "stepsaga.runtime.children"
    assert node.call.returns is shop.Label
    assert node.compensation is not None
    longest = execution_seconds(graph_of(ShipParcel)) + 14 * DAY
    assert node.call.waits == node.compensation.call.waits == longest


def test_a_child_without_a_result_has_none() -> None:
    """Nothing is taken, whatever the child returns."""
    assert child_in(SellFirst).call.returns is type(None)


def test_the_timeout_is_how_long_the_child_is_waited_for() -> None:
    """Undoing it takes as long as it takes, whatever the author gives for the way forward."""
    node = child_in(SellSlowly)
    assert node.call.waits == 4 * DAY
    assert node.compensation is not None
    assert node.compensation.call.waits > 17 * DAY


def test_children_of_children_are_found() -> None:
    """What a saga starts, and what that starts."""
    assert set(children_of(graph_of(Bundle))) == {"Sell", "ShipParcel"}


def test_a_saga_that_ends_with_a_child_records_its_end() -> None:
    """Who tells what a child came to knows nothing of its parent's end."""
    assert closing_step(graph_of(SellFirst)) is None
    states = build(graph_of(SellFirst)).definition["States"]
    assert states["ship"]["Next"] == "record the completion"


@pytest.mark.parametrize("saga", [Sell, SellFirst, SellMany, Bundle])
def test_a_definition_with_children_is_sound(saga: type[Saga]) -> None:
    """The rules on definitions know the Tasks of children, at the root and in lanes."""
    text = build(graph_of(saga)).text
    assert lint_text(text) == []


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("Resource", "arn:aws:states:::lambda:invoke", "S609"),
        ("Retry", [{"ErrorEquals": ["States.Timeout"], "MaxAttempts": 1}], "S626"),
        ("Catch", [], "S625"),
    ],
)
def test_a_child_s_task_that_is_wrong_is_found(field: str, value: Any, code: str) -> None:
    """One that does not wait, waits again when its time is up, or catches nothing."""
    definition = json.loads(build(graph_of(Sell)).text)
    definition["States"]["ship"][field] = value
    assert code in {one.code for one in lint_text(json.dumps(definition))}


def test_the_token_goes_to_both_calls() -> None:
    """Forward and backward, and it is the one thing besides the context that is evaluated."""
    states = build(graph_of(Sell)).definition["States"]
    for name in ("ship", "undo ship"):
        assert states[name]["Resource"] == ASK
        assert states[name]["Parameters"]["Payload"]["token.$"] == "$$.Task.Token"
    assert "results.$" not in states["undo ship"]["Parameters"]["Payload"]


@pytest.mark.parametrize("saga", [Sell, SellMany, Bundle])
def test_what_is_kept_is_read_again(saga: type[Saga]) -> None:
    """A later release undoes it by the kept graph alone."""
    kept = keep(graph_of(saga))
    assert keep(from_kept(json.loads(json.dumps(kept)))) == kept
    for node in steps_of(from_kept(kept).nodes):
        if node.child:
            assert node.child.graph is None
            assert node.call.waits


def test_an_execution_lasts_as_long_as_it_may_wait() -> None:
    """Its backstop comes after the wait for the child, and after that for its undoing."""
    graph = graph_of(SellSlowly)
    assert execution_seconds(graph) > 4 * DAY + undo_seconds(graph)
    assert undo_seconds(graph) > 17 * DAY
    bare = replace(graph, nodes=tuple(n for n in graph.nodes if n.name != "ship"))
    assert history_events(graph) > history_events(bare)


def test_a_child_step_costs_a_transition_and_two_writes() -> None:
    """Its token, and who waits for it: as the bound says, and no read."""
    asked: list[str] = []

    class Noting(StoreInFront):
        def append(self, commit: Commit) -> Commit:
            asked.append(commit.stream_id)
            return self._store.append(commit)

        def get(self, stream_id: str, slot: str) -> Commit | None:
            raise AssertionError((stream_id, slot))

    world = World((Sell,))
    world.local._store = Noting(world.ends)  # what its functions ask, alone
    view = world.run()
    own = [one for one in asked if one == "Sell#one" or one.startswith("parent#")]
    values = {"charge": 10, "ship": {"text": "x"}, "thank": "x"}
    bound = bound_of(graph_of(Sell), ORDER, lambda node, _: values[node.name])
    assert (bound.transitions, bound.writes, bound.reads) == (3, 4, 0)
    assert len(own) == bound.writes
    assert world.engine.transitions(view.arn) == bound.transitions


def test_releases_with_children_are_compared() -> None:
    """A release is written, read, and compared with itself: nothing is different."""
    releases = [release_of(graph_of(saga)) for saga in (Sell, ShipParcel)]
    old = [read_release(text_of(one), "here") for one in releases]
    new = Deployment({one.saga: one for one in releases}, SourceCode())
    assert compare(old, new) == []


def test_a_child_that_is_no_saga_is_refused() -> None:
    """By its code, with what was given."""

    def wrong() -> object:
        class Wrong(Saga):
            order = Input(Order)
            ship = Child(Parcel)  # type: ignore[arg-type]  # what is refused

        return Wrong

    problem = only(wrong)
    assert (problem.code, "Parcel" in problem.text) == ("S416", True)


def test_a_result_inside_of_a_branch_is_refused() -> None:
    """It may not have run: the hint names the steps that have."""

    def wrong() -> object:
        class Wrong(Saga):
            order = Input(Order)
            sell = Child(SellMany, result=Step(shop.pack, compensation=shop.unpack))

        return Wrong

    assert "S416" in codes_of(wrong)


def test_input_of_another_type_is_refused() -> None:
    """What fills a child's input is checked as a handler's parameter is."""

    def wrong() -> object:
        class Wrong(Saga):
            order = Input(Order)
            ship = Child(ShipParcel, takes={"parcel": order.price})

        return Wrong

    def nothing() -> object:
        class Wrong(Saga):
            order = Input(Order)
            ship = Child(ShipParcel)

        return Wrong

    assert codes_of(wrong) == ["S301"]
    assert codes_of(nothing) == ["S204"]


def test_a_timeout_without_a_unit_is_refused() -> None:
    """As of any step: a bare number, and one that is out of range."""

    def wrong(timeout: Any) -> object:
        class Wrong(Saga):
            order = Input(Order)
            ship = Child(ShipParcel, takes={"parcel": order.parcel}, timeout=timeout)

        return Wrong

    assert codes_of(lambda: wrong(5)) == ["S501"]
    assert codes_of(lambda: wrong(timedelta(days=365))) == ["S502"]


def test_children_that_could_take_more_than_a_year_are_refused() -> None:
    """Each level waits for 14 days more; a shorter timeout is the way out."""

    class Second(Saga):
        order = Input(Order)
        first = Child(Bundle)

    def third(timeout: timedelta | None) -> object:
        class Third(Saga):
            order = Input(Order)
            second = Child(Second, timeout=timeout)

        return Third

    assert codes_of(lambda: third(timedelta(days=60))) == []
    assert codes_of(lambda: third(None)) == ["S507"]
