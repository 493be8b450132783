"""Money, from one account to another."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from handlers import transfers
from stepsaga import Approval, Choice, Input, Saga, Step, when

FOUR_EYES: Final = 100_000
"""Cents above which a second person has to agree."""


class TransferMoney(Saga):
    """Move money between two accounts; a second person agrees to large amounts."""

    transfer = Input(transfers.Transfer)
    deadline = timedelta(hours=30)

    hold = Step(transfers.hold_money, compensation=transfers.return_money)
    large = Choice(
        review=when(
            transfer.amount > FOUR_EYES,
            Approval(transfers.ask_second_person, timeout=timedelta(hours=24)),
        )
    )
    pay = Step(transfers.pay_out, pivot=True, verify=transfers.find_payment)
