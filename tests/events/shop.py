"""A shop whose sagas wait for business events."""

from __future__ import annotations

from datetime import timedelta

from stepsaga import Choice, Input, Parallel, Saga, Step, WaitForEvent, is_present, not_, when
from tests.events.till import Order, payment_received, recall, release, remind, reserve, send


class SellOnline(Saga):
    """Sells once it is paid for."""

    order = Input(Order)
    reserve = Step(reserve, compensation=release)
    paid = WaitForEvent(payment_received, by="order_id", key=order.id, timeout=timedelta(hours=1))
    send = Step(send, compensation=recall)


class SellWithReminder(Saga):
    """Waits, reminds, and waits again."""

    order = Input(Order)
    paid = WaitForEvent(
        payment_received,
        by="order_id",
        key=order.id,
        timeout=timedelta(minutes=10),
        on_timeout=None,
    )
    late = Choice(
        unpaid=when(
            not_(is_present(paid.result)),
            remind=Step(remind, read_only=True),
            paid_at_last=WaitForEvent(
                payment_received, by="order_id", key=order.id, timeout=timedelta(hours=1)
            ),
        ),
    )


class SellInTwo(Saga):
    """Takes two payments, one after the other."""

    order = Input(Order)
    first = WaitForEvent(payment_received, by="order_id", key=order.id, timeout=timedelta(hours=1))
    second = WaitForEvent(payment_received, by="order_id", key=order.id, timeout=timedelta(hours=1))


class SellSideBySide(Saga):
    """Two lanes wait for one payment."""

    order = Input(Order)
    both = Parallel(
        left=WaitForEvent(
            payment_received, by="order_id", key=order.id, timeout=timedelta(hours=1)
        ),
        right=WaitForEvent(
            payment_received, by="order_id", key=order.id, timeout=timedelta(hours=1)
        ),
    )
