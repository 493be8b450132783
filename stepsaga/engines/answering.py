"""Answers from outside, given through an engine: `stepsaga.runtime.answering` records them.

The same answer twice is the same as once; another one than that which is recorded is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepsaga.engines.answers import EngineAnswers
from stepsaga.engines.jsontext import same
from stepsaga.errors import AnsweredAlready
from stepsaga.runtime.answering import Answer, Asked, commit_of, questions, tell, waiting
from stepsaga.runtime.journal import rejection_of, value_of
from stepsaga.store.commits import Commit, Outcome
from stepsaga.store.saga_events import SagaStarted

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from stepsaga.engines.protocol import Engine
    from stepsaga.store.protocol import ClientStore, EventStore

__all__ = ["Answer", "Asked", "give", "questions", "waiting"]


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
    commit = commit_of(answer, asked, now())
    stored = store.append(commit)
    if not _same(stored, commit, asked.step):
        raise AnsweredAlready(_told(stored, asked))
    tell(stored, asked, answers=EngineAnswers(engine), store=store)
    return stored == commit


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
