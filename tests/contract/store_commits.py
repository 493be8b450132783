"""Commits for tests: made from what matters to a test, the rest as a run would have it."""

from __future__ import annotations

from random import Random
from string import ascii_letters, digits
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from stepsaga.store import Commit, EventRecord, Outcome
from stepsaga.store.slots import key_of, slot_text, stream_of

RUN = "2026-11-21T08:00:00.000Z"
LATER_RUN = "2027-03-01T08:00:00.000Z"
STREAM = stream_of("FulfilOrder", "order-123")
ARN = "arn:aws:states:eu-central-1:123456789012:execution:FulfilOrder:order-123"
FINGERPRINT = "9f" * 32

unhurried = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
"""Laws do not depend on how busy the machine is."""

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
texts = st.text()
any_texts = st.text(st.characters() | st.characters(categories=["Cs"]))
"""Halves of surrogate pairs included: JSON has them, UTF-8 does not."""


def json_of(strings: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Any JSON value whose strings and keys are these."""
    return st.recursive(
        scalars | strings,
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(strings, inner, max_size=5),
        max_leaves=25,
    )


json_values = json_of(any_texts)


def noise(length: int, seed: int = 0) -> str:
    """Text of one byte a character that compression can do little with."""
    return "".join(Random(seed).choices(ascii_letters + digits, k=length))  # noqa: S311 (no secret)


def event(value: Any = None, *, step: str = "charge") -> EventRecord:
    """A step's result as it is stored."""
    return EventRecord("StepCompleted", 1, {"step": step, "value": value})


def commit(  # noqa: PLR0913 (each is an attribute of a commit, and has a default)
    *events: EventRecord,
    stream: str = STREAM,
    slot: str = slot_text(RUN, (2,)),
    outcome: Outcome = Outcome.RESULT,
    attempt: int = 0,
    causation_id: str = ARN,
    correlation_id: str = "order-123",
) -> Commit:
    """A commit as the runtime would make it."""
    return Commit(
        stream_id=stream,
        slot=slot,
        outcome=outcome,
        events=events or (event({"payment": "p-1"}),),
        commit_id=key_of(stream, slot),
        correlation_id=correlation_id,
        causation_id=causation_id,
        recorded_at="2026-11-21T08:00:01.250Z",
        attempt=attempt,
        fingerprint=FINGERPRINT,
    )


def seal(**changes: Any) -> Commit:
    """What a compensation puts into the slot of a step in doubt."""
    record = EventRecord("StepSealed", 1, {"step": "charge"})
    return commit(record, outcome=Outcome.SEALED, **changes)
