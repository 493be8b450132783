"""An engine on which sagas ask, and somebody who hears of each question and says something."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from stepsaga.asl import build
from stepsaga.authoring import graph_of
from stepsaga.client import Client
from stepsaga.engines.answering import questions
from stepsaga.engines.answers import EngineAnswers
from stepsaga.engines.endings import ending_of
from stepsaga.engines.local import LocalFunctions
from stepsaga.store.commits import Outcome
from stepsaga.store.front import StoreInFront
from tests.contract.engines.graphs import substituted
from tests.contract.engines.hurry import states_of, with_short_times
from tests.contract.engines.observe import Run, observe
from tests.contract.engines.question_cases import ASKING, Asking, Desk
from tests.contract.engines.reference import Watched
from tests.questions import office

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from stepsaga.engines.endings import Ending
    from stepsaga.engines.functions import Functions
    from stepsaga.engines.protocol import Engine
    from stepsaga.store.commits import Commit
    from stepsaga.store.dynamodb import DynamoDBStore
    from stepsaga.store.memory import MemoryStore
    from stepsaga.store.protocol import EventStore
    from tests.contract.engines.question_cases import Says
    from tests.times import Time


@dataclass(frozen=True)
class Seen:
    """What was seen of a case: the run, the ending, and what the world outside knows.

    Attributes:
        said: What came of what was said, question by question.
        done: The steps that had an effect which stands.
        given: What later steps were given.
    """

    run: Run
    ending: Ending
    said: tuple[object, ...]
    done: tuple[str, ...]
    given: tuple[object, ...]


class Unheard:
    """An engine to which no message gets through, and which does not say so."""

    def send_task_success(self, token: str, output: Any) -> None:
        """Hear nothing."""


class Hearing(StoreInFront):
    """A store in front of another that hears of each question once, and lets somebody speak."""

    def __init__(self, store: EventStore, says: Mapping[str, Sequence[Says]], time: Time) -> None:
        super().__init__(store)
        self.desk: Desk | None = None
        self._says = dict(says)
        self._said: dict[str, list[object]] = {which: [] for which in says}
        self._time = time
        self._lock = Lock()

    def append(self, commit: Commit) -> Commit:
        """Append, and hear of it."""
        stored = self._store.append(commit)
        if commit.outcome is Outcome.ASKED:
            [asked] = questions([commit])
            which = f"{asked.step} {asked.lane}".strip()
            with self._lock:
                planned = self._says.pop(which, ())
            self._plan(which, planned)
        return stored

    @property
    def said(self) -> tuple[object, ...]:
        """What came of what was said, question by question.

        Raises:
            AssertionError: A question was never asked, to which there was something to say.
        """
        assert not self._says, self._says
        return tuple(one for said in self._said.values() for one in said)

    def _plan(self, which: str, planned: Sequence[Says]) -> None:
        if not planned:
            return
        speak = partial(self._speak, which, planned)
        if planned[0].after:
            self._time.later(planned[0].after, speak)
        else:
            speak()

    def _speak(self, which: str, planned: Sequence[Says]) -> None:
        assert self.desk is not None
        first, *rest = planned
        try:
            self._said[which].append(first.act(self.desk))
        except Exception as error:  # noqa: BLE001  # the cases say which
            self._said[which].append(type(error).__name__)
        self._plan(which, rest)


@dataclass
class Office:
    """An engine with an event store, on which cases are run.

    Attributes:
        use: Lets functions answer an execution, by its name.
        now: The engine's clock.
        time: Makes a run's time, which goes by that clock.
    """

    engine: Engine
    use: Callable[[str, Functions], None]
    store: MemoryStore | DynamoDBStore
    now: Callable[[], datetime]
    time: Callable[[], Time]

    def run(self, name: str) -> Seen:
        """What was seen of a case."""
        case = ASKING[name]
        desk = office.Desk(refuses=case.refuses)
        time = self.time()
        hearing = Hearing(self.store, case.says, time)
        client = Client(self.engine, self.store, now=self.now)
        lost = Client(Unheard(), self.store, now=self.now)  # type: ignore[arg-type]  # as much of an engine as is needed
        hearing.desk = Desk(client, lost, case.saga, name)
        watched = Watched(
            LocalFunctions(
                [office.__name__],
                store=hearing,
                now=self.now,
                resources={"desk": desk},
                answers=EngineAnswers(self.engine),
            )
        )
        self.use(name, watched)
        machine = self.machine(name, case)
        arn = self.engine.start(machine, {"sku": "tea", **case.input}, name=name)
        view = self.engine.wait(arn)
        time.settle()
        run = observe(self.engine, view, watched.invocations, self.store)
        return Seen(
            run,
            ending_of(view),
            hearing.said,
            tuple(desk.done),
            tuple(desk.seen),
        )

    def machine(self, name: str, case: Asking) -> str:
        """A machine of the case's definition."""
        machine = f"{case.saga.__name__}-{name}"
        self.engine.create(machine, definition(case))
        return machine


def definition(case: Asking) -> str:
    """A saga's definition with the case's times, and with short ones between retries."""
    text = with_short_times(substituted(build(graph_of(case.saga)).text), ())
    whole = json.loads(text)
    states = states_of(whole)
    for name, times in case.times.items():
        for which, seconds in times.items():
            states[name].pop(which, None)
            if seconds is not None:
                states[name][which] = seconds
    return json.dumps(whole)
