"""Follows what is committed, by whomever: which sagas are open, what lands late, who hears of ends.

A commit is a hint. What its run has come to, its log says, which is read each time: so commits can
be heard of twice, late, or in another order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from stepsaga.recovery.log import Log
from stepsaga.recovery.many import with_late
from stepsaga.store import saga_events
from stepsaga.store.commits import Outcome
from stepsaga.store.events import types_in
from stepsaga.store.open_sagas import OpenSaga
from stepsaga.store.slots import run_of, saga_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stepsaga.recovery.reconcile import Reconciler
    from stepsaga.store.commits import Commit
    from stepsaga.store.open_sagas import OpenSagas
    from stepsaga.store.protocol import EventStore

ENDS: Final = frozenset({saga_events.SagaCompleted.__name__, saga_events.SagaCompensated.__name__})
MOVES: Final = ENDS | {
    saga_events.SagaStarted.__name__,
    saga_events.SagaStuck.__name__,
    saga_events.UndoStarted.__name__,
    saga_events.UndoEnded.__name__,
    saga_events.StepLanded.__name__,
}
"""What opens a run, ends it, or stops it."""


class Listener(Protocol):
    """Who wants to hear of every saga that has ended."""

    def heard(self, commit: Commit) -> None:
        """Take a commit with ``SagaCompleted`` or ``SagaCompensated``; it may come again, and late.

        What it raises has the commit delivered once more.
        """
        ...


class Following:
    """Takes commits as they are made.

    Args:
        store: The event store.
        open_sagas: The projection that is kept.
        reconciler: Looks at sagas for which something has landed late.
        listeners: Who hears of ends.
    """

    def __init__(
        self,
        store: EventStore,
        open_sagas: OpenSagas,
        reconciler: Reconciler,
        listeners: Sequence[Listener] = (),
    ) -> None:
        self._store = store
        self._open = open_sagas
        self._reconciler = reconciler
        self._listeners = listeners

    def take(self, commits: Iterable[Commit]) -> None:
        """Take commits, in the order in which they were made as far as that is known.

        Raises:
            StoreError: What the store raises; all of them can be taken again.
        """
        for commit in commits:
            types = types_in([commit])
            # Before it is closed: what nobody could be told of stays among the open sagas, where
            # the sweep finds it.
            if types & ENDS:
                for listener in self._listeners:
                    listener.heard(commit)
            if types & MOVES:
                self._project(commit)

    def _project(self, commit: Commit) -> None:
        """Let the projection say what the log says of the commit's run."""
        run, stream = run_of(commit), saga_of(commit.stream_id)
        log = Log(run, self._store.read(stream, f"{run}/"))
        row = row_of(stream, log)
        if row is None:
            return
        if log.has_ended and with_late(log, self._store).is_over:
            self._open.remove(stream, run)
            return
        self._open.add(row)
        if row.stuck_since:
            self._open.mark(row, row.stuck_since)
        if log.has_ended and not row.stuck_since:
            # Something has landed late, and nobody else looks at that saga any more (rule 11).
            self._reconciler.see(row)


def row_of(stream: str, log: Log) -> OpenSaga | None:
    """A run as the projection has it; None where no commit says by which execution it was made.

    It is stuck where that is the last thing that is recorded of it.
    """
    saga, _, saga_id = stream.partition("#")
    if not log.execution:
        return None
    last = max(log.commits, key=lambda one: one.recorded_at)
    since = last.recorded_at if last.outcome is Outcome.STUCK else ""
    return OpenSaga(saga, saga_id, log.run, log.execution, log.fingerprint, since)
