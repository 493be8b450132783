"""The event store on DynamoDB: one conditional put a commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import ClientError

from stepsaga.errors import StoreError, UsageError
from stepsaga.store import codec
from stepsaga.store.failures import code_of, explained
from stepsaga.store.objects import Objects

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from stepsaga.store.commits import Commit
    from stepsaga.store.content import Attributes
    from stepsaga.store.objects import S3Client

CONDITION_FAILED: Final = "ConditionalCheckFailedException"


class DynamoDBClient(Protocol):
    """What is used of ``boto3.client("dynamodb")``."""

    def put_item(self, **parameters: Any) -> Mapping[str, Any]:
        """PutItem."""
        ...

    def get_item(self, **parameters: Any) -> Mapping[str, Any]:
        """GetItem."""
        ...

    def query(self, **parameters: Any) -> Mapping[str, Any]:
        """Query."""
        ...


class DynamoDBStore:
    """An `EventStore` on a table with the keys ``stream_id`` and ``slot``.

    "The first writer wins" holds within one Region: a global table with eventual consistency
    between Regions accepts one writer in each.

    Args:
        client: A low-level client; its timeouts and retries are the caller's choice.
        table: The table's name.
        s3: A client for what is too large for an item; needed for reading such commits, too.
        bucket: Where such data goes; needs ``s3``. Without it a commit over 400 KB is an error.
    """

    def __init__(
        self,
        *,
        client: DynamoDBClient,
        table: str,
        s3: S3Client | None = None,
        bucket: str | None = None,
    ) -> None:
        if bucket and s3 is None:
            raise UsageError(f"bucket {bucket!r} needs an S3 client: s3=boto3.client('s3')")
        self._client = client
        self._table = table
        self._bucket = bucket or ""
        self._objects = Objects(s3, self._bucket) if s3 else None
        self._fetch = self._objects.fetch if self._objects else None

    @property
    def objects(self) -> Objects | None:
        """The bucket; see `EventStore`."""
        return self._objects

    def append(self, commit: Commit) -> Commit:
        """Put a commit into its slot, unless the slot is taken; see `EventStore`."""
        encoded = codec.encode(commit, bucket=self._bucket)
        winner = self._put(encoded)
        return commit if winner is None else codec.decode(winner, self._fetch)

    def get(self, stream_id: str, slot: str) -> Commit | None:
        """What the slot holds; see `EventStore`."""
        item = self._get({"stream_id": {"S": stream_id}, "slot": {"S": slot}})
        return None if item is None else codec.decode(item, self._fetch)

    def read(self, stream_id: str, prefix: str = "") -> Iterator[Commit]:
        """The commits of a stream; see `EventStore`. One request a page, when it is come to."""
        condition, values = "stream_id = :stream", {":stream": {"S": stream_id}}
        if prefix:  # DynamoDB refuses an empty one
            condition += " AND begins_with(slot, :prefix)"
            values[":prefix"] = {"S": prefix}
        start: dict[str, Any] = {}
        while True:
            with self._explained():
                page = self._client.query(
                    TableName=self._table,
                    KeyConditionExpression=condition,
                    ExpressionAttributeValues=values,
                    ConsistentRead=True,
                    **start,
                )
            for item in page["Items"]:
                yield codec.decode(item, self._fetch)
            if not page.get("LastEvaluatedKey"):
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def first(self, stream_id: str) -> Commit | None:
        """The stream's first commit; see `StreamReader`. One item is read, and paid for."""
        with self._explained():
            page = self._client.query(
                TableName=self._table,
                KeyConditionExpression="stream_id = :stream",
                ExpressionAttributeValues={":stream": {"S": stream_id}},
                ConsistentRead=True,
                Limit=1,
            )
        return next((codec.decode(item, self._fetch) for item in page["Items"]), None)

    def put_definition(self, fingerprint: str, definition: Mapping[str, Any]) -> None:
        """Keep the compiled graph of a release; see `EventStore`."""
        self._put(codec.encode_definition(fingerprint, definition, bucket=self._bucket))

    def get_definition(self, fingerprint: str) -> Mapping[str, Any] | None:
        """The kept graph of a release; see `EventStore`."""
        item = self._get(codec.definition_key(fingerprint))
        return None if item is None else codec.decode_definition(item, self._fetch)

    def _put(self, encoded: codec.Encoded) -> Attributes | None:
        """Put an item where there is none; return the one that is there, else None."""
        if self._objects:
            # Before the item, which must never point to nothing. An object without an item, left by
            # a writer that came second, is harmless.
            self._objects.put(encoded.objects)
        with self._explained():
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item=encoded.item,
                    ConditionExpression="attribute_not_exists(slot)",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                if code_of(error) != CONDITION_FAILED:
                    raise
                taken: Attributes | None = error.response.get("Item")
            else:
                return None
        # DynamoDB Local before 2.2 replies without the item.
        return taken or self._get_winner(encoded.item)

    def _get_winner(self, item: Attributes) -> Attributes:
        key = {name: item[name] for name in ("stream_id", "slot")}
        winner = self._get(key)
        if winner is None:
            raise StoreError(
                f"{key['stream_id']['S']} {key['slot']['S']} was taken, and is empty now: somebody"
                f" deletes items of table {self._table!r}, which is written once"
            )
        return winner

    def _get(self, key: Attributes) -> Attributes | None:
        with self._explained():
            reply = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        item: Attributes | None = reply.get("Item")
        return item

    def _explained(self) -> AbstractContextManager[None]:
        return explained(
            f"table {self._table!r}",
            if_missing="deploy the template that declares it, or for local use call"
            f" stepsaga.store.table.create_table(client, {self._table!r})",
        )
