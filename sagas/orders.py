"""Orders, from basket to doorstep."""

from __future__ import annotations

from datetime import timedelta

from handlers import inventory, notifications, payments, shipping
from handlers.models import Order
from stepsaga import Input, Retry, Saga, Step


class FulfilOrder(Saga):
    """Take an order from basket to doorstep, or leave no trace of it."""

    order = Input(Order)
    deadline = timedelta(hours=48)

    reserve = Step(inventory.reserve_stock, compensation=inventory.release_stock)
    charge = Step(
        payments.charge_card,
        compensation=payments.refund_card,
        timeout=timedelta(seconds=20),
        retry=Retry(attempts=5, wait=timedelta(seconds=2)),
    )
    ship = Step(shipping.hand_to_courier, pivot=True, verify=shipping.find_parcel)
    # from here on: forward only
    thank = Step(notifications.thank_customer)
