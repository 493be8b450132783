"""Commits and definitions as items of the event table, and back.

The item is the table in ``docs/architecture.md``. Pure: what must be put into S3 first is returned
beside the item, and what must be got from there comes from a function that the caller gives.

Reading is tolerant of what a later release or somebody's tool may add (attributes, event types,
fields), and strict about what stepsaga relies on: an attribute that is missing or of another type
is an error, because a slot whose outcome is guessed is money lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from stepsaga.errors import CommitTooLarge, CommitUnreadable, EventInvalid
from stepsaga.store.commits import Commit, EventRecord, Outcome
from stepsaga.store.content import Attributes, Pointer, pack, to_text, unpack
from stepsaga.store.sizes import ELEMENT_BYTES, ITEM_LIMIT_BYTES, item_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

Fetch = Callable[[Pointer], bytes]
"""Gets an object's bytes from S3."""

DEFINITION_SLOT: Final = "definition"


@dataclass(frozen=True, slots=True)
class Encoded:
    """An item in DynamoDB JSON, and the objects (by key) that must be in S3 before it is put.

    ``size`` is the item's, in bytes.
    """

    item: Attributes
    objects: Mapping[str, bytes]
    size: int


def encode(commit: Commit, *, bucket: str = "") -> Encoded:
    """A commit as an item.

    Args:
        commit: With at least one event.
        bucket: Where the data of large events may go; empty means nowhere.

    Raises:
        CommitTooLarge: Over 400 KB, and no bucket.
        EventInvalid: No event at all, or an event whose data is not JSON.
    """
    if not commit.events:
        raise EventInvalid(f"{_place(commit.stream_id, commit.slot)} needs at least one event")
    events: list[Attributes] = [
        {"type": {"S": event.type}, "version": {"N": str(event.version)}} for event in commit.events
    ]
    item: Attributes = {
        "stream_id": {"S": commit.stream_id},
        "slot": {"S": commit.slot},
        "outcome": {"S": commit.outcome.value},
        "events": {"L": [{"M": event} for event in events]},
        "commit_id": {"S": commit.commit_id},
        "correlation_id": {"S": commit.correlation_id},
        "causation_id": {"S": commit.causation_id},
        "recorded_at": {"S": commit.recorded_at},
        "attempt": {"N": str(commit.attempt)},
        "fingerprint": {"S": commit.fingerprint},
    }
    texts = [_text(commit, event) for event in commit.events]
    around = item_bytes(item) + len(events) * ELEMENT_BYTES
    packed = pack(texts, around=around, bucket=bucket)
    for event, content in zip(events, packed.attributes, strict=True):
        event.update(content)
    _check_size(item, packed.size, bucket=bucket)
    return Encoded(item, packed.objects, packed.size)


def decode(item: Mapping[str, Any], fetch: Fetch | None = None) -> Commit:
    """An item as a commit, whoever put it: a store or Step Functions itself.

    Raises:
        CommitUnreadable: It is not the item of a commit, or its data in S3 is gone or was changed.
    """
    try:
        return Commit(
            stream_id=_string(item, "stream_id"),
            slot=_string(item, "slot"),
            outcome=_outcome(_string(item, "outcome")),
            events=_events(item, fetch),
            commit_id=_string(item, "commit_id"),
            correlation_id=_string(item, "correlation_id"),
            causation_id=_string(item, "causation_id"),
            recorded_at=_string(item, "recorded_at"),
            attempt=_integer(item, "attempt"),
            fingerprint=_string(item, "fingerprint"),
        )
    except ValueError as error:
        raise CommitUnreadable(
            f"{_place_of(item)} cannot be read: {error}. Nothing but the event store may write this"
            " table; restore the item by point-in-time recovery, or read it with the release that"
            " wrote it."
        ) from error


def definition_key(fingerprint: str) -> Attributes:
    """The key under which a release's definition is kept (rule 9)."""
    return {"stream_id": {"S": f"definition#{fingerprint}"}, "slot": {"S": DEFINITION_SLOT}}


