"""The entry point of the function `Children`: ``stepsaga.recovery.children_entry.handler``.

It is a participant's, and takes the same calls; besides, it can start and stop executions.
"""

from __future__ import annotations

import os
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from stepsaga.recovery.children import Children
from stepsaga.recovery.deployed import MACHINES, SAGAS, UNDO
from stepsaga.recovery.executions import AwsExecutions
from stepsaga.runtime.answers import StepFunctionsAnswers
from stepsaga.runtime.clients import client
from stepsaga.runtime.lambda_entry import runtime_from
from stepsaga.runtime.runtime import utc_now
from stepsaga.runtime.values import compact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stepsaga.recovery.executions import Execution
    from stepsaga.runtime.runtime import Runtime
    from stepsaga.store.protocol import EventStore

ALIAS: Final = "STEPSAGA_ALIAS"
"""What stands behind a machine's ARN to start it by its alias: ``:live``; or nothing."""


class AwsChildExecutions(AwsExecutions):
    """Step Functions' own: `stepsaga.recovery.children.ChildExecutions`.

    Args:
        client: A boto3 client.
        machines: What stands before a saga's name in the ARN of its machine.
        sagas: The sagas.
        undo: The ARN of the machine that undoes.
        alias: What stands behind a machine's ARN to start it.
    """

    def __init__(
        self, client: Any, machines: str, sagas: Iterable[str], undo: str, alias: str = ""
    ) -> None:
        super().__init__(client, {saga: f"{machines}{saga}" for saga in sagas}, undo)
        self._machines = machines
        self._alias = alias

    def start(self, saga: str, name: str, input: Any) -> bool:  # noqa: A002  # as Step Functions names it
        """See `ChildExecutions`. The same again while it runs is the same as once."""
        try:
            self._client.start_execution(
                stateMachineArn=f"{self._machines}{saga}{self._alias}",
                name=name,
                input=compact(input).decode(),
            )
        except self._client.exceptions.ExecutionAlreadyExists:
            return False
        return True

    def find(self, saga: str, name: str) -> Execution | None:
        """See `ChildExecutions`."""
        machine = f"{self._machines}{saga}".replace(":stateMachine:", ":execution:", 1)
        found = self.describe(f"{machine}:{name}")
        return found and replace(found, saga=saga)


def executions_from(environment: Mapping[str, str]) -> AwsChildExecutions:
    """Executions as a function's variables say where their machines are."""
    return AwsChildExecutions(
        client("stepfunctions"),
        environment[MACHINES],
        environment[SAGAS].split(","),
        environment[UNDO],
        environment.get(ALIAS, ""),
    )


def children_from(environment: Mapping[str, str], store: EventStore) -> Children:
    """Children as a function's variables say where they are."""
    return Children(store, executions_from(environment), StepFunctionsAnswers(), utc_now)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Take one call, as `stepsaga.runtime.lambda_entry.handler`."""
    return _runtime().handle(event, context)


@lru_cache(maxsize=1)
def _runtime() -> Runtime:
    return runtime_from(os.environ, children=lambda store: children_from(os.environ, store))
