"""The handlers and models of the sagas with service steps."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, SecretStr

from stepsaga import BusEvent, Rejected, SagaContext


class Order(BaseModel):
    """An order."""

    id: str
    grams: int = 100
    note: str | None = None


class Part(BaseModel):
    """A part of a line."""

    name: str


class Line(BaseModel):
    """A line of a big order."""

    sku: str
    parts: list[Part]


class Big(BaseModel):
    """An order with lines."""

    id: str
    lines: list[Line]


class Reserved(BaseModel):
    """What is reserved."""

    shelf: str


class OrderAnnounced(BaseModel):
    """That an order was announced."""

    order: str
    key: str = ""


order_announced = BusEvent(OrderAnnounced, source="shop.orders")

calls: list[tuple[str, object, str]] = []
"""What the handlers were called with, in their order: a name, a value, the step's key."""


def reserve(order: Order) -> Reserved:
    """Reserve."""
    calls.append(("reserve", order.id, ""))
    return Reserved(shelf=f"shelf-{order.id}")


def release(reserve: Reserved | None) -> None:
    """Release."""
    calls.append(("release", reserve and reserve.shelf, ""))


def withdraw(announce: str | None, saga: SagaContext) -> None:
    """Withdraw what was announced."""
    calls.append(("withdraw", announce, saga.step_idempotency_key))


def thank(order: Order) -> None:
    """Thank."""
    calls.append(("thank", order.id, ""))


def refuse(order: Order) -> None:
    """Refuse."""
    raise Rejected(f"{order.id} is refused")


def pay(order: Order) -> None:
    """Pay."""
    calls.append(("pay", order.id, ""))


def look(order: Order) -> None:
    """Look whether it was paid."""
    calls.append(("look", order.id, ""))


def find(order: Order, saga: SagaContext) -> None:
    """Look whether it was announced."""
    calls.append(("find", order.id, saga.step_idempotency_key))


def undo_left(left: str | None) -> None:
    """Undo the left."""


def undo_mark(mark: dict[str, Any] | None) -> None:
    """Undo a mark."""


def pack(line: Line) -> Reserved:
    """Pack a line."""
    return Reserved(shelf=line.sku)


def unpack(pack: Reserved | None) -> None:
    """Unpack it."""


def undo_ship(line: Line) -> None:
    """Undo the shipping."""


def thank_big(order: Big) -> None:
    """Thank."""


def maybe(order: Order) -> Reserved | None:
    """Find something, or nothing."""
    return Reserved(shelf=order.id) if order.note else None


class Login(BaseModel):
    """What nobody shall see."""

    password: SecretStr
