"""Names in the event store: streams, runs, slots, and the keys that come from them (rules 4, 5)."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5

from stepsaga.limits import EVENTS, PARENTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepsaga.store.commits import Commit

_NAMESPACE: Final = UUID("6f1f6c1e-6d4b-5c0e-9a1b-0d6f3e8a7c55")
"""A constant of stepsaga's own: keys must be the same for ever."""
_SHARD: Final = re.compile(r"#\d{5}#\d{4}\Z")
_NEAR: Final = timedelta(milliseconds=1)
"""Slots have whole milliseconds, and a description's time went through a float."""


def stream_of(saga: str, saga_id: str) -> str:
    """The stream of one saga: ``FulfilOrder#order-123``."""
    return f"{saga}#{saga_id}"


LONGEST_NAME: Final = 80
"""Characters of an execution's name.
https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html"""


def execution_name(readable: str, key: str, more: str = "") -> str:
    """The name of an execution that must be the same for the same thing, and no other's.

    Args:
        readable: What people shall recognise; what does not fit is cut.
        key: What it is for.
        more: What stands behind it.
    """
    suffix = f"-{hashlib.sha256(key.encode()).hexdigest()[:16]}{more}"
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in readable)
    return f"{plain[: LONGEST_NAME - len(suffix)]}{suffix}"


def shard_of(stream_id: str, fork: int, shard: int) -> str:
    """One of the streams of a distributed map: ``PayOut#july#00002#0003``.

    Args:
        stream_id: The saga's.
        fork: The map's slot.
        shard: Which of its streams.
    """
    return f"{stream_id}#{fork:05d}#{shard:04d}"


def saga_of(stream_id: str) -> str:
    """The stream of the saga to which a stream belongs that may be one of its maps'."""
    return _SHARD.sub("", stream_id)


def parents_of(stream_id: str) -> str:
    """The stream beside a child's own that says who waits for it: `stepsaga.runtime.children`."""
    return f"{PARENTS}#{stream_id}"


LONGEST_KEY: Final = 512
"""Bytes of a correlation key in the name of a stream; a longer one is told by its hash.
DynamoDB's limit is 2048 for the whole name, and a source and a detail type stand before it:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""
_HASHED: Final = "sha256:"


def events_of(source: str, name: str, by: str, key: str | int) -> str:
    """The stream of one kind of business event with one key: `stepsaga.runtime.event_stream`.

    Args:
        source: The event's source.
        name: Its detail type.
        by: The field that has the key, as it is written, dotted.
        key: The key.
    """
    text = str(key)
    content = text.encode("utf-8", "surrogatepass")
    if len(content) > LONGEST_KEY or text.startswith(_HASHED):
        text = f"{_HASHED}{hashlib.sha256(content).hexdigest()}"
    return f"{EVENTS}#{source}/{name}#{by}#{text}"


def slot_text(run: str, parts: Sequence[int]) -> str:
    """The sort key of a slot: ``2026-11-21T08:00:00.000Z/00002``, lanes as further parts.

    Args:
        run: The execution's ``StartTime``, verbatim.
        parts: The slot below the run. A lane's index is a number plus 1,000,000, hence seven
            digits; every other part has five.
    """
    return "/".join([run, *(f"{part:05d}" for part in parts)])


def key_of(stream_id: str, slot: str) -> str:
    """The id of the commit in a slot, and the idempotency key of its call: a UUID (rule 4).

    It depends on stream, run and slot alone, never on an invocation; 36 characters fit what
    payment providers and AWS client tokens take.
    """
    return str(uuid5(_NAMESPACE, f"{stream_id}/{slot}"))


def service_key_of(stream_id: str, slot: str) -> str:
    """The idempotency key of what Step Functions does itself for the step of a slot (rule 4).

    64 characters. As `key_of`, but of what an intrinsic function can make (``States.Hash``).
    """
    return hashlib.sha256(f"{stream_id}/{slot}".encode()).hexdigest()


def iso(moment: datetime) -> str:
    """An aware moment as Step Functions writes it: ``2026-11-21T08:00:00.000Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_of(text: str) -> datetime:
    """The moment that a text in ISO 8601 says; in UTC where it says no zone.

    Raises:
        ValueError: It says none.
    """
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def run_of(commit: Commit) -> str:
    """The execution's start, with which a run's slots begin (rule 4)."""
    return commit.slot.partition("/")[0]


def began(run: str, started: datetime) -> bool:
    """Whether a run is that of the execution that started then."""
    try:
        return abs(moment_of(run) - started) <= _NEAR
    except ValueError:  # somebody's own slots
        return False
