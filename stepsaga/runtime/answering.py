"""Answers from outside: into the slot of the step that asked, then to its Task (rule 26).

The order matters. What is in the slot counts, whatever becomes of the message: the Task's time may
be up, the message may be lost, the execution may be redriven later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from stepsaga.errors import Rejected
from stepsaga.limits import FIRST_INDEX
from stepsaga.runtime.journal import TOKEN, event_of, rejection_of, value_of
from stepsaga.store.commits import Commit, EventRecord, Outcome
from stepsaga.store.saga_events import SagaStarted, StepAsked, StepCompleted, StepRejected
from stepsaga.store.slots import iso, key_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from stepsaga.runtime.answers import Answers
    from stepsaga.store.protocol import ClientStore, EventStore

REJECTED: Final = Rejected.__name__


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: a value, or a rejection.

    Attributes:
        value: JSON values, as the type of the answer writes them.
        rejected: Whether it is a rejection, which has no value.
        reason: Of a rejection: who rejected, and why.
    """

    value: Any = None
    rejected: bool = False
    reason: str = ""

    def event(self, step: str) -> EventRecord:
        """The event that records it."""
        if self.rejected:
            return event_of(StepRejected, step=step, error=REJECTED, message=self.reason)
        return event_of(StepCompleted, step=step, value=self.value)

    @property
    def outcome(self) -> Outcome:
        """What its commit says."""
        return Outcome.REJECTED if self.rejected else Outcome.RESULT


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that was asked, by its latest token.

    Attributes:
        step: The step.
        slot: Where the answer goes, run included.
        commit: Of the token.
    """

    step: str
    slot: str
    commit: Commit

    @property
    def lane(self) -> str:
        """Which lane asks, as people name it: ``2``, or ``0.2`` in a lane of a lane."""
        parts = self.slot.split("/")[1:]
        return ".".join(str(int(part) - FIRST_INDEX) for part in parts[1::2])

    @property
    def told(self) -> dict[str, Any]:
        """What `StepAsked` says of it."""
        data: dict[str, Any] = next(
            e.data for e in self.commit.events if e.type == StepAsked.__name__
        )
        return data

    @property
    def token(self) -> str:
        """By which the Task is told; it never shows."""
        return str(self.told["token"])


def questions(commits: Iterable[Commit]) -> list[Asked]:
    """The questions that commits tell of, each once, in the order of their slots."""
    found: dict[str, Asked] = {}
    for commit in commits:
        if commit.outcome is Outcome.ASKED:
            step = next(e.data["step"] for e in commit.events if e.type == StepAsked.__name__)
            slot = commit.slot.rpartition(f"/{TOKEN}/")[0]
            found[slot] = Asked(step, slot, commit)  # the latest token comes last
    return list(found.values())


def waiting(commits: Iterable[Commit]) -> list[Asked]:
    """The questions to which there is no answer yet."""
    known = list(commits)
    slots = {commit.slot for commit in known}
    return [asked for asked in questions(known) if asked.slot not in slots]


def commit_of(answer: Answer, asked: Asked, now: datetime) -> Commit:
    """An answer as it is recorded, in the slot of the step that asked."""
    told = asked.commit
    began = [event for event in told.events if event.type == SagaStarted.__name__]
    return Commit(
        stream_id=told.stream_id,
        slot=asked.slot,
        outcome=answer.outcome,
        events=(*began, answer.event(asked.step)),
        commit_id=key_of(told.stream_id, asked.slot),
        correlation_id=told.correlation_id,
        causation_id=told.causation_id,
        recorded_at=iso(now),
        attempt=told.attempt,
        fingerprint=told.fingerprint,
    )


def tell(
    stored: Commit,
    asked: Asked,
    *,
    answers: Answers,
    store: EventStore | ClientStore,
) -> None:
    """Tell the Task that asked what its slot holds. Again is the same as once.

    A sealed slot is nothing to tell: the saga is being undone.

    Args:
        stored: What the slot holds.
        asked: The question.
        answers: How the Task is told.
        store: Where its latest token is.

    Raises:
        CallError, EngineError, StoreError: As ``answers`` and ``store`` do. Nothing is lost: tell
            it again.
    """
    # The latest token, read after the answer is there: whoever asks again, finds it (rule 26).
    found = questions(store.read(stored.stream_id, f"{asked.slot}/{TOKEN}/"))
    token = (found or [asked])[-1].token
    if stored.outcome is Outcome.RESULT:
        answers.success(token, {"value": value_of(stored)})
    elif stored.outcome is Outcome.REJECTED:
        error, message = rejection_of(stored)
        cause = f"{asked.step}: {error}: {message}".removesuffix(": ")
        answers.failure(token, REJECTED, cause)
