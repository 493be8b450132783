"""Counting what a store is asked: for figures, budgets and the cost of a run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from stepsaga.store.codec import encode, encode_definition
from stepsaga.store.front import StoreInFront
from stepsaga.store.sizes import item_bytes, write_units

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stepsaga.store.commits import Commit
    from stepsaga.store.dynamodb import DynamoDBClient
    from stepsaga.store.protocol import EventStore

ANY_BUCKET: Final = "bucket"
"""Stands for the bucket of the store behind: what it has accepted is counted, whatever its size."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests since the start. A refused conditional put is a write and costs its units, too."""

    writes: int = 0
    write_units: int = 0
    reads: int = 0


class _Counter:
    def __init__(self) -> None:
        self._lock = Lock()
        self.counts = Counts()

    def wrote(self, size: int) -> None:
        """Count a put of an item of so many bytes."""
        units = write_units(size)
        with self._lock:
            self.counts = replace(
                self.counts,
                writes=self.counts.writes + 1,
                write_units=self.counts.write_units + units,
            )

    def read(self) -> None:
        """Count a get or a query."""
        with self._lock:
            self.counts = replace(self.counts, reads=self.counts.reads + 1)


class CountingStore(StoreInFront):
    """An `EventStore` that counts, in front of another.

    It counts what was answered. A read of a stream counts as one request, however many pages it
    has, and large data as if it were in S3; `CountingClient` counts what is really sent.
    """

    def __init__(self, store: EventStore) -> None:
        super().__init__(store)
        self._counter = _Counter()

    @property
    def counts(self) -> Counts:
        """What was asked so far."""
        return self._counter.counts

    def append(self, commit: Commit) -> Commit:
        """Counted as one write."""
        winner = self._store.append(commit)
        self._counter.wrote(encode(commit, bucket=ANY_BUCKET).size)
        return winner

    def get(self, stream_id: str, slot: str) -> Commit | None:
        """Counted as one read."""
        self._counter.read()
        return self._store.get(stream_id, slot)

    def read(self, stream_id: str, prefix: str = "") -> Iterator[Commit]:
        """Counted as one read."""
        self._counter.read()
        return self._store.read(stream_id, prefix)

    def put_definition(self, fingerprint: str, definition: Mapping[str, Any]) -> None:
        """Counted as one write."""
        self._store.put_definition(fingerprint, definition)
        self._counter.wrote(encode_definition(fingerprint, definition, bucket=ANY_BUCKET).size)

    def get_definition(self, fingerprint: str) -> Mapping[str, Any] | None:
        """Counted as one read."""
        self._counter.read()
        return self._store.get_definition(fingerprint)


class CountingClient:
    """A DynamoDB client that counts, in front of another: what a store sends."""

    def __init__(self, client: DynamoDBClient) -> None:
        self._client = client
        self._counter = _Counter()

    @property
    def counts(self) -> Counts:
        """What was sent so far."""
        return self._counter.counts

    def put_item(self, **parameters: Any) -> Mapping[str, Any]:
        """Counted as one write."""
        self._counter.wrote(item_bytes(parameters["Item"]))
        return self._client.put_item(**parameters)

    def get_item(self, **parameters: Any) -> Mapping[str, Any]:
        """Counted as one read."""
        self._counter.read()
        return self._client.get_item(**parameters)

    def query(self, **parameters: Any) -> Mapping[str, Any]:
        """Counted as one read."""
        self._counter.read()
        return self._client.query(**parameters)
