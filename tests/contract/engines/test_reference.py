"""The reference saga with its real handlers and the real runtime: the same on every engine."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from stepsaga.engines.simulator import Simulator
from stepsaga.engines.simulator.integrations import LAMBDA_INVOKE, PUT_ITEM, LambdaInvoke, PutItem
from stepsaga.store.dynamodb import DynamoDBStore
from stepsaga.store.memory import MemoryStore
from stepsaga.store.table import create_table
from tests.contract.engines.ahead import HousesAhead, asked_for
from tests.contract.engines.checking import ENGINES, OTHERS
from tests.contract.engines.graphs import TABLE
from tests.contract.engines.lacks import allowed, lacks_of
from tests.contract.engines.moto_engine import MotoEngine
from tests.contract.engines.reference import CASES, House, Watched, in_real_time, tables_of
from tests.contract.engines.scripts import Company

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stepsaga.engines.functions import Functions
    from stepsaga.engines.stepfunctions_local import StepFunctionsLocal
    from tests.contract.engines.observe import Run
    from tests.contract.engines.on_ministack import OnMiniStack
    from tools.local import Ledger


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[MotoEngine, Any]]:
    """Moto's server, and a client of it: the participants' tables of two engines are there."""
    with MotoEngine(Company(MemoryStore())) as engine:
        dynamodb = engine.client("dynamodb")
        yield engine, dynamodb
        dynamodb.close()


@pytest.fixture(scope="module")
def house_on_simulator(server: tuple[MotoEngine, Any]) -> Iterator[House]:
    """The simulator."""
    memory, switch = MemoryStore(), Watched(Company(MemoryStore()))
    simulator = Simulator({LAMBDA_INVOKE: LambdaInvoke(switch), PUT_ITEM: PutItem(memory)})
    tables = tables_of("ours")
    house = House(simulator, setter(switch), memory, simulator.clock.now, server[1], tables)
    yield house.open()
    house.close()


@pytest.fixture(scope="module")
def house_on_moto(server: tuple[MotoEngine, Any]) -> Iterator[House]:
    """Moto."""
    engine, dynamodb = server
    create_table(dynamodb, TABLE)
    store = DynamoDBStore(client=dynamodb, table=TABLE)
    house = House(engine, setter(engine), store, now, dynamodb, tables_of("theirs"))
    yield house.open()
    house.close()
    dynamodb.delete_table(TableName=TABLE)


@pytest.fixture(scope="module")
def house_on_stepfunctions_local(local_servers: StepFunctionsLocal) -> Iterator[House]:
    """Step Functions Local, with the participants' tables in DynamoDB Local."""
    house = House(
        local_servers.engine,
        setter(local_servers),
        local_servers.store,
        now,
        local_servers.client("dynamodb"),
        tables_of("local"),
        in_real_time,
    )
    yield house.open()
    house.close()


@pytest.fixture(scope="module")
def house_on_ministack(
    ministack_server: OnMiniStack, request: pytest.FixtureRequest
) -> Iterator[Runs]:
    """MiniStack, with the participants' tables in its DynamoDB."""
    switchboard = ministack_server.switchboard
    first = House(
        ministack_server.engine,
        setter(switchboard),
        ministack_server.store,
        now,
        ministack_server.dynamodb,
        tables_of("ministack"),
        in_real_time,
    )
    with HousesAhead(first, switchboard).working(asked_for(request, "ministack", "name")) as houses:
        yield houses


class Runs(Protocol):
    """A house, or several."""

    def run(self, name: str) -> tuple[Run, Ledger, Ledger]:
        """Fulfil an order; see `House.run`."""
        ...


def setter(owner: Any) -> Callable[[Functions], None]:
    """What replaces the functions of an owner of functions."""

    def use(functions: Functions) -> None:
        owner.functions = functions

    return use


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


def house_on(engine: str, request: pytest.FixtureRequest) -> Runs:
    """The house on an engine by its name."""
    house: Runs = request.getfixturevalue(f"house_on_{engine}")
    return house


def changes(before: Ledger, after: Ledger) -> dict[str, Counter[str]]:
    """What a run changed, by what it is counted in: the order of the runs does not matter."""
    then, now = asdict(before), asdict(after)
    return {
        key: _counted(now[key]) - _counted(then[key]) + (_counted(then[key]) - _counted(now[key]))
        for key in now
    }


def _counted(value: int | dict[str, int]) -> Counter[str]:
    return Counter(value if isinstance(value, dict) else {"": value})


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("engine", OTHERS)
def test_engines_agree(
    engine: str, name: str, house_on_simulator: House, request: pytest.FixtureRequest
) -> None:
    """Whatever goes wrong, runs, events and effects are those of the simulator."""
    ours, *counted = house_on_simulator.run(name)
    theirs, *counted_there = house_on(engine, request).run(name)
    rows = lacks_of(engine, name)
    assert allowed(ours, rows) == allowed(theirs, rows)
    assert changes(*counted) == changes(*counted_there)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("engine", ENGINES)
def test_all_or_nothing(engine: str, name: str, request: pytest.FixtureRequest) -> None:
    """On every engine an order is fulfilled or leaves no trace; stock and money are conserved.

    Also where an effect lands after its compensation (rule 10). What was refunded may be counted.
    """
    run, before, after = house_on(engine, request).run(name)
    assert (after.money, after.articles) == (before.money, before.articles)
    gain = (after.merchant - before.merchant, after.parcels - before.parcels)
    if run.status == "SUCCEEDED":
        assert gain == (50, 1)
    else:
        assert run.error == "SagaCompensated"
        assert gain == (0, 0)
        assert (after.cards, after.held) == (before.cards, before.held)


@pytest.mark.parametrize(
    ("engine", "name"),
    [(engine, name) for engine in OTHERS for name in CASES if lacks_of(engine, name)],
)
def test_each_row_is_needed(
    engine: str, name: str, house_on_simulator: House, request: pytest.FixtureRequest
) -> None:
    """Rule 33: where an engine does not differ any more in a row's case, the row must go."""
    ours, *_ = house_on_simulator.run(name)
    theirs, *_ = house_on(engine, request).run(name)
    assert ours != theirs
