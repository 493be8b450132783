"""What mypy must accept in a saga, and the types that it must see."""

from __future__ import annotations

from datetime import timedelta
from typing import assert_type

from pydantic import BaseModel

from stepsaga import (
    Action,
    Approval,
    Approved,
    Callback,
    Child,
    Input,
    Queue,
    Retry,
    Saga,
    SagaContext,
    ServiceStep,
    Step,
)
from stepsaga.client import Client, Started


class Order(BaseModel):
    """The input."""

    total: int


class Payment(BaseModel):
    """A result."""

    risk: int


def charge_card(order: Order, saga: SagaContext) -> Payment:
    """Charge."""
    raise NotImplementedError


def refund_card(charge: Payment | None) -> None:
    """Undo."""


def send_invoice(amount: int) -> None:
    """Send."""


class FulfilOrder(Saga):
    """Uses every option."""

    order = Input(Order)
    deadline = timedelta(hours=48)

    charge = Step(
        charge_card,
        compensation=refund_card,
        timeout=timedelta(seconds=20),
        retry=Retry(attempts=5, wait=timedelta(seconds=2), only=(OSError,), never=()),
        compensation_retry=Retry(attempts=3),
        compensation_timeout=timedelta(seconds=30),
    )
    again = Step(charge_card, compensation=refund_card, takes={"charge": Step.own})
    invoice = Step(send_invoice, retriable=True, retry=None, takes={"amount": charge.result.risk})
    total = Step(send_invoice, takes={"amount": order.total})
    whole = Step(charge_card, takes={"order": order})


def ask(order: Order) -> None:
    """Ask somebody."""


class Asks(Saga):
    """Asks, and takes what is answered."""

    order = Input(Order)
    review = Approval(ask, timeout=timedelta(hours=1), on_timeout="approve")
    scored = Callback(
        ask, answer=Payment, timeout=timedelta(hours=1), on_timeout=Payment(risk=9), retry=None
    )
    rated = Callback(ask, answer=int, timeout=timedelta(hours=1), on_timeout="reject")
    invoice = Step(send_invoice, retriable=True, takes={"amount": scored.result.risk})


assert_type(Asks.review, Approval)
assert_type(Asks.review.result, Approved)
assert_type(Asks.scored.result, Payment)
assert_type(Asks.rated.result, int)


class Charge(Saga):
    """A saga that another starts."""

    order = Input(Order)
    charge = Step(charge_card, compensation=refund_card)


class Starts(Saga):
    """Starts it, and takes a step's result, or nothing."""

    order = Input(Order)
    paid = Child(Charge, takes={"order": order}, result=Charge.charge, timeout=timedelta(days=2))
    bare = Child(Charge)
    total = Step(send_invoice, retriable=True, takes={"amount": paid.result.risk})


assert_type(Starts.paid, Child[Payment])
assert_type(Starts.paid.result.risk, int)
assert_type(Starts.bare, Child[None])


def withdraw(told: str | None) -> None:
    """Undo."""


class Serves(Saga):
    """Has services called, and takes a message id, a reply, or nothing."""

    order = Input(Order)
    told = ServiceStep(
        Action.send_message(Queue("Orders"), {"total": order.total, "key": Action.key}),
        repeatable=True,
        result=str,
        compensation=withdraw,
    )
    looked = ServiceStep(
        Action.dynamodb("getItem", "Orders", Key={"id": {"S": Action.saga_id}}),
        repeatable=True,
        result=Payment,
        read_only=True,
    )
    bare = ServiceStep(Action.start_execution("Billing", {}), repeatable=True, retriable=True)


assert_type(Serves.told, ServiceStep[str])
assert_type(Serves.looked.result.risk, int)
assert_type(Serves.bare.result, None)


def begin(client: Client) -> None:
    """Start it, by the class and by a client, with a model and with JSON values."""
    assert_type(FulfilOrder.start(Order(total=1), id="order-1"), Started)
    assert_type(FulfilOrder.start({"total": 1}, id="order-1", client=client), Started)
    assert_type(client.start(FulfilOrder, {"total": 1}, id="order-1"), Started)
    assert_type(client.answer(Asks, "order-1", "review", Approved(by="ann")), bool)
    assert_type(client.reject(Asks, "order-1", "review", by="ann", why="no"), bool)
    assert_type(client.status(FulfilOrder, "order-1").ending.value, str)


assert_type(FulfilOrder.order, Order)
assert_type(FulfilOrder.order.total, int)
assert_type(FulfilOrder.charge, Step[Payment])
assert_type(FulfilOrder.charge.result, Payment)
assert_type(FulfilOrder.charge.result.risk, int)
assert_type(FulfilOrder.invoice, Step[None])
