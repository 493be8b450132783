"""Business events on the command line: those that come in a run, and what has come of them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.authoring import graph_of
from stepsaga.cli.event import told_of
from stepsaga.cli.run import parse_event
from stepsaga.cli.timeline import timeline_of
from stepsaga.engines.events import Arrival
from stepsaga.errors import UsageError
from stepsaga.store.memory import MemoryStore
from stepsaga.testing.runner import SagaRunner
from tests.events.shop import SellOnline
from tests.events.till import Order, PaymentReceived, payment_received

if TYPE_CHECKING:
    from stepsaga.store.commits import Commit

GRAPHS = [graph_of(SellOnline)]
ORDER = Order(id="order-1")


@pytest.mark.parametrize(
    ("text", "detail", "seconds"),
    [
        ('PaymentReceived={"order_id": "1"}', {"order_id": "1"}, 0),
        ('PaymentReceived={"a": "b@5"}@60', {"a": "b@5"}, 60),
        (' PaymentReceived ={"a": 1}@-2.5', {"a": 1}, -2.5),
        ('PaymentReceived={"a": "x=y"}', {"a": "x=y"}, 0),
    ],
)
def test_an_event_as_it_is_typed(text: str, detail: Any, seconds: float) -> None:
    """Its name, its detail, and when it comes."""
    found = parse_event(text, GRAPHS)
    assert (found.event.name, found.detail) == ("PaymentReceived", detail)
    assert found.after == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("PaymentReceived", "write NAME=DETAIL"),
        ("PaymentReceivd={}", "did you mean 'PaymentReceived'"),
        ("Other={}", "there are: PaymentReceived"),
        ("PaymentReceived={", "is no JSON"),
    ],
)
def test_an_event_that_is_none_is_refused(text: str, words: str) -> None:
    """With the way out."""
    with pytest.raises(UsageError, match=words):
        parse_event(text, GRAPHS)


def ran() -> tuple[MemoryStore, tuple[Commit, ...]]:
    """A saga that was paid for, and once more."""
    store = MemoryStore()
    paid = PaymentReceived(order_id="order-1", amount=10)
    arrivals = [Arrival(payment_received, paid, timedelta(minutes=n), f"e-{n}") for n in (1, 2)]
    run = SagaRunner(store=store).run(SellOnline, ORDER, id="order-1", events=arrivals)
    return store, run.commits


def test_what_has_come_and_who_has_waited_is_told() -> None:
    """Also the event that came too late to be taken by anybody."""
    store, _ = ran()
    [told] = told_of("PaymentReceived", "order-1", GRAPHS, store)
    assert [(one["id"], one["detail"]) for one in told["events"]] == [
        ("e-1", "order_id=order-1 amount=10 note="),
        ("e-2", "order_id=order-1 amount=10 note="),
    ]
    assert told["waits"] == [
        {"saga": "SellOnline#order-1", "step": "paid", "what": "took", "event": "e-1"}
    ]


def test_an_event_that_nobody_waits_for_is_refused_by_name() -> None:
    """A typing mistake is not taken for an event that has not come."""
    with pytest.raises(UsageError, match="did you mean 'PaymentReceived'"):
        told_of("PaymentRecieved", "order-1", GRAPHS, MemoryStore())


def test_the_timeline_says_what_was_waited_for_and_what_was_taken() -> None:
    """In the place of the question that it is; its token does not show."""
    _, commits = ran()
    run = commits[0].slot.partition("/")[0]
    rows = timeline_of("SellOnline#order-1", run, commits).rows
    told = [(row.what.value, row.detail) for row in rows if row.step == "paid"]
    assert told == [
        ("waits for", "PaymentReceived with order_id order-1"),
        ("completed", "by PaymentReceived e-1"),
    ]