def encode_definition(
    fingerprint: str, definition: Mapping[str, Any], *, bucket: str = ""
) -> Encoded:
    """A compiled graph as an item.

    Raises:
        CommitTooLarge: Over 400 KB although compressed, and no bucket.
        EventInvalid: The definition is not JSON.
    """
    item = definition_key(fingerprint) | {"fingerprint": {"S": fingerprint}}
    try:
        text = to_text(definition)
    except (ValueError, TypeError, RecursionError) as error:
        raise EventInvalid(f"definition {fingerprint} is not JSON: {error}") from error
    packed = pack([text], around=item_bytes(item), bucket=bucket)
    item |= packed.attributes[0]
    _check_size(item, packed.size, bucket=bucket)
    return Encoded(item, packed.objects, packed.size)


def decode_definition(item: Mapping[str, Any], fetch: Fetch | None = None) -> Mapping[str, Any]:
    """The compiled graph in an item.

    Raises:
        CommitUnreadable: There is none in it, or its data in S3 is gone or was changed.
    """
    try:
        return _definition(unpack(item, fetch))
    except ValueError as error:
        raise CommitUnreadable(f"{_place_of(item)} cannot be read: {error}") from error


def _check_size(item: Attributes, size: int, *, bucket: str) -> None:
    if size <= ITEM_LIMIT_BYTES:
        return
    way_out = (
        "with its large data in S3 it still does not fit: emit fewer events"
        if bucket
        else "give the store a bucket (bucket=..., s3=...), or return and emit less"
    )
    raise CommitTooLarge(
        f"{_place_of(item)} would be an item of {size:,} bytes, DynamoDB takes"
        f" {ITEM_LIMIT_BYTES:,}; {way_out}"
    )


def _definition(value: Any) -> Mapping[str, Any]:
    match value:
        case dict():
            return value
    raise ValueError(f"it is a {type(value).__name__}, not an object")


def _text(commit: Commit, event: EventRecord) -> str:
    try:
        return to_text(event.data)
    except (ValueError, TypeError, RecursionError) as error:
        place = _place(commit.stream_id, commit.slot)
        raise EventInvalid(f"{place}: the data of {event.type} is not JSON: {error}") from error


def _events(item: Mapping[str, Any], fetch: Fetch | None) -> tuple[EventRecord, ...]:
    match item.get("events"):
        case {"L": [_, *_] as events}:
            return tuple(_event(event, number, fetch) for number, event in enumerate(events, 1))
    raise ValueError("it has no events")


def _event(value: Any, number: int, fetch: Fetch | None) -> EventRecord:
    match value:
        case {"M": dict(attributes)}:
            try:
                return EventRecord(
                    type=_string(attributes, "type"),
                    version=_integer(attributes, "version"),
                    data=unpack(attributes, fetch),
                )
            except ValueError as error:
                raise ValueError(f"event {number}: {error}") from error
    raise ValueError(f"event {number} is not a map")


def _string(attributes: Mapping[str, Any], name: str) -> str:
    match attributes.get(name):
        case {"S": str(text)}:
            return text
    raise ValueError(f"it has no text {name!r}")


def _integer(attributes: Mapping[str, Any], name: str) -> int:
    match attributes.get(name):
        case {"N": str(text)}:
            return int(text)
    raise ValueError(f"it has no number {name!r}")


def _outcome(text: str) -> Outcome:
    try:
        return Outcome(text)
    except ValueError:
        known = ", ".join(outcome.value for outcome in Outcome)
        raise ValueError(f"outcome {text!r} is none of {known}") from None


def _place(stream_id: str, slot: str) -> str:
    return f"commit {stream_id} {slot}"


def _place_of(item: Mapping[str, Any]) -> str:
    parts = [item.get(name) for name in ("stream_id", "slot")]
    return _place(*(part.get("S", "?") if isinstance(part, dict) else "?" for part in parts))
