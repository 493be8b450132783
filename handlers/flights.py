"""Flights: a seat for each traveller, and the tickets, which the airline does not take back."""

from __future__ import annotations

from typing import Final

from handlers import bookings
from handlers.table import Table, UndoneAlready, use_of
from handlers.travel import Rental, Room, Seat, Tickets, Traveller, Trip
from stepsaga import Participant, Rejected, SagaContext

TABLE: Final = ("FLIGHTS_TABLE", "flights")
FEE: Final = 1_500
"""Cents that a cancelled seat costs."""
ISSUED, CALLED_OFF = "issued", "called off"

participant = Participant(
    resources={"flights": lambda: Table.of(*TABLE)},
    environment={TABLE[0]: "${FlightsTable}"},
    policies=[use_of("${FlightsTable.Arn}")],
)


class NotIssued(Rejected):
    """The airline has issued no tickets, and will issue none."""


def book_seat(trip: Trip, traveller: Traveller, saga: SagaContext, flights: Table) -> Seat:
    """Hold a seat for a traveller."""
    booking = bookings.book(flights, saga.idempotency_key, trip, trip.flight, FEE)
    return Seat(booking=booking, traveller=traveller.name)


def cancel_seat(seat: Seat | None, saga: SagaContext, flights: Table) -> None:
    """Give the seat back, if it was held; if not, see to it that it never will be."""
    del seat  # the booking knows what was taken, also where the saga does not
    bookings.cancel(flights, saga.step_idempotency_key)


def issue_tickets(
    seat: list[Seat], hotel: Room, car: Rental, saga: SagaContext, flights: Table
) -> Tickets:
    """Issue the tickets: from here on the trip is not undone."""
    del hotel, car  # named to say that nobody flies who has no bed and no car
    key = f"tickets#{saga.idempotency_key}"
    numbers = [f"TKT-{one.booking}" for one in seat]
    found = flights.settle(key, {"state": ISSUED, "numbers": numbers})
    if found["state"] != ISSUED:
        raise UndoneAlready(key)
    return Tickets(numbers=found["numbers"])


def find_tickets(saga: SagaContext, flights: Table) -> Tickets:
    """Say whether there are tickets; if not, call them off, so that none can come later."""
    found = flights.settle(f"tickets#{saga.step_idempotency_key}", {"state": CALLED_OFF})
    if found["state"] != ISSUED:
        raise NotIssued("there are no tickets, and there will be none")
    return Tickets(numbers=found["numbers"])
