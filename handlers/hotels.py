"""Hotels: a room for the trip, cancelled for a tenth of its price."""

from __future__ import annotations

from typing import Final

from handlers import bookings
from handlers.table import Table, use_of
from handlers.travel import Room, Trip
from stepsaga import Participant, SagaContext

TABLE: Final = ("HOTELS_TABLE", "hotels")
FEE: Final = 10
"""Of a hundred: what a cancelled room costs, in whole cents, rounded up."""

participant = Participant(
    resources={"hotels": lambda: Table.of(*TABLE)},
    environment={TABLE[0]: "${HotelsTable}"},
    policies=[use_of("${HotelsTable.Arn}")],
)


def book_room(trip: Trip, saga: SagaContext, hotels: Table) -> Room:
    """Book the room."""
    fee = -(-trip.hotel.price * FEE // 100)
    booking = bookings.book(hotels, saga.idempotency_key, trip, trip.hotel, fee)
    return Room(booking=booking)


def cancel_room(hotel: Room | None, saga: SagaContext, hotels: Table) -> None:
    """Give the room back, if it was booked; if not, see to it that it never will be."""
    del hotel  # the booking knows what was taken, also where the saga does not
    bookings.cancel(hotels, saga.step_idempotency_key)
