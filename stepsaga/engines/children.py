"""Children on any engine: started, stopped, and their ends heard of as they are recorded."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from stepsaga.engines.recovering import EngineExecutions
from stepsaga.errors import ExecutionExists, MachineMissing, StepsagaError, UsageError
from stepsaga.recovery.following import ENDS
from stepsaga.store.front import StoreInFront

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stepsaga.recovery.children import Children
    from stepsaga.recovery.executions import Execution
    from stepsaga.store.commits import Commit
    from stepsaga.store.protocol import EventStore

    Later = Callable[[float, Callable[[], None]], None]
    """Lets something happen after so many seconds."""

MOST_TIMES: Final = 100
"""How often an end is told again where that fails; the table's stream does so for a day."""
PAUSE: Final = 1.0
"""Seconds between two of these times."""


class EngineChildExecutions(EngineExecutions):
    """What children need of Step Functions, on an engine: `ChildExecutions`."""

    def start(self, saga: str, name: str, input: Any) -> bool:  # noqa: A002  # as Step Functions names it
        """See `stepsaga.recovery.children.ChildExecutions`."""
        try:
            self._engine.start(saga, input, name=name)
        except ExecutionExists:
            return False
        return True

    def find(self, saga: str, name: str) -> Execution | None:
        """See `stepsaga.recovery.children.ChildExecutions`."""
        try:
            return self.describe(self._engine.execution_arn(saga, name))
        except MachineMissing:
            return None


class EngineChildren:
    """Children as functions see them, which are there before the engine is.

    Attributes:
        known: Who starts and undoes them, as soon as there is one.
    """

    def __init__(self) -> None:
        self.known: Children | None = None

    def start(self, saga: str, name: str, input: Any, *, again: bool) -> bool:  # noqa: A002  # as above
        """See `stepsaga.runtime.children.Children`."""
        return self._ready.start(saga, name, input, again=again)

    def undo(self, saga: str, name: str, why: str) -> bool:
        """See `stepsaga.runtime.children.Children`."""
        return self._ready.undo(saga, name, why)

    def settle(self, stream_id: str) -> None:
        """See `stepsaga.runtime.children.Children`."""
        self._ready.settle(stream_id)

    @property
    def _ready(self) -> Children:
        if self.known is None:
            raise UsageError("no engine was given that could start a child")
        return self.known


def _at_once(stream_id: str) -> Sequence[float]:
    del stream_id
    return (0,)


class ChildrenStore(StoreInFront):
    """A store in front of another that tells whoever waits for a saga whose end comes into it.

    Args:
        store: The store behind.
        later: Lets that happen; in between whatever is under way goes on.
        pauses: When an end that is in a stream is told, in seconds since then; at once by default.
    """

    def __init__(
        self, store: EventStore, later: Later, pauses: Callable[[str], Sequence[float]] = _at_once
    ) -> None:
        super().__init__(store)
        self._later = later
        self._pauses = pauses
        self.children: Children | None = None
        """Who tells; nobody is told before there is one."""

    def append(self, commit: Commit) -> Commit:
        """Append, and hear of an end a moment later, as the table's stream tells it."""
        stored = self._store.append(commit)
        if stored == commit and any(event.type in ENDS for event in commit.events):
            for pause in self._pauses(commit.stream_id):
                self._later(pause, partial(self._tell, commit, MOST_TIMES))
        return stored

    def _tell(self, commit: Commit, times: int) -> None:
        if self.children is None:
            return
        try:
            self.children.heard(commit)
        except StepsagaError:
            if times <= 1:
                raise
            self._later(PAUSE, partial(self._tell, commit, times - 1))
