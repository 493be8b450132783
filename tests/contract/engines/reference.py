"""The reference saga with its real handlers and the real runtime, on an engine."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from handlers import inventory, notifications, payments, shipping
from handlers.table import Table
from sagas.orders import FulfilOrder
from stepsaga.asl import build
from stepsaga.authoring import graph_of
from stepsaga.engines.faults import CALL_FAULTS, Faults, FaultyFunctions
from stepsaga.engines.local import LocalFunctions
from stepsaga.engines.simulator.sagas import plan_of
from stepsaga.runtime.runtime import load
from tests.contract.engines.graphs import substituted
from tests.contract.engines.hurry import with_short_times
from tests.contract.engines.observe import Run, observe
from tests.contract.engines.scripts import Invocation
from tools.local import Ledger, Tables, ledger, setup_orders

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from stepsaga.engines.functions import Functions
    from stepsaga.engines.protocol import Engine
    from stepsaga.store.protocol import EventStore

COMPILED: Final = build(graph_of(FulfilOrder))
PLAN: Final = plan_of([COMPILED])
MODULES: Final = (inventory, payments, shipping, notifications)
ORDER: Final = {
    "customer": "ada@example.com",
    "lines": [{"sku": "tea", "quantity": 1}],
    "total": 50,
    "card": "tok_ada",
}

FORWARD: Final = ("reserve", "charge", "ship")
LATER: Final[Mapping[str, Mapping[str, str]]] = {
    "undo reserve": {"charge": "rejected"},
    "undo charge": {"charge": "times out after"},
    "verify ship": {"ship": "times out after"},
    "thank": {},
}
"""What must go wrong before these are reached."""
ONCE: Final = ("raises", "crashes after", "crashes after commit", "delivered twice")

CASES: Final[Mapping[str, Mapping[str, Any]]] = {
    "reference-well": {},
    **{
        f"reference-{state}-{kind}".replace(" ", "-"): {state: kind}
        for state in FORWARD
        for kind in CALL_FAULTS
    },
    **{
        f"reference-{state}-once-{kind}".replace(" ", "-"): {**reaching, state: [kind]}
        for state, reaching in LATER.items()
        for kind in ONCE
    },
}


@dataclass
class Watched:
    """Functions, and a record of every call."""

    functions: Functions
    invocations: list[Invocation] = field(default_factory=list)

    def invoke(self, function: str, payload: Any) -> Any:
        """Record the call, and let the functions answer."""
        state = payload["state"]
        call = Invocation(function, state["Name"], state.get("RetryCount", 0), payload)
        self.invocations.append(call)
        return self.functions.invoke(function, payload)


def as_compiled(_wanted: Mapping[str, Any]) -> str:
    """The definition, whatever shall go wrong."""
    return substituted(COMPILED.text)


def in_real_time(wanted: Mapping[str, Any]) -> str:
    """The definition with short times, where this shall go wrong."""
    silent = ("times out before", "times out after", "lands late")
    hanging = {state for state, kind in wanted.items() if kind in silent}
    return with_short_times(substituted(COMPILED.text), hanging)


@dataclass
class House:
    """An engine with the participants' tables and an event store.

    Attributes:
        definition: The definition on this engine, by what shall go wrong.
    """

    engine: Engine
    use: Callable[[Functions], None]
    store: EventStore
    now: Callable[[], datetime]
    dynamodb: Any
    tables: Tables
    definition: Callable[[Mapping[str, Any]], str] = as_compiled
    seen: dict[str, tuple[Run, Ledger, Ledger]] = field(default_factory=dict)
    machines: dict[str, str] = field(default_factory=dict)

    def open(self) -> House:
        """Make the tables."""
        setup_orders(self.dynamodb, self.tables)
        return self

    def close(self) -> None:
        """Remove the tables."""
        for table in astuple(self.tables):
            self.dynamodb.delete_table(TableName=table)

    def run(self, name: str) -> tuple[Run, Ledger, Ledger]:
        """Fulfil an order, once: what was seen, and what could be counted before and after."""
        if name not in self.seen:
            before = ledger(self.dynamodb, self.tables)
            run = self._run(name, CASES[name])
            self.seen[name] = run, before, ledger(self.dynamodb, self.tables)
        return self.seen[name]

    def _run(self, name: str, wanted: Mapping[str, Any]) -> Run:
        names = {"stock": self.tables.stock, "accounts": self.tables.accounts,
                 "parcels": self.tables.parcels, "outbox": self.tables.outbox}  # fmt: skip
        local = LocalFunctions(
            [module.__name__ for module in MODULES],
            store=self.store,
            now=self.now,
            resources={key: Table(self.dynamodb, table) for key, table in names.items()},
        )
        faults = Faults(wanted, PLAN.targets)
        faulty = FaultyFunctions(local, faults, store=self.store, resolve=load, now=self.now)
        watched = Watched(faulty)
        self.use(watched)
        arn = self.engine.start(self.machine(wanted), ORDER, name=name)
        view = self.engine.wait(arn)
        faulty.land(arn)
        return observe(self.engine, view, watched.invocations, self.store)

    def machine(self, wanted: Mapping[str, Any]) -> str:
        """A machine of the definition for what shall go wrong."""
        text = self.definition(wanted)
        if text not in self.machines:
            self.machines[text] = f"FulfilOrder-{len(self.machines)}"
            self.engine.create(self.machines[text], text)
        return self.machines[text]


def tables_of(prefix: str) -> Tables:
    """Names of tables that nobody else has."""
    return Tables(*(f"{prefix}-{name}" for name in ("stock", "accounts", "parcels", "outbox")))
