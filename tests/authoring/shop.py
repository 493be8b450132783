"""Handlers and models for tests of authoring: one participant."""

# ruff: noqa: D103  # the handlers do nothing; the tests say what each is for

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import AliasChoices, BaseModel, Field, computed_field
from typing_extensions import TypedDict

from stepsaga import Participant, Rejected, SagaContext

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

participant = Participant(resources={"table": dict})


class Address(BaseModel):
    """Where to."""

    street: str


class Order(BaseModel):
    """The input."""

    sku: str
    total: int
    note: str = ""
    address: Address = Field(alias="shipTo")
    billing: Address | None = None
    code: str = Field(validation_alias=AliasChoices("code", "coupon"))

    @property
    def cents(self) -> int:
        """No part of the JSON."""
        return self.total


class Risk(BaseModel):
    """Below a payment."""

    score: int = Field(alias="riskScore")


class Payment(BaseModel):
    """A result."""

    id: str
    amount: int = 0
    risk: Risk = Risk(riskScore=0)
    maybe: Risk | None = None
    hidden: str = Field(default="", exclude=True)

    @computed_field  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def cents(self) -> int:
        """Written, never read."""
        return self.amount


@dataclass
class Reservation:
    """A result that is a dataclass."""

    id: str


class Note(TypedDict, total=False):
    """A result whose keys may be absent."""

    text: str


class CardDeclined(Rejected):
    """An author's own rejection."""


def reserve_stock(order: Order) -> Reservation:
    """Set stock aside.

    A second paragraph.
    """
    raise NotImplementedError


def release_stock(order: Order, reserve: Reservation | None) -> None: ...


def charge_card(order: Order, reserve: Reservation, context: SagaContext) -> Payment:
    raise NotImplementedError


def refund_card(charge: Payment | None, saga: SagaContext) -> None: ...


def ship(order: Order, charge: Payment, table: dict[str, Any]) -> str:
    raise NotImplementedError


def find_parcel(order: Order, table: dict[str, Any]) -> str:
    raise NotImplementedError


def recall(ship: str | None) -> None: ...


def thank(order: Order, times: int = 1) -> None: ...


def look(order: Order) -> int:
    raise NotImplementedError


def pay(order: Order) -> Payment:
    raise NotImplementedError


def write_note(order: Order) -> Note:
    raise NotImplementedError


def bill(amount: int) -> None: ...


def label(street: str) -> None: ...


def take_note(text: str) -> None: ...


def undo_bill(amount: int, bill: None) -> None: ...


def nothing_at_all() -> None: ...


def wants_own(want: int) -> int:
    raise NotImplementedError


def positional(order: Order, /) -> None: ...


def keywords(**everything: object) -> None: ...


def unknown_type(order: Path) -> None: ...


def no_return(order: Order):  # type: ignore[no-untyped-def]  # noqa: ANN201  # the mistake
    """Says nothing of its result."""


async def later(order: Order) -> None: ...


def one_by_one(order: Order) -> Iterator[int]:
    yield order.total


async def stream(order: Order) -> AsyncIterator[int]:
    yield order.total


class Connection:
    """No data."""


def find_anything(order: Order) -> Any:
    raise NotImplementedError


def use_connection(anything: Connection) -> None: ...


class Methods:
    """Functions with no name of their own."""

    def method(self, order: Order) -> None:
        """One of an instance."""

    @staticmethod
    def static(order: Order) -> None:
        """One of a class."""


def _logged(handler: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(handler)
    def logged(*args: object, **kwargs: object) -> None:
        handler(*args, **kwargs)

    return logged


@_logged
def wrapped(order: Order, times: int = 1) -> None: ...


def _renamed(order: Order) -> None: ...


_renamed.__qualname__ = "thank"
renamed = _renamed
"""A function that another one is found under."""


def make() -> Callable[..., None]:
    """A function that nobody can import."""

    def inner(order: Order) -> None: ...

    return inner
