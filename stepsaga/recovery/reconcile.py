"""Looks at sagas whose executions have ended other than well, and sees to it that they end well.

It can look any number of times, and two can look at once: what is done is done in write-once slots,
and under names that are given once (rules 15, 16 and 18).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.kept import from_kept
from stepsaga.asl.names import UNDONE
from stepsaga.asl.times import many_call
from stepsaga.errors import StoreError, UndoTaken
from stepsaga.graph import distributed_of, steps_of
from stepsaga.limits import DISPATCH_SECONDS, FIRST_END_SLOT, START_SECONDS
from stepsaga.recovery.executions import ABORTED, FAILED, SUCCEEDED, UNSUCCESSFUL, Execution
from stepsaga.recovery.log import log_of
from stepsaga.recovery.many import MOST_READ, is_held_up, items_left, with_items, with_late
from stepsaga.recovery.plan import MOST_LEFT, left, plan
from stepsaga.recovery.reached import reached
from stepsaga.recovery.undo import Run, Undoing, mend, names_of, onward, past, stays
from stepsaga.runtime.generations import goes_forward, latest
from stepsaga.store.commits import Outcome
from stepsaga.store.open_sagas import MemoryOpenSagas
from stepsaga.store.saga_events import SagaCompensated, SagaCompleted, SagaStuck
from stepsaga.store.slots import began, execution_name, iso, moment_of, stream_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from stepsaga.graph import SagaGraph
    from stepsaga.recovery.executions import Executions
    from stepsaga.recovery.log import Log
    from stepsaga.recovery.plan import Plan
    from stepsaga.store.commits import Commit
    from stepsaga.store.open_sagas import OpenSaga, OpenSagas
    from stepsaga.store.protocol import EventStore

UNSEEN: Final = timedelta(minutes=1)
"""How long Step Functions may not know what has just been started; what it does not know later is
gone. DescribeExecution is eventually consistent, by seconds:
https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html"""
GONE: Final = "ExecutionGone"
"""How an execution has ended that is not known any more, in words like Step Functions' own."""
BEGUN: Final = frozenset({Outcome.SEALED, Outcome.REJECTED, Outcome.COMPENSATED})
"""What says that a saga's execution had begun to undo it (rule 18)."""


class Found(StrEnum):
    """What a look at a saga has found, and done."""

    WELL = "well"
    """It runs, or has ended as sagas do."""
    UNDOING = "undoing"
    """It is being undone from the log."""
    STUCK = "stuck"
    """Its undoing has failed; a person has to mend what failed, and redrive."""
    FORWARD = "stuck forward"
    """It is past its point of no return, and did not get further."""
    GOING = "going forward"
    """It goes on from its log, behind its point of no return."""
    UNKNOWN = "unknown"
    """Its release's graph is not kept, nothing says which release that is, or which saga."""


