"""Going forward from the log: a saga behind its point of no return comes to its end (rule 16).

It is begun as an undo is, by whoever wins the generation (`stepsaga.recovery.undo`), and the same
machine drives it: `proceed` says what can be done now, `end` records what the saga's own end would
have. Steps have the slots, and so the keys, that the execution would have given them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.times import looks_at_input
from stepsaga.errors import StepFailedForGood
from stepsaga.graph import Role, steps_of
from stepsaga.limits import FIRST_END_SLOT, TERMINAL_SLOT
from stepsaga.recovery.ahead import Ahead, ahead, has_turn
from stepsaga.recovery.calls import INPUT, Calls
from stepsaga.recovery.data import Data
from stepsaga.recovery.undo import NOTHING, backward, onward, refuse_if_taken
from stepsaga.runtime.journal import event_of
from stepsaga.store.commits import Outcome
from stepsaga.store.saga_events import ForwardEnded, SagaCompensated, SagaCompleted, SagaStuck
from stepsaga.store.slots import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from stepsaga.graph import SagaGraph
    from stepsaga.recovery.log import Log
    from stepsaga.recovery.undo import Run, Undoing


BY_ITSELF: Final = "only the saga's own execution does what services do"
"""Why nobody goes forward to a service step: no function has the rights that it takes."""


class Forwarding:
    """Goes forward with runs from the log.

    Args:
        undoing: What reads and writes of runs; it has begun them.
        now: The clock, aware.
    """

    def __init__(self, undoing: Undoing, now: Callable[[], datetime]) -> None:
        self._undoing = undoing
        self._now = now

    def proceed(
        self,
        run: Run,
        generation: int,
        failed: Mapping[str, str] = NOTHING,
        *,
        redrives: int = 0,
    ) -> dict[str, Any]:
        """What can be done now.

        Args:
            run: The run.
            generation: Of this going forward.
            failed: By their keys, the errors of moves that have failed since it was begun or
                redriven.
            redrives: How often it was redriven.

        Returns:
            What `Undoing.proceed` returns, and ``until``: where nothing can be called now, when the
            first wait is over; else None.

        Raises:
            StepFailedForGood: The point of no return is not passed, all that is left has failed, or
                somebody else works on the run now. The first two are recorded as `SagaStuck`.
            StoreError: What the store raises.
        """
        begun = self._undoing.begun(run, generation)
        graph = self._undoing.graph(run, begun.fingerprint)
        log = self._undoing.log(run)
        calls = Calls(graph, begun.fingerprint, run, generation)
        refuse_if_taken(run, log, generation)
        data = Data(graph, log)
        found, stuck = Ahead(), None
        if not looks_at_input(graph) or data.is_exact:
            found = ahead(data, self._now(), frozenset(failed))
            stuck = _short(run, data, found) or _blocked(run, found, failed)
        elif INPUT not in failed:
            return _next(calls=[calls.asking_for_input()])
        else:
            stuck = SagaStuck(steps=(INPUT,), error=failed[INPUT], then=onward(run))
        if stuck is not None:
            self._undoing.note_stuck(run, begun.fingerprint, (generation, redrives), stuck)
            text = f"{', '.join(stuck.steps)} ({stuck.error}): {stuck.then}"
            raise StepFailedForGood(f"{run.saga} {run.id} is stuck: {text}")
        moves = list(calls.fitting(found.moves, data))
        return _next(done=found.done, calls=moves, until=None if moves else found.until)

    def end(self, run: Run, generation: int) -> None:
        """Record that the saga is completed, unless its last step did; again is the same as once.

        Raises:
            StepFailedForGood: Somebody else works on the run now.
        """
        begun = self._undoing.begun(run, generation)
        log = self._undoing.log(run)
        refuse_if_taken(run, log, generation)
        told = begun.fingerprint
        if SagaCompleted.__name__ not in log.types:
            completed = [event_of(SagaCompleted)]
            self._undoing.record(run, (TERMINAL_SLOT,), Outcome.ENDED, completed, told)
        ended = [event_of(ForwardEnded, generation=generation)]
        self._undoing.record(run, (FIRST_END_SLOT + generation,), Outcome.ENDED, ended, told)


def short_of(run: Run, graph: SagaGraph, log: Log, now: datetime) -> SagaStuck | None:
    """Why a run cannot go forward, as it would be recorded; None where it can, as far as is told.

    Whoever goes forward looks again, and then knows what only the input's model can tell.
    """
    if left := left_to_services(graph, log):
        redrive = f"after the fix `stepsaga redrive {run.stream}` goes on, within 14 days"
        return SagaStuck(steps=left, error=BY_ITSELF, then=redrive)
    data = Data(graph, log)
    if looks_at_input(graph) and not data.is_exact:
        return None
    return _short(run, data, ahead(data, now))


def left_to_services(graph: SagaGraph, log: Log) -> tuple[str, ...]:
    """The service steps behind the point of no return that are not done for certain.

    It has to be known before anything begins: whoever has begun is in the way of a redrive.
    """
    at_root = {node.name for node in graph.nodes}
    left: list[str] = []
    for node in steps_of(graph.nodes):
        if node.service and node.role is Role.RETRIABLE:
            commit = log.at(node.slot) if node.name in at_root else None
            if commit is None or commit.outcome is not Outcome.RESULT:
                left.append(node.name)
    return tuple(left)


def _short(run: Run, data: Data, found: Ahead) -> SagaStuck | None:
    """Why a run cannot go forward, as it is recorded; None where it can."""
    undone = any(one.outcome is Outcome.COMPENSATED for one in data.log.commits)
    if undone or SagaCompensated.__name__ in data.log.types:
        why = "it is being undone"
    elif not has_turn(data.graph):
        why = "it has no point of no return"
    elif found.passed or found.moves or (found.blocked and not found.short):
        return None
    else:
        why = "it is not past its point of no return"
    steps = tuple(sorted({one.node.name for one in found.short}))
    return SagaStuck(steps=steps, error=why, then=backward(run))


def _blocked(run: Run, found: Ahead, failed: Mapping[str, str]) -> SagaStuck | None:
    """What is recorded where all that is left has failed."""
    if found.done or found.moves or found.until:
        return None
    steps = {one.step.node.name for one in found.blocked} | {one.node.name for one in found.short}
    errors = sorted({failed[one.key] for one in found.blocked}) or ["it was decided otherwise"]
    return SagaStuck(steps=tuple(sorted(steps)), error=", ".join(errors), then=onward(run))


def _next(
    *, done: bool = False, calls: list[dict[str, Any]] | None = None, until: datetime | None = None
) -> dict[str, Any]:
    # A text has whole milliseconds, and the moment must not come before its time.
    text = until and iso(until + timedelta(milliseconds=1))
    return {"done": done, "calls": calls or [], "until": text}
