"""A deadline that passes while a saga with a distributed map waits: who undoes it then."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stepsaga import DistributedMap, Input, JsonLines, Saga, Step, Wait
from stepsaga.engines.protocol import Status
from stepsaga.recovery.plan import MOST_LEFT
from tests.distributed import bank
from tests.distributed.test_recovery import filed, shop_of

HOUR = timedelta(hours=1)


def tell() -> None:
    """Tell somebody."""


class PaysThenRests(Saga):
    """Pays many, waits for longer than it may, and tells somebody."""

    batch = Input(bank.Filed)
    payouts = DistributedMap(
        JsonLines(batch.file, item=bank.Payout),
        pay=Step(bank.pay_out, compensation=bank.recall),
    )
    rest = Wait(2 * HOUR)
    tell = Step(tell, read_only=True)


@pytest.mark.parametrize("count", [3, MOST_LEFT + 1])
def test_nobody_stops_what_only_its_own_execution_can_undo(count: int) -> None:
    """Few items are undone from the log at once; with many the next call is refused, which does."""
    shop = shop_of(saga=PaysThenRests, deadline=3600)
    arn = shop.engine.start("PaysThenRests", filed(shop, count), name="one")
    shop.clock.advance(HOUR + timedelta(minutes=10))
    assert len(shop.world.standing) == count
    assert shop.sweep() == {"undoing" if count <= MOST_LEFT else "well": 1}
    shop.undos()
    view = shop.engine.wait(arn)
    assert view.status is (Status.ABORTED if count <= MOST_LEFT else Status.FAILED)
    assert not shop.world.standing
    assert shop.events().count("SagaCompensated") == 1
