"""What every event store does. One contract suite runs on each implementation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stepsaga.store.commits import Commit
    from stepsaga.store.objects import Objects


class StreamReader(Protocol):
    """What is needed by who looks at sagas from outside, and writes nothing.

    Every method raises what `EventStore` raises.
    """

    def first(self, stream_id: str) -> Commit | None:
        """The stream's first commit, strongly consistent; None where the stream is empty.

        One request for one item, however long the stream is.
        """
        ...

    def read(self, stream_id: str, prefix: str = "") -> Iterator[Commit]:
        """See `EventStore`."""
        ...

    def get_definition(self, fingerprint: str) -> Mapping[str, Any] | None:
        """See `EventStore`."""
        ...


class ClientStore(StreamReader, Protocol):
    """The same for who answers what sagas ask, and writes nothing but answers."""

    def append(self, commit: Commit) -> Commit:
        """See `EventStore`."""
        ...


class EventStore(Protocol):
    """Write-once slots.

    Every method raises `TableMissing`, `StoreUnreachable` or `StoreThrottled` for what they say.
    """

    @property
    def objects(self) -> Objects | None:
        """Where results go that are too large for a saga's document; None: there is no bucket."""
        ...

    def append(self, commit: Commit) -> Commit:
        """Put a commit into its slot, unless the slot is taken; return what the slot holds then.

        One conditional write, no read. The first writer wins: compare the returned commit with
        one's own to know who that was. A write that is sent again finds itself.

        Raises:
            CommitTooLarge: Over 400 KB as an item, and no bucket is configured.
        """
        ...

    def get(self, stream_id: str, slot: str) -> Commit | None:
        """What the slot holds, strongly consistent; None where it is empty."""
        ...

    def read(self, stream_id: str, prefix: str = "") -> Iterator[Commit]:
        """The commits whose slot begins with ``prefix``, in order, strongly consistent.

        Pages as it goes. The empty prefix reads the whole stream: all runs of the name.
        """
        ...

    def put_definition(self, fingerprint: str, definition: Mapping[str, Any]) -> None:
        """Keep the compiled graph of a release (rule 9). Again is the same as once."""
        ...

    def get_definition(self, fingerprint: str) -> Mapping[str, Any] | None:
        """The kept graph of a release."""
        ...
