"""Cars: rented for the trip and cancelled for a fee; a deposit that is held; and who drives.

A deposit is no price: it stays in the customer's name, apart from the till, until the car is
brought back, and goes back whole where the rental is undone. It has the step's idempotency key, and
is written in one transaction with the money. So has who drives.
"""

from __future__ import annotations

from typing import Final

from handlers import bookings
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
from handlers.travel import Deposit, Driver, Hire, Rental
from stepsaga import Participant, Rejected, SagaContext

TABLE: Final = ("CARS_TABLE", "cars")
FEE: Final = 500
"""Cents that a cancelled car costs."""
DEPOSIT: Final = 20_000
"""Cents that are held until the car is back."""
DEPOSITS: Final = "deposits"
"""Where they are held."""
HELD, RETURNED, DECLINED = "held", "returned", "declined"
ENTERED, STRUCK = "entered", "struck"

participant = Participant(
    resources={"cars": lambda: Table.of(*TABLE)},
    environment={TABLE[0]: "${CarsTable}"},
    policies=[use_of("${CarsTable.Arn}")],
)


class DepositDeclined(Rejected):
    """The customer's account does not cover the deposit; nothing is held."""


class NoDeposits(Exception):  # read as a state of the books
    """There is nowhere to hold deposits, or less is held than must go back: a person must look."""


def rent_car(hire: Hire, saga: SagaContext, cars: Table) -> Rental:
    """Rent the car."""
    booking = bookings.book(cars, saga.idempotency_key, hire, hire.car, FEE)
    return Rental(booking=booking)


def cancel_car(saga: SagaContext, cars: Table) -> None:
    """Give the car back, if it was rented; if not, see to it that it never will be."""
    # The booking knows what was taken, also where the saga does not.
    bookings.cancel(cars, saga.step_idempotency_key)


def take_deposit(hire: Hire, rent: Rental, saga: SagaContext, cars: Table) -> Deposit:
    """Hold the deposit for the car."""
    del rent  # named to say that nothing is held for a car that is not there
    key, account = f"deposit#{saga.idempotency_key}", bookings.account_of(hire)
    record = {"state": HELD, "amount": DEPOSIT, "account": account}
    try:
        cars.write(Write(key, ABSENT, put=record), *moves_money(account, DEPOSITS, DEPOSIT))
    except Refused as refused:
        if refused.places == (2,):
            raise NoDeposits(f"there is no {DEPOSITS} account") from refused
        # The same call may have arrived twice: what is recorded is the answer to both.
        found = cars.settle(key, {"state": DECLINED, "amount": 0})
        if found["state"] == DECLINED:
            raise DepositDeclined("the account does not cover the deposit") from refused
        if found["state"] != HELD:
            raise UndoneAlready(key) from refused
    return Deposit(amount=DEPOSIT)


def return_deposit(deposit: Deposit | None, saga: SagaContext, cars: Table) -> None:
    """Give the deposit back, if it is held; if not, see to it that it never will be."""
    del deposit  # the record knows, also where the saga does not
    key = f"deposit#{saga.step_idempotency_key}"
    found = cars.settle(key, {"state": RETURNED, "amount": 0})
    if found["state"] != HELD:
        return
    amount, account = int(found["amount"]), str(found["account"])
    try:
        cars.write(moves_on(key, HELD, RETURNED), *moves_money(DEPOSITS, account, amount))
    except Refused as refused:
        if 0 not in refused.places:
            raise NoDeposits(f"{amount} cents cannot go back from the {DEPOSITS}") from refused


def enter_driver(hire: Hire, rent: Rental, saga: SagaContext, cars: Table) -> Driver:
    """Enter who drives into the contract: the first of the travellers."""
    key, name = f"driver#{saga.idempotency_key}", hire.travellers[0].name
    found = cars.settle(key, {"state": ENTERED, "name": name, "booking": rent.booking})
    if found["state"] != ENTERED:
        raise UndoneAlready(key)
    return Driver(name=name)


def strike_driver(driver: Driver | None, saga: SagaContext, cars: Table) -> None:
    """Strike the driver out, if one was entered; if not, see to it that none will be."""
    del driver  # the record knows, also where the saga does not
    key = f"driver#{saga.step_idempotency_key}"
    if cars.settle(key, {"state": STRUCK})["state"] == ENTERED:
        try:
            cars.write(moves_on(key, ENTERED, STRUCK))
        except Refused:
            return  # another call has done it
