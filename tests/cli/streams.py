"""Streams made by hand, for the timeline's tests."""

from __future__ import annotations

from typing import Any

from stepsaga.asl.kept import keep
from stepsaga.graph import Call, InputNode, Role, SagaGraph, StepNode
from stepsaga.store.commits import Commit, EventRecord, Outcome
from stepsaga.store.slots import key_of, slot_text

STREAM = "FulfilOrder#order-123"
RUN = "2026-11-21T08:00:00.000Z"


def step(name: str, slot: int, schema: dict[str, Any]) -> StepNode:
    """A step of which only its result matters."""
    call = Call(f"handlers.shop:{name}", "handlers.shop", (), Any, 20, None)
    return StepNode(name, Role.COMPENSATABLE, call, (slot,), schema)


INPUT = {
    "type": "object",
    "properties": {
        "customer": {"type": "string"},
        "card": {"type": "string", "format": "password", "writeOnly": True},
    },
}
CHARGE = {"properties": {"amount": {}, "iban": {"writeOnly": True}}}
KEPT = keep(
    SagaGraph(
        name="FulfilOrder",
        reference="sagas.orders:FulfilOrder",
        input=InputNode("order", Any, INPUT),
        nodes=(
            step("reserve", 1, {"type": "object"}),
            step("charge", 2, CHARGE),
            step("ship", 3, {"type": "string"}),
        ),
    )
)
EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:FulfilOrder:order-123"
ORDER = {"customer": "ada@example.com", "card": "tok_secret"}


def event(kind: str, **data: Any) -> EventRecord:
    """An event of version 1."""
    return EventRecord(kind, 1, data)


def commit(  # noqa: PLR0913  # what tests vary
    slot: int,
    seconds: float,
    outcome: Outcome,
    *events: EventRecord,
    attempt: int = 0,
    run: str = RUN,
    stream: str = STREAM,
    cause: str = EXECUTION,
) -> Commit:
    """A commit, so many seconds after eight o'clock."""
    text = slot_text(run, (slot,))
    minutes, rest = divmod(seconds, 60)
    return Commit(
        stream_id=stream,
        slot=text,
        outcome=outcome,
        events=events,
        commit_id=key_of(stream, text),
        correlation_id="order-123",
        causation_id=cause,
        recorded_at=f"2026-11-21T08:{int(minutes):02d}:{rest:06.3f}Z",
        attempt=attempt,
        fingerprint="9f",
    )


STARTED = event("SagaStarted", input=ORDER)
RESERVED = commit(
    1,
    0.5,
    Outcome.RESULT,
    STARTED,
    event("StepCompleted", step="reserve", value={"id": "r-1", "lines": [1, 2]}),
)
CHARGED = commit(
    2,
    61.25,
    Outcome.RESULT,
    event("StepCompleted", step="charge", value={"amount": 990, "iban": "DE99"}),
    event("CardCharged", amount=990, card="tok_secret"),
    attempt=2,
)
SHIPPED = commit(
    3,
    62,
    Outcome.RESULT,
    event("StepCompleted", step="ship", value="TRK-1"),
    event("SagaCompleted"),
)
DECLINED = commit(
    2,
    1,
    Outcome.REJECTED,
    event(
        "StepRejected", step="charge", error="handlers.payments.CardDeclined", message="no funds"
    ),
)
SEALED = commit(2, 200, Outcome.SEALED, event("StepSealed", step="charge"))
REFUNDED = commit(
    4, 200, Outcome.COMPENSATED, event("StepCompensated", step="charge", found="doubt")
)
RELEASED = commit(
    5, 201, Outcome.COMPENSATED, event("StepCompensated", step="reserve", found="result")
)
COMPLETED = [RESERVED, CHARGED, SHIPPED]
IN_DOUBT = [RESERVED, SEALED, REFUNDED, RELEASED]


def end(error: str, cause: str | None = None) -> Commit:
    """The record of the end, as Step Functions writes it: a failure may have no cause."""
    data = {"Error": error} if cause is None else {"Error": error, "Cause": cause}
    return commit(99_999, 202, Outcome.ENDED, EventRecord("SagaCompensated", 1, data))
