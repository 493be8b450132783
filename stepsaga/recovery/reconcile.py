"""Looks at sagas whose executions have ended other than well, and sees to it that they end well.

It can look any number of times, and two can look at once: what is done is done in write-once slots,
and under names that are given once (rules 15, 16 and 18).
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.kept import from_kept
from stepsaga.graph import steps_of
from stepsaga.limits import DISPATCH_SECONDS, FIRST_END_SLOT
from stepsaga.recovery.executions import FAILED, RUNNING, SUCCEEDED
from stepsaga.recovery.log import Log
from stepsaga.recovery.plan import plan
from stepsaga.recovery.reached import reached
from stepsaga.recovery.undo import Run, Undoing, mend, names_of, past
from stepsaga.runtime.generations import latest
from stepsaga.store.commits import Outcome
from stepsaga.store.saga_events import SagaCompensated, SagaCompleted, SagaStuck, UndoStarted
from stepsaga.store.slots import stream_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepsaga.recovery.executions import Execution, Executions
    from stepsaga.store.protocol import EventStore

UNDONE: Final = "SagaCompensated"
"""How an execution fails that has undone its saga."""
NEAR: Final = timedelta(milliseconds=1)
"""Slots have the execution's start as text, descriptions as a number that has been rounded."""
LOOK_BACK: Final = timedelta(hours=6)
"""How long after its end a saga is looked at by sweeps, for what nobody told, and what lands late.
A sweep follows the last one after minutes; what it did not get to, the next ones do."""
START_SECONDS: Final = 5
"""Lambda's own timeout stands that long behind the longest step of a function."""
LONGEST_NAME: Final = 80
UNDO_STARTED: Final = UndoStarted.__name__
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
    UNKNOWN = "unknown"
    """Its release's graph is not kept, or nothing says which release that is."""


class Reconciler:
    """Looks at sagas.

    Args:
        store: The event store.
        executions: Step Functions.
        now: The clock, aware.
    """

    def __init__(
        self, store: EventStore, executions: Executions, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._executions = executions
        self._now = now
        self._undoing = Undoing(store, now)

    def look(self, arn: str) -> Found:
        """Look at one execution, and do what is to be done.

        Raises:
            StoreError: What the store raises. To look again is always right.
        """
        execution = self._executions.describe(arn)
        if execution is None or execution.status == RUNNING:
            return Found.WELL
        log = self._log(execution)
        if _has_ended(log):
            return self._late(execution, log)
        if latest(self._store, stream_of(execution.saga, execution.id), log.run)[0]:
            # It was begun, perhaps by somebody who died before the machine was started.
            return self.undo(execution, log, "")
        if execution.status == SUCCEEDED:
            return Found.WELL
        return self._decide(execution, log)

    def _late(self, execution: Execution, log: Log) -> Found:
        """What landed after its step was undone is undone once more (rule 11)."""
        if not log.late_left:
            return Found.WELL
        return self.undo(execution, log, "an effect landed after its step was undone")

    def sweep(self) -> dict[str, int]:
        """Look at all that have ended other than well lately; count what was found."""
        counts: dict[str, int] = {}
        for arn in self._executions.unsuccessful(self._now() - LOOK_BACK):
            found = self.look(arn)
            counts[found.value] = counts.get(found.value, 0) + 1
        return counts

    def undo(
        self, execution: Execution, log: Log, why: str, *, by: str = "", completed: bool = False
    ) -> Found:
        """Begin to undo a run from its log, or see to it that what was begun goes on."""
        fingerprint = _release(log) or self._executions.fingerprint(execution.arn)
        kept = self._store.get_definition(fingerprint) if fingerprint else None
        if kept is None:
            return Found.UNKNOWN
        run = Run(execution.saga, execution.id, log.run, execution.arn)
        generation, begun = latest(self._store, run.stream, run.run)
        ended = begun is not None and log.at((FIRST_END_SLOT + generation,)) is not None
        if begun is None or ended:
            generation = self._undoing.begin(
                run,
                fingerprint=fingerprint,
                input=execution.input,
                why=why,
                by=by,
                completed=completed,
                generation=generation + 1,
            )
        longest = max(node.call.seconds for node in steps_of(from_kept(kept).nodes))
        margin = timedelta(seconds=longest + DISPATCH_SECONDS + START_SECONDS)
        after = (execution.stopped or execution.started) + margin
        self._executions.start_undo(name_of(run, generation), input_of(run, generation, after))
        return Found.UNDOING

    def _decide(self, execution: Execution, log: Log) -> Found:
        if execution.status == FAILED and execution.error == UNDONE and not log.commits:
            return Found.WELL
        fingerprint = _release(log) or self._executions.fingerprint(execution.arn)
        kept = self._store.get_definition(fingerprint) if fingerprint else None
        if kept is None:
            return Found.UNKNOWN
        run = Run(execution.saga, execution.id, log.run, execution.arn)
        found = plan(reached(from_kept(kept), log)[0], log)
        begun = any(one.outcome in BEGUN for one in log.commits)
        error = execution.error or execution.status
        if found.final is not None:
            stuck, then = Found.FORWARD, past(run, found.final)
            steps: tuple[str, ...] = (found.final.node.name,)
        elif execution.status == FAILED and begun:
            stuck, then = Found.STUCK, mend(run)
            steps = tuple(names_of(found.moves))
        else:
            return self.undo(execution, log, f"its execution ended: {error}")
        event = SagaStuck(steps=steps, error=error, then=then)
        self._undoing.note_stuck(run, fingerprint, (0, execution.redrives), event)
        return stuck

    def _log(self, execution: Execution) -> Log:
        """The run of an execution: its slots begin with its start, in Step Functions' own words."""
        commits = list(self._store.read(stream_of(execution.saga, execution.id)))
        runs = dict.fromkeys(commit.slot.partition("/")[0] for commit in commits)
        own = next((run for run in runs if _is_near(run, execution.started)), None)
        if own is None:
            moment = execution.started.astimezone(UTC).isoformat(timespec="milliseconds")
            own = moment.replace("+00:00", "Z")
        return Log(own, commits)


def name_of(run: Run, generation: int) -> str:
    """The name of an undo's execution: the same for the same undo."""
    mark = hashlib.sha256(f"{run.stream}/{run.run}".encode()).hexdigest()[:16]
    suffix = f"-{mark}-{generation}"
    readable = "".join(
        letter if letter.isascii() and letter.isalnum() else "-"
        for letter in f"{run.saga}-{run.id}"
    )
    return f"{readable[: LONGEST_NAME - len(suffix)]}{suffix}"


def input_of(run: Run, generation: int, after: datetime) -> dict[str, Any]:
    """The input of an undo's execution."""
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


def _has_ended(log: Log) -> bool:
    """Whether the log tells the saga's end, and nobody has asked to undo even that."""
    events = [event for commit in log.commits for event in commit.events]
    types = {event.type for event in events}
    if SagaCompensated.__name__ in types:
        return True
    asked = any(event.data.get("completed") for event in events if event.type == UNDO_STARTED)
    return SagaCompleted.__name__ in types and not asked


def _release(log: Log) -> str:
    return log.commits[0].fingerprint if log.commits else ""


def _is_near(run: str, started: datetime) -> bool:
    try:
        moment = datetime.fromisoformat(run)
    except ValueError:
        return False
    return abs(moment - started) <= NEAR
