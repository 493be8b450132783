"""Bookings with a supplier: taken and paid in one transaction, cancelled for a fee.

Each supplier keeps accounts for its customers, in its own table. A booking has the step's
idempotency key, and is written together with what it takes: one of an offer, and the money, which
goes from the customer's account into the till. So it says for ever what came of the call: booked,
cancelled, or refused. Where a call is undone that has not arrived yet, a cancelled booking already
stands in its way, and costs nothing: a fee is only due for what was booked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from handlers.table import ABSENT, PRESENT, Refused, UndoneAlready, Write, moves_money, moves_on
from stepsaga import Rejected

if TYPE_CHECKING:
    from pydantic import SecretStr

    from handlers.table import Table
    from handlers.travel import Offer

TILL: Final = "till"
BOOKED, CANCELLED, REFUSED = "booked", "cancelled", "refused"
SOLD_OUT: Final = "sold out"
NOT_COVERED: Final = "not covered"
AVAILABLE: Final = "vacant >= :one"
TAKE: Final = "SET vacant = vacant - :one"
GIVE_BACK: Final = "SET vacant = vacant + :one"


class Customer(Protocol):
    """Whoever pays: a trip, or a part of one."""

    @property
    def account(self) -> SecretStr:
        """The token of the customer's account."""
        ...


class SoldOut(Rejected):
    """There is none left of an offer; nothing was booked."""


class NotCovered(Rejected):
    """The customer's account does not cover the price; nothing was booked."""


class NoTill(Exception):  # read as a state of the books
    """The supplier's till is missing: no customer is to blame."""


class NoRefund(Exception):  # read as a state of the books
    """What is to go back is not in the till: a person must look. The saga is stuck until then."""


def account_of(customer: Customer) -> str:
    """The id of a customer's account in each supplier's table."""
    return f"account#{customer.account.get_secret_value()}"


def book(bookings: Table, key: str, customer: Customer, offer: Offer, fee: int) -> str:
    """Take one of an offer, and pay for it.

    Args:
        bookings: The supplier's table.
        key: The step's idempotency key.
        customer: Whose account pays.
        offer: What is taken.
        fee: The cents that the supplier keeps if it is cancelled; never more than the price.

    Returns:
        The booking's reference.

    Raises:
        SoldOut, NotCovered: Nothing was booked.
        UndoneAlready: It was cancelled before it arrived.
        NoTill: A person must look.
    """
    account = account_of(customer)
    terms = {"offer": offer.id, "account": account, "price": offer.price}
    booking = {"state": BOOKED, **terms, "fee": min(fee, offer.price)}
    taken = Write(f"offer#{offer.id}", AVAILABLE, update=TAKE, values={":one": 1})
    try:
        bookings.write(
            Write(f"booking#{key}", ABSENT, put=booking),
            taken,
            *moves_money(account, TILL, offer.price),
        )
    except Refused as refused:
        if refused.places == (3,):
            raise NoTill(TILL) from refused
        why = SOLD_OUT if 1 in refused.places else NOT_COVERED
        # The same call may have arrived twice: what is recorded is the answer to both.
        found = bookings.settle(f"booking#{key}", {"state": REFUSED, "why": why})
        if found["state"] == REFUSED:
            if found["why"] == SOLD_OUT:
                raise SoldOut(f"{offer.id} is sold out") from refused
            raise NotCovered(f"the account does not cover {offer.id}") from refused
        if found["state"] != BOOKED:
            raise UndoneAlready(key) from refused
    return key[:8].upper()


def cancel(bookings: Table, key: str) -> None:
    """Give back what was booked, for its fee; if nothing was, see to it that nothing ever will be.

    Args:
        bookings: The supplier's table.
        key: The idempotency key of the step that booked.

    Raises:
        NoRefund: A person must look.
    """
    found = bookings.settle(f"booking#{key}", {"state": CANCELLED, "price": 0, "fee": 0})
    if found["state"] != BOOKED:
        return
    back = int(found["price"]) - int(found["fee"])
    given = Write(f"offer#{found['offer']}", PRESENT, update=GIVE_BACK, values={":one": 1})
    try:
        bookings.write(
            moves_on(f"booking#{key}", BOOKED, CANCELLED),
            given,
            *moves_money(TILL, str(found["account"]), back),
        )
    except Refused as refused:
        if 0 not in refused.places:
            raise NoRefund(f"{back} cents cannot go back from the {TILL}") from refused
