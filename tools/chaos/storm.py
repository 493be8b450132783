"""The storm: sagas are started, answered, stopped and cancelled while functions are killed."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Any, Final, cast

from sagas.transfers import TransferMoney
from stepsaga import Approved
from stepsaga.client import Client
from stepsaga.client.operator import Operator
from stepsaga.client.status import end_of
from stepsaga.engines.endings import Ending
from stepsaga.errors import StepsagaError
from stepsaga.store.commits import Outcome
from stepsaga.store.events import late_effects_left
from stepsaga.store.saga_events import SagaStuck
from stepsaga.store.slots import stream_of
from tools.chaos.place import patiently
from tools.chaos.plan import BY_ORDERER, NEVER, REJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from stepsaga.store.commits import Commit
    from tools.chaos.place import Place
    from tools.chaos.plan import Plan

QUESTION: Final = "review"
PIVOT: Final = "ship"
"""Behind which an order has steps: there it can stop, and only goes forward."""
PAUSE_SECONDS: Final = 1.0
"""Between two looks at a saga."""
STORM_SECONDS: Final = 150.0
"""How long a saga is watched until it is left for later."""


class Storm:
    """Plays plans, and settles what comes of them.

    Args:
        place: Where.
        plans: What.
        at_once: How many sagas are watched side by side: each can have a process of its own.
    """

    def __init__(self, place: Place, plans: Sequence[Plan], at_once: int) -> None:
        self._place = place
        self._plans = plans
        self._at_once = at_once
        self.client = Client.of_stack(place.deployed.stack)
        # A client of a stack has a whole store; its protocol only asks for less.
        self.operator = Operator(self.client, cast("Any", self.client.store), by="chaos")
        self.done: Counter[str] = Counter()
        """What was done to sagas from outside, by what it is."""

    def blow(self, tell: Callable[[int], None] = lambda _: None) -> None:
        """Play all plans; ``tell`` hears how many are through."""
        with ThreadPoolExecutor(self._at_once) as pool:
            plays = [pool.submit(self._play, plan) for plan in self._plans]
            for number, play in enumerate(as_completed(plays), 1):
                play.result()
                tell(number)

    def settle(self, patience: float, quiet: float) -> list[Plan]:
        """Wait until nothing moves; return what has not ended by then.

        Args:
            patience: For how many seconds.
            quiet: How many seconds it must stay so, so that what is under way lands.
        """
        until, since = time.monotonic() + patience, time.monotonic()
        left = list(self._plans)
        while time.monotonic() < until:
            self._place.sweep()
            found = [plan for plan in self._plans if not self._is_over(plan)]
            if found or len(left) != len(found):
                since = time.monotonic()
            elif time.monotonic() - since > quiet:
                return []
            if found and found == left:
                self._mend_undos()
            left = found
            time.sleep(PAUSE_SECONDS)
        return left

    def _mend_undos(self) -> None:
        """Mend what those who work from the log have failed at, and have new ones take their place.

        On AWS a redrive does as well; MiniStack has none.
        """
        known = {plan.id: plan for plan in self._plans}
        for one in patiently(lambda: self.operator.stuck(limit=len(known) + 1)):
            plan = known.get(one.status.id)
            if plan and _is_begun(commits := self.commits(plan)):
                doing = "gone forward" if is_forward(commits) else "undone"
                self._mend(plan, f"{doing} anew, after what worked on it had failed", commits)

    def _mend(self, plan: Plan, what: str, commits: Sequence[Commit]) -> None:
        self._place.mend(plan.id)
        go = self.operator.forward if is_forward(commits) else self.operator.undo
        self._try(what, lambda: go(plan.saga.__name__, plan.id, "mended"))

    def commits(self, plan: Plan) -> list[Commit]:
        """A saga's stream."""
        stream = stream_of(plan.saga.__name__, plan.id)
        return patiently(lambda: list(self.client.store.read(stream)))

    def _play(self, plan: Plan) -> None:
        patiently(lambda: plan.saga.start(plan.input, id=plan.id, client=self.client))
        began, todo = time.monotonic(), self._todo(plan)
        while (elapsed := time.monotonic() - began) < STORM_SECONDS:
            status = patiently(lambda: self.client.status(plan.saga, plan.id))
            if status.ending is not Ending.RUNNING:
                return
            for after, what, act in [one for one in todo if one[0] <= elapsed]:
                todo.remove((after, what, act))
                self._try(what, act)
            if plan.asks and self._asks(plan):
                if plan.answer == NEVER and not todo:
                    return
                if plan.answer != NEVER:
                    self._try(plan.answer, lambda: self._answer(plan))
            time.sleep(PAUSE_SECONDS)

    def _todo(self, plan: Plan) -> list[tuple[float, str, Callable[[], object]]]:
        name = plan.saga.__name__
        arn = self.client.engine.execution_arn(name, plan.id)
        found: list[tuple[float, str, Callable[[], object]]] = []
        if plan.stop is not None:
            found.append((plan.stop, "stopped", lambda: self.client.engine.stop(arn)))
        if plan.cancel is not None:
            why = "chaos"
            cancel = lambda: self.operator.cancel(name, plan.id, why)  # noqa: E731  # beside the other
            found.append((plan.cancel, "cancelled", cancel))
        return found

    def _try(self, what: str, act: Callable[[], object]) -> None:
        """Do something that comes too late, perhaps; count what was done."""
        try:
            act()
        except StepsagaError:
            what = f"{what}: too late"
        self.done[what] += 1

    def _asks(self, plan: Plan) -> bool:
        return bool(patiently(lambda: self.client.waiting(plan.saga, plan.id)))

    def _answer(self, plan: Plan) -> None:
        if plan.answer == REJECT:
            self.client.reject(TransferMoney, plan.id, QUESTION, by="eve", why="chaos")
        else:
            by = "ann" if plan.answer == BY_ORDERER else "eve"
            self.client.answer(TransferMoney, plan.id, QUESTION, Approved(by=by))

    def _is_over(self, plan: Plan) -> bool:
        """Whether a saga has ended; if it does not go on by itself, see to it that it does."""
        commits = self.commits(plan)
        if end_of(commits) and not late_effects_left(commits):
            return True
        status = patiently(lambda: self.client.status(plan.saga, plan.id))
        name = plan.saga.__name__
        if status.ending is Ending.RUNNING and plan.asks and self._asks(plan):
            act = lambda: self.operator.cancel(name, plan.id, "nobody answers")  # noqa: E731  # as above
            self._try("cancelled: nobody answered", act)
        elif status.ending is Ending.STUCK and is_stuck(commits) and not _is_begun(commits):
            doing = "gone forward with" if is_forward(commits) else "undone"
            self._mend(plan, f"mended, and {doing}", commits)
        return False


def is_stuck(commits: Iterable[Commit]) -> bool:
    """Whether the log says that a saga does not go on by itself."""
    return any(event.type == SagaStuck.__name__ for one in commits for event in one.events)


def is_forward(commits: Sequence[Commit]) -> bool:
    """Whether an order is past its point of no return, and has not ended."""
    done = [event.data for one in commits for event in one.events if one.outcome is Outcome.RESULT]
    return not end_of(commits) and any(data.get("step") == PIVOT for data in done)


def _is_begun(commits: Iterable[Commit]) -> bool:
    return any(one.outcome is Outcome.BEGUN for one in commits)
