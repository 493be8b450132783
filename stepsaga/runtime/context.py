"""What a handler can know of the saga that it works for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stepsaga.errors import EventInvalid
from stepsaga.runtime.values import Reveal, Unfit
from stepsaga.store.commits import EventRecord
from stepsaga.store.events import record_of
from stepsaga.store.saga_events import Event

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SagaContext:
    """The saga of a call. A handler gets it in a parameter of this type, whatever its name.

    Attributes:
        saga: The saga's name.
        id: The saga's id: the execution's name.
        step: The step; for a compensation or a probe the step that it serves.
        attempt: Step Functions' count of retries; 0 first. A redrive starts again at 0.
        started: When the execution started.
        deadline: When the saga's time is up; None where no deadline applies.
        idempotency_key: To be handed to the outside world: the same in every attempt and redrive of
            this call, another in every other call (rule 4). A UUID, 36 characters.
        step_idempotency_key: The key under which the step itself was called. In a compensation it
            names what is to be undone, and where a tombstone is left if the compensation is given
            None (rule 10). In the step the same as ``idempotency_key``.
        correlation_id: The same in everything that the saga causes.
        emitted: What was emitted so far, as it will be stored.
    """

    saga: str
    id: str
    step: str
    attempt: int
    started: datetime
    deadline: datetime | None
    idempotency_key: str
    step_idempotency_key: str
    correlation_id: str
    emitted: list[EventRecord] = field(default_factory=list, init=False, repr=False, compare=False)

    def emit(self, event: Event) -> None:
        """Record a domain event together with the step's outcome; not at all if the step fails.

        Raises:
            EventInvalid: It is no `Event`, does not fit its model, or cannot be JSON.
        """
        if not isinstance(event, Event):
            raise EventInvalid(
                f"{type(event).__name__} is no event: emit an instance of a subclass of"
                " stepsaga.Event"
            )
        record = record_of(event)
        try:
            data = Reveal()(record.data, event.model_dump(mode="python", by_alias=True))
        except Unfit as unfit:
            raise EventInvalid(f"{record.type}: {unfit}") from None
        self.emitted.append(EventRecord(record.type, record.version, data))
