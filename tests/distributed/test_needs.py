"""Compensations in lanes that need what a step before theirs has returned."""

from __future__ import annotations

import pytest

from stepsaga import DistributedMap, Input, Map, Rejected, Saga, Step
from stepsaga.engines.endings import Ending
from stepsaga.testing import SagaRunner
from tests.distributed import bank

undone: list[tuple[str, str]] = []
"""What was undone: for whom, and with what."""


def reserve(item: bank.Payout) -> str:
    """Reserve money, unless there is none."""
    if item.to == "nobody":
        raise Rejected("there is none")
    return f"money for {item.to}"


def release(item: bank.Payout, reserve: str | None) -> None:
    """Release it."""
    undone.append((item.to, f"reserve {reserve}"))


def book(item: bank.Payout, reserve: str) -> int:
    """Book it."""
    del item, reserve
    return 1


def unbook(item: bank.Payout, reserve: str, book: int | None) -> None:
    """Take that back, by what was reserved."""
    undone.append((item.to, f"book {reserve} {book}"))


class Books(Saga):
    """In lanes of a map."""

    batch = Input(bank.Batch)
    payouts = Map(
        batch.payouts,
        reserve=Step(reserve, compensation=release),
        book=Step(book, compensation=unbook),
        most=10,
    )


class BooksMany(Saga):
    """In executions of their own."""

    batch = Input(bank.Batch)
    payouts = DistributedMap(
        batch.payouts,
        reserve=Step(reserve, compensation=release),
        book=Step(book, compensation=unbook),
    )


@pytest.mark.parametrize("saga", [Books, BooksMany])
def test_what_was_never_come_to_needs_nothing(saga: type[Saga]) -> None:
    """A lane that ended before a step has nothing for its compensation, which is not called."""
    undone.clear()
    value = {"payouts": [{"to": "ann", "cents": 1}, {"to": "nobody", "cents": 1}]}
    run = SagaRunner().run(saga, value)
    assert run.ending is Ending.COMPENSATED
    assert undone == [("ann", "book money for ann 1"), ("ann", "reserve money for ann")]
