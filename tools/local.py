"""The participants' tables on this machine, with something in them, and a count of it all.

`stepsaga run` calls `setup` before a run, if a project has this file. The client that it gives is
that of a local stack that is empty, and is gone after the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from handlers import inventory, notifications, payments, shipping
from handlers.table import name_of
from stepsaga.testing import tables_only
from tools import customers, transfers, trips
from tools.tables import below, create, put, scan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

STOCK: Final = {"kettle": 10, "tea": 100}
CARDS: Final = {"tok_ada": 20_000, "tok_empty": 100, "tok_cleo": 5_000}
"""Cards by token, with their cover in cents."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The names of the tables that FulfilOrder's participants use."""

    stock: str
    accounts: str
    parcels: str
    outbox: str

    @classmethod
    def of_environment(cls) -> Tables:
        """The names that the handlers use in this process."""
        modules = (inventory, payments, shipping, notifications)
        return cls(*(name_of(*module.TABLE) for module in modules))


@dataclass(frozen=True, slots=True)
class Ledger:
    """All that can be counted of orders: articles by SKU, cents by card, parcels, messages.

    ``refunded`` are the cents that had moved to the merchant and have come back.
    """

    stock: Mapping[str, int]
    held: Mapping[str, int]
    shipped: Mapping[str, int]
    cards: Mapping[str, int]
    merchant: int
    refunded: int
    parcels: int
    messages: int

    @property
    def money(self) -> int:
        """All the cents there are."""
        return self.merchant + sum(self.cards.values())

    @property
    def articles(self) -> dict[str, int]:
        """All the pieces there are of each article, on the shelf or set aside."""
        return {sku: count + self.held.get(sku, 0) for sku, count in self.stock.items()}


@tables_only
def setup(dynamodb: Any) -> None:
    """Create the tables of all participants under the names that they use, and fill them."""
    setup_orders(dynamodb)
    trips.setup(dynamodb)
    customers.setup(dynamodb)


def stands(dynamodb: Any) -> dict[str, Any]:
    """What of all that is in the tables counts: `stepsaga verify` compares it before and after.

    Refunds and tombstones are kept for the records, and are not in it.
    """
    found = ledger(dynamodb)
    orders = {
        "stock": dict(found.stock),
        "held": dict(found.held),
        "shipped": dict(found.shipped),
        "cards": dict(found.cards),
        "merchant": found.merchant,
        "parcels": found.parcels,
        "messages": found.messages,
    }
    return {
        **orders,
        "trips": trips.stands(dynamodb),
        "transfers": transfers.stands(dynamodb),
        "customers": customers.stands(dynamodb),
    }


def setup_orders(
    dynamodb: Any,
    tables: Tables | None = None,
    *,
    stock: Mapping[str, int] = STOCK,
    cards: Mapping[str, int] = CARDS,
) -> None:
    """Create the tables of FulfilOrder's participants and fill them.

    Args:
        dynamodb: A low-level client.
        tables: Their names; by default those that the handlers use in this process.
        stock: Articles by SKU.
        cards: Cents by card.
    """
    if tables is None:
        transfers.setup(dynamodb)
    tables = tables or Tables.of_environment()
    create(dynamodb, (tables.stock, tables.accounts, tables.parcels, tables.outbox))
    fill(dynamodb, tables, stock=stock, cards=cards)


def fill(
    dynamodb: Any,
    tables: Tables,
    *,
    stock: Mapping[str, int] = STOCK,
    cards: Mapping[str, int] = CARDS,
) -> None:
    """Put articles and cards into the participants' tables, which are there."""
    articles = {f"article#{sku}": count for sku, count in stock.items()}
    balances = {f"card#{token}": cents for token, cents in cards.items()} | {payments.MERCHANT: 0}
    put(dynamodb, tables.stock, "on_hand", articles)
    put(dynamodb, tables.accounts, "balance", balances)


def ledger(dynamodb: Any, tables: Tables | None = None) -> Ledger:
    """Count what is in the tables."""
    tables = tables or Tables.of_environment()
    stock, accounts = scan(dynamodb, tables.stock), scan(dynamodb, tables.accounts)
    parcels = below(scan(dynamodb, tables.parcels), "parcel#").values()
    taken = [parcel for parcel in parcels if parcel["state"] == shipping.HANDED_OVER]
    holds = below(stock, "hold#").values()
    charges = below(accounts, "charge#").values()
    return Ledger(
        stock={sku: int(one["on_hand"]) for sku, one in below(stock, "article#").items()},
        held=_sum(hold["lines"] for hold in holds if hold["state"] == inventory.HELD),
        shipped=_sum(parcel["lines"] for parcel in taken),
        cards={token: int(one["balance"]) for token, one in below(accounts, "card#").items()},
        merchant=int(accounts[payments.MERCHANT]["balance"]),
        refunded=sum(int(one["amount"]) for one in charges if one["state"] == payments.REFUNDED),
        parcels=len(taken),
        messages=len(below(scan(dynamodb, tables.outbox), "message#")),
    )


def _sum(many: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for lines in many:
        for sku, quantity in lines.items():
            total[sku] = total.get(sku, 0) + int(quantity)
    return total
