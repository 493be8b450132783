"""TransferMoney on a deployed stack: it asks a second person, and hears what is answered."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from handlers.transfers import Transfer
from sagas.transfers import TransferMoney
from stepsaga import Approved
from stepsaga.engines.endings import Ending
from tests.e2e.test_sagas import PATIENCE, new_id

if TYPE_CHECKING:
    from tests.e2e.targets import Target

LARGE, SMALL = 250_000, 2_500


def started(target: Target, amount: int) -> str:
    """Order a transfer; return its id."""
    saga_id = new_id("transfer")
    order = Transfer(source="ada", target="bob", amount=amount, ordered_by="ann")
    TransferMoney.start(order, id=saga_id, client=target.sagas())
    return saga_id


def asked(target: Target) -> str:
    """Order a large transfer, and wait until a second person is asked; return its id."""
    saga_id, client = started(target, LARGE), target.sagas()
    until = time.monotonic() + PATIENCE.total_seconds()
    while not client.waiting(TransferMoney, saga_id):
        assert time.monotonic() < until, "nobody was asked"
        time.sleep(0.2)
    return saga_id


def test_a_small_transfer_asks_nobody(target: Target) -> None:
    """Below the limit the money arrives at once."""
    before = target.count_transfers()
    saga_id = started(target, SMALL)
    status = target.sagas().wait("TransferMoney", saga_id, timeout=PATIENCE)
    assert status.ending is Ending.COMPLETED
    after = target.count_transfers()
    assert after.accounts["bob"] - before.accounts["bob"] == SMALL
    assert (after.money, after.reviews) == (before.money, before.reviews)


def test_a_large_transfer_waits_for_a_second_person(target: Target) -> None:
    """The answer resumes the saga; given twice it moves the money once (rule 26)."""
    before = target.count_transfers()
    saga_id = asked(target)
    held = target.count_transfers()
    assert (held.held - before.held, held.accounts["bob"]) == (LARGE, before.accounts["bob"])
    client = target.sagas()
    for _ in range(2):
        client.answer(TransferMoney, saga_id, "review", Approved(by="eve"))
    status = client.wait("TransferMoney", saga_id, timeout=PATIENCE)
    assert status.ending is Ending.COMPLETED
    after = target.count_transfers()
    assert after.accounts["bob"] - before.accounts["bob"] == LARGE
    assert (after.money, after.held) == (before.money, before.held)


@pytest.mark.parametrize("why", ["", "not this week"])
def test_a_rejected_transfer_goes_back(target: Target, why: str) -> None:
    """A second person who says no sends the money back, to the cent."""
    before = target.count_transfers()
    saga_id, client = asked(target), target.sagas()
    client.reject(TransferMoney, saga_id, "review", by="eve", why=why)
    status = client.wait("TransferMoney", saga_id, timeout=PATIENCE)
    assert status.ending is Ending.COMPENSATED
    after = target.count_transfers()
    assert (after.accounts, after.held) == (before.accounts, before.held)
