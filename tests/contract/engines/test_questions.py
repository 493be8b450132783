"""Sagas that ask, with the real runtime: whatever is said, and when, the same on every engine."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Protocol

import pytest

from stepsaga.engines.simulator import Simulator
from stepsaga.engines.simulator.integrations import LAMBDA_INVOKE, PUT_ITEM, LambdaInvoke, PutItem
from stepsaga.store.dynamodb import DynamoDBStore
from stepsaga.store.memory import MemoryStore
from stepsaga.store.table import create_table
from tests.contract.engines.ahead import Ahead, asked_for
from tests.contract.engines.checking import ENGINES, OTHERS, lacking
from tests.contract.engines.graphs import TABLE
from tests.contract.engines.lacks import LACKS, Lack, allowed, failures_of, lacks_of
from tests.contract.engines.moto_engine import MotoEngine
from tests.contract.engines.office import Office
from tests.contract.engines.on_ministack import Switchboard
from tests.contract.engines.question_cases import ASKING
from tests.contract.engines.reference import Watched
from tests.contract.engines.scripts import Company
from tests.times import RealTime, VirtualTime

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stepsaga.engines.functions import Functions
    from stepsaga.engines.protocol import Engine
    from stepsaga.engines.stepfunctions_local import StepFunctionsLocal
    from tests.contract.engines.observe import Run
    from tests.contract.engines.office import Seen
    from tests.contract.engines.on_ministack import OnMiniStack


class Runs(Protocol):
    """An office where cases were run, or are under way."""

    def __getitem__(self, name: str) -> Seen:
        """What was seen of a case."""
        ...


class Once:
    """An office where cases are run one after the other, each once."""

    def __init__(self, office: Office) -> None:
        self._run = cache(office.run)

    def __getitem__(self, name: str) -> Seen:
        return self._run(name)


@pytest.fixture(scope="module")
def office_on_simulator() -> Runs:
    """The simulator, whose time is virtual."""
    store, switch = MemoryStore(), Watched(Company(MemoryStore()))
    simulator = Simulator({LAMBDA_INVOKE: LambdaInvoke(switch), PUT_ITEM: PutItem(store)})

    def use(_: str, functions: Functions) -> None:
        switch.functions = functions

    now = simulator.clock.now
    return Once(Office(simulator, use, store, now, partial(VirtualTime, simulator)))


@pytest.fixture(scope="module")
def office_on_moto(request: pytest.FixtureRequest) -> Iterator[Runs]:
    """Moto, where a question's time is real."""
    switchboard = Switchboard()
    with MotoEngine(switchboard) as engine:
        client = engine.client("dynamodb")
        create_table(client, TABLE)
        store = DynamoDBStore(client=client, table=TABLE)
        with under_way("moto", engine, store, switchboard, request) as runs:
            yield runs
        client.delete_table(TableName=TABLE)
        client.close()


@pytest.fixture(scope="module")
def office_on_stepfunctions_local(
    local_servers: StepFunctionsLocal, request: pytest.FixtureRequest
) -> Iterator[Runs]:
    """Step Functions Local."""
    local_servers.functions = switchboard = Switchboard()
    engine, store = local_servers.engine, local_servers.store
    with under_way("stepfunctions_local", engine, store, switchboard, request) as runs:
        yield runs


@pytest.fixture(scope="module")
def office_on_ministack(
    ministack_server: OnMiniStack, request: pytest.FixtureRequest
) -> Iterator[Runs]:
    """MiniStack."""
    server = ministack_server
    with under_way("ministack", server.engine, server.store, server.switchboard, request) as runs:
        yield runs


@contextmanager
def under_way(
    name: str,
    engine: Engine,
    store: DynamoDBStore,
    switchboard: Switchboard,
    request: pytest.FixtureRequest,
) -> Iterator[Runs]:
    """An engine in real time, where cases are under way at the same time."""
    office = Office(engine, switchboard.connect, store, now, RealTime)
    names = asked_for(request, name, "name")
    with Ahead({one: partial(office.run, one) for one in names}) as runs:
        yield runs


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


def seen_on(engine: str, name: str, request: pytest.FixtureRequest) -> Seen:
    """What an engine made of a case."""
    runs: Runs = request.getfixturevalue(f"office_on_{engine}")
    return runs[name]


def compared(name: str, seen: Seen, rows: Sequence[Lack]) -> Run:
    """A run without what these rows allow; of lanes without an order, and without ``$$.State``.

    MiniStack's branches share that: what a call hears of its state may be another branch's, or not.
    """
    run = allowed(seen.run, rows)
    if not ASKING[name].together:
        return run
    calls = tuple(replace(one, state="", payload={**one.payload, "state": {}}) for one in run.calls)
    return replace(run, calls=calls).without_order()


@pytest.mark.parametrize("name", ASKING)
@pytest.mark.parametrize("engine", OTHERS)
def test_engines_agree(engine: str, name: str, request: pytest.FixtureRequest) -> None:
    """Runs, records and histories are those of the simulator.

    What the world knows is the same whatever the engine lacks, unless it ends otherwise.
    """
    ours, theirs = (seen_on(one, name, request) for one in ("simulator", engine))
    rows = lacks_of(engine, name)
    assert compared(name, ours, rows) == compared(name, theirs, rows)
    assert failures_of(engine, name) or ours == replace(theirs, run=ours.run)


@pytest.mark.parametrize(
    ("engine", "name"), [lacking(one, name, (one, name)) for one in ENGINES for name in ASKING]
)
def test_questions_end_as_expected(engine: str, name: str, request: pytest.FixtureRequest) -> None:
    """What each case must come to is written down: no two engines are wrong together."""
    case, seen = ASKING[name], seen_on(engine, name, request)
    assert (seen.ending, seen.done, seen.said) == (case.ends, case.done, case.said)
    assert not case.calls or seen.run.order == list(case.calls)


@pytest.mark.parametrize(
    ("engine", "name", "row"),
    [
        pytest.param(engine, name, row, id=f"{engine}-{name}-row{LACKS.index(row)}")
        for engine in OTHERS
        for name in ASKING
        for row in lacks_of(engine, name)
    ],
)
def test_each_row_is_needed(
    engine: str, name: str, row: Lack, request: pytest.FixtureRequest
) -> None:
    """Rule 33: where an engine does not differ any more in a row's case, the row must go."""
    ours, theirs = (seen_on(one, name, request) for one in ("simulator", engine))
    rest = [lack for lack in lacks_of(engine, name) if lack is not row]
    assert compared(name, ours, rest) != compared(name, theirs, rest)
