"""Money: moved from a card to the merchant, and back.

A charge has the step's idempotency key and is written in one transaction with both balances. So it
says for ever what came of the call: charged, refunded, or declined. Where a call is undone that has
not arrived yet, a charge that is refunded already stands in its way.
"""

from __future__ import annotations

from typing import Final

from handlers.models import Cents, Order, Payment, Reservation
from handlers.table import (
    ABSENT,
    Refused,
    Table,
    UndoneAlready,
    Write,
    moves_money,
    moves_on,
    use_of,
)
from stepsaga import Event, Participant, Rejected, SagaContext

TABLE: Final = ("ACCOUNTS_TABLE", "accounts")
MERCHANT: Final = "merchant"
CHARGED, REFUNDED, DECLINED = "charged", "refunded", "declined"

participant = Participant(
    resources={"accounts": lambda: Table.of(*TABLE)},
    environment={TABLE[0]: "${AccountsTable}"},
    policies=[use_of("${AccountsTable.Arn}")],
)


class CardCharged(Event):
    """Money has moved to the merchant."""

    amount: Cents


class CardDeclined(Rejected):
    """The card's bank said no; no money moved."""


class NoSuchAccount(Exception):  # read as a state of the books
    """The merchant's account is missing: nobody's card is to blame."""


class NoCover(Exception):  # read as a state of the books
    """A refund is not covered: a person must look. The saga is stuck until then."""


def charge_card(order: Order, reserve: Reservation, saga: SagaContext, accounts: Table) -> Payment:
    """Move the order's total from the card to the merchant."""
    del reserve  # named to say that nothing is charged before there is something to send
    key, card = f"charge#{saga.idempotency_key}", f"card#{order.card.get_secret_value()}"
    record = {"state": CHARGED, "amount": order.total, "card": card}
    try:
        accounts.write(Write(key, ABSENT, put=record), *moves_money(card, MERCHANT, order.total))
    except Refused as refused:
        if refused.places == (2,):
            raise NoSuchAccount(MERCHANT) from refused
        # The same call may have arrived twice: what is recorded is the answer to both.
        found = accounts.settle(key, {"state": DECLINED, "amount": 0})
        if found["state"] == DECLINED:
            raise CardDeclined("the card does not cover the amount") from refused
        if found["state"] != CHARGED:
            raise UndoneAlready(key) from refused
    saga.emit(CardCharged(amount=order.total))
    return Payment(id=saga.idempotency_key, amount=order.total)


def refund_card(charge: Payment | None, saga: SagaContext, accounts: Table) -> None:
    """Move the money back, if it moved; if not, see to it that it never will."""
    del charge  # the record knows, also where the saga does not
    key = f"charge#{saga.step_idempotency_key}"
    found = accounts.settle(key, {"state": REFUNDED, "amount": 0})
    if found["state"] != CHARGED:
        return
    amount = int(found["amount"])
    try:
        accounts.write(
            moves_on(key, CHARGED, REFUNDED), *moves_money(MERCHANT, found["card"], amount)
        )
    except Refused as refused:
        if 0 not in refused.places:
            raise NoCover(f"{amount} cents cannot go back from {MERCHANT}") from refused
