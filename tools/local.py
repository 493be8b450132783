"""The participants' tables on this machine, with something in them, and a count of it all.

`stepsaga run` calls `setup` before a run, if a project has this file. The client that it gives is
that of a local stack that is empty, and is gone after the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from handlers import inventory, notifications, payments, shipping
from handlers.table import decode, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

STOCK: Final = {"kettle": 10, "tea": 100}
CARDS: Final = {"tok_ada": 20_000, "tok_empty": 100, "tok_cleo": 5_000}
"""Cards by token, with their cover in cents."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The names of the participants' tables."""

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
    """All that can be counted: articles by SKU, cents by card, parcels, messages.

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


def setup(
    dynamodb: Any,
    tables: Tables | None = None,
    *,
    stock: Mapping[str, int] = STOCK,
    cards: Mapping[str, int] = CARDS,
) -> None:
    """Create the participants' tables and fill them.

    Args:
        dynamodb: A low-level client.
        tables: Their names; by default those that the handlers use in this process.
        stock: Articles by SKU.
        cards: Cents by card.
    """
    tables = tables or Tables.of_environment()
    for name in (tables.stock, tables.accounts, tables.parcels, tables.outbox):
        dynamodb.create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
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
    _fill(dynamodb, tables.stock, "on_hand", articles)
    _fill(dynamodb, tables.accounts, "balance", balances)


def ledger(dynamodb: Any, tables: Tables | None = None) -> Ledger:
    """Count what is in the tables."""
    tables = tables or Tables.of_environment()
    stock, accounts = _scan(dynamodb, tables.stock), _scan(dynamodb, tables.accounts)
    parcels = _below(_scan(dynamodb, tables.parcels), "parcel#").values()
    taken = [parcel for parcel in parcels if parcel["state"] == shipping.HANDED_OVER]
    holds = _below(stock, "hold#").values()
    charges = _below(accounts, "charge#").values()
    return Ledger(
        stock={sku: int(one["on_hand"]) for sku, one in _below(stock, "article#").items()},
        held=_sum(hold["lines"] for hold in holds if hold["state"] == inventory.HELD),
        shipped=_sum(parcel["lines"] for parcel in taken),
        cards={token: int(one["balance"]) for token, one in _below(accounts, "card#").items()},
        merchant=int(accounts[payments.MERCHANT]["balance"]),
        refunded=sum(int(one["amount"]) for one in charges if one["state"] == payments.REFUNDED),
        parcels=len(taken),
        messages=len(_scan(dynamodb, tables.outbox)),
    )


def _fill(dynamodb: Any, table: str, attribute: str, numbers: Mapping[str, int]) -> None:
    items = [{"id": {"S": key}, attribute: {"N": str(n)}} for key, n in numbers.items()]
    puts = [{"PutRequest": {"Item": item}} for item in items]
    dynamodb.batch_write_item(RequestItems={table: puts})


def _scan(dynamodb: Any, table: str) -> dict[str, dict[str, Any]]:
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    items = [decode(item) for page in pages for item in page["Items"]]
    return {item["id"]: item for item in sorted(items, key=lambda item: str(item["id"]))}


def _below(items: Mapping[str, dict[str, Any]], prefix: str) -> dict[str, dict[str, Any]]:
    return {key.removeprefix(prefix): one for key, one in items.items() if key.startswith(prefix)}


def _sum(many: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for lines in many:
        for sku, quantity in lines.items():
            total[sku] = total.get(sku, 0) + int(quantity)
    return total
