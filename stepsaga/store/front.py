"""A store in front of another: what it does not do itself, the one behind it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stepsaga.store.commits import Commit
    from stepsaga.store.objects import Objects
    from stepsaga.store.protocol import EventStore


class StoreInFront:
    """An `EventStore` that hands everything on; the base of those that do one thing otherwise.

    Args:
        store: The store behind.
    """

    def __init__(self, store: EventStore) -> None:
        self._store = store

    @property
    def objects(self) -> Objects | None:
        """See `EventStore`."""
        return self._store.objects

    def append(self, commit: Commit) -> Commit:
        """See `EventStore`."""
        return self._store.append(commit)

    def get(self, stream_id: str, slot: str) -> Commit | None:
        """See `EventStore`."""
        return self._store.get(stream_id, slot)

    def read(self, stream_id: str, prefix: str = "") -> Iterator[Commit]:
        """See `EventStore`."""
        return self._store.read(stream_id, prefix)

    def put_definition(self, fingerprint: str, definition: Mapping[str, Any]) -> None:
        """See `EventStore`."""
        self._store.put_definition(fingerprint, definition)

    def get_definition(self, fingerprint: str) -> Mapping[str, Any] | None:
        """See `EventStore`."""
        return self._store.get_definition(fingerprint)
