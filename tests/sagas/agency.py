"""The suppliers' tables of BookTrip, for its tests, and what must be true of them at any end."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from handlers import cars
from handlers.table import Table
from sagas.trips import BookTrip, RentCar
from stepsaga.asl import build
from stepsaga.authoring import graph_of
from stepsaga.cli.run import told as timeline_told
from stepsaga.engines.endings import Ending
from stepsaga.engines.once import run_once
from stepsaga.engines.simulator.engine import START
from stepsaga.store.memory import MemoryStore
from tools import tables
from tools.trips import TripLedger, TripTables, ledger, setup

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stepsaga.cli.timeline import Timeline
    from stepsaga.engines.once import Faults, Run

COMPILED: Final = build(graph_of(BookTrip))
CHILD: Final = build(graph_of(RentCar))
TRAVELLERS: Final = ("Ada", "Ben", "Cleo")
SEAT, ROOM, CAR, POLICY = 12_901, 43_855, 9_907, 2_401
TRIP: Final[Mapping[str, Any]] = {
    "customer": "ada@example.com",
    "account": "acc_ada",
    "travellers": [{"name": name} for name in TRAVELLERS],
    "flight": {"id": "LX318", "price": SEAT},
    "hotel": {"id": "harbour", "price": ROOM},
    "car": {"id": "small", "price": CAR},
    "insurance": {"id": "cancellation", "price": POLICY},
}
PRICE: Final = len(TRAVELLERS) * SEAT + ROOM + CAR + POLICY
DEPOSIT: Final = cars.DEPOSIT
TOLD: Final = ("tickets", "reports", "messages")
numbers = count(1)


@dataclass(frozen=True)
class Agency:
    """Suppliers with a few of each offer, and a customer who can pay."""

    dynamodb: Any
    names: TripTables

    @classmethod
    def opened(cls, dynamodb: Any) -> Agency:
        """Tables of one's own, in which nothing has happened yet."""
        prefix = f"agency-{next(numbers)}"
        fields = ("flights", "hotels", "cars", "insurance", "reports", "outbox")
        names = TripTables(*(f"{prefix}-{name}" for name in fields))
        setup(dynamodb, names)
        tables.create(dynamodb, [names.outbox])
        return cls(dynamodb, names)

    def close(self) -> None:
        """Remove the tables."""
        for name in astuple(self.names):
            self.dynamodb.delete_table(TableName=name)

    def resources(self, client: Any = None) -> dict[str, Table]:
        """What the handlers use, by parameter name; a client of one's own may stand in front."""
        one = client or self.dynamodb
        parameters = {"policies": self.names.insurance} | {
            name: getattr(self.names, name)
            for name in ("flights", "hotels", "cars", "reports", "outbox")
        }
        return {parameter: Table(one, name) for parameter, name in parameters.items()}

    def ledger(self) -> TripLedger:
        """What is in the tables now."""
        return ledger(self.dynamodb, self.names)


@dataclass(frozen=True)
class Told:
    """A run, and what was in the tables before and after it."""

    run: Run
    timeline: Timeline
    before: TripLedger
    after: TripLedger

    @property
    def paid(self) -> int:
        """The cents that the customer is poorer by."""
        return self.before.accounts["acc_ada"] - self.after.accounts["acc_ada"]


def play(dynamodb: Any, faults: Faults, value: Any = TRIP) -> Told:
    """Book a trip with faults."""
    agency = Agency.opened(dynamodb)
    before = agency.ledger()
    run = run_once(
        COMPILED,
        value,
        saga_id=f"trip-{next(numbers)}",
        store=MemoryStore(),
        started=START,
        faults=faults,
        resources=agency.resources(),
        children=[CHILD],
    )
    told = Told(run, timeline_told(run, COMPILED), before, agency.ledger())
    agency.close()
    return told


def check_the_books(told: Told) -> None:
    """No cent is lost or made. Completed: all of it is paid. Compensated: the fees are, no more."""
    before, after, ending = told.before, told.after, told.timeline.ending
    assert (after.money, after.offers) == (before.money, before.offers)
    happened = tuple(getattr(after, name) - getattr(before, name) for name in TOLD)
    if ending is Ending.COMPLETED:
        assert happened == (len(TRAVELLERS), 1, 1)
        assert told.paid == PRICE + DEPOSIT
        assert (after.deposits, after.drivers) == (DEPOSIT, 1)
        assert dict(after.tills) == {
            "flights": len(TRAVELLERS) * SEAT,
            "hotels": ROOM,
            "cars": CAR,
            "insurance": POLICY,
        }
    elif ending is Ending.COMPENSATED:
        assert happened == (0, 0, 0)
        assert (after.vacant, after.booked) == (before.vacant, before.booked)
        assert told.paid == sum(after.fees.values())
        assert after.tills == after.fees
        assert (after.deposits, after.drivers) == (0, 0)
    else:
        assert ending is Ending.STUCK
        # Whoever has tickets has paid for all of it.
        assert happened[0] == 0 or told.paid == PRICE + DEPOSIT
