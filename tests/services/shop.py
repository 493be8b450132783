"""A shop whose sagas have services called without a function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from stepsaga import BusEvent, SagaContext

if TYPE_CHECKING:
    pass


class Order(BaseModel):
    """An order."""

    id: str
    grams: int = 100
    note: str | None = None


class Reserved(BaseModel):
    """What is reserved."""

    shelf: str


class OrderAnnounced(BaseModel):
    """That an order was announced."""

    order: str
    key: str = ""


order_announced = BusEvent(OrderAnnounced, source="shop.orders")

calls: list[tuple[str, object, str]] = []
"""What the handlers were called with, in their order."""


def reserve(order: Order) -> Reserved:
    """Reserve."""
    calls.append(("reserve", order.id, ""))
    return Reserved(shelf=f"shelf-{order.id}")


def release(order: Order, reserve: Reserved | None) -> None:
    """Release."""
    calls.append(("release", reserve and reserve.shelf, ""))


def withdraw(order: Order, announce: str | None, saga: SagaContext) -> None:
    """Withdraw what was announced."""
    calls.append(("withdraw", announce, saga.step_idempotency_key))


def withdraw_quietly(order: Order, announce: None, saga: SagaContext) -> None:
    """Withdraw what was announced, whose reply is of no interest."""
    calls.append(("withdraw", announce, saga.step_idempotency_key))


def refuse(order: Order) -> None:
    """Fail."""
    raise RuntimeError("refused")


def thank(order: Order) -> None:
    """Thank."""
    calls.append(("thank", order.id, ""))
