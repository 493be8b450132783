"""Sagas with children on moto's interpreter and on MiniStack: both end them as the simulator does.

What is compared is how all sagas ended, and the money. Executions that are started by another, as
`startExecution.sync:2` does it, moto does not have; children need none of that. Step Functions
Local is not asked: an undo from the log waits in real time there, for a minute and more.
"""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Timer
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.asl import build
from stepsaga.asl.names import EVENT_TABLE, function_name, live_name, participants
from stepsaga.asl.release import substitute, substitutions
from stepsaga.authoring import graph_of
from stepsaga.engines.answers import EngineAnswers
from stepsaga.engines.children import ChildrenStore, EngineChildExecutions, EngineChildren
from stepsaga.engines.endings import Ending, ending_of
from stepsaga.engines.local import LocalFunctions
from stepsaga.engines.recovering import RecoveringFunctions
from stepsaga.graph import children_of
from stepsaga.recovery.children import Children
from stepsaga.store.dynamodb import DynamoDBStore
from stepsaga.store.table import create_table
from tests.children.shop import Ledger, Sell, SellMany
from tests.children.world import ORDER, PAID, World
from tests.contract.engines.graphs import TABLE
from tests.contract.engines.moto_engine import MotoEngine
from tests.contract.engines.on_ministack import Switchboard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stepsaga.engines.protocol import Engine
    from tests.contract.engines.on_ministack import OnMiniStack

SHIPS = {"customer": -36, "shop": 10, "packer": 3, "carrier": 15, "courier": 6, "post": 2}
CASES = {
    "completed": (Sell, ORDER, PAID),
    "child-rejects-at-once": (Sell, {"price": 10, "parcel": {"sku": "t", "trouble": "pack"}}, {}),
    "child-undoes-itself": (Sell, {"price": 10, "parcel": {"sku": "t", "trouble": "label"}}, {}),
    "parent-fails-later": (Sell, {**ORDER, "trouble": "thank"}, {}),
    "in-lanes": (SellMany, {**ORDER, "parcels": [{"sku": "a"}, {"sku": "b"}]}, SHIPS),
    "a-lane-fails": (
        SellMany,
        {**ORDER, "parcels": [{"sku": "a"}, {"sku": "b", "trouble": "label"}]},
        {},
    ),
}
"""A saga, its input, and what stands at its end."""


class Shop:
    """Sagas and their children on an engine; whose ends are told by a thread of their own."""

    def __init__(self, engine: Engine, switchboard: Switchboard, store: DynamoDBStore) -> None:
        self.ledger = Ledger()
        self.engine = engine
        graphs = [graph_of(Sell), graph_of(SellMany), *children_of(graph_of(Sell)).values()]
        ends = ChildrenStore(store, _later)
        starting, answers = EngineChildren(), EngineAnswers(engine)
        modules = list(dict.fromkeys(m for graph in graphs for m in participants(graph)))
        local = LocalFunctions(
            modules,
            store=ends,
            now=_now,
            resources={"ledger": self.ledger},
            answers=answers,
            children=starting,
        )
        live = {module: f"{module.rpartition('.')[2]}:live" for module in modules}
        functions = RecoveringFunctions(local, ends, live, _now)
        switchboard.functions = functions
        fingerprints = {}
        for graph in graphs:
            compiled = build(graph)
            store.put_definition(compiled.fingerprint, compiled.graph)
            values = {EVENT_TABLE: TABLE}
            for module in participants(graph):
                name = module.rpartition(".")[2]
                values |= {function_name(module): name, live_name(module): f"{name}:live"}
            used = {name: values[name] for name in substitutions(graph)}
            engine.create(graph.name, substitute(compiled.text, used))
            fingerprints[graph.name] = compiled.fingerprint
        executions = EngineChildExecutions(engine, fingerprints)
        self.children = Children(ends, executions, answers, _now)
        starting.known = self.children
        # What Step Functions itself records, which is the end of a saga that is undone, does not
        # come by the store in front: the table's stream tells that on AWS.
        ends.children = self.children
        functions.on(engine, fingerprints, self.children)
        self.store = store

    def run(self, saga: str, order: Any, name: str) -> Ending:
        """Run a saga to its end, telling what nobody else tells here."""
        arn = self.engine.start(saga, order, name=name)
        told = Timer(0, self._tell, (f"{saga}#{name}", arn))
        told.start()
        view = self.engine.wait(arn)
        told.join()
        return ending_of(view)

    def _tell(self, stream: str, arn: str) -> None:
        """As the table's stream does, of all that the parent waits for, until that has ended."""
        while self.engine.describe(arn).status.value == "RUNNING":
            self.children.look(list(self.store.read(stream)))


def _later(seconds: float, do: Callable[[], None]) -> None:
    Timer(seconds, do).start()


def _now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def moto() -> Iterator[Shop]:
    """moto, with a table."""
    switchboard = Switchboard()
    with MotoEngine(switchboard) as engine:
        client = engine.client("dynamodb")
        create_table(client, TABLE)
        yield Shop(engine, switchboard, DynamoDBStore(client=client, table=TABLE))
        client.delete_table(TableName=TABLE)
        client.close()


@pytest.fixture(scope="module")
def ministack(ministack_server: OnMiniStack) -> Shop:
    """MiniStack, with functions that are called here."""
    return Shop(ministack_server.engine, ministack_server.switchboard, ministack_server.store)


@pytest.mark.parametrize("engine", ["moto", "ministack"])
@pytest.mark.parametrize("name", CASES)
def test_children_end_alike(name: str, engine: str, request: pytest.FixtureRequest) -> None:
    """The same ending, and the same money, on every engine."""
    saga, order, stands = CASES[name]
    other: Shop = request.getfixturevalue(engine)
    other.ledger.moves.clear()
    world = World((saga,))
    ours = ending_of(world.run(saga.__name__, order))
    assert world.ledger.balances == stands
    assert other.run(saga.__name__, order, name) is ours
    assert other.ledger.balances == stands
