"""Participants of the shop whose sagas wait for business events, and what they share with them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from stepsaga import BusEvent


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
