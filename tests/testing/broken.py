"""A saga of two steps whose handlers can be broken, one at a time, as handlers are in real life."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from stepsaga import Input, Participant, Rejected, Saga, SagaContext, Step


class Order(BaseModel):
    """What is to be paid."""

    amount: int = 10


class Paid(BaseModel):
    """What was paid."""

    amount: int


class Seat(BaseModel):
    """A seat that is taken."""

    number: int


@dataclass
class Books:
    """A purse, seats, and what is known of each call, by its key."""

    purse: int = 100
    seats: int = 5
    known: dict[str, str] = field(default_factory=dict)

    def clear(self) -> None:
        """Begin anew."""
        self.purse, self.seats = 100, 5
        self.known.clear()

    def stands(self) -> dict[str, Any]:
        """What counts."""
        return {"purse": self.purse, "seats": self.seats}

    def pay(self, key: str, amount: int) -> None:
        """Pay, once a key, and never where it was undone before."""
        state = self.known.setdefault(key, "paid")
        if state == "undone":
            raise LookupError("it was undone before it arrived")
        if state == "paid":
            self.known[key] = "paid for good"
            self.purse -= amount

    def pay_back(self, key: str, amount: int) -> None:
        """Pay back, once; let nothing be paid later."""
        if self.known.get(key) == "paid for good":
            self.purse += amount
        self.known[key] = "undone"


participant = Participant(resources={"books": Books})


def pay(order: Order, saga: SagaContext, books: Books) -> Paid:
    """Pay."""
    books.pay(saga.idempotency_key, order.amount)
    return Paid(amount=order.amount)


def pay_back(order: Order, pay: Paid | None, saga: SagaContext, books: Books) -> None:
    """Pay back."""
    del pay
    books.pay_back(saga.step_idempotency_key, order.amount)


def sit(saga: SagaContext, books: Books) -> Seat:
    """Take a seat."""
    if books.known.get(saga.idempotency_key) == "free":
        raise LookupError("it was undone before it arrived")
    if saga.idempotency_key not in books.known:
        books.known[saga.idempotency_key] = "taken"
        books.seats -= 1
    return Seat(number=1)


def stand_up(saga: SagaContext, books: Books) -> None:
    """Give the seat back."""
    if books.known.get(saga.step_idempotency_key) == "taken":
        books.seats += 1
    books.known[saga.step_idempotency_key] = "free"


class Sound(Saga):
    """All is as it should be."""

    order = Input(Order)
    pay = Step(pay, compensation=pay_back)
    sit = Step(sit, compensation=stand_up)


def pay_back_each_time(order: Order, pay: Paid | None, saga: SagaContext, books: Books) -> None:
    """Pay back, and again where it is called again."""
    del pay
    if books.known.get(saga.step_idempotency_key) == "paid for good":
        books.purse += order.amount
    else:
        books.known[saga.step_idempotency_key] = "undone"


class NotIdempotent(Saga):
    """The compensation pays back as often as it is called."""

    order = Input(Order)
    pay = Step(pay, compensation=pay_back_each_time)
    sit = Step(sit, compensation=stand_up)


def pay_back_what_is_there(order: Order, pay: Paid | None, saga: SagaContext, books: Books) -> None:
    """Pay back what was paid, and forget it; nothing stands in the way of what comes later."""
    del pay
    if books.known.pop(saga.step_idempotency_key, "") == "paid for good":
        books.purse += order.amount


class NoTombstone(Saga):
    """The compensation leaves nothing for a call that arrives after it."""

    order = Input(Order)
    pay = Step(pay, compensation=pay_back_what_is_there)
    sit = Step(sit, compensation=stand_up)


def pay_back_by_result(pay: Paid | None, saga: SagaContext, books: Books) -> None:
    """Pay back what the result says; without one it does not know what to do."""
    if pay is None:
        raise ValueError("what shall be paid back?")
    books.pay_back(saga.step_idempotency_key, pay.amount)


class RefusesNone(Saga):
    """The compensation does not take None for a result that nobody has."""

    order = Input(Order)
    pay = Step(pay, compensation=pay_back_by_result)
    sit = Step(sit, compensation=stand_up)


def pay_each_time(order: Order, saga: SagaContext, books: Books) -> Paid:
    """Pay whenever it is called."""
    if books.known.get(saga.idempotency_key) == "undone":
        raise LookupError("it was undone before it arrived")
    books.known[saga.idempotency_key] = "paid for good"
    books.purse -= order.amount
    return Paid(amount=order.amount)


class IgnoresItsKey(Saga):
    """The handler pays again where it is called again."""

    order = Input(Order)
    pay = Step(pay_each_time, compensation=pay_back)
    sit = Step(sit, compensation=stand_up)


def pay_and_refuse(order: Order, saga: SagaContext, books: Books) -> Paid:
    """Pay, and say that nothing was done."""
    books.pay(saga.idempotency_key, order.amount)
    raise Rejected("too late")


class RejectsAfterItsEffect(Saga):
    """The handler says that it did nothing, and did something."""

    order = Input(Order)
    pay = Step(pay_and_refuse, compensation=pay_back)
    sit = Step(sit, compensation=stand_up)
