"""The engines of the contract suite, each with a company of functions and an event store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stepsaga.engines.simulator import Simulator
from stepsaga.engines.simulator.integrations import LAMBDA_INVOKE, PUT_ITEM, LambdaInvoke, PutItem
from stepsaga.store.dynamodb import DynamoDBStore
from stepsaga.store.memory import MemoryStore
from stepsaga.store.table import create_table
from tests.contract.engines.graphs import TABLE
from tests.contract.engines.moto_engine import MotoEngine
from tests.contract.engines.scripts import Company
from tests.contract.engines.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.register_assert_rewrite("tests.contract.engines.checking")


@pytest.fixture(scope="module")
def simulator() -> Stage:
    """The simulator, with stores in memory."""
    store = MemoryStore()
    company = Company(store)
    engine = Simulator({LAMBDA_INVOKE: LambdaInvoke(company), PUT_ITEM: PutItem(store)})
    company.engine = engine
    return Stage(engine, company, store)


@pytest.fixture(scope="module")
def moto() -> Iterator[Stage]:
    """moto, with a table of its own."""
    nobody = Company(MemoryStore())
    with MotoEngine(nobody) as engine:
        client = engine.client("dynamodb")
        create_table(client, TABLE)
        store = DynamoDBStore(client=client, table=TABLE)
        company = Company(store, engine=engine)
        engine.functions = company
        yield Stage(engine, company, store)
        client.delete_table(TableName=TABLE)
        client.close()
