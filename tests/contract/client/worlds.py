"""Where the client's contract is tried: an engine, its event store, and a client of both."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from stepsaga.asl import build
from stepsaga.asl.release import substitute, substitutions
from stepsaga.authoring import graph_of
from stepsaga.client import Client
from stepsaga.engines.local import LocalFunctions
from stepsaga.engines.simulator import Simulator
from stepsaga.store.dynamodb import DynamoDBStore
from stepsaga.store.memory import MemoryStore
from stepsaga.store.slots import stream_of
from stepsaga.store.table import create_table
from tests.contract.client import shop
from tests.contract.client.shop import Hook, PlaceOrder
from tests.contract.engines.moto_engine import MotoEngine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.authoring import Saga
    from stepsaga.client import SagaStatus
    from stepsaga.engines.protocol import Engine
    from stepsaga.store.commits import Commit
    from stepsaga.store.protocol import ClientStore, EventStore

COMPILED = build(graph_of(PlaceOrder))
NAME = COMPILED.name
TABLE = "client-events"
IDS = count(1)
"""Worlds outlive a test: each saga has an id of its own."""


@dataclass
class World:
    """An engine with the shop's machine, and what is needed to look behind the client."""

    engine: Engine
    store: Any
    hook: Hook

    @property
    def client(self) -> Client:
        """A client that knows which sagas there are."""
        return self.client_of()

    def client_of(
        self, engine: Engine | None = None, store: ClientStore | None = None, **options: Any
    ) -> Client:
        """A client with something between it and the world."""
        return Client(engine or self.engine, store or self.store, sagas=[NAME], **options)

    def ended(self, order: Any, saga_id: str) -> SagaStatus:
        """A saga that was started, and has ended."""
        self.client.start(PlaceOrder, order, id=saga_id)
        return self.client.wait(PlaceOrder, saga_id)

    def while_it_runs(self, saga_id: str, do: Any) -> None:
        """Run a saga to its end, and do something while its first step is under way."""
        failures: list[BaseException] = []

        def guarded() -> None:
            try:
                do()
            except BaseException as error:  # noqa: BLE001  # else it would be the saga's failure
                failures.append(error)

        self.hook.do = guarded
        try:
            self.ended({"sku": "tea"}, saga_id)
        finally:
            self.hook.do = None
        if failures:
            raise failures[0]

    def executions(self, saga_id: str) -> list[str]:
        """The ARNs of all executions of an id that the engine knows."""
        return [one.arn for one in self.engine.executions(NAME) if one.name == saga_id]

    def commits(self, saga_id: str) -> list[Commit]:
        """All that was recorded under an id."""
        return [*self.store.read(stream_of(NAME, saga_id))]

    def runs(self, saga_id: str) -> int:
        """How many runs were recorded under an id."""
        return len({commit.slot.partition("/")[0] for commit in self.commits(saga_id)})


@dataclass
class Simulated(World):
    """A world whose time can be moved."""

    engine: Simulator

    def pass_time(self, duration: timedelta) -> None:
        """Let a time pass, and happen what is due in it."""
        self.engine.clock.advance(duration)

    def sleep(self, seconds: float) -> None:
        """As `pass_time`, for what counts seconds."""
        self.pass_time(timedelta(seconds=seconds))

    def seconds(self) -> float:
        """Virtual time, as a clock of which differences are taken."""
        return self.engine.clock.now().timestamp()

    def run_until(self, arn: str, kind: str, *, times: int) -> None:
        """Let time pass until an execution's history has so many events of a type."""
        for _ in range(times):
            self.engine.run_until(arn, lambda event: event.type == kind)


def new_id() -> str:
    """An id that nobody has."""
    return f"order-{next(IDS)}"


def simulated(*more: type[Saga]) -> Simulated:
    """A new simulator, with a store in memory; perhaps with more sagas than one."""
    store, hook = MemoryStore(), Hook()
    compiled = [COMPILED, *(build(graph_of(saga)) for saga in more)]
    simulator = Simulator.for_sagas(compiled, store=store, resources={"hook": hook})
    return Simulated(simulator, store, hook)


@contextmanager
def on_moto() -> Iterator[World]:
    """Moto's Step Functions and DynamoDB; the handlers run in this process."""
    hook = Hook()
    with MotoEngine(_Nobody()) as engine:
        client = engine.client("dynamodb")
        create_table(client, TABLE)
        store = DynamoDBStore(client=client, table=TABLE)
        engine.functions = _functions(store, hook)
        engine.create(NAME, _text())
        yield World(engine, store, hook)
        client.delete_table(TableName=TABLE)
        client.close()


class _Nobody:
    def invoke(self, function: str, payload: Any) -> Any:
        raise LookupError(f"{function} was called before there were functions: {payload}")


def _functions(store: EventStore, hook: Hook) -> LocalFunctions:
    return LocalFunctions(
        [shop.__name__], store=store, now=lambda: datetime.now(UTC), resources={"hook": hook}
    )


def _text() -> str:
    values = {"EventTable": TABLE, "Shop": "shop", "ShopLive": "shop:live"}
    needed = substitutions(graph_of(PlaceOrder))
    return substitute(COMPILED.text, {name: values[name] for name in needed})
