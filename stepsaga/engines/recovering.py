"""Recovery on any engine: the machine that undoes beside the sagas', and its function."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.release import substitute
from stepsaga.asl.text import render
from stepsaga.asl.undo import FUNCTION, NAME, undo_definition
from stepsaga.engines.functions import raised_error, through_json
from stepsaga.engines.protocol import Status
from stepsaga.errors import ExecutionExists, ExecutionMissing, MachineMissing
from stepsaga.recovery.entry import Recovery
from stepsaga.recovery.executions import Execution
from stepsaga.recovery.following import Following
from stepsaga.recovery.reconcile import Reconciler
from stepsaga.store.front import StoreInFront
from stepsaga.store.open_sagas import MemoryOpenSagas, OpenSaga
from stepsaga.store.slots import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from stepsaga.engines.functions import Functions
    from stepsaga.engines.protocol import Engine, ExecutionView, Listed
    from stepsaga.recovery.children import Children
    from stepsaga.recovery.following import Listener
    from stepsaga.store.commits import Commit
    from stepsaga.store.protocol import EventStore

RECOVERY: Final = "recovery"
"""The function's name on engines that run here."""


@cache
def undo_text() -> str:
    """The definition of the machine that undoes, as it runs here."""
    return substitute(render(undo_definition()), {FUNCTION: RECOVERY})


def execution_of(view: ExecutionView) -> Execution:
    """An execution as recovery knows it."""
    return Execution(
        saga=view.machine,
        id=view.name,
        arn=view.arn,
        status=view.status.value,
        error=view.error or "",
        started=view.started,
        stopped=view.stopped,
        input=view.input,
        redrives=view.redrives,
    )


class EngineExecutions:
    """What recovery needs of Step Functions, on an engine.

    Args:
        engine: The engine.
        fingerprints: Of the releases that it runs, by saga.
    """

    def __init__(self, engine: Engine, fingerprints: Mapping[str, str]) -> None:
        self._engine = engine
        self._fingerprints = fingerprints

    def describe(self, arn: str) -> Execution | None:
        """See `stepsaga.recovery.executions.Executions`."""
        try:
            return execution_of(self._engine.describe(arn))
        except ExecutionMissing:
            return None

    def fingerprint(self, arn: str) -> str:
        """See `stepsaga.recovery.executions.Executions`."""
        found = self.describe(arn)
        return self._fingerprints.get(found.saga, "") if found else ""

    def unsuccessful(self, since: datetime) -> Iterator[str]:
        """See `stepsaga.recovery.executions.Executions`."""
        for _, one in self._listed(None):
            bad = one.status not in {Status.RUNNING, Status.SUCCEEDED}
            if bad and one.stopped is not None and one.stopped >= since:
                yield one.arn

    def running(self) -> Iterator[OpenSaga]:
        """See `stepsaga.recovery.executions.Executions`."""
        for saga, one in self._listed(Status.RUNNING):
            yield OpenSaga(saga, one.name, iso(one.started), one.arn, fingerprint="")

    def stop(self, arn: str, error: str, cause: str) -> None:
        """See `stepsaga.recovery.executions.Executions`."""
        with suppress(ExecutionMissing):
            self._engine.stop(arn, error=error, cause=cause)

    def undo(self, name: str) -> Execution | None:
        """See `stepsaga.recovery.executions.Executions`."""
        return self.describe(self._engine.execution_arn(NAME, name))

    def _listed(self, status: Status | None) -> Iterator[tuple[str, Listed]]:
        for machine in self._fingerprints:
            with suppress(MachineMissing):
                for one in self._engine.executions(machine, status):
                    yield machine, one

    def start_undo(self, name: str, input: Mapping[str, Any]) -> None:  # noqa: A002  # as there
        """See `stepsaga.recovery.executions.Executions`."""
        try:
            self._engine.start(NAME, dict(input), name=name)
        except ExecutionExists:
            return


class FollowedStore(StoreInFront):
    """A store whose commits are followed at once, as the deployed function follows the table's.

    Attributes:
        following: Who hears of them.
    """

    following: Following | None = None

    def append(self, commit: Commit) -> Commit:
        """See `stepsaga.store.protocol.EventStore`."""
        stored = self._store.append(commit)
        if self.following is not None and stored == commit:
            self.following.take([commit])
        return stored


class RecoveringFunctions:
    """The functions of participants, and recovery's.

    Args:
        functions: The participants'.
        store: The event store.
        participants: Their modules.
        now: The clock, aware.
        listeners: Who hears of ends, where the store is a `FollowedStore`.

    Attributes:
        open_sagas: Which sagas are open, as far as that is followed.
    """

    def __init__(  # collaborators by name
        self,
        functions: Functions,
        store: EventStore,
        participants: Mapping[str, str],
        now: Callable[[], datetime],
        *,
        listeners: Sequence[Listener] = (),
    ) -> None:
        self._functions = functions
        self._store = store
        self._participants = participants
        self._now = now
        self._listeners = listeners
        self.open_sagas = MemoryOpenSagas()
        self.recovery: Recovery | None = None

    def on(
        self,
        engine: Engine,
        fingerprints: Mapping[str, str],
        children: Children | None = None,
    ) -> Recovery:
        """Create the machine that undoes on an engine whose functions these are."""
        engine.create(NAME, undo_text())
        return self.serve(engine, fingerprints, children)

    def serve(
        self,
        engine: Engine,
        fingerprints: Mapping[str, str],
        children: Children | None = None,
    ) -> Recovery:
        """The same where the machine is there."""
        executions = EngineExecutions(engine, fingerprints)
        self.recovery = Recovery(
            self._store, executions, self._participants, self._now, self.open_sagas, children
        )
        if isinstance(self._store, FollowedStore):
            reconciler = Reconciler(self._store, executions, self._now, self.open_sagas)
            self._store.following = Following(
                self._store, self.open_sagas, reconciler, self._listeners
            )
        return self.recovery

    def invoke(self, function: str, payload: Any) -> Any:
        """See `stepsaga.engines.functions.Functions`."""
        if function != RECOVERY or self.recovery is None:
            return self._functions.invoke(function, payload)
        try:
            return self.recovery.handle(through_json(payload))
        except Exception as error:
            raise raised_error(error) from error
