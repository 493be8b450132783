"""Answers from outside: into the slot of the step that asked, then to its Task (rule 26).

The order matters. What is in the slot counts, whatever becomes of the message: the Task's time may
be up, the message may be lost, the execution may be redriven later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from stepsaga.engines.answers import is_over
from stepsaga.engines.jsontext import same
from stepsaga.errors import AnsweredAlready, EngineError, Rejected
from stepsaga.limits import FIRST_INDEX
from stepsaga.runtime.journal import TOKEN, event_of, rejection_of, value_of
from stepsaga.store.commits import Commit, EventRecord, Outcome
from stepsaga.store.saga_events import SagaStarted, StepAsked, StepCompleted, StepRejected
from stepsaga.store.slots import iso, key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from stepsaga.engines.protocol import Engine
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
    def token(self) -> str:
        """By which the Task is told; it never shows."""
        data = next(e.data for e in self.commit.events if e.type == StepAsked.__name__)
        return str(data["token"])


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


def give(
    answer: Answer,
    asked: Asked,
    *,
    engine: Engine,
    store: EventStore | ClientStore,
    now: Callable[[], datetime],
) -> bool:
    """Answer a question.

    Returns:
        Whether this call's answer was the first. The same again is the same as once.

    Raises:
        AnsweredAlready: There is another answer, which stays; says which.
        EngineError, StoreError: As engine and store do. Nothing is lost: give the answer again.
    """
    commit = _commit(answer, asked, now())
    stored = store.append(commit)
    if not _same(stored, commit, asked.step):
        raise AnsweredAlready(_told(stored, asked))
    # The latest token, read after the answer is there: whoever asks again, finds it (rule 26).
    found = questions(store.read(commit.stream_id, f"{asked.slot}/{TOKEN}/"))
    token = (found or [asked])[-1].token
    try:
        if answer.rejected:
            cause = f"{asked.step}: {REJECTED}: {answer.reason}"
            engine.send_task_failure(token, error=REJECTED, cause=cause.removesuffix(": "))
        else:
            engine.send_task_success(token, {"value": answer.value})
    except EngineError as error:
        if not is_over(error):
            raise
    return stored == commit


def _commit(answer: Answer, asked: Asked, now: datetime) -> Commit:
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


def _same(stored: Commit, commit: Commit, step: str) -> bool:
    if stored.outcome is not commit.outcome:
        return False
    events = [_own(one, step) for one in (stored, commit)]
    return same(events[0], events[1])


def _own(commit: Commit, step: str) -> Any:
    return [event.data for event in commit.events if event.type != SagaStarted.__name__] + [step]


def _told(stored: Commit, asked: Asked) -> str:
    if stored.outcome is Outcome.RESULT:
        value = value_of(stored)
        by = value.get("by") if isinstance(value, dict) and set(value) == {"by", "note"} else ""
        what = f"answered{f' by {by}' if by else ''}"
    elif stored.outcome is Outcome.REJECTED:
        error, message = rejection_of(stored)
        what = f"rejected: {message or error}"
    else:
        what = stored.outcome.value
    return (
        f"{asked.step} was {what} at {stored.recorded_at}, which stays: nothing was changed."
        " A later answer does not count"
    )
