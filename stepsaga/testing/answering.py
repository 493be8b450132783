"""Whoever is asked by a saga: answers at once, late, twice, never, or is not heard.

So do events that a saga waits for. One that comes twice comes before the saga waits, and after.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from stepsaga.engines.answering import Answer, give, questions
from stepsaga.engines.answers import EngineAnswers
from stepsaga.errors import AnsweredAlready
from stepsaga.runtime.event_router import EventRouter, NoSuchEventError, Routed
from stepsaga.runtime.event_stream import awaited_in
from stepsaga.store.commits import Outcome
from stepsaga.store.front import StoreInFront
from stepsaga.store.slots import key_of
from stepsaga.testing.family import label, returning

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from stepsaga.engines.answering import Asked
    from stepsaga.engines.protocol import Engine
    from stepsaga.engines.simulator import Simulator
    from stepsaga.graph import Question, SagaGraph
    from stepsaga.store.commits import Commit
    from stepsaga.store.protocol import EventStore


class Manner(StrEnum):
    """How somebody answers."""

    AT_ONCE = "answered"
    LATER = "answered later"
    NEVER = "not answered"
    TWICE = "answered twice"
    UNHEARD = "answer not heard"
    """It is recorded, but the Task does not hear of it."""
    TOO_LATE = "answered too late"
    REJECTS = "answered no"
    CONTRADICTS = "answered yes and no"


_PAUSES: Final[Mapping[Manner, tuple[float, ...]]] = {
    Manner.AT_ONCE: (0,),
    Manner.LATER: (0.5,),
    Manner.NEVER: (),
    Manner.TWICE: (0, 0.07),
    Manner.UNHEARD: (0.05,),
    Manner.TOO_LATE: (1.5,),
    Manner.REJECTS: (0.09,),
    Manner.CONTRADICTS: (0, 0, 0.03),
}
"""The pauses before each of the answers, as parts of the time for which one is waited."""

Later = Callable[[float, Callable[[], None]], None]
"""Lets something happen after so many seconds."""


class Answering(StoreInFront):
    """A store in front of another that hears of each question which is asked, and answers.

    Args:
        store: The store behind.
        graph: The saga that asks. Its children may ask, too.
        manners: How each step's question is answered; at once where nothing is said.
        value: What is answered to a step; to a child's ``ShipParcel:review``.
        inner: Where answers go, if they are not to be counted with what the saga itself writes.
    """

    def __init__(
        self,
        store: EventStore,
        graph: SagaGraph,
        manners: Mapping[str, Manner],
        value: Callable[[str], Any],
        *,
        inner: EventStore | None = None,
    ) -> None:
        super().__init__(store)
        self._inner = inner or store
        self._graph = graph
        self._questions = {name: node.question for name, node in returning(graph)}
        self._manners = manners
        self._value = value
        self.asked: set[str] = set()
        """The steps that have asked so far."""
        self._engine: Any = None
        self._later: Later = _never
        self._now: Callable[[], datetime] = _no_time

    def on(self, engine: Engine, later: Later, now: Callable[[], datetime]) -> None:
        """Answer through an engine, by its clock."""
        self._engine, self._later, self._now = engine, later, now

    def on_simulator(self, simulator: Simulator) -> None:
        """Answer on a simulator, in virtual time."""

        def later(seconds: float, do: Callable[[], None]) -> None:
            simulator.clock.after(timedelta(seconds=seconds), do)

        self.on(simulator, later, simulator.clock.now)

    def append(self, commit: Commit) -> Commit:
        """Hear of a question once it is in the stream."""
        stored = self._store.append(commit)
        if commit.outcome is Outcome.ASKED:
            saga = commit.stream_id.partition("#")[0]
            for asked in questions([commit]):
                self._plan(asked, label(self._graph, saga, asked.step))
        return stored

    def _plan(self, asked: Asked, name: str) -> None:
        question = self._questions[name]
        if question is None or self._engine is None:
            return
        self.asked.add(name)
        if question.event and self._manners.get(name) is Manner.TWICE:
            # The token is there, and nobody waits yet: it is as if it had come long before.
            self._come(asked, name, self._engine)
        pauses = _PAUSES[self._manners.get(name, Manner.AT_ONCE)]
        patience = _patience(question)
        self._go_on(asked, name, [(number, part * patience) for number, part in enumerate(pauses)])

    def _go_on(self, asked: Asked, name: str, planned: Sequence[tuple[int, float]]) -> None:
        """Say the next thing after its pause, and then the rest."""
        if planned:
            (number, pause), *rest = planned
            self._later(pause, partial(self._say, asked, name, number, rest))

    def _say(self, asked: Asked, name: str, number: int, rest: Sequence[tuple[int, float]]) -> None:
        manner = self._manners.get(name, Manner.AT_ONCE)
        rejects = manner is Manner.REJECTS or (manner is Manner.CONTRADICTS and number > 1)
        answer = Answer(rejected=True) if rejects else Answer(self._value(name))
        engine: Any = _Deaf() if manner is Manner.UNHEARD else self._engine
        if not rejects and self._come(asked, name, engine):
            self._go_on(asked, name, rest)
            return
        # The time that was up, a fault, or the first of two answers may have decided before.
        with suppress(AnsweredAlready):
            give(answer, asked, engine=engine, store=self._inner, now=self._now)
        self._go_on(asked, name, rest)

    def _come(self, asked: Asked, name: str, engine: Any) -> bool:
        """Let the event come that a step waits for; False where it is a question, or cannot be."""
        question, wait = self._questions[name], awaited_in(asked.commit)
        detail = deepcopy(self._value(name))
        if question is None or question.event is None or wait is None or detail is None:
            return False
        event, by = question.event.event, question.event.by
        routed = Routed(event.source, event.name, event.model, (by,))
        *outer, last = by
        holder = detail
        for key in outer:
            holder = holder[key]
        holder[last] = wait.key
        router = EventRouter([routed], self._inner, EngineAnswers(engine), self._now)
        id_ = key_of(asked.commit.stream_id, asked.slot)
        try:
            router.take(
                {"id": id_, "source": event.source, "detail-type": event.name, "detail": detail}
            )
        except NoSuchEventError:  # a value made up that its own model does not read
            return False
        return True


def _never(seconds: float, do: Callable[[], None]) -> None:
    del seconds, do


def _no_time() -> datetime:
    raise RuntimeError("on comes before the first question")


def _patience(question: Question) -> int:
    """For how many seconds one waits in which nothing is heard."""
    return min(question.seconds, question.heartbeat or question.seconds)


class _Deaf:
    """An engine that hears nothing."""

    def send_task_success(self, token: str, output: Any) -> None:
        """Hear nothing."""

    def send_task_failure(self, token: str, *, error: str = "", cause: str = "") -> None:
        """Hear nothing."""
