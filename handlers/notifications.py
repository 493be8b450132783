"""Messages to customers, and to whoever decides about them: each is sent once."""

from __future__ import annotations

from typing import Final

from handlers.models import Message, Order, Parcel
from handlers.onboarding import Signup  # noqa: TC001  # read when the handler is called
from handlers.table import Refused, Table, UndoneAlready, moves_on, use_of
from handlers.travel import Tickets, Trip  # noqa: TC001  # read when the handler is called
from stepsaga import ApprovalLinks, Participant, SagaContext

TABLE: Final = ("OUTBOX_TABLE", "outbox")
SENT, WITHDRAWN = "sent", "withdrawn"
MANAGER: Final = "credit@example.com"
"""Who decides about large limits."""

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


def ask_to_confirm(signup: Signup, saga: SagaContext, outbox: Table) -> Message:
    """Ask whoever has signed up to confirm the address."""
    return _send(outbox, saga, signup.email, "Welcome. Please click here to confirm your address.")


def remind(signup: Signup, saga: SagaContext, outbox: Table) -> Message:
    """Ask once more."""
    return _send(outbox, saga, signup.email, "You have not confirmed your address yet.")


def withdraw(saga: SagaContext, outbox: Table) -> None:
    """Let a message not count any more, or never be sent: its link leads to nothing."""
    key = f"request#{saga.step_idempotency_key}"
    if outbox.settle(key, {"state": WITHDRAWN})["state"] == SENT:
        try:
            outbox.write(moves_on(key, SENT, WITHDRAWN))
        except Refused:
            return  # another call has done it


def ask_for_limit(signup: Signup, links: ApprovalLinks, saga: SagaContext, outbox: Table) -> None:
    """Write to whoever decides about large limits, with the links to decide by."""
    text = (
        f"{signup.customer} asks for a limit of {signup.limit} cents."
        f" To agree: {links.approve} To refuse: {links.reject}"
    )
    outbox.settle(f"review#{saga.idempotency_key}", {"to": MANAGER, "text": text})


def _send(outbox: Table, saga: SagaContext, to: str, text: str) -> Message:
    key = f"request#{saga.idempotency_key}"
    found = outbox.settle(key, {"state": SENT, "to": to, "text": text})
    if found["state"] != SENT:
        raise UndoneAlready(key)
    return Message(id=saga.idempotency_key, to=to)
