"""The customers' table on this machine, with a fund for bonuses in it, and a count of it all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from handlers.customers import ADMITTED, CLOSED, FUND, TABLE
from handlers.notifications import SENT
from handlers.notifications import TABLE as OUTBOX
from handlers.table import name_of
from tools import tables

if TYPE_CHECKING:
    from collections.abc import Mapping

MONEY: Final = 50_000
"""Cents in the fund."""


@dataclass(frozen=True, slots=True)
class CustomerTables:
    """The names of the tables that Onboard's participants use."""

    customers: str
    outbox: str

    @classmethod
    def of_environment(cls) -> CustomerTables:
        """The names that the handlers use in this process."""
        return cls(name_of(*TABLE), name_of(*OUTBOX))


@dataclass(frozen=True, slots=True)
class Customers:
    """All that can be counted.

    Attributes:
        fund: Cents that are there for bonuses.
        accounts: Cents by customer, of accounts that are not closed.
        admitted: The customers who may buy, with their limits in cents.
        requests: How many messages stand that ask for a confirmation.
        reviews: How often somebody was asked to agree to a limit.
    """

    fund: int
    accounts: Mapping[str, int]
    admitted: Mapping[str, int]
    requests: int
    reviews: int

    @property
    def money(self) -> int:
        """All of it."""
        return self.fund + sum(self.accounts.values())


def setup(dynamodb: Any, names: CustomerTables | None = None) -> None:
    """Create the customers' table, and fill the fund."""
    used = names or CustomerTables.of_environment()
    tables.create(dynamodb, [used.customers])
    fill(dynamodb, used)


def fill(dynamodb: Any, names: CustomerTables) -> None:
    """Fill the fund of a table that is there."""
    tables.put(dynamodb, names.customers, "balance", {FUND: MONEY})


def count(dynamodb: Any, names: CustomerTables | None = None) -> Customers:
    """Count what is in the tables."""
    used = names or CustomerTables.of_environment()
    items = tables.scan(dynamodb, used.customers)
    accounts = {
        customer: item
        for customer, item in tables.below(items, "account#").items()
        if item["state"] != CLOSED
    }
    outbox = tables.scan(dynamodb, used.outbox)
    requests = tables.below(outbox, "request#").values()
    return Customers(
        fund=int(items[FUND]["balance"]),
        accounts={customer: int(item["balance"]) for customer, item in accounts.items()},
        admitted={
            customer: int(item["credit"])
            for customer, item in accounts.items()
            if item["state"] == ADMITTED
        },
        requests=sum(item["state"] == SENT for item in requests),
        reviews=len(tables.below(outbox, "review#")),
    )


def stands(dynamodb: Any) -> dict[str, Any]:
    """What counts of it. Who was asked to agree to what is only kept."""
    found = count(dynamodb)
    return {
        "fund": found.fund,
        "balances": dict(found.accounts),
        "admitted": dict(found.admitted),
        "requests": found.requests,
    }
