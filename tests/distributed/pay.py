"""The sagas of the bank."""

from __future__ import annotations

from stepsaga import Choice, Csv, DistributedMap, Input, JsonLines, Map, Saga, Step, when
from tests.distributed import bank


class PayAll(Saga):
    """Pay all of a list, or nobody."""

    batch = Input(bank.Batch)
    hold = Step(bank.hold, compensation=bank.release)
    payouts = DistributedMap(
        batch.payouts,
        check=Choice(
            careful=when(Map.item.urgent, screened=Step(bank.screen, compensation=bank.unscreen))
        ),
        pay=Step(bank.pay_out, compensation=bank.recall, compensation_retry=None),
        at_most=4,
        tolerated=2,
    )
    report = Step(bank.report, compensation=bank.unreport)


class PayFile(Saga):
    """Pay all of a file; the map comes first, and last."""

    batch = Input(bank.Filed)
    payouts = DistributedMap(
        JsonLines(batch.file, item=bank.Payout),
        pay=Step(bank.pay_out, compensation=bank.recall),
        tolerated=0.5,
    )


class PayTable(Saga):
    """Pay all of a table."""

    batch = Input(bank.Filed)
    payouts = DistributedMap(
        Csv(batch.file, item=bank.Payout),
        pay=Step(bank.pay_out, compensation=bank.recall),
        at_most=50,
    )


class PayMost(Saga):
    """Pay a list, of which so many in a hundred may be gone."""

    batch = Input(bank.Batch)
    payouts = DistributedMap(
        batch.payouts,
        pay=Step(bank.pay_out, compensation=bank.recall),
        tolerated=0.29,
    )
