"""Answers that are known before a saga is run on this machine: given as soon as it asks."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from stepsaga.engines.answering import give, questions
from stepsaga.errors import AnsweredAlready
from stepsaga.store.commits import Outcome
from stepsaga.store.front import StoreInFront

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stepsaga.engines.answering import Answer, Asked
    from stepsaga.engines.simulator import Simulator
    from stepsaga.store.commits import Commit
    from stepsaga.store.protocol import EventStore


class AnsweringStore(StoreInFront):
    """A store in front of another that answers each question which comes into it.

    Args:
        store: The store behind.
        answers: By the step that asks; what has none is not answered.
    """

    def __init__(self, store: EventStore, answers: Mapping[str, Answer]) -> None:
        super().__init__(store)
        self._answers = answers
        self.asked: set[str] = set()
        """The steps that have asked so far."""
        self.simulator: Simulator | None = None
        """Where the saga runs, and time passes."""

    def append(self, commit: Commit) -> Commit:
        """Append, and let somebody answer who has heard of it a moment later."""
        stored = self._store.append(commit)
        if commit.outcome is Outcome.ASKED:
            for asked in questions([commit]):
                self._hear(asked)
        return stored

    def _hear(self, asked: Asked) -> None:
        self.asked.add(asked.step)
        answer, simulator = self._answers.get(asked.step), self.simulator
        if answer is not None and simulator is not None:
            simulator.clock.after(timedelta(), partial(self._give, answer, asked, simulator))

    def _give(self, answer: Answer, asked: Asked, simulator: Simulator) -> None:
        # What went wrong on the way may have decided the question before.
        with suppress(AnsweredAlready):
            give(answer, asked, engine=simulator, store=self._store, now=simulator.clock.now)
