"""A saga's deadline, where nobody else looks at it: while the saga waits (rule 16).

The runtime refuses every step before the pivot that is called after the deadline, so a saga
that moves is undone by itself. One that waits, until a time, for an answer, or for a child, does
not move.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from stepsaga.asl.kept import from_kept
from stepsaga.recovery.log import log_of
from stepsaga.recovery.many import MOST_READ, items_left, with_items
from stepsaga.recovery.plan import MOST_LEFT, left, plan
from stepsaga.recovery.reached import reached
from stepsaga.recovery.reconcile import last_call

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from stepsaga.graph import SagaGraph
    from stepsaga.recovery.executions import Executions
    from stepsaga.recovery.log import Log
    from stepsaga.store.open_sagas import OpenSaga
    from stepsaga.store.protocol import EventStore

EXCEEDED: Final = "DeadlineExceeded"
"""The error under which the execution of a saga ends whose deadline has passed."""


class Deadlines:
    """Stops sagas that have waited too long.

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
        self._graphs: dict[str, SagaGraph] = {}

    def enforce(self, row: OpenSaga) -> bool:
        """Stop the execution of a saga that runs, if its deadline is over; say whether it was.

        Nothing of it is undone by that: whoever sees its execution ended does so. Two at once stop
        it once.

        Raises:
            StoreError: What the store raises.
        """
        graph = self.graph(row)
        if graph is None or graph.deadline is None:
            return False
        # Later by the longest step's time than the deadline itself. An invocation that began before
        # the deadline has ended by then, and what it did is in the log; each that begins later is
        # refused by the runtime, before its handler is called. So nothing new is done any more, and
        # a pivot that was in flight is seen to be done. Only a probe may still find that one has
        # happened: then nothing is undone, and the saga is stuck forward.
        ends = row.started + timedelta(seconds=graph.deadline)
        if self._now() <= ends + last_call(graph):
            return False
        log = log_of(self._store, row.stream, row.started)
        goes_back = log.latest[0] or log.goes_back
        if log.has_ended or goes_back or plan(reached(graph, log)[0], log).final:
            return False
        if self._is_too_much(row, graph, log):
            return False
        cause = f"its deadline of {graph.deadline} s passed at {ends.isoformat()}"
        self._executions.stop(row.execution, EXCEEDED, cause)
        return True

    def _is_too_much(self, row: OpenSaga, graph: SagaGraph, log: Log) -> bool:
        """Whether nobody but its own execution could undo it, for its maps have too many items.

        That does so by itself, at the latest when its wait is over: its next call is refused.
        """
        if not (items := items_left(log, graph)):
            return False
        if items > MOST_READ:
            return True
        log = with_items(log, graph, row.stream, self._store)
        return left(reached(graph, log)[0], log) > MOST_LEFT

    def graph(self, row: OpenSaga) -> SagaGraph | None:
        """The graph of a saga that runs; None where it is not kept, or nobody knows its release."""
        fingerprint = row.fingerprint or self._executions.fingerprint(row.execution)
        if fingerprint not in self._graphs:
            kept = self._store.get_definition(fingerprint) if fingerprint else None
            if kept is None:
                return None
            self._graphs[fingerprint] = from_kept(kept)
        return self._graphs[fingerprint]
