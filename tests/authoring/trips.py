"""Models and handlers for sagas with choices, branches, maps and waits."""

# ruff: noqa: D103  # the handlers do nothing; the tests say what each is for

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field


class Class(Enum):
    """How one sits."""

    ECONOMY = "economy"
    FIRST = "first"


class Bag(BaseModel):
    """What a traveller carries."""

    kilos: float


class Traveller(BaseModel):
    """Who goes."""

    name: str
    bags: list[Bag] = []
    seat: Class = Class.ECONOMY


class Trip(BaseModel):
    """Where to, and who."""

    to: str
    travellers: list[Traveller]
    guests: list[Traveller] | None = None
    days: int = 1
    price: Decimal = Decimal(0)
    rest: timedelta = timedelta(0)
    naive: datetime | None = None
    leaves: AwareDatetime
    opens: Annotated[int, Field(ge=0, le=3600)] = 0
    kind: Literal["work", "fun"] = "fun"
    note: str | None = None
    alias: int = Field(default=0, serialization_alias="theAlias")


class Seat(BaseModel):
    """A seat that is held."""

    number: str
    window: bool
    others: list[str] = []


def hold(item: Traveller) -> Seat:
    return Seat(number=item.name, window=True)


def release(item: Traveller, seat: Seat | None) -> None: ...


def tag(item: Bag, traveller: Traveller) -> str:
    return f"{traveller.name} {item.kilos}"


def quote(trip: Trip) -> Seat:
    return Seat(number=trip.to, window=True)


def charge(trip: Trip) -> int:
    return trip.days


def refund(trip: Trip, pay: int | None) -> None: ...


def tell(trip: Trip, seat: list[Seat], hotel: int | None, tags: list[list[str]]) -> None: ...


class Odd(BaseModel):
    """Keys that a path can only name in quotes."""

    vip: bool = Field(default=False, alias="is-vip")
    stars: int = Field(default=0, alias="five ' stars. \\\\ or more")


def greet(odd: Odd) -> bool:
    return odd.vip
