"""Whoever is asked by a generated saga: answers at once, late, twice, never, or is not heard."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from stepsaga.engines.answering import Answer, give, questions
from stepsaga.errors import AnsweredAlready
from stepsaga.store.commits import Outcome
from stepsaga.store.front import StoreInFront

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from stepsaga.engines.answering import Asked as Question
    from stepsaga.engines.simulator import Simulator
    from stepsaga.store.commits import Commit
    from stepsaga.store.protocol import EventStore

WAIT: Final = 100
"""Seconds for which every generated question waits."""


class Manner(StrEnum):
    """How somebody answers."""

    AT_ONCE = "at once"
    LATER = "later"
    NEVER = "never"
    TWICE = "twice"
    UNHEARD = "recorded, but the Task does not hear of it"
    TOO_LATE = "after the time is up"
    REJECTS = "rejects"
    CONTRADICTS = "answers, then rejects"


WELL: Final = (Manner.AT_ONCE, Manner.LATER, Manner.NEVER)
"""How one answers where all goes well; a question that is never answered has another answer."""

_AFTER: Final[Mapping[Manner, tuple[int, ...]]] = {
    Manner.AT_ONCE: (0,),
    Manner.LATER: (WAIT // 2,),
    Manner.NEVER: (),
    Manner.TWICE: (0, 7),
    Manner.UNHEARD: (5,),
    Manner.TOO_LATE: (WAIT + 50,),
    Manner.REJECTS: (9,),
    Manner.CONTRADICTS: (0, 0, 3),
}


class Asked(StoreInFront):
    """A store in front of another that hears of each question which is asked.

    Args:
        store: The store behind.
        inner: Where answers go; they are not counted with what the saga itself writes.
        manners: How each step's question is answered.
        values: What is answered.
    """

    def __init__(
        self,
        store: EventStore,
        inner: EventStore,
        manners: Mapping[str, Manner],
        values: Mapping[str, Any],
    ) -> None:
        super().__init__(store)
        self._inner = inner
        self._manners = manners
        self._values = values
        self.simulator: Simulator | None = None

    def append(self, commit: Commit) -> Commit:
        """Hear of a question once it is in the stream."""
        stored = self._store.append(commit)
        if commit.outcome is Outcome.ASKED:
            self._plan(commit)
        return stored

    def _plan(self, commit: Commit) -> None:
        assert self.simulator is not None
        [asked] = questions([commit])
        manner = self._manners[asked.step]
        for number, seconds in enumerate(_AFTER[manner]):
            rejects = manner is Manner.REJECTS or (manner is Manner.CONTRADICTS and number > 1)
            value = {"step": asked.step, **self._values[asked.step]}
            answer = Answer(rejected=True) if rejects else Answer(value)

            engine = _Deaf() if manner is Manner.UNHEARD else self.simulator
            act = partial(self._give, answer, asked, engine, self.simulator.clock.now)
            self.simulator.clock.after(timedelta(seconds=seconds), act)

    def _give(
        self, answer: Answer, asked: Question, engine: Any, now: Callable[[], datetime]
    ) -> None:
        # The time that was up, a fault, or the first of two answers may have decided before.
        with suppress(AnsweredAlready):
            give(answer, asked, engine=engine, store=self._inner, now=now)


class _Deaf:
    """An engine that hears nothing."""

    def send_task_success(self, token: str, output: Any) -> None:
        """Hear nothing."""

    def send_task_failure(self, token: str, *, error: str = "", cause: str = "") -> None:
        """Hear nothing."""
