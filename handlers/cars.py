"""Cars: rented for the trip, and cancelled for a fee."""

from __future__ import annotations

from typing import Final

from handlers import bookings
from handlers.table import Table, use_of
from handlers.travel import Rental, Trip
from stepsaga import Participant, SagaContext

TABLE: Final = ("CARS_TABLE", "cars")
FEE: Final = 500
"""Cents that a cancelled car costs."""

participant = Participant(
    resources={"cars": lambda: Table.of(*TABLE)},
    environment={TABLE[0]: "${CarsTable}"},
    policies=[use_of("${CarsTable.Arn}")],
)


def rent_car(trip: Trip, saga: SagaContext, cars: Table) -> Rental:
    """Rent the car."""
    booking = bookings.book(cars, saga.idempotency_key, trip, trip.car, FEE)
    return Rental(booking=booking)


def cancel_car(car: Rental | None, saga: SagaContext, cars: Table) -> None:
    """Give the car back, if it was rented; if not, see to it that it never will be."""
    del car  # the booking knows what was taken, also where the saga does not
    bookings.cancel(cars, saga.step_idempotency_key)
