"""Starting a saga once, and for ever: what clients and triggers have in common.

Step Functions refuses a name until 90 days after its execution's end; after that it would run the
saga a second time. So the stream is asked first: one item is read, which costs as much after a
start, and would then come too late. What is not in the stream yet, Step Functions decides: of
starts at the same time one wins, and a start whose reply was lost is found. A saga that recorded
nothing is forgotten with its execution.
https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Protocol

from stepsaga.errors import ExecutionExists, IdTaken
from stepsaga.recovery.log import execution_of
from stepsaga.runtime.inputs import differing
from stepsaga.store.events import EventTypes
from stepsaga.store.saga_events import SagaStarted
from stepsaga.store.slots import began, run_of, stream_of

if TYPE_CHECKING:
    from datetime import datetime

    from stepsaga.runtime.inputs import SagaInput
    from stepsaga.store.commits import Commit
    from stepsaga.store.protocol import StreamReader

_TRIES: Final = 3
"""How often a start looks again where what was in its way is gone before it is looked at."""
_TYPES: Final = EventTypes()


class Found(Protocol):
    """What is asked of an execution that is there."""

    @property
    def arn(self) -> str:
        """Its ARN."""
        ...

    @property
    def input(self) -> Any:
        """Its input, as JSON values."""
        ...

    @property
    def started(self) -> datetime:
        """When; aware."""
        ...


class Executions(Protocol):
    """What starting needs of Step Functions."""

    def start(self, saga: str, name: str, input: Any) -> bool:  # noqa: A002  # as Step Functions names it
        """Start a saga; whether it runs now: False where the name is taken."""
        ...

    def find(self, saga: str, name: str) -> Found | None:
        """A saga's execution; None where it is not known any more."""
        ...


@dataclass(frozen=True, slots=True)
class Start:
    """A saga to be started.

    Attributes:
        saga: Its name.
        id: Its id.
        input: As `SagaInput.to_send` made it.
        value: Of what, where it may have come before: see `SagaInput.same`.
    """

    saga: str
    id: str
    input: Any
    value: Any = None

    @property
    def stream(self) -> str:
        """The saga's stream."""
        return stream_of(self.saga, self.id)


@dataclass(frozen=True, slots=True)
class Before:
    """A saga that was started before, with the same input.

    Attributes:
        execution: The ARN of its execution; empty where that is not known.
    """

    execution: str


def start_once(
    start: Start, given: SagaInput, store: StreamReader, executions: Executions
) -> Before | None:
    """Start a saga, unless there is one of this id, or ever was.

    Again with the same input is the same as once, for ever.

    Args:
        start: What.
        given: The saga's input: which two are the same.
        store: Its events.
        executions: Step Functions.

    Returns:
        What was started before; None where this call started it. Two equal starts may both be told
        so as long as nothing is recorded: while an execution runs, Step Functions answers alike.

    Raises:
        IdTaken: There is, or was, a saga of this id with another input, or with one that nothing
            tells any more.
        ExecutionExists: Its name is refused, and it is not to be found; later it is.
    """
    for _ in range(_TRIES):
        first = store.first(start.stream)
        if first is not None:
            known, execution = _recorded(start, first, store, executions)
            return _before(start, given, known, execution)
        if executions.start(start.saga, start.id, start.input):
            return None
        # Its 90 days may be over at this moment.
        found = executions.find(start.saga, start.id)
        if found is not None:
            return _before(start, given, found.input, found.arn)
    raise ExecutionExists(
        f"{start.saga} {start.id} is refused as started before, and is not to be found; try again"
        " later"
    )


def _before(start: Start, given: SagaInput, known: Any, execution: str) -> Before:
    """What is there is the same saga, or another."""
    if given.same(start.input, known, start.value):
        return Before(execution)
    raise IdTaken(
        f"{start.saga} {start.id} was started before, with an input that differs in"
        f" {differing(start.input, known)}; take another id, or give the input that it was started"
        " with"
    )


def _recorded(
    start: Start, first: Commit, store: StreamReader, executions: Executions
) -> tuple[Any, str]:
    """The input of a stream's first run, and the ARN of its execution where that is told."""
    run = run_of(first)
    for commit in chain([first], store.read(first.stream_id, f"{run}/")):
        for record in commit.events:
            started = _TYPES.read(record) if record.type == SagaStarted.__name__ else None
            if isinstance(started, SagaStarted):
                return started.input, started.execution or execution_of(commit)
    # Whoever wrote there does not say; the execution may still be known.
    found = executions.find(start.saga, start.id)
    if found is not None and began(run, found.started):
        return found.input, found.arn
    raise IdTaken(
        f"{start.saga} {start.id} has commits since {run}, and nothing tells any more with which"
        " input it was started; look at it with `stepsaga show`, and take another id"
    )
