"""What the sagas' steps hand to one another. Money is in cents, as whole numbers.

Whole numbers are exact in JSON, in DynamoDB and in Python alike; there is nothing to round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

if TYPE_CHECKING:
    from collections.abc import Iterable

Cents = Annotated[int, Field(strict=True, ge=0, le=100_000_000)]
"""Up to a million of the currency. Strict: 79.8 and "79" are mistakes, not amounts."""

Quantity = Annotated[int, Field(strict=True, gt=0, le=10_000)]


class Model(BaseModel):
    """Frozen, and strict about what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Line(Model):
    """So many of one article."""

    sku: str = Field(min_length=1, max_length=100)
    quantity: Quantity


class Order(Model):
    """What a customer sends: the input of FulfilOrder."""

    customer: str = Field(min_length=3, max_length=320, description="where to write to")
    lines: list[Line] = Field(min_length=1, max_length=50)
    total: Cents
    card: SecretStr = Field(
        min_length=1,
        max_length=200,
        description="the token that the payment page gave for the card",
    )


class Reservation(Model):
    """Stock that is set aside."""

    id: str
    lines: list[Line]


class Payment(Model):
    """Money that has moved from a card to the merchant."""

    id: str
    amount: Cents


class Parcel(Model):
    """What the courier has taken."""

    tracking: str


class Message(Model):
    """What the customer was written."""

    id: str
    to: str


def quantities(lines: Iterable[Line]) -> dict[str, int]:
    """How many of each article, also where an article has several lines."""
    total: dict[str, int] = {}
    for line in lines:
        total[line.sku] = total.get(line.sku, 0) + line.quantity
    return total
