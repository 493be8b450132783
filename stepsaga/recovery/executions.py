"""What recovery needs of Step Functions: how executions ended, and starting an undo."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from stepsaga.runtime.values import compact
from stepsaga.store.open_sagas import OpenSaga
from stepsaga.store.slots import iso

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

FAILED: Final = "FAILED"
SUCCEEDED: Final = "SUCCEEDED"
ABORTED: Final = "ABORTED"
RUNNING: Final = "RUNNING"
UNSUCCESSFUL: Final = (FAILED, "TIMED_OUT", ABORTED)
MOST_LISTED: Final = 1000
"""In one reply of ListExecutions."""

_FINGERPRINT: Final = re.compile(r'"fingerprint":\s*"([0-9a-f]{64})"')


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution of a saga's machine.

    Attributes:
        saga: The saga's name.
        id: The saga's id, the execution's name.
        arn: Its ARN.
        status: RUNNING, PENDING_REDRIVE, SUCCEEDED, FAILED, TIMED_OUT or ABORTED.
        error: Where it failed; empty where there is none.
        started, stopped: Aware; None where it runs.
        input: As JSON values.
        redrives: How often it was redriven.
    """

    saga: str
    id: str
    arn: str
    status: str
    error: str
    started: datetime
    stopped: datetime | None
    input: Any
    redrives: int = 0


class Executions(Protocol):
    """Executions of sagas, and of the machine that undoes them."""

    def describe(self, arn: str) -> Execution | None:
        """An execution; None where it is not known any more."""
        ...

    def fingerprint(self, arn: str) -> str:
        """Of the release that an execution runs; empty where that is not known any more."""
        ...

    def unsuccessful(self, since: datetime) -> Iterator[str]:
        """The ARNs of executions that have ended other than well since then."""
        ...

    def running(self) -> Iterator[OpenSaga]:
        """The sagas whose executions run; nothing is told of their releases."""
        ...

    def stop(self, arn: str, error: str, cause: str) -> None:
        """End an execution where it stands; one that has ended stays as it is."""
        ...

    def undo(self, name: str) -> Execution | None:
        """The undo of that name; None where there is none, or it is not known any more."""
        ...

    def start_undo(self, name: str, input: Mapping[str, Any]) -> None:  # noqa: A002  # as Step Functions names it
        """Start an undo, unless one of that name was started before: that changes nothing."""
        ...


class AwsExecutions:
    """Step Functions' own.

    Args:
        client: A boto3 client.
        machines: The ARNs of the sagas' machines, by saga.
        undo: The ARN of the machine that undoes.
    """

    def __init__(self, client: Any, machines: Mapping[str, str], undo: str) -> None:
        self._client = client
        self._sagas = {arn: saga for saga, arn in machines.items()}
        self._undo = undo

    def describe(self, arn: str) -> Execution | None:
        """See `Executions`."""
        try:
            found = self._client.describe_execution(executionArn=arn)
        except self._client.exceptions.ExecutionDoesNotExist:
            return None
        machine = found["stateMachineArn"]
        return Execution(
            saga=self._sagas.get(machine, ""),
            id=found["name"],
            arn=arn,
            status=found["status"],
            error=found.get("error") or "",
            started=found["startDate"],
            stopped=found.get("stopDate"),
            input=json.loads(found.get("input") or "null"),
            redrives=found.get("redriveCount") or 0,
        )

    def fingerprint(self, arn: str) -> str:
        """See `Executions`."""
        try:
            found = self._client.describe_state_machine_for_execution(executionArn=arn)
        except (
            self._client.exceptions.ExecutionDoesNotExist,
            self._client.exceptions.StateMachineDoesNotExist,
        ):
            return ""
        return fingerprint_in(found["definition"])

    def unsuccessful(self, since: datetime) -> Iterator[str]:
        """See `Executions`."""
        for machine in self._sagas:
            for status in UNSUCCESSFUL:
                for one in self._listed(machine, status):
                    if one["stopDate"] >= since:
                        yield one["executionArn"]

    def running(self) -> Iterator[OpenSaga]:
        """See `Executions`.

        A thousand are one request. 100,000 open sagas are 100 of them, twenty seconds of the
        account's rate at worst; one DescribeExecution each would take two hours of it:
        https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
        """
        for machine, saga in self._sagas.items():
            for one in self._listed(machine, RUNNING):
                run = iso(one["startDate"])
                yield OpenSaga(saga, one["name"], run, one["executionArn"], fingerprint="")

    def stop(self, arn: str, error: str, cause: str) -> None:
        """See `Executions`."""
        with suppress(self._client.exceptions.ExecutionDoesNotExist):
            self._client.stop_execution(executionArn=arn, error=error, cause=cause)

    def undo(self, name: str) -> Execution | None:
        """See `Executions`."""
        machine = self._undo.replace(":stateMachine:", ":execution:")
        return self.describe(f"{machine}:{name}")

    def _listed(self, machine: str, status: str) -> Iterator[Mapping[str, Any]]:
        """A machine's executions; none where the machine is not there any more."""
        pages = self._client.get_paginator("list_executions").paginate(
            stateMachineArn=machine, statusFilter=status, maxResults=MOST_LISTED
        )
        with suppress(self._client.exceptions.StateMachineDoesNotExist):
            for page in pages:
                yield from page["executions"]

    def start_undo(self, name: str, input: Mapping[str, Any]) -> None:  # noqa: A002  # as above
        """See `Executions`."""
        try:
            self._client.start_execution(
                stateMachineArn=self._undo, name=name, input=compact(input).decode()
            )
        except self._client.exceptions.ExecutionAlreadyExists:
            return


def fingerprint_in(definition: str) -> str:
    """The fingerprint that the calls of a definition carry; empty where they carry none."""
    found = _FINGERPRINT.search(definition)
    return found[1] if found else ""
