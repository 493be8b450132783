"""What the steps of BookTrip hand to one another. Money is in cents, as in `handlers.models`."""

from __future__ import annotations

from pydantic import ConfigDict, Field, SecretStr

from handlers.models import Cents, Model


class Traveller(Model):
    """Somebody who needs a seat."""

    name: str = Field(min_length=1, max_length=200)


class Offer(Model):
    """What a supplier has offered, and the price that the customer has agreed to."""

    id: str = Field(min_length=1, max_length=100)
    price: Cents


class Trip(Model):
    """What a customer wants to book: the input of BookTrip."""

    customer: str = Field(min_length=3, max_length=320, description="where to write to")
    account: SecretStr = Field(
        min_length=1,
        max_length=200,
        description="the token of the customer's account with the suppliers",
    )
    travellers: list[Traveller] = Field(min_length=1, max_length=9)
    flight: Offer = Field(description="a seat; each traveller pays this")
    hotel: Offer
    car: Offer
    insurance: Offer | None = None
    hold: int = Field(
        default=900,
        ge=0,
        le=86_400,
        strict=True,
        description="seconds for which the airline holds seats before it issues tickets",
    )


class Hire(Model):
    """What has to be known to rent a car: the input of RentCar.

    A trip has all of it, and more, which is passed over.
    """

    model_config = ConfigDict(extra="ignore")

    account: SecretStr = Field(
        min_length=1,
        max_length=200,
        description="the token of the customer's account with the supplier",
    )
    travellers: list[Traveller] = Field(
        min_length=1, max_length=9, description="the first of them drives"
    )
    car: Offer


class Seat(Model):
    """A seat that is held for a traveller."""

    booking: str
    traveller: str


class Room(Model):
    """A room that is booked."""

    booking: str


class Rental(Model):
    """A car that is rented."""

    booking: str


class Deposit(Model):
    """Money that is held until the car is back."""

    amount: Cents


class Driver(Model):
    """Who drives."""

    name: str


class Policy(Model):
    """An insurance that is taken out."""

    number: str


class Tickets(Model):
    """What the airline has issued: a number for each seat, in the order of the travellers."""

    numbers: list[str]


class Report(Model):
    """What the partner was told."""

    id: str
