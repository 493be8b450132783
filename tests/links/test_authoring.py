"""What is wrong with a handler that takes links, said when the class is created."""

from __future__ import annotations

from datetime import timedelta

from stepsaga import Approval, ApprovalLinks, Callback, Input, Saga, Step
from stepsaga.asl import build
from stepsaga.authoring import graph_of
from tests.authoring.problems import only
from tests.links import shop

HOUR = timedelta(hours=1)


def take(purchase: shop.Purchase, links: ApprovalLinks) -> None:
    """Take links where none are given."""


def test_the_call_of_an_approval_says_for_how_long() -> None:
    """A definition has `links` in the call that asks, and in no other."""
    text = build(graph_of(shop.Buy)).text
    assert text.count('"links":86400') == 1
    assert text.count('"links":') == 1


def test_no_step_is_given_links() -> None:
    """Neither a step nor its compensation asks anybody."""

    def own_step() -> None:
        class Own(Saga):
            purchase = Input(shop.Purchase)
            hold = Step(take, compensation=shop.release)

    def own_undo() -> None:
        class Own(Saga):
            purchase = Input(shop.Purchase)
            hold = Step(shop.hold, compensation=take)

    for declare, part in ((own_step, "handler"), (own_undo, "compensation")):
        problem = only(declare)
        assert (problem.code, part in problem.text) == ("S560", True)


def test_no_callback_is_given_links() -> None:
    """Two links cannot say a value."""

    def declare() -> None:
        class Own(Saga):
            purchase = Input(shop.Purchase)
            pickup = Callback(take, answer=str, timeout=HOUR)
            hold = Step(shop.hold, compensation=shop.release)

    assert only(declare).code == "S560"


def test_takes_does_not_fill_links() -> None:
    """They are given by their annotation, as the SagaContext is."""

    def declare() -> None:
        class Own(Saga):
            purchase = Input(shop.Purchase)
            review = Approval(take, takes={"links": purchase.price}, timeout=HOUR)
            hold = Step(shop.hold, compensation=shop.release)

    problem = only(declare)
    assert (problem.code, "ApprovalLinks" in problem.text) == ("S207", True)
