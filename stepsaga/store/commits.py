"""What a stream is made of: commits, each in a slot of its own, each of one or more events."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """What a commit says about its slot."""

    RESULT = "result"
    """The step's result."""
    REJECTED = "rejected"
    """The step did nothing, said by its first and only invocation (rule 1)."""
    SEALED = "sealed"
    """The step is being undone: whoever comes now is fenced."""
    COMPENSATED = "compensated"
    """The compensation succeeded, or found nothing to undo."""
    ENDED = "ended"
    """The saga's terminal record."""
    CLAIMED = "claimed"
    """An invocation is about to have the effect, and no other may (rule 27)."""
    ASKED = "asked"
    """The step's question was asked: it holds the token by which an answer goes back (rule 26)."""
    AWAITED = "awaited"
    """A child is started or undone: it holds the token by which its parent is told (rule 28)."""
    LINKED = "linked"
    """Who waits for the end of a child; beside the child's own stream."""
    KEPT = "kept"
    """A business event has come; in its own stream, beside those of sagas."""
    WAITS = "waits"
    """Who waits for a business event; beside it."""
    BEGUN = "begun"
    """An undo from the log has begun (rule 15)."""
    CHECKED = "checked"
    """The input as its model writes it, for an undo from the log."""
    STUCK = "stuck"
    """The saga does not go on by itself: somebody has to mend something (rule 18)."""
    LATE = "late"
    """An effect that landed after its slot was decided otherwise (rule 11)."""


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One event as stored: a type's name, its schema version, its data as JSON values."""

    type: str
    version: int
    data: Any


@dataclass(frozen=True, slots=True)
class Commit:
    """One item of the event table. Written once, never changed.

    Attributes:
        stream_id: ``FulfilOrder#order-123``.
        slot: The sort key, run included.
        outcome: What it says about the slot.
        events: In order, at least one.
        commit_id: From stream and slot (`stepsaga.store.slots.key_of`).
        correlation_id: The saga's id, the same in everything it causes.
        causation_id: The commit or execution that led to this one.
        recorded_at: ISO 8601, UTC, as the writer's clock said.
        attempt: Step Functions' ``RetryCount`` of the writer; 0 first.
        fingerprint: Of the definition under which it was written.
    """

    stream_id: str
    slot: str
    outcome: Outcome
    events: tuple[EventRecord, ...]
    commit_id: str
    correlation_id: str
    causation_id: str
    recorded_at: str
    attempt: int
    fingerprint: str
