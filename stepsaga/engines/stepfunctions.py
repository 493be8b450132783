"""Step Functions by its API: AWS, or anything that speaks like it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import ClientError

from stepsaga.engines.explained import EXISTS, explained
from stepsaga.engines.jsontext import dump, same
from stepsaga.engines.paging import pages
from stepsaga.engines.protocol import ExecutionView, HistoryEvent, Status
from stepsaga.errors import (
    EngineError,
    ExecutionExists,
    MachineMissing,
)
from stepsaga.store.failures import failure_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

PATIENCE: Final = 300.0
"""Seconds that `StepFunctionsEngine.wait` waits, if nobody says otherwise."""
SHORTEST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 1.0
GROWTH: Final = 1.5
"""Seconds between two looks at an execution, and by what the pauses grow."""

MOST: Final[Mapping[str, Any]] = {"maxResults": 1000}
"""As much on a page as there can be."""
_PENDING: Final = "PENDING_REDRIVE"
_UNQUALIFIED: Final = 7
"""The parts of a machine's ARN without a version or an alias."""


class StepFunctionsClient(Protocol):
    """What is used of ``boto3.client("stepfunctions")``."""

    def create_state_machine(self, **parameters: Any) -> Mapping[str, Any]:
        """CreateStateMachine."""
        ...

    def update_state_machine(self, **parameters: Any) -> Mapping[str, Any]:
        """UpdateStateMachine."""
        ...

    def list_state_machines(self, **parameters: Any) -> Mapping[str, Any]:
        """ListStateMachines."""
        ...

    def start_execution(self, **parameters: Any) -> Mapping[str, Any]:
        """StartExecution."""
        ...

    def describe_execution(self, **parameters: Any) -> Mapping[str, Any]:
        """DescribeExecution."""
        ...

    def get_execution_history(self, **parameters: Any) -> Mapping[str, Any]:
        """GetExecutionHistory."""
        ...

    def list_executions(self, **parameters: Any) -> Mapping[str, Any]:
        """ListExecutions."""
        ...

    def stop_execution(self, **parameters: Any) -> Mapping[str, Any]:
        """StopExecution."""
        ...

    def redrive_execution(self, **parameters: Any) -> Mapping[str, Any]:
        """RedriveExecution."""
        ...

    def send_task_success(self, **parameters: Any) -> Mapping[str, Any]:
        """SendTaskSuccess."""
        ...

    def send_task_failure(self, **parameters: Any) -> Mapping[str, Any]:
        """SendTaskFailure."""
        ...

    def send_task_heartbeat(self, **parameters: Any) -> Mapping[str, Any]:
        """SendTaskHeartbeat."""
        ...


@dataclass(frozen=True, slots=True)
class ListedExecution:
    """What ListExecutions tells of an execution."""

    arn: str
    name: str
    status: Status
    started: datetime
    stopped: datetime | None = None