class Reconciler:
    """Looks at sagas.

    Args:
        store: The event store.
        executions: Step Functions.
        now: The clock, aware.
        open_sagas: The projection that is mended by what is seen.
    """

    def __init__(
        self,
        store: EventStore,
        executions: Executions,
        now: Callable[[], datetime],
        open_sagas: OpenSagas | None = None,
    ) -> None:
        self._store = store
        self._executions = executions
        self._now = now
        self._open = open_sagas or MemoryOpenSagas()
        self._undoing = Undoing(store, now)

    def look(self, arn: str, saga: str = "") -> Found:
        """Look at one execution, and do what is to be done.

        Args:
            arn: Its ARN.
            saga: Whose it is, where that is known: nobody tells it of a saga that no release has
                any more.

        Raises:
            StoreError: What the store raises. To look again is always right.
        """
        execution = self._executions.describe(arn)
        if execution is None:
            return Found.WELL
        return self._judge(replace(execution, saga=saga or execution.saga)) or Found.WELL

    def see(self, row: OpenSaga) -> Found:
        """Look at a saga that is open, also where its execution is gone; mend its row.

        Raises:
            StoreError: As `look`.
        """
        execution = self._executions.describe(row.execution)
        # A name that is used again after 90 days is another run.
        if execution is None or not began(row.run, execution.started):
            if self._now() - row.started < UNSEEN:
                return Found.WELL
            log = log_of(self._store, row.stream, row.started)
            execution = gone(row.saga, row.id, log, row.execution)
        found = self._judge(replace(execution, saga=row.saga))
        if found is None:
            self._open.remove(row.stream, row.run)
            return Found.WELL
        if found in (Found.STUCK, Found.FORWARD):
            if not row.stuck_since:
                self._open.mark(row, iso(self._now()))
        elif row.stuck_since:
            self._open.mark(row, "")
        return found

    def _judge(self, execution: Execution) -> Found | None:
        """What is found of an execution, and done; None where nothing is left to do."""
        # What is about to be redriven is PENDING_REDRIVE, and has not ended either.
        if execution.status not in (SUCCEEDED, *UNSUCCESSFUL):
            return Found.WELL
        if not execution.saga:
            return Found.UNKNOWN
        stream = stream_of(execution.saga, execution.id)
        log = log_of(self._store, stream, execution.started)
        if log.has_ended and with_late(log, self._store).is_over:
            return None
        if execution.status == SUCCEEDED and not log.latest[0] and not log.has_ended:
            return Found.WELL
        return self._decide(execution, log)

    def undo(  # noqa: PLR0913  # what is recorded of it, by name
        self,
        execution: Execution,
        log: Log,
        why: str,
        *,
        by: str = "",
        completed: bool = False,
        anew: bool = False,
    ) -> Found:
        """Begin to undo a run from its log, or see to it that what was begun goes on.

        What was begun is over where it has ended, where it has left a completed saga as it is, and
        where it cannot go on: whoever knows that asks for it ``anew``.
        """
        told = {"why": why, "by": by, "completed": completed}
        works = self._work(
            execution, log, told, lambda begun: anew or goes_forward(begun) or stays(log, begun)
        )
        return Found.UNDOING if works else Found.UNKNOWN

    def forward(
        self, execution: Execution, log: Log, why: str, *, by: str = "", anew: bool = False
    ) -> Found:
        """Begin to go forward with a run from its log, or see to it that what was begun goes on.

        As `undo` does; that the point of no return is passed the machine's own function looks at.
        """
        told = {"why": why, "by": by, "forward": True}
        # Until it was begun, its execution could be redriven, and calls of it let through.
        latest_call = replace(execution, stopped=self._now())
        works = self._work(latest_call, log, told, lambda begun: anew or not goes_forward(begun))
        return Found.GOING if works else Found.UNKNOWN

    def _work(
        self,
        execution: Execution,
        log: Log,
        told: Mapping[str, Any],
        over: Callable[[Commit], bool],
    ) -> bool:
        """Win a generation, unless one is at work that is not over; see to it that it runs."""
        fingerprint = log.fingerprint or self._executions.fingerprint(execution.arn)
        kept = self._store.get_definition(fingerprint) if fingerprint else None
        if kept is None:
            return False
        run = Run(execution.saga, execution.id, log.run, execution.arn)
        generation, begun = latest(self._store, run.stream, run.run)
        ended = log.at((FIRST_END_SLOT + generation,)) is not None
        if begun is None or ended or over(begun):
            generation += 1
            with suppress(UndoTaken):  # whoever has won it at this moment wants the same
                self._undoing.begin(
                    run,
                    fingerprint=fingerprint,
                    input=execution.input,
                    generation=generation,
                    **told,
                )
        # What has just been stopped may not be seen to be; and who had the generation before may
        # have calls under way, however long ago the saga's own execution ended.
        stopped = execution.stopped if generation == 1 else None
        after = (stopped or self._now()) + last_call(from_kept(kept))
        self._executions.start_undo(name_of(run, generation), input_of(run, generation, after))
        return True

    def _decide(  # noqa: C901, PLR0911  # one a case
        self, execution: Execution, log: Log
    ) -> Found | None:
        if execution.status == FAILED and execution.error == UNDONE and not log.commits:
            return Found.WELL
        fingerprint = log.fingerprint or self._executions.fingerprint(execution.arn)
        kept = self._store.get_definition(fingerprint) if fingerprint else None
        if kept is None:
            return Found.UNKNOWN
        run = Run(execution.saga, execution.id, log.run, execution.arn)
        graph, own = from_kept(kept), log
        # What has ended badly for good is looked into all the same, for what has landed late.
        unread = 0 if log.has_ended else items_left(log, graph)
        if unread <= MOST_READ:
            unread, log = 0, with_items(log, graph, run.stream, self._store)
        tree, lacking = reached(graph, log)
        found = plan(tree, log)
        if log.has_ended:
            # What landed after its step was undone is undone once more (rule 11), where it can be.
            undone = SagaCompensated.__name__ in log.types
            if not undone or (not lacking and (found.done or found.final)):
                return None
            why = "an effect landed after its step was undone"
            return self._go_on(execution, run, log, why, found)
        if goes_forward(log.latest[1]):
            return self._go_on(execution, run, log, "", found)
        # What was undone of items that failed within their tolerance is no way back: but what is
        # left of that holds up the way forward.
        begun = any(one.outcome in BEGUN for one in own.commits) or (
            not unread and is_held_up(tree, log, graph, self._store)
        )
        error = execution.error or execution.status
        if found.final is not None:
            if SagaCompleted.__name__ in log.types:
                return None
            stuck, then = Found.FORWARD, past(run, found.final)
            steps: tuple[str, ...] = (found.final.node.name,)
        elif log.latest[0]:
            return self._go_on(execution, run, log, "", found)
        elif execution.status == FAILED and begun:
            stuck, then = Found.STUCK, mend(run)
            steps = names_of(found.moves)
        elif (many := left(tree, log) + unread) > MOST_LEFT:
            stuck, then = Found.STUCK, by_redrive(run, many)
            steps = names_of((*found.seals, *found.moves))
        else:
            return self.undo(execution, log, f"its execution ended: {error}")
        event = SagaStuck(steps=steps, error=error, then=then)
        self._undoing.note_stuck(run, fingerprint, (log.latest[0], execution.redrives), event)
        return stuck

    def _go_on(self, execution: Execution, run: Run, log: Log, why: str, found: Plan) -> Found:
        """See to it that who was begun goes on, unless that has failed: it is on record then."""
        generation, begun = log.latest
        ended = log.at((FIRST_END_SLOT + generation,)) is not None
        undo = None if ended or begun is None else self._executions.undo(name_of(run, generation))
        forward = goes_forward(begun)
        if begun is None or undo is None or undo.status not in UNSUCCESSFUL:
            # It was begun, perhaps by somebody who died before the machine was started.
            go = self.forward if forward else self.undo
            return go(execution, log, why)
        steps = (found.final.node.name,) if found.final else names_of(found.moves)
        then = onward(run) if forward else mend(run)
        event = SagaStuck(steps=steps, error=undo.error or undo.status, then=then)
        at = (generation, undo.redrives)
        self._undoing.note_stuck(run, begun.fingerprint, at, event)
        return Found.FORWARD if forward else Found.STUCK


