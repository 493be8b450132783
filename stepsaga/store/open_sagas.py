"""Which sagas are open: a small projection of the event table, in a table of its own (rule 30).

A row is a hint. The events decide: whoever acts on a row reads its log first, and mends the row
where it was wrong.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import ClientError

from stepsaga.errors import StoreError
from stepsaga.store.dynamodb import CONDITION_FAILED
from stepsaga.store.failures import code_of, explained
from stepsaga.store.slots import moment_of, stream_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime

    from stepsaga.store.content import Attributes


@dataclass(frozen=True, slots=True)
class OpenSaga:
    """One run of a saga that has something left to do, or to undo.

    Attributes:
        saga: The saga's name.
        id: Its id.
        run: The execution's start, as its slots begin.
        execution: The ARN of its execution.
        fingerprint: Of its release; empty where nothing tells.
        stuck_since: Since when it does not go on by itself, in ISO 8601; empty while it does.
    """

    saga: str
    id: str
    run: str
    execution: str
    fingerprint: str
    stuck_since: str = ""

    @property
    def stream(self) -> str:
        """The saga's stream."""
        return stream_of(self.saga, self.id)

    @property
    def started(self) -> datetime:
        """When its execution started; aware."""
        return moment_of(self.run)


class OpenSagas(Protocol):
    """Open sagas, each run once. Every method can be repeated, and raises what `EventStore` raises.

    One contract suite runs on each implementation.
    """

    def add(self, saga: OpenSaga) -> None:
        """Add a run, unless it is there: then nothing of it changes."""
        ...

    def mark(self, saga: OpenSaga, stuck_since: str) -> None:
        """Say since when a run is stuck; empty: it goes on. Changes nothing where it is not there.

        The run of ``saga`` is meant; what else it says does not matter.
        """
        ...

    def remove(self, stream: str, run: str) -> None:
        """Remove a run, if it is there."""
        ...

    def rows(self) -> Iterator[OpenSaga]:
        """All runs, in no order, eventually consistent. One request a megabyte, as it goes."""
        ...


class MemoryOpenSagas:
    """`OpenSagas` in memory, for runs and tests in one process. Safe between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._rows: dict[tuple[str, str], OpenSaga] = {}

    def add(self, saga: OpenSaga) -> None:
        """See `OpenSagas`."""
        with self._lock:
            self._rows.setdefault((saga.stream, saga.run), saga)

    def mark(self, saga: OpenSaga, stuck_since: str) -> None:
        """See `OpenSagas`."""
        key = saga.stream, saga.run
        with self._lock:
            if key in self._rows:
                self._rows[key] = replace(self._rows[key], stuck_since=stuck_since)

    def remove(self, stream: str, run: str) -> None:
        """See `OpenSagas`."""
        with self._lock:
            self._rows.pop((stream, run), None)

    def rows(self) -> Iterator[OpenSaga]:
        """See `OpenSagas`."""
        with self._lock:
            found = list(self._rows.values())
        return iter(found)


class TableClient(Protocol):
    """What is used of ``boto3.client("dynamodb")``."""

    def put_item(self, **parameters: Any) -> Mapping[str, Any]:
        """PutItem."""
        ...

    def update_item(self, **parameters: Any) -> Mapping[str, Any]:
        """UpdateItem."""
        ...

    def delete_item(self, **parameters: Any) -> Mapping[str, Any]:
        """DeleteItem."""
        ...

    def scan(self, **parameters: Any) -> Mapping[str, Any]:
        """Scan."""
        ...


_FIELDS: Final = ("saga", "id", "execution", "fingerprint", "stuck_since")


class DynamoDBOpenSagas:
    """`OpenSagas` in a table with the keys ``stream_id`` and ``run``.

    Args:
        client: A low-level client; its timeouts and retries are the caller's choice.
        table: The table's name.
    """

    def __init__(self, *, client: TableClient, table: str) -> None:
        self._client = client
        self._table = table

    def add(self, saga: OpenSaga) -> None:
        """See `OpenSagas`."""
        texts = {name: getattr(saga, name) for name in _FIELDS}
        item = {name: {"S": text} for name, text in texts.items() if text}
        with self._explained(), _unless_condition_fails():
            self._client.put_item(
                TableName=self._table,
                Item=_key(saga.stream, saga.run) | item,
                ConditionExpression="attribute_not_exists(stream_id)",
            )

    def mark(self, saga: OpenSaga, stuck_since: str) -> None:
        """See `OpenSagas`."""
        update: dict[str, Any] = {"UpdateExpression": "REMOVE stuck_since"}
        if stuck_since:
            update = {
                "UpdateExpression": "SET stuck_since = :since",
                "ExpressionAttributeValues": {":since": {"S": stuck_since}},
            }
        with self._explained(), _unless_condition_fails():
            self._client.update_item(
                TableName=self._table,
                Key=_key(saga.stream, saga.run),
                ConditionExpression="attribute_exists(stream_id)",
                **update,
            )

    def remove(self, stream: str, run: str) -> None:
        """See `OpenSagas`."""
        with self._explained():
            self._client.delete_item(TableName=self._table, Key=_key(stream, run))

    def rows(self) -> Iterator[OpenSaga]:
        """See `OpenSagas`."""
        start: dict[str, Any] = {}
        while True:
            with self._explained():
                page = self._client.scan(TableName=self._table, **start)
            for item in page["Items"]:
                yield self._row(item)
            if not page.get("LastEvaluatedKey"):
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _row(self, item: Attributes) -> OpenSaga:
        try:
            texts = {name: item[name]["S"] for name in (*_FIELDS, "run") if name in item}
            return OpenSaga(**{"fingerprint": "", **texts})
        except (KeyError, TypeError) as error:
            raise StoreError(
                f"table {self._table!r} has a row that is none of an open saga's ({error}):"
                f" {item.get('stream_id')}; delete it: the next sweep adds what it should be"
            ) from error

    def _explained(self) -> AbstractContextManager[None]:
        return explained(
            f"table {self._table!r}", if_missing="deploy the template that declares it"
        )


def _key(stream: str, run: str) -> Attributes:
    return {"stream_id": {"S": stream}, "run": {"S": run}}


@contextmanager
def _unless_condition_fails() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if code_of(error) != CONDITION_FAILED:
            raise
