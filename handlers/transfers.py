"""Money between two accounts, by way of a hold; and whom one asks before much of it moves.

Each movement has its step's idempotency key, and is written in one transaction with the balance.
What is held belongs to neither account: together with the balances it is all the money there is.
"""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from handlers.models import Cents, Model
from handlers.table import ABSENT, PRESENT, Refused, Table, UndoneAlready, Write, moves_on, use_of
from stepsaga import Approved, Event, Participant, Rejected, SagaContext

TABLE: Final = ("TRANSFERS_TABLE", "transfers")
HELD, RETURNED, PAID, DECLINED, PREVENTED = "held", "returned", "paid", "declined", "prevented"

participant = Participant(
    resources={"transfers": lambda: Table.of(*TABLE)},
    environment={TABLE[0]: "${TransfersTable}"},
    policies=[use_of("${TransfersTable.Arn}")],
)

Account = Annotated[str, Field(min_length=1, max_length=100)]


class Transfer(Model):
    """What somebody orders: the input of TransferMoney."""

    source: Account
    target: Account
    amount: Annotated[Cents, Field(gt=0)]
    ordered_by: str = Field(min_length=1, max_length=100)

    @model_validator(mode="after")
    def _between_two(self) -> Self:
        if self.source == self.target:
            raise ValueError("source and target are the same account")
        return self


class Hold(Model):
    """Money that has left its account, and has arrived nowhere yet."""

    id: str
    amount: Cents


class Receipt(Model):
    """Money that has arrived."""

    id: str
    amount: Cents


class MoneyTransferred(Event):
    """An amount has arrived at another account."""

    amount: Cents


class NotCovered(Rejected):
    """The account does not cover the amount, or there is no such account; nothing has moved."""


class NotPaid(Rejected):
    """Nothing has arrived, and nothing will."""


def hold_money(transfer: Transfer, saga: SagaContext, transfers: Table) -> Hold:
    """Take the amount from its account."""
    key = f"hold#{saga.idempotency_key}"
    record = {"state": HELD, "amount": transfer.amount, "account": transfer.source}
    try:
        transfers.write(
            Write(key, ABSENT, put=record),
            Write(
                account(transfer.source),
                "balance >= :amount",
                update="SET balance = balance - :amount",
                values={":amount": transfer.amount},
            ),
        )
    except Refused as refused:
        # The same call may have arrived twice: what is recorded is the answer to both.
        found = transfers.settle(key, {"state": DECLINED, "amount": 0})
        if found["state"] == DECLINED:
            raise NotCovered("the account does not cover the amount") from refused
        if found["state"] != HELD:
            raise UndoneAlready(key) from refused
    return Hold(id=saga.idempotency_key, amount=transfer.amount)


def return_money(saga: SagaContext, transfers: Table) -> None:
    """Give back what is held; if nothing is, see to it that nothing will be."""
    key = f"hold#{saga.step_idempotency_key}"
    found = transfers.settle(key, {"state": RETURNED, "amount": 0})
    if found["state"] != HELD:
        return
    try:
        transfers.write(
            moves_on(key, HELD, RETURNED), _adds(found["account"], int(found["amount"]))
        )
    except Refused as refused:
        if 0 not in refused.places:
            raise


def ask_second_person(transfer: Transfer, hold: Hold, saga: SagaContext, transfers: Table) -> None:
    """Put the transfer on the list of those that a second person has to look at.

    The same entry however often it is asked for; who looks through the list answers with
    ``stepsaga answer TransferMoney ID review``.
    """
    del hold  # named to say that nobody is asked about money that is not there
    entry = {"saga": saga.id, "amount": transfer.amount, "ordered_by": transfer.ordered_by}
    transfers.settle(f"review#{saga.idempotency_key}", entry)


def pay_out(
    transfer: Transfer, hold: Hold, review: Approved | None, saga: SagaContext, transfers: Table
) -> Receipt:
    """Let the amount arrive: from here on it stays."""
    key = f"payment#{saga.idempotency_key}"
    if review is not None and review.by in ("", transfer.ordered_by):
        # Four eyes are two people's.
        _decline(transfers, key, "whoever orders a transfer does not approve it")
    record = {"state": PAID, "amount": transfer.amount}
    try:
        transfers.write(
            Write(key, ABSENT, put=record),
            moves_on(f"hold#{hold.id}", HELD, PAID),
            _adds(transfer.target, transfer.amount),
        )
    except Refused:
        _decline(transfers, key, "there is no such account")
    saga.emit(MoneyTransferred(amount=transfer.amount))
    return Receipt(id=saga.idempotency_key, amount=transfer.amount)


def find_payment(hold: Hold, saga: SagaContext, transfers: Table) -> Receipt:
    """Say whether the amount has arrived; if not, see to it that it never will."""
    found = transfers.settle(
        f"payment#{saga.step_idempotency_key}", {"state": PREVENTED, "amount": 0}
    )
    if found["state"] != PAID:
        raise NotPaid("nothing has arrived, and nothing will")
    return Receipt(id=saga.step_idempotency_key, amount=hold.amount)


def account(name: str) -> str:
    """The item of an account."""
    return f"account#{name}"


def _decline(transfers: Table, key: str, why: str) -> None:
    """Raise, unless the same call has arrived before and has paid."""
    found = transfers.settle(key, {"state": DECLINED, "amount": 0})
    if found["state"] == DECLINED:
        raise NotPaid(why)
    if found["state"] != PAID:
        raise UndoneAlready(key)


def _adds(name: str, amount: int) -> Write:
    return Write(
        account(name),
        PRESENT,
        update="SET balance = balance + :amount",
        values={":amount": amount},
    )
