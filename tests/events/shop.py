"""A shop whose sagas wait for business events."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import BaseModel

from stepsaga import (
    BusEvent,
    Choice,
    Input,
    Parallel,
    Saga,
    Step,
    WaitForEvent,
    is_present,
    not_,
    when,
)


class Order(BaseModel):
    """What is sold."""

    id: str
    price: int = 10


class PaymentReceived(BaseModel):
    """What the payment provider tells."""

    order_id: str
    amount: int
    note: str = ""


payment_received = BusEvent(PaymentReceived, source="shop.payments")

BOOK: dict[str, list[str]] = {"done": []}
"""What the handlers have done, by idempotency key or not at all: a test clears it."""


def reserve(order: Order) -> str:
    """Reserve."""
    BOOK["done"].append("reserve")
    return order.id


def release(order: Order, reserve: str | None) -> None:
    """Undo it."""
    del order, reserve
    BOOK["done"].append("release")


def send(order: Order, paid: PaymentReceived) -> str:
    """Send what was paid for."""
    del order
    BOOK["done"].append("send")
    return f"sent for {paid.amount}"


def recall(send: str | None) -> None:
    """Undo it."""
    del send
    BOOK["done"].append("recall")


def remind(order: Order) -> None:
    """Remind the customer."""
    del order
    BOOK["done"].append("remind")


class SellOnline(Saga):
    """Sells once it is paid for."""

    order = Input(Order)
    reserve = Step(reserve, compensation=release)
    paid = WaitForEvent(payment_received, by="order_id", key=order.id, timeout=timedelta(hours=1))
    send = Step(send, compensation=recall)


class SellWithReminder(Saga):
    """Waits, reminds, and waits again."""

    order = Input(Order)
    paid = WaitForEvent(
        payment_received,
        by="order_id",
        key=order.id,
        timeout=timedelta(minutes=10),
        on_timeout=None,
    )
    late = Choice(
        unpaid=when(
            not_(is_present(paid.result)),
            remind=Step(remind, read_only=True),
            paid_at_last=WaitForEvent(
                payment_received, by="order_id", key=order.id, timeout=timedelta(hours=1)
            ),
        ),
    )


class SellInTwo(Saga):
    """Takes two payments, one after the other."""

    order = Input(Order)
    first = WaitForEvent(payment_received, by="order_id", key=order.id, timeout=timedelta(hours=1))
    second = WaitForEvent(payment_received, by="order_id", key=order.id, timeout=timedelta(hours=1))


class SellSideBySide(Saga):
    """Two lanes wait for one payment."""

    order = Input(Order)
    both = Parallel(
        left=WaitForEvent(
            payment_received, by="order_id", key=order.id, timeout=timedelta(hours=1)
        ),
        right=WaitForEvent(
            payment_received, by="order_id", key=order.id, timeout=timedelta(hours=1)
        ),
    )


def delivered(
    order_id: str = "order-1",
    amount: Any = 10,
    id: str = "event-1",  # noqa: A002  # as there
) -> dict[str, Any]:
    """The event as EventBridge delivers it."""
    return {
        "version": "0",
        "id": id,
        "detail-type": "PaymentReceived",
        "source": "shop.payments",
        "account": "123456789012",
        "time": "2026-11-21T08:00:00Z",
        "region": "eu-central-1",
        "resources": [],
        "detail": {"order_id": order_id, "amount": amount},
    }
