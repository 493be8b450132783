"""Parcels: handed to a courier, who does not give them back."""

from __future__ import annotations

from typing import Final

from handlers.models import Order, Parcel, Payment, quantities
from handlers.table import Table, UndoneAlready, use_of
from stepsaga import Participant, Rejected, SagaContext

TABLE: Final = ("PARCELS_TABLE", "parcels")
HANDED_OVER, CALLED_OFF = "handed over", "called off"

participant = Participant(
    resources={"parcels": lambda: Table.of(*TABLE)},
    environment={TABLE[0]: "${ParcelsTable}"},
    policies=[use_of("${ParcelsTable.Arn}")],
)


class NotHandedOver(Rejected):
    """The courier has no such parcel, and will take none."""


def hand_to_courier(order: Order, charge: Payment, saga: SagaContext, parcels: Table) -> Parcel:
    """Hand the parcel over: from here on the order is not undone."""
    del charge  # named to say that nothing leaves the house before it is paid
    key = f"parcel#{saga.idempotency_key}"
    parcel = {
        "state": HANDED_OVER,
        "tracking": f"TRK-{saga.idempotency_key[:8].upper()}",
        "lines": quantities(order.lines),
    }
    found = parcels.settle(key, parcel)
    if found["state"] != HANDED_OVER:
        raise UndoneAlready(key)
    return Parcel(tracking=found["tracking"])


def find_parcel(saga: SagaContext, parcels: Table) -> Parcel:
    """Say whether the courier has the parcel; if not, call it off, so that it cannot come later."""
    found = parcels.settle(f"parcel#{saga.step_idempotency_key}", {"state": CALLED_OFF})
    if found["state"] != HANDED_OVER:
        raise NotHandedOver("the courier does not have the parcel, and will not take it")
    return Parcel(tracking=found["tracking"])