class StepFunctionsEngine:
    """An `Engine` on an API of Step Functions. Several threads may use it.

    Every method raises `EngineUnreachable` and `EngineThrottled`; what else AWS refuses is an
    `EngineError` with AWS's name for it first.

    Args:
        client: A low-level client; its endpoint, timeouts and retries are the caller's choice.
        machines: The ARNs of machines by name; they may be those of versions or aliases.
        role: The ARN of the role of machines that `create` makes; without it, it makes none.
        patience: The seconds that `wait` waits.
        clock: Seconds, of which differences are taken.
        sleep: How to let seconds pass.
    """

    def __init__(  # noqa: PLR0913 -- all but the client are options by name
        self,
        client: StepFunctionsClient,
        *,
        machines: Mapping[str, str] | None = None,
        role: str = "",
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._machines = dict(machines or {})
        self._role = role
        self._patience = patience
        self._clock = clock
        self._sleep = sleep

    # Engine

    def create(self, machine: str, definition: str) -> None:
        """Create or replace a machine; see `Engine`.

        On AWS a replaced definition may take some seconds until it is used.

        Raises:
            EngineError: The definition is refused, or there is no role to make machines with.
        """
        if not self._role:
            raise EngineError(
                f"machine {machine!r} is not made here: machines come from the template; deploy"
                " it, or give role= the ARN of the machines' role"
            )
        with explained(f"machine {machine!r}"):
            if machine not in self._machines:
                made = self._made(machine, definition)
                if made:
                    return
            self._client.update_state_machine(
                stateMachineArn=unqualified(self._machines[machine]),
                definition=definition,
                roleArn=self._role,
            )

    def start(self, machine: str, input: Any, *, name: str) -> str:  # noqa: A002 -- as AWS names it
        """Start an execution; see `Engine`.

        Also where the API refuses every name that is taken, the same start again is the same
        execution.
        """
        machine_arn, text = self._arn(machine), _input_text(name, input)
        try:
            with explained(f"machine {machine!r}"):
                reply = self._client.start_execution(
                    stateMachineArn=machine_arn, name=name, input=text
                )
        except ExecutionExists as refused:
            return self._same(self.execution_arn(machine, name), input, refused)
        return str(reply["executionArn"])

    def wait(self, arn: str) -> ExecutionView:
        """Wait until the execution is closed; see `Engine`.

        Raises:
            EngineError: It is not closed after all our patience. It goes on.
        """
        begin, pause = self._clock(), SHORTEST_PAUSE
        while (view := self.describe(arn)).status is Status.RUNNING:
            left = self._patience - (self._clock() - begin)
            if left <= 0:
                raise EngineError(
                    f"{arn} is still RUNNING after {self._patience:g} s; it goes on by itself"
                )
            self._sleep(min(pause, left))
            pause = min(pause * GROWTH, LONGEST_PAUSE)
        return view

    def describe(self, arn: str) -> ExecutionView:
        """What is known of the execution now; see `Engine`."""
        with explained(f"execution {arn}"):
            reply = self._client.describe_execution(executionArn=arn)
        return ExecutionView(
            arn=arn,
            name=reply["name"],
            machine=self._name_of(reply["stateMachineArn"]),
            status=status_of(reply["status"]),
            input=_value(reply.get("input")),
            started=reply["startDate"],
            output=_value(reply.get("output")),
            error=reply.get("error"),
            cause=reply.get("cause"),
            stopped=reply.get("stopDate"),
            redrives=reply.get("redriveCount", 0),
            unredrivable=reply.get("redriveStatusReason", "")
            if reply.get("redriveStatus") == "NOT_REDRIVABLE"
            else "",
        )

    def history(self, arn: str) -> Sequence[HistoryEvent]:
        """Everything that happened in the execution; see `Engine`. A request for 1000 events."""
        ask, options = self._client.get_execution_history, {"executionArn": arn, **MOST}
        found = pages(f"execution {arn}", ask, "nextToken", **options)
        return [_event(event) for page in found for event in page["events"]]

    def stop(self, arn: str, *, error: str = "", cause: str = "") -> None:
        """Abort the execution where it stands; see `Engine`."""
        given = {key: text for key, text in (("error", error), ("cause", cause)) if text}
        with explained(f"execution {arn}"):
            self._client.stop_execution(executionArn=arn, **given)

    def redrive(self, arn: str) -> None:
        """Go on at the state that did not succeed; see `Engine`.

        Raises:
            EngineError: ``ExecutionNotRedrivable``, or the API has no RedriveExecution.
        """
        with explained(f"execution {arn}"):
            self._client.redrive_execution(executionArn=arn)

    def send_task_success(self, token: str, output: Any) -> None:
        """Answer a task token with a result; see `Engine`."""
        try:
            text = dump(output)
        except (TypeError, ValueError) as error:
            raise EngineError(f"InvalidOutput: the output is no JSON: {error}") from error
        with explained("a task token"):
            self._client.send_task_success(taskToken=token, output=text)

    def send_task_failure(self, token: str, *, error: str = "", cause: str = "") -> None:
        """Answer a task token with a failure; see `Engine`."""
        given = {key: text for key, text in (("error", error), ("cause", cause)) if text}
        with explained("a task token"):
            self._client.send_task_failure(taskToken=token, **given)

    def send_task_heartbeat(self, token: str) -> None:
        """Say that whoever has a task token is at work; see `Engine`."""
        with explained("a task token"):
            self._client.send_task_heartbeat(taskToken=token)

    def execution_arn(self, machine: str, name: str) -> str:
        """The ARN that an execution of this name has or would have; see `Engine`."""
        arn = unqualified(self._arn(machine))
        return f"{arn.replace(':stateMachine:', ':execution:', 1)}:{name}"

    def executions(self, machine: str, status: Status | None = None) -> Iterator[ListedExecution]:
        """The machine's executions, whatever version started them, the newest first; see `Engine`.

        One request for 1000, when they are come to; the list is eventually consistent.
        """
        only = {} if status is None else {"statusFilter": str(status)}
        arn = unqualified(self._arn(machine))
        ask, options = self._client.list_executions, {"stateMachineArn": arn, **only, **MOST}
        for page in pages(f"machine {machine!r}", ask, "nextToken", **options):
            for one in page["executions"]:
                yield ListedExecution(
                    arn=one["executionArn"],
                    name=one["name"],
                    status=status_of(one["status"]),
                    started=one["startDate"],
                    stopped=one.get("stopDate"),
                )

    # Inside

    def _arn(self, machine: str) -> str:
        if machine not in self._machines:
            known = ", ".join(sorted(self._machines)) or "none"
            raise MachineMissing(f"StateMachineDoesNotExist: {machine!r}; there are: {known}")
        return self._machines[machine]

    def _name_of(self, arn: str) -> str:
        """The name by which this engine knows a machine, else the one that it has."""
        bare = unqualified(arn)
        known = (name for name, one in self._machines.items() if unqualified(one) == bare)
        return next(known, bare.rpartition(":")[2])

    def _made(self, machine: str, definition: str) -> bool:
        """Make a machine; False where it is there already, and now known."""
        try:
            reply = self._client.create_state_machine(
                name=machine, definition=definition, roleArn=self._role
            )
        except ClientError as error:
            if failure_of(error).code != "StateMachineAlreadyExists":
                raise
            self._machines[machine] = self._found(machine)
            return False
        self._machines[machine] = reply["stateMachineArn"]
        return True

    def _found(self, machine: str) -> str:
        ask = self._client.list_state_machines
        for page in pages(f"machine {machine!r}", ask, "nextToken", **MOST):
            for one in page["stateMachines"]:
                if one["name"] == machine:
                    return str(one["stateMachineArn"])
        raise EngineError(
            f"StateMachineAlreadyExists: {machine!r}, and ListStateMachines does not show it; try"
            " again later"
        )

    def _same(self, arn: str, value: Any, refused: ExecutionExists) -> str:
        """The execution that has the name already, if this start is the same one again."""
        view = self.describe(arn)
        if view.status is Status.RUNNING and same(view.input, value):
            return arn
        what = "is closed" if view.status is not Status.RUNNING else "has another input"
        raise ExecutionExists(f"{EXISTS}: {arn} {what}; use another name") from refused


def unqualified(machine_arn: str) -> str:
    """A machine's ARN without the version or the alias that may stand at its end."""
    return ":".join(machine_arn.split(":")[:_UNQUALIFIED])


def status_of(text: str) -> Status:
    """A status as the API tells it. What is about to be redriven is not closed: it runs."""
    return Status.RUNNING if text == _PENDING else Status(text)


def _event(event: Mapping[str, Any]) -> HistoryEvent:
    return HistoryEvent(
        id=event["id"],
        type=event["type"],
        time=event["timestamp"],
        details=next((event[key] for key in event if key.endswith("EventDetails")), {}),
    )


def _input_text(name: str, value: Any) -> str:
    try:
        return dump(value)
    except (TypeError, ValueError) as error:
        raise EngineError(
            f"InvalidExecutionInput: {name}: the input is no JSON: {error}"
        ) from error


def _value(text: str | None) -> Any:
    return None if text is None else json.loads(text)
