"""The transfers' table on this machine, with two accounts in it, and a count of all the money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from handlers.table import decode, name_of
from handlers.transfers import HELD, TABLE, account

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCOUNTS: Final = {"ada": 500_000, "bob": 10_000}
"""Cents by account."""


@dataclass(frozen=True, slots=True)
class Books:
    """All the money there is: cents by account, and what is held between them."""

    accounts: Mapping[str, int]
    held: int
    reviews: int

    @property
    def money(self) -> int:
        """All of it."""
        return sum(self.accounts.values()) + self.held


def setup(dynamodb: Any, table: str = "", accounts: Mapping[str, int] = ACCOUNTS) -> None:
    """Create the table and open the accounts.

    Args:
        dynamodb: A low-level client.
        table: Its name; by default the one that the handlers use in this process.
        accounts: Cents by account.
    """
    name = table or name_of(*TABLE)
    dynamodb.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    fill(dynamodb, name, accounts)


def fill(dynamodb: Any, table: str, accounts: Mapping[str, int]) -> None:
    """Open accounts in a table that is there."""
    for owner, cents in accounts.items():
        item = {"id": {"S": account(owner)}, "balance": {"N": str(cents)}}
        dynamodb.put_item(TableName=table, Item=item)


def books(dynamodb: Any, table: str = "") -> Books:
    """Count what is in the table."""
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=table or name_of(*TABLE), ConsistentRead=True
    )
    items = [decode(item) for page in pages for item in page["Items"]]
    by_kind = {item["id"]: item for item in items}
    return Books(
        accounts={
            key.partition("#")[2]: int(item["balance"])
            for key, item in by_kind.items()
            if key.startswith("account#")
        },
        held=sum(
            int(item["amount"])
            for key, item in by_kind.items()
            if key.startswith("hold#") and item["state"] == HELD
        ),
        reviews=sum(key.startswith("review#") for key in by_kind),
    )


def stands(dynamodb: Any) -> dict[str, Any]:
    """What counts of it: where the money is. Who was asked to look at what is only kept."""
    found = books(dynamodb)
    return {"accounts": dict(found.accounts), "held": found.held}
