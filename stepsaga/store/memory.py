"""The event store in memory: the same items, the same refusals, nothing else."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from stepsaga.store import codec
from stepsaga.store.objects import MemoryS3, Objects

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from stepsaga.store.codec import Encoded
    from stepsaga.store.commits import Commit
    from stepsaga.store.content import Attributes
    from stepsaga.store.objects import S3Client


class MemoryStore:
    """An `EventStore` for runs and tests in one process. Safe between threads.

    It keeps items as DynamoDB would, encoded: what a reader or a writer does to its values later
    changes nothing here, and what DynamoDB would refuse is refused here.

    Args:
        s3: For what is too large for an item or a document; a bucket in memory where none is given.
        bucket: Where such data goes; empty means nowhere.
    """

    def __init__(self, *, s3: S3Client | None = None, bucket: str = "") -> None:
        self._lock = Lock()
        self._bucket = bucket
        self._objects = Objects(s3 or MemoryS3(), bucket) if bucket else None
        self._fetch = self._objects.fetch if self._objects else None
        self._streams: dict[str, dict[str, Attributes]] = {}

    @property
    def objects(self) -> Objects | None:
        """The bucket; see `EventStore`."""
        return self._objects

    def append(self, commit: Commit) -> Commit:
        """Put a commit into its slot, unless the slot is taken; see `EventStore`."""
        winner = self._put(codec.encode(commit, bucket=self._bucket))
        return commit if winner is None else codec.decode(winner, self._fetch)

    def get(self, stream_id: str, slot: str) -> Commit | None:
        """What the slot holds; see `EventStore`."""
        with self._lock:
            item = self._streams.get(stream_id, {}).get(slot)
        return None if item is None else codec.decode(item, self._fetch)

    def read(self, stream_id: str, prefix: str = "") -> Iterator[Commit]:
        """The commits of a stream, as it is when the first is asked for; see `EventStore`."""
        with self._lock:
            items = sorted(self._streams.get(stream_id, {}).items())
        for slot, item in items:
            if slot.startswith(prefix):
                yield codec.decode(item, self._fetch)

    def first(self, stream_id: str) -> Commit | None:
        """The stream's first commit; see `StreamReader`."""
        return next(self.read(stream_id), None)

    def put_definition(self, fingerprint: str, definition: Mapping[str, Any]) -> None:
        """Keep the compiled graph of a release; see `EventStore`."""
        self._put(codec.encode_definition(fingerprint, definition, bucket=self._bucket))

    def get_definition(self, fingerprint: str) -> Mapping[str, Any] | None:
        """The kept graph of a release; see `EventStore`."""
        key = codec.definition_key(fingerprint)
        with self._lock:
            item = self._streams.get(key["stream_id"]["S"], {}).get(key["slot"]["S"])
        return None if item is None else codec.decode_definition(item, self._fetch)

    def _put(self, encoded: Encoded) -> Attributes | None:
        """Put an item where there is none; return the one that is there, else None."""
        if self._objects:
            self._objects.put(encoded.objects)
        item = encoded.item
        with self._lock:
            stream = self._streams.setdefault(item["stream_id"]["S"], {})
            winner = stream.setdefault(item["slot"]["S"], item)
        return None if winner is item else winner
