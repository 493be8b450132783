"""What every engine does: the simulator, Step Functions Local, an emulator, AWS."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime


class Status(StrEnum):
    """An execution's status, named as Step Functions names it."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    ABORTED = "ABORTED"


@dataclass(frozen=True, slots=True)
class ExecutionView:
    """What DescribeExecution tells. ``input`` and ``output`` are JSON values, not text.

    ``unredrivable`` says why it cannot be redriven; it is empty where it can be, or nobody says.
    """

    arn: str
    name: str
    machine: str
    status: Status
    input: Any
    started: datetime
    output: Any = None
    error: str | None = None
    cause: str | None = None
    stopped: datetime | None = None
    redrives: int = 0
    unredrivable: str = field(default="", compare=False)  # time alone changes it


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """One event of GetExecutionHistory.

    ``type`` is Step Functions' own (``TaskStateEntered``). ``details`` holds the content of the
    event's ``...EventDetails`` field, in its own camelCase keys: ``name``, ``error``, ``cause``.
    """

    id: int
    type: str
    time: datetime
    details: Mapping[str, Any] = field(default_factory=dict)


class Listed(Protocol):
    """What ListExecutions tells of an execution. It knows neither input nor error."""

    @property
    def arn(self) -> str:
        """The execution's ARN."""
        ...

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def status(self) -> Status:
        """Its status."""
        ...

    @property
    def started(self) -> datetime:
        """When it started; aware."""
        ...

    @property
    def stopped(self) -> datetime | None:
        """When it was closed; None while it runs."""
        ...


class Engine(Protocol):
    """Where a compiled definition runs."""

    def create(self, machine: str, definition: str) -> None:
        """Create or replace a state machine from the text of its definition.

        Raises:
            EngineError: The engine refuses the definition; it says what it does not know.
        """
        ...

    def start(self, machine: str, input: Any, *, name: str) -> str:  # noqa: A002 -- as AWS names it
        """Start an execution; return its ARN.

        The same name with the same input while the first is running gives the first one's ARN.

        Raises:
            MachineMissing: No such machine.
            ExecutionExists: The name is taken.
            EngineError: The name or the input cannot be.
        """
        ...

    def wait(self, arn: str) -> ExecutionView:
        """Let the execution come to its end, and describe it.

        Raises:
            ExecutionMissing: No such execution; the other calls that take an ARN raise it, too.
        """
        ...

    def describe(self, arn: str) -> ExecutionView:
        """What is known of the execution now."""
        ...

    def history(self, arn: str) -> Sequence[HistoryEvent]:
        """Everything that happened in the execution, in order."""
        ...

    def stop(self, arn: str, *, error: str = "", cause: str = "") -> None:
        """Abort the execution where it stands. Nothing is compensated by this."""
        ...

    def redrive(self, arn: str) -> None:
        """Continue a failed, timed-out or aborted execution at the state that did not succeed."""
        ...

    def send_task_success(self, token: str, output: Any) -> None:
        """Give a Task that waits for this token its result, a JSON value.

        Raises:
            TaskTimedOut: Nobody waits for it any more; the two other calls raise it, too.
            EngineError: ``InvalidToken``: no Task was given it. ``InvalidOutput``: the output is no
                JSON, or too large.
        """
        ...

    def send_task_failure(self, token: str, *, error: str = "", cause: str = "") -> None:
        """Let a Task that waits for this token fail."""
        ...

    def send_task_heartbeat(self, token: str) -> None:
        """Begin the time of a Task's ``HeartbeatSeconds`` anew."""
        ...

    def execution_arn(self, machine: str, name: str) -> str:
        """The ARN that an execution of this name has, whether or not there is one.

        Raises:
            MachineMissing: No such machine.
        """
        ...

    def executions(self, machine: str, status: Status | None = None) -> Iterable[Listed]:
        """The machine's executions, the newest first, as far as they are asked for.

        Args:
            machine: The machine's name.
            status: Only those that are in it.

        Raises:
            MachineMissing: No such machine.
        """
        ...
