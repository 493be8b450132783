"""The engines of the contract suite, each with a company of functions and an event store."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from stepsaga.engines.simulator import Simulator
from stepsaga.engines.simulator.integrations import LAMBDA_INVOKE, PUT_ITEM, LambdaInvoke, PutItem
from stepsaga.engines.stepfunctions_local import StepFunctionsLocal
from stepsaga.store.dynamodb import DynamoDBStore
from stepsaga.store.memory import MemoryStore
from stepsaga.store.table import create_table
from tests.absent import absent
from tests.contract.engines.ahead import StageAhead, asked_for
from tests.contract.engines.graphs import TABLE
from tests.contract.engines.hurry import asked_briefly, hurried
from tests.contract.engines.moto_engine import MotoEngine
from tests.contract.engines.scripts import Company
from tests.contract.engines.servers import COMPOSE_FILE, NAME, why_absent
from tests.contract.engines.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.engines.on_ministack import OnMiniStack

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
    """moto, with a table of its own. A question's time is real."""
    nobody = Company(MemoryStore())
    with MotoEngine(nobody) as engine:
        client = engine.client("dynamodb")
        create_table(client, TABLE)
        store = DynamoDBStore(client=client, table=TABLE)
        company = Company(store, engine=engine)
        engine.functions = company
        yield Stage(engine, company, store, asked_briefly)
        client.delete_table(TableName=TABLE)
        client.close()


@pytest.fixture(scope="session")
def local_servers(request: pytest.FixtureRequest) -> Iterator[StepFunctionsLocal]:
    """Step Functions Local and DynamoDB Local: started once, for they take their time."""
    worker = hasattr(request.config, "workerinput")
    if why := why_absent(os.environ, worker=worker):
        absent(NAME, why)
    with StepFunctionsLocal(compose_file=COMPOSE_FILE, table=TABLE) as local:
        yield local


@pytest.fixture(scope="module")
def stepfunctions_local(local_servers: StepFunctionsLocal, request: pytest.FixtureRequest) -> Stage:
    """Step Functions Local, in real time."""
    company = Company(local_servers.store, engine=local_servers.engine)
    local_servers.functions = company
    return Stage(local_servers.engine, company, local_servers.store, hurried, request.path.stem)


@pytest.fixture(scope="module")
def ministack(ministack_server: OnMiniStack, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """MiniStack, whose waits are skipped and whose Tasks time out in real time."""
    switchboard = ministack_server.switchboard
    company = Company(ministack_server.store, engine=ministack_server.engine)
    switchboard.functions = company
    stage = StageAhead(
        ministack_server.engine,
        company,
        ministack_server.store,
        hurried,
        request.path.stem,
        switchboard=switchboard,
    )
    with stage.playing(asked_for(request, "ministack", "case")):
        yield stage
