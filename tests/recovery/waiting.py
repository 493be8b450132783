"""Sagas that wait longer than they may: until a time, for an answer, in a lane, around a pivot."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from stepsaga import Approval, Input, Parallel, Saga, Step, Wait
from stepsaga.authoring import graph_of

if TYPE_CHECKING:
    from stepsaga.graph import SagaGraph

DEADLINE = timedelta(hours=1)
JUST_BEFORE = DEADLINE - timedelta(seconds=5)


class Order(BaseModel):
    """What is wanted."""

    id: str


def reserve() -> Any:
    """Reserve it."""


def release() -> None:
    """Release it."""


def ship() -> Any:
    """Ship it."""


def unship() -> None:
    """Get it back."""


def pay() -> Any:
    """Pay for good."""


def find() -> Any:
    """Find the payment."""


def ask() -> None:
    """Ask somebody."""


def tell() -> Any:
    """Tell the customer."""


class Rests(Saga):
    """Waits between two steps."""

    order = Input(Order)
    reserve = Step(reserve, compensation=release)
    rest = Wait(timedelta(hours=48))
    ship = Step(ship, compensation=unship)


class RestsFirst(Saga):
    """Waits before anything is recorded."""

    order = Input(Order)
    rest = Wait(timedelta(hours=48))
    reserve = Step(reserve, compensation=release)


class Asks(Saga):
    """Waits for an answer."""

    order = Input(Order)
    reserve = Step(reserve, compensation=release)
    review = Approval(ask, timeout=timedelta(hours=24))
    ship = Step(ship, compensation=unship)


class AsksBeside(Saga):
    """Waits for an answer in one lane, and is done in the other."""

    order = Input(Order)
    both = Parallel(
        review=Approval(ask, timeout=timedelta(hours=24)),
        reserve=Step(reserve, compensation=release),
    )
    ship = Step(ship, compensation=unship)


class RestsAfterPaying(Saga):
    """Waits after its point of no return."""

    order = Input(Order)
    reserve = Step(reserve, compensation=release)
    pay = Step(pay, pivot=True, verify=find)
    rest = Wait(timedelta(hours=48))
    tell = Step(tell)


class PaysLate(Saga):
    """Comes to its point of no return just before its deadline."""

    order = Input(Order)
    reserve = Step(reserve, compensation=release)
    rest = Wait(JUST_BEFORE)
    pay = Step(pay, pivot=True, verify=find)
    after = Wait(timedelta(hours=48))
    tell = Step(tell)


def late(saga: type[Saga]) -> SagaGraph:
    """A saga's graph with a deadline that its waits exceed."""
    return replace(graph_of(saga), deadline=int(DEADLINE.total_seconds()))