def by_redrive(run: Run, many: int) -> str:
    """What is to be done about a saga whose distributed maps an undo from the log does not take."""
    return (
        f"its items could take {many:,} calls, and an undo from the log makes at most"
        f" {MOST_LEFT:,} of them: `stepsaga redrive {run.stream}` goes on with the saga, which"
        " undoes any number of items where it fails"
    )


def gone(saga: str, saga_id: str, log: Log, arn: str = "") -> Execution:
    """What is left of an execution that Step Functions does not know: what its log says.

    Its machine was deleted, or it ended 90 days ago.

    Args:
        saga: The saga's name.
        saga_id: Its id.
        log: Of the run.
        arn: The execution's, where more than the log tells it.

    Raises:
        StoreError: Nobody tells it.
    """
    arn = arn or log.execution
    if not arn:
        name = stream_of(saga, saga_id)
        raise StoreError(f"{name} does not say by which execution it began")
    return Execution(
        saga=saga,
        id=saga_id,
        arn=arn,
        status=ABORTED,
        error=GONE,
        started=moment_of(log.run),
        # Nobody says when it ended: what it called a moment ago may still run.
        stopped=None,
        input=log.input,
    )


def last_call(graph: SagaGraph) -> timedelta:
    """How long an invocation may still run, and commit, that was under way a moment ago."""
    longest = max((many_call(node).seconds for node, _ in distributed_of(graph.nodes)), default=0)
    for node in steps_of(graph.nodes):
        undo = node.compensation.call if node.compensation else None
        longest = max(longest, *(call.seconds for call in (node.call, node.verify, undo) if call))
    return timedelta(seconds=longest + DISPATCH_SECONDS + START_SECONDS)


def name_of(run: Run, generation: int) -> str:
    """The name of the execution that works for a generation: the same for the same one."""
    return execution_name(f"{run.saga}-{run.id}", f"{run.stream}/{run.run}", f"-{generation}")


def input_of(run: Run, generation: int, after: datetime) -> dict[str, Any]:
    """The input of such an execution."""
    return {
        "undo": {
            "saga": run.saga,
            "id": run.id,
            "run": run.run,
            "execution": run.execution,
            "generation": generation,
            "after": after.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        },
        "failed": [],
        "reports": [],
    }
