"""The suppliers' tables of BookTrip, with something in them, and a count of it all.

Each supplier has its own books: offers, the customers' accounts with it, and its till.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from handlers import bookings, cars, flights, hotels, insurance, notifications, partners
from handlers.table import name_of
from tools import tables

if TYPE_CHECKING:
    from collections.abc import Mapping

OFFERS: Final[Mapping[str, Mapping[str, int]]] = {
    "flights": {"LX318": 20, "LX999": 1},
    "hotels": {"harbour": 5, "full": 0},
    "cars": {"small": 5},
    "insurance": {"cancellation": 100},
}
"""How many there are of each offer, by supplier."""

ACCOUNTS: Final = {"acc_ada": 200_000, "acc_empty": 100}
"""Cents in each customer's account, with every supplier."""


@dataclass(frozen=True, slots=True)
class TripTables:
    """The names of the tables that BookTrip's participants use."""

    flights: str
    hotels: str
    cars: str
    insurance: str
    reports: str
    outbox: str

    @classmethod
    def of_environment(cls) -> TripTables:
        """The names that the handlers use in this process."""
        modules = (flights, hotels, cars, insurance, partners, notifications)
        return cls(*(name_of(*module.TABLE) for module in modules))

    @property
    def suppliers(self) -> dict[str, str]:
        """The tables of those who sell something, by supplier."""
        return {name: getattr(self, name) for name in OFFERS}


@dataclass(frozen=True, slots=True)
class TripLedger:
    """All that can be counted.

    Attributes:
        vacant: Of each offer, how many are left.
        booked: Of each offer, how many bookings stand.
        accounts: Cents by customer, with all suppliers together.
        tills: Cents by supplier.
        deposits: Cents that the desk for cars holds.
        drivers: How many rentals have somebody who drives.
        fees: Cents by supplier that cancelled bookings have cost.
        tickets: How many tickets there are.
        reports: How many trips the partner was told of.
        messages: How many messages were sent, those of other sagas included.
    """

    vacant: Mapping[str, int]
    booked: Mapping[str, int]
    accounts: Mapping[str, int]
    tills: Mapping[str, int]
    deposits: int
    drivers: int
    fees: Mapping[str, int]
    tickets: int
    reports: int
    messages: int

    @property
    def money(self) -> int:
        """All the cents there are."""
        return sum(self.accounts.values()) + sum(self.tills.values()) + self.deposits

    @property
    def offers(self) -> dict[str, int]:
        """All there is of each offer, taken or not."""
        return {offer: left + self.booked.get(offer, 0) for offer, left in self.vacant.items()}


def setup(
    dynamodb: Any,
    names: TripTables | None = None,
    *,
    offers: Mapping[str, Mapping[str, int]] = OFFERS,
    accounts: Mapping[str, int] = ACCOUNTS,
) -> None:
    """Create the tables of those who take part in trips alone, and fill them.

    Args:
        dynamodb: A low-level client.
        names: Their names; by default those that the handlers use in this process.
        offers: How many there are of each offer, by supplier.
        accounts: Cents by customer.
    """
    names = names or TripTables.of_environment()
    tables.create(dynamodb, [*names.suppliers.values(), names.reports])
    fill(dynamodb, names, offers=offers, accounts=accounts)


def fill(
    dynamodb: Any,
    names: TripTables,
    *,
    offers: Mapping[str, Mapping[str, int]] = OFFERS,
    accounts: Mapping[str, int] = ACCOUNTS,
) -> None:
    """Put offers and accounts into the suppliers' tables, which are there."""
    balances = {f"account#{token}": cents for token, cents in accounts.items()}
    for supplier, table in names.suppliers.items():
        vacant = {f"offer#{offer}": count for offer, count in offers[supplier].items()}
        tables.put(dynamodb, table, "vacant", vacant)
        tables.put(dynamodb, table, "balance", balances | {bookings.TILL: 0})
    tables.put(dynamodb, names.cars, "balance", {cars.DEPOSITS: 0})


def ledger(dynamodb: Any, names: TripTables | None = None) -> TripLedger:
    """Count what is in the tables."""
    names = names or TripTables.of_environment()
    books = {one: tables.scan(dynamodb, table) for one, table in names.suppliers.items()}
    accounts: dict[str, int] = {}
    vacant: dict[str, int] = {}
    booked: dict[str, int] = {}
    fees = dict.fromkeys(books, 0)
    for supplier, items in books.items():
        for token, account in tables.below(items, "account#").items():
            accounts[token] = accounts.get(token, 0) + int(account["balance"])
        vacant |= {o: int(one["vacant"]) for o, one in tables.below(items, "offer#").items()}
        for booking in tables.below(items, "booking#").values():
            if booking["state"] == bookings.BOOKED:
                booked[booking["offer"]] = booked.get(booking["offer"], 0) + 1
            elif booking["state"] == bookings.CANCELLED:
                fees[supplier] += int(booking["fee"])
    issued = tables.below(books["flights"], "tickets#").values()
    drivers = tables.below(books["cars"], "driver#").values()
    return TripLedger(
        vacant=vacant,
        booked=booked,
        accounts=accounts,
        tills={supplier: int(items[bookings.TILL]["balance"]) for supplier, items in books.items()},
        deposits=int(books["cars"][cars.DEPOSITS]["balance"]),
        drivers=sum(one["state"] == cars.ENTERED for one in drivers),
        fees=fees,
        tickets=sum(len(one["numbers"]) for one in issued if one["state"] == flights.ISSUED),
        reports=len(tables.scan(dynamodb, names.reports)),
        messages=len(tables.below(tables.scan(dynamodb, names.outbox), "message#")),
    )


def stands(dynamodb: Any) -> dict[str, Any]:
    """What counts of it. The fees of what was cancelled are in the tills, and are no trip."""
    found = ledger(dynamodb)
    return {
        "vacant": dict(found.vacant),
        "booked": dict(found.booked),
        "earned": {one: cents - found.fees[one] for one, cents in found.tills.items()},
        "paid": found.money - sum(found.accounts.values()) - sum(found.fees.values()),
        "deposits": found.deposits,
        "drivers": found.drivers,
        "all the money": found.money,
        "tickets": found.tickets,
        "reports": found.reports,
        "messages": found.messages,
    }
