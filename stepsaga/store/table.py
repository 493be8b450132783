"""The event table, made by hand: for local use and tests. In the cloud the template declares it."""

from __future__ import annotations

from typing import Any, Protocol


class TableClient(Protocol):
    """What is used of ``boto3.client("dynamodb")`` here."""

    def create_table(self, **parameters: Any) -> Any:
        """CreateTable."""
        ...

    def get_waiter(self, waiter_name: str) -> Any:
        """Something that waits for the table."""
        ...


def create_table(client: TableClient, name: str) -> None:
    """Create an event table and wait until it is there: on demand, its stream with new images.

    Raises:
        botocore.exceptions.ClientError: ``ResourceInUseException`` where the name is taken, and
            whatever else AWS says.
    """
    client.create_table(
        TableName=name,
        AttributeDefinitions=[
            {"AttributeName": "stream_id", "AttributeType": "S"},
            {"AttributeName": "slot", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "stream_id", "KeyType": "HASH"},
            {"AttributeName": "slot", "KeyType": "RANGE"},
        ],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    client.get_waiter("table_exists").wait(TableName=name)
