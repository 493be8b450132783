"""What starts sagas by triggers: models, events, and a handler."""

from __future__ import annotations

from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field

from stepsaga import BusEvent


class Address(BaseModel):
    """Part of an input."""

    city: str


class Customer(BaseModel):
    """The input."""

    model_config = ConfigDict(populate_by_name=True)

    customer_id: str = Field(alias="customerId")
    plan: str = "free"
    addresses: list[Address] = []


class Registered(BaseModel):
    """The detail of an event that is another shape."""

    number: int
    tariff: str


class Ticket(Customer):
    """An input with a default that is another each time."""

    token: UUID = Field(default_factory=uuid4)


def customer_of(detail: Registered) -> Customer:
    """Make the input of it."""
    if detail.tariff == "?":
        raise LookupError("secret tariff")
    return Customer(customer_id=f"c-{detail.number}", plan=detail.tariff)


def welcome(customer: Customer) -> str:
    """Have no effect."""
    return customer.plan


registered = BusEvent(Registered, source="shop.customers")
signed_up = BusEvent(Customer, source="shop.web", detail_type="SignedUp")
