"""Tables of participants, made, filled and read as a whole: for this machine, and for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handlers.table import decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def create(dynamodb: Any, names: Iterable[str]) -> None:
    """Create tables of items by ``id``."""
    for name in names:
        dynamodb.create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )


def put(dynamodb: Any, table: str, attribute: str, numbers: Mapping[str, int]) -> None:
    """Put items that have one number each."""
    items = [{"id": {"S": key}, attribute: {"N": str(n)}} for key, n in numbers.items()]
    puts = [{"PutRequest": {"Item": item}} for item in items]
    dynamodb.batch_write_item(RequestItems={table: puts})


def scan(dynamodb: Any, table: str) -> dict[str, dict[str, Any]]:
    """Every item by its id, in order."""
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    items = [decode(item) for page in pages for item in page["Items"]]
    return {item["id"]: item for item in sorted(items, key=lambda item: str(item["id"]))}


def below(items: Mapping[str, dict[str, Any]], prefix: str) -> dict[str, dict[str, Any]]:
    """The items whose ids begin with a prefix, by the rest of it."""
    return {key.removeprefix(prefix): one for key, one in items.items() if key.startswith(prefix)}
