"""Sagas that wait for business events: before, during, after, twice, never."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stepsaga.engines.endings import Ending
from stepsaga.engines.events import Arrival
from stepsaga.errors import UsageError
from stepsaga.testing.runner import SagaRun, SagaRunner
from tests.events.shop import SellInTwo, SellOnline, SellSideBySide, SellWithReminder
from tests.events.till import Order, PaymentReceived, payment_received

ORDER = Order(id="order-1")
MINUTE = timedelta(minutes=1)


def comes(
    after: timedelta = MINUTE,
    amount: int = 10,
    order: str = "order-1",
    id: str = "",  # noqa: A002  # as EventBridge names it
) -> Arrival:
    """A payment that is received."""
    detail = PaymentReceived(order_id=order, amount=amount)
    return Arrival(payment_received, detail, after, id)


def taken(run: SagaRun) -> list[tuple[str, str]]:
    """Which steps have taken which events."""
    return [(e.data["step"], e.data["id"]) for e in run.events if e.type == "EventTaken"]


@pytest.mark.parametrize("after", [-MINUTE, timedelta(), MINUTE])
def test_an_event_before_or_during_the_wait_is_the_steps_result(after: timedelta) -> None:
    """It is kept where it comes before the saga waits, and brought where it comes later."""
    run = SagaRunner().run(SellOnline, ORDER, events=[comes(after, 12, id="e-1")])
    assert run.ending is Ending.COMPLETED
    assert run.results["paid"] == {"order_id": "order-1", "amount": 12, "note": ""}
    assert run.results["send"] == "sent for 12"
    assert taken(run) == [("paid", "e-1")]


@pytest.mark.parametrize(
    "events",
    [
        [],
        [comes(timedelta(hours=2))],
        [comes(-timedelta(days=2))],
        [comes(order="order-2")],
    ],
)
def test_what_comes_too_late_too_early_or_for_another_changes_nothing(
    events: list[Arrival],
) -> None:
    """The timeout rejects, and what was done before is undone."""
    run = SagaRunner().run(SellOnline, ORDER, events=events)
    assert run.ending is Ending.COMPENSATED
    assert run.undone == ["reserve"]
    assert "no PaymentReceived came in time" in run.cause + str([e.data for e in run.events])


def test_an_event_that_is_delivered_twice_is_one() -> None:
    """Two waits, one event: the second wait does not take what the first has taken."""
    twice = [comes(MINUTE, id="e-1"), comes(2 * MINUTE, id="e-1")]
    run = SagaRunner().run(SellInTwo, ORDER, events=twice)
    assert run.ending is Ending.COMPENSATED
    assert taken(run) == [("first", "e-1")]


def test_each_wait_of_a_saga_takes_the_next_event() -> None:
    """The earliest first, also where both came before the saga."""
    events = [comes(-MINUTE, 2, id="b"), comes(-2 * MINUTE, 1, id="c")]
    run = SagaRunner().run(SellInTwo, ORDER, events=events)
    assert taken(run) == [("first", "c"), ("second", "b")]


@pytest.mark.parametrize("after", [-MINUTE, MINUTE])
def test_waits_side_by_side_get_the_same_event(after: timedelta) -> None:
    """Lanes do not take events from one another."""
    run = SagaRunner().run(SellSideBySide, ORDER, events=[comes(after, id="e-1")])
    assert run.ending is Ending.COMPLETED
    assert taken(run) == [("left", "e-1"), ("right", "e-1")]


def test_without_an_event_in_time_the_saga_reminds_and_waits_again() -> None:
    """With `on_timeout=None` the result is None, and a choice can tell."""
    run = SagaRunner().run(SellWithReminder, ORDER, events=[comes(20 * MINUTE)])
    assert run.ending is Ending.COMPLETED
    assert run.results["paid"] is None
    assert run.results["paid_at_last"]["amount"] == 10


def test_an_event_in_time_needs_no_reminder() -> None:
    """The choice sees that it is there."""
    run = SagaRunner().run(SellWithReminder, ORDER, events=[comes()])
    assert "paid_at_last" not in {e.data.get("step") for e in run.events if e.data}
    assert run.ending is Ending.COMPLETED


def test_what_is_no_event_of_the_model_is_refused_by_name() -> None:
    """A test says at once that its event is wrong."""
    with pytest.raises(UsageError, match="amount"):
        SagaRunner().run(SellOnline, ORDER, events=[Arrival(payment_received, {"order_id": "x"})])


def test_what_somebody_says_by_hand_counts_as_the_event() -> None:
    """`stepsaga answer` works as for any question; the event that comes then changes nothing."""
    said = {"order_id": "order-1", "amount": 3}
    run = SagaRunner().run(SellOnline, ORDER, answers={"paid": said}, events=[comes()])
    assert run.ending is Ending.COMPLETED
    assert run.results["paid"]["amount"] == 3
    assert taken(run) == []


def test_several_sagas_wait_for_one_event() -> None:
    """It is kept for all of them: also for one that is started when another has taken it."""
    runner = SagaRunner()
    first = runner.run(SellOnline, ORDER, events=[comes(-MINUTE, id="e-1")])
    second = runner.run(SellWithReminder, ORDER)
    assert taken(first) == [("paid", "e-1")]
    assert taken(second) == [("paid", "e-1")]
