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
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    _create(client, name, "slot", StreamSpecification=stream)


def create_open_sagas_table(client: TableClient, name: str) -> None:
    """Create a table of open sagas and wait until it is there; raises as `create_table`."""
    _create(client, name, "run")


def _create(client: TableClient, name: str, sort_key: str, **more: Any) -> None:
    keys = {"stream_id": "HASH", sort_key: "RANGE"}
    client.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys.items()],
        BillingMode="PAY_PER_REQUEST",
        **more,
    )
    client.get_waiter("table_exists").wait(TableName=name)
