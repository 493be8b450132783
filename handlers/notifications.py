"""Messages to customers: each is sent once."""

from __future__ import annotations

from typing import Final

from handlers.models import Message, Order, Parcel
from handlers.table import Table, use_of
from handlers.travel import Tickets, Trip  # noqa: TC001  # read when the handler is called
from stepsaga import Participant, SagaContext

TABLE: Final = ("OUTBOX_TABLE", "outbox")

participant = Participant(
    resources={"outbox": lambda: Table.of(*TABLE)},
    environment={TABLE[0]: "${OutboxTable}"},
    policies=[use_of("${OutboxTable.Arn}")],
)


def thank_customer(order: Order, ship: Parcel, saga: SagaContext, outbox: Table) -> Message:
    """Tell the customer that the parcel is under way."""
    text = f"Thank you. Your parcel {ship.tracking} is on its way."
    message = {"to": order.customer, "text": text}
    outbox.settle(f"message#{saga.idempotency_key}", message)
    return Message(id=saga.idempotency_key, to=order.customer)


def send_itinerary(trip: Trip, issue: Tickets, saga: SagaContext, outbox: Table) -> Message:
    """Send the customer the tickets."""
    text = f"Have a good trip. Your tickets: {', '.join(issue.numbers)}."
    outbox.settle(f"message#{saga.idempotency_key}", {"to": trip.customer, "text": text})
    return Message(id=saga.idempotency_key, to=trip.customer)
