"""The reference saga with its real handlers and the real runtime: the same on every engine."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from stepsaga.engines.simulator import Simulator
from stepsaga.engines.simulator.integrations import LAMBDA_INVOKE, PUT_ITEM, LambdaInvoke, PutItem
from stepsaga.store.dynamodb import DynamoDBStore
from stepsaga.store.memory import MemoryStore
from stepsaga.store.table import create_table
from tests.contract.engines.graphs import TABLE
from tests.contract.engines.lacks import allowed, lacks_of
from tests.contract.engines.moto_engine import MotoEngine
from tests.contract.engines.reference import CASES, House, Watched, tables_of
from tests.contract.engines.scripts import Company

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.engines.functions import Functions


@pytest.fixture(scope="module")
def houses() -> Iterator[tuple[House, House]]:
    """The simulator and moto. The participants' tables of both are on moto's server."""
    with MotoEngine(Company(MemoryStore())) as engine:
        dynamodb = engine.client("dynamodb")
        create_table(dynamodb, TABLE)
        memory, switch = MemoryStore(), Watched(Company(MemoryStore()))
        simulator = Simulator({LAMBDA_INVOKE: LambdaInvoke(switch), PUT_ITEM: PutItem(memory)})

        def use_here(functions: Functions) -> None:
            switch.functions = functions

        def use_there(functions: Functions) -> None:
            engine.functions = functions

        ours = House(simulator, use_here, memory, simulator.clock.now, dynamodb, tables_of("ours"))
        store = DynamoDBStore(client=dynamodb, table=TABLE)
        theirs = House(
            engine, use_there, store, lambda: datetime.now(UTC), dynamodb, tables_of("theirs")
        )
        yield ours.open(), theirs.open()
        for table in dynamodb.list_tables()["TableNames"]:
            if table == TABLE or table.startswith(("ours-", "theirs-")):
                dynamodb.delete_table(TableName=table)
        dynamodb.close()


@pytest.mark.parametrize("name", CASES)
def test_engines_agree(name: str, houses: tuple[House, House]) -> None:
    """Whatever goes wrong, runs, events and effects are the same on both engines."""
    (ours, *counted), (theirs, *counted_there) = (house.run(name) for house in houses)
    rows = lacks_of("moto", name)
    assert allowed(ours, rows) == allowed(theirs, rows)
    assert counted == counted_there


@pytest.mark.parametrize("name", CASES)
def test_all_or_nothing(name: str, houses: tuple[House, House]) -> None:
    """On both engines an order is fulfilled or leaves no trace; stock and money are conserved.

    Also where an effect lands after its compensation (rule 10). What was refunded may be counted.
    """
    for run, before, after in (house.run(name) for house in houses):
        assert (after.money, after.articles) == (before.money, before.articles)
        gain = (after.merchant - before.merchant, after.parcels - before.parcels)
        if run.status == "SUCCEEDED":
            assert gain == (50, 1)
        else:
            assert run.error == "SagaCompensated"
            assert gain == (0, 0)
            assert (after.cards, after.held) == (before.cards, before.held)


@pytest.mark.parametrize("name", [name for name in CASES if lacks_of("moto", name)])
def test_each_row_is_needed(name: str, houses: tuple[House, House]) -> None:
    """Rule 33: where moto does not differ any more in a row's case, the row must go."""
    (ours, *_), (theirs, *_) = (house.run(name) for house in houses)
    assert ours != theirs
