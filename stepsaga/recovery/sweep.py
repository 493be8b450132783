"""The sweep: looks at every open saga, for what nobody told, or was told and could not be done.

It can run any number of times, and two at once: each look is one that can be repeated.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from stepsaga.graph import steps_of
from stepsaga.recovery.deadlines import Deadlines
from stepsaga.recovery.following import row_of
from stepsaga.recovery.log import log_of
from stepsaga.recovery.reconcile import Found, Reconciler
from stepsaga.store.slots import began

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from stepsaga.recovery.children import Children
    from stepsaga.recovery.executions import Executions
    from stepsaga.store.open_sagas import OpenSaga, OpenSagas
    from stepsaga.store.protocol import EventStore

LOOK_BACK: Final = timedelta(hours=6)
"""How long after its end a saga is looked at that is not among the open ones: it has recorded
nothing, or nobody follows what it records. A sweep follows the last one after minutes; what it did
not get to, the next ones do."""


class Sweep:
    """Looks at all sagas that may need it.

    Args:
        store: The event store.
        executions: Step Functions.
        now: The clock, aware.
        open_sagas: Which sagas are open; what is wrong there is mended.
        children: Who tells what children came to; none where no saga starts any.
    """

    def __init__(
        self,
        store: EventStore,
        executions: Executions,
        now: Callable[[], datetime],
        open_sagas: OpenSagas,
        children: Children | None = None,
    ) -> None:
        self._store = store
        self._executions = executions
        self._now = now
        self._open = open_sagas
        self._reconciler = Reconciler(store, executions, now, open_sagas)
        self._deadlines = Deadlines(store, executions, now)
        self._children = children

    def run(self) -> Mapping[str, int]:
        """Look at all; count what was found.

        Raises:
            Exception: The first that a look has raised, after all were looked at: one saga must not
                keep the others from being undone.
        """
        counts: Counter[str] = Counter()
        errors: list[Exception] = []

        def count(look: Callable[[], Found]) -> None:
            try:
                counts[look().value] += 1
            except Exception as error:  # noqa: BLE001  # it is raised below
                errors.append(error)

        # Before the executions that run: what is opened in between is in neither, or in both.
        # What is stuck comes last, so that it takes no time from what is not.
        rows = sorted(self._open.rows(), key=lambda row: bool(row.stuck_since))
        running = {one.execution: one for one in self._executions.running()}
        for row in rows:
            one = running.get(row.execution)
            if one is not None and began(row.run, one.started):
                count(lambda row=row: self._mind(row))  # type: ignore[misc]  # a look
            else:
                count(lambda row=row: self._see(row))  # type: ignore[misc]  # a look
        known = {row.execution for row in rows}
        for arn, one in running.items():
            if arn not in known:
                count(lambda one=one: self._mind(self._found(one)))  # type: ignore[misc]  # a look
        known |= running.keys()
        for arn in self._executions.unsuccessful(self._now() - LOOK_BACK):
            if arn not in known:
                count(lambda arn=arn: self._reconciler.look(arn))  # type: ignore[misc]  # a look
        # Last: these are queries for each, and nearly always in vain.
        errors += self._tell_parents(rows)
        if errors:
            raise errors[0]
        return counts

    def _see(self, row: OpenSaga) -> Found:
        """Look at a saga that does not run. Where it has ended, whoever waits for it is told first.

        Its row may be all that says that nobody has told him.
        """
        if self._children is not None:
            self._children.settle(row.stream)
        return self._reconciler.see(row)

    def _mind(self, row: OpenSaga) -> Found:
        """Look at a saga that runs: it may be over its time, and is not stuck."""
        if self._deadlines.enforce(row):
            return self._reconciler.see(row)
        if row.stuck_since:
            self._open.mark(row, "")
        return Found.WELL

    def _tell_parents(self, rows: Iterable[OpenSaga]) -> list[Exception]:
        """Tell whoever waits for children; return what that has raised."""
        errors: list[Exception] = []
        for row in rows:
            try:
                self._tell(row)
            except Exception as error:  # noqa: BLE001  # it is raised at the end
                errors.append(error)
        return errors

    def _tell(self, row: OpenSaga) -> None:
        """Tell a saga what the children came to that it, or its undo, waits for.

        One that nobody followed has no row of its own.
        """
        graph = self._deadlines.graph(row) if self._children and row.fingerprint else None
        if self._children and graph and any(node.child for node in steps_of(graph.nodes)):
            self._children.look(log_of(self._store, row.stream, row.started).commits)

    def _found(self, one: OpenSaga) -> OpenSaga:
        """A saga that runs and is not among the open ones; now it is, if it has recorded anything.

        It has just been started, or what told of its first commit was lost.
        """
        log = log_of(self._store, one.stream, one.started)
        row = row_of(one.stream, log)
        if row is None:
            return one
        if not log.is_over:
            self._open.add(row)
        return row
