"""Recovery on any engine: the machine that undoes beside the sagas', and its function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.release import substitute
from stepsaga.asl.text import render
from stepsaga.asl.undo import FUNCTION, NAME, undo_definition
from stepsaga.engines.functions import raised_error, through_json
from stepsaga.engines.protocol import Status
from stepsaga.errors import ExecutionExists, ExecutionMissing
from stepsaga.recovery.entry import Recovery
from stepsaga.recovery.executions import Execution

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from stepsaga.engines.functions import Functions
    from stepsaga.engines.protocol import Engine, ExecutionView
    from stepsaga.recovery.children import Children
    from stepsaga.store.protocol import EventStore

RECOVERY: Final = "recovery"
"""The function's name on engines that run here."""


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
        return self._fingerprints.get(self._engine.describe(arn).machine, "")

    def unsuccessful(self, since: datetime) -> Iterator[str]:
        """See `stepsaga.recovery.executions.Executions`."""
        for machine in self._fingerprints:
            for one in self._engine.executions(machine):
                bad = one.status not in {Status.RUNNING, Status.SUCCEEDED}
                if bad and one.stopped is not None and one.stopped >= since:
                    yield one.arn

    def start_undo(self, name: str, input: Mapping[str, Any]) -> None:  # noqa: A002  # as there
        """See `stepsaga.recovery.executions.Executions`."""
        try:
            self._engine.start(NAME, dict(input), name=name)
        except ExecutionExists:
            return


class RecoveringFunctions:
    """The functions of participants, and recovery's.

    Args:
        functions: The participants'.
        store: The event store.
        participants: Their modules.
        now: The clock, aware.
    """

    def __init__(
        self,
        functions: Functions,
        store: EventStore,
        participants: Mapping[str, str],
        now: Callable[[], datetime],
    ) -> None:
        self._functions = functions
        self._store = store
        self._participants = participants
        self._now = now
        self.recovery: Recovery | None = None

    def on(
        self,
        engine: Engine,
        fingerprints: Mapping[str, str],
        children: Children | None = None,
    ) -> Recovery:
        """Create the machine that undoes on an engine whose functions these are."""
        engine.create(NAME, substitute(render(undo_definition()), {FUNCTION: RECOVERY}))
        executions = EngineExecutions(engine, fingerprints)
        self.recovery = Recovery(
            self._store, executions, self._participants, self._now, children=children
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
