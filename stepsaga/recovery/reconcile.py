"""Looks at sagas whose executions have ended other than well, and sees to it that they end well.

It can look any number of times, and two can look at once: what is done is done in write-once slots,
and under names that are given once (rules 15, 16 and 18).
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from datetime import UTC, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.kept import from_kept
from stepsaga.asl.names import UNDONE
from stepsaga.errors import UndoTaken
from stepsaga.graph import steps_of
from stepsaga.limits import DISPATCH_SECONDS, FIRST_END_SLOT, START_SECONDS
from stepsaga.recovery.executions import FAILED, SUCCEEDED, UNSUCCESSFUL
from stepsaga.recovery.log import log_of
from stepsaga.recovery.plan import plan
from stepsaga.recovery.reached import reached
from stepsaga.recovery.undo import Run, Undoing, mend, names_of, past, stays
from stepsaga.runtime.generations import latest
from stepsaga.store.commits import Outcome
from stepsaga.store.saga_events import SagaCompensated, SagaCompleted, SagaStuck, UndoStarted
from stepsaga.store.slots import stream_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from stepsaga.recovery.executions import Execution, Executions
    from stepsaga.recovery.log import Log
    from stepsaga.store.protocol import EventStore

LOOK_BACK: Final = timedelta(hours=6)
"""How long after its end a saga is looked at by sweeps, for what nobody told, and what lands late.
A sweep follows the last one after minutes; what it did not get to, the next ones do."""
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
    """Its release's graph is not kept, nothing says which release that is, or which saga."""


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
        # What is about to be redriven is PENDING_REDRIVE, and has not ended either.
        if execution is None or execution.status not in (SUCCEEDED, *UNSUCCESSFUL):
            return Found.WELL
        if not execution.saga:
            return Found.UNKNOWN
        log = log_of(self._store, stream_of(execution.saga, execution.id), execution.started)
        if _has_ended(log):
            return self._late(execution, log)
        generation, _ = log.latest
        if execution.status == SUCCEEDED and not generation:
            return Found.WELL
        return self._decide(execution, log, generation)

    def _late(self, execution: Execution, log: Log) -> Found:
        """What landed after its step was undone is undone once more (rule 11)."""
        if not log.late_left:
            return Found.WELL
        return self.undo(execution, log, "an effect landed after its step was undone")

    def sweep(self) -> dict[str, int]:
        """Look at all that have ended other than well lately; count what was found.

        Raises:
            Exception: The first that a look has raised, after all were looked at: one saga must not
                keep the others from being undone.
        """
        counts: dict[str, int] = {}
        errors: list[Exception] = []
        for arn in self._executions.unsuccessful(self._now() - LOOK_BACK):
            try:
                found = self.look(arn)
            except Exception as error:  # noqa: BLE001  # it is raised below
                errors.append(error)
            else:
                counts[found.value] = counts.get(found.value, 0) + 1
        if errors:
            raise errors[0]
        return counts

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
        fingerprint = log.fingerprint or self._executions.fingerprint(execution.arn)
        kept = self._store.get_definition(fingerprint) if fingerprint else None
        if kept is None:
            return Found.UNKNOWN
        run = Run(execution.saga, execution.id, log.run, execution.arn)
        generation, begun = latest(self._store, run.stream, run.run)
        ended = log.at((FIRST_END_SLOT + generation,)) is not None
        if begun is None or ended or anew or stays(log, begun):
            generation += 1
            with suppress(UndoTaken):  # whoever has won it at this moment wants the same
                self._undoing.begin(
                    run,
                    fingerprint=fingerprint,
                    input=execution.input,
                    why=why,
                    by=by,
                    completed=completed,
                    generation=generation,
                )
        longest = max(node.call.seconds for node in steps_of(from_kept(kept).nodes))
        margin = timedelta(seconds=longest + DISPATCH_SECONDS + START_SECONDS)
        # What has just been stopped may not be seen to be.
        after = (execution.stopped or self._now()) + margin
        self._executions.start_undo(name_of(run, generation), input_of(run, generation, after))
        return Found.UNDOING

    def _decide(self, execution: Execution, log: Log, generation: int) -> Found:
        if execution.status == FAILED and execution.error == UNDONE and not log.commits:
            return Found.WELL
        fingerprint = log.fingerprint or self._executions.fingerprint(execution.arn)
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
        elif generation:
            # It was begun, perhaps by somebody who died before the machine was started.
            return self.undo(execution, log, "")
        elif execution.status == FAILED and begun:
            stuck, then = Found.STUCK, mend(run)
            steps = tuple(names_of(found.moves))
        else:
            return self.undo(execution, log, f"its execution ended: {error}")
        event = SagaStuck(steps=steps, error=error, then=then)
        self._undoing.note_stuck(run, fingerprint, (generation, execution.redrives), event)
        return stuck


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
    if SagaCompensated.__name__ in log.types:
        return True
    asked = any(event.data.get("completed") for event in events if event.type == UNDO_STARTED)
    return SagaCompleted.__name__ in log.types and not asked
