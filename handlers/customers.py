"""The shop's customers: their accounts, the bonus that welcomes them, and who may buy.

An account stands under the customer's id. What a step did stands beside it under the step's
idempotency key, written in the same transaction, so that it says for ever what came of the call.
"""

from __future__ import annotations

from typing import Final

from handlers.onboarding import Account, Admission, Bonus, Signup
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
from stepsaga import Participant, Rejected, SagaContext

TABLE: Final = ("CUSTOMERS_TABLE", "customers")
FUND: Final = "fund"
"""Where bonuses come from."""
BONUS: Final = 1_000
"""Cents that welcome a customer."""
OPEN, CLOSED, ADMITTED = "open", "closed", "admitted"
PAID, TAKEN_BACK = "paid", "taken back"
DECLINED, PREVENTED = "declined", "prevented"

participant = Participant(
    resources={"customers": lambda: Table.of(*TABLE)},
    environment={TABLE[0]: "${CustomersTable}"},
    policies=[use_of("${CustomersTable.Arn}")],
)


class CustomerAlready(Rejected):
    """Somebody has an account under this id; nothing was opened."""


class FundEmpty(Rejected):
    """There is no money for a bonus; none was paid."""


class NotAdmitted(Rejected):
    """The customer may not buy, and will not."""


class NotAsLeft(Exception):  # read as a state of the books
    """An account is not as it was left: a person must look. The saga is stuck until then."""


def account_of(customer: str) -> str:
    """The item of a customer's account."""
    return f"account#{customer}"


def open_account(signup: Signup, saga: SagaContext, customers: Table) -> Account:
    """Open the account, unless the customer has one."""
    key = f"opening#{saga.idempotency_key}"
    account = account_of(signup.customer)
    try:
        customers.write(
            Write(key, ABSENT, put={"state": OPEN, "account": account}),
            Write(
                account,
                f"{ABSENT} OR #state = :closed",
                put={"state": OPEN, "balance": 0, "opening": key},
                values={":closed": CLOSED},
                names={"#state": "state"},
            ),
        )
    except Refused as refused:
        # The same call may have arrived twice: what is recorded is the answer to both.
        found = customers.settle(key, {"state": DECLINED})
        if found["state"] == DECLINED:
            raise CustomerAlready(f"{signup.customer} has an account") from refused
        if found["state"] != OPEN:
            raise UndoneAlready(key) from refused
    return Account(number=saga.idempotency_key[:8].upper())


def close_account(saga: SagaContext, customers: Table) -> None:
    """Close the account, if it was opened; if not, see to it that it never will be."""
    key = f"opening#{saga.step_idempotency_key}"
    found = customers.settle(key, {"state": CLOSED})
    if found["state"] != OPEN:
        return
    closed = Write(
        str(found["account"]),
        "opening = :key AND balance = :nothing",
        update="SET #state = :closed",
        values={":key": key, ":nothing": 0, ":closed": CLOSED},
        names={"#state": "state"},
    )
    try:
        customers.write(moves_on(key, OPEN, CLOSED), closed)
    except Refused as refused:
        if 0 not in refused.places:
            raise NotAsLeft(f"{found['account']} has money on it") from refused


def pay_bonus(signup: Signup, open: Account, saga: SagaContext, customers: Table) -> Bonus:  # noqa: A002  # the step's name
    """Pay the bonus from the fund."""
    del open  # named to say that nothing is paid before there is an account
    key, account = f"bonus#{saga.idempotency_key}", account_of(signup.customer)
    record = {"state": PAID, "account": account, "amount": BONUS}
    try:
        customers.write(Write(key, ABSENT, put=record), *moves_money(FUND, account, BONUS))
    except Refused as refused:
        found = customers.settle(key, {"state": DECLINED, "amount": 0})
        if found["state"] == DECLINED:
            raise FundEmpty("there is no money for a bonus") from refused
        if found["state"] != PAID:
            raise UndoneAlready(key) from refused
    return Bonus(amount=BONUS)


def take_back_bonus(saga: SagaContext, customers: Table) -> None:
    """Take the bonus back, if it was paid; if not, see to it that it never will be."""
    key = f"bonus#{saga.step_idempotency_key}"
    found = customers.settle(key, {"state": TAKEN_BACK, "amount": 0})
    if found["state"] != PAID:
        return
    amount, account = int(found["amount"]), str(found["account"])
    try:
        customers.write(moves_on(key, PAID, TAKEN_BACK), *moves_money(account, FUND, amount))
    except Refused as refused:
        if 0 not in refused.places:
            raise NotAsLeft(f"{amount} cents are not on {account} any more") from refused


def admit(signup: Signup, account: Account, saga: SagaContext, customers: Table) -> Admission:
    """Let the customer buy, up to the limit: from here on it stays."""
    del account  # named to say that there is one
    key = f"admission#{saga.idempotency_key}"
    limited = Write(
        account_of(signup.customer),
        "#state = :open",
        update="SET #state = :admitted, credit = :limit",
        values={":open": OPEN, ":admitted": ADMITTED, ":limit": signup.limit},
        names={"#state": "state"},
    )
    try:
        customers.write(Write(key, ABSENT, put={"state": ADMITTED}), limited)
    except Refused as refused:
        found = customers.settle(key, {"state": DECLINED})
        if found["state"] == DECLINED:
            raise NotAdmitted("the account is not open") from refused
        if found["state"] != ADMITTED:
            raise UndoneAlready(key) from refused
    return Admission(limit=signup.limit)


def find_admission(signup: Signup, saga: SagaContext, customers: Table) -> Admission:
    """Say whether the customer was admitted; if not, see to it that this never happens."""
    found = customers.settle(f"admission#{saga.step_idempotency_key}", {"state": PREVENTED})
    if found["state"] != ADMITTED:
        raise NotAdmitted("the customer was not admitted, and will not be")
    return Admission(limit=signup.limit)
