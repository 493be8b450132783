"""What recovery's functions need in the cloud, from their environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stepsaga.recovery.executions import AwsExecutions
from stepsaga.runtime.clients import client

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stepsaga.store.dynamodb import DynamoDBStore
    from stepsaga.store.open_sagas import DynamoDBOpenSagas

MACHINES: Final = "STEPSAGA_MACHINES"
"""What the ARNs of the sagas' machines begin with: behind it stands the saga's name."""
SAGAS: Final = "STEPSAGA_SAGAS"
"""The sagas, by name, with commas between them."""
UNDO: Final = "STEPSAGA_UNDO"
"""The ARN of the machine that undoes."""
OPEN_SAGAS: Final = "STEPSAGA_OPEN_SAGAS"
"""The table of open sagas."""
CHILDREN: Final = "STEPSAGA_CHILDREN"
"""Set where sagas start others, and wait to be told of their ends."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """The event store, the open sagas, and Step Functions."""

    store: DynamoDBStore
    open_sagas: DynamoDBOpenSagas
    executions: AwsExecutions


def deployed(environment: Mapping[str, str]) -> Deployed:
    """What a function's environment names.

    Raises:
        StepFailed: No client can be made.
        KeyError: A variable is missing.
    """
    from stepsaga.runtime.lambda_entry import (  # noqa: PLC0415  # at the first call
        EVENT_BUCKET,
        EVENT_TABLE,
        LazyS3,
    )
    from stepsaga.store.dynamodb import DynamoDBStore  # noqa: PLC0415  # at the first call
    from stepsaga.store.open_sagas import DynamoDBOpenSagas  # noqa: PLC0415  # at the first call

    dynamodb = client("dynamodb")
    sagas = environment[SAGAS].split(",")
    return Deployed(
        # All read what is too large for an item. What they write never is, but for what a child
        # has returned: its parent's document may have less room for it.
        DynamoDBStore(
            client=dynamodb,
            table=environment[EVENT_TABLE],
            s3=LazyS3(client),
            bucket=environment.get(EVENT_BUCKET),
        ),
        DynamoDBOpenSagas(client=dynamodb, table=environment[OPEN_SAGAS]),
        AwsExecutions(
            client("stepfunctions"),
            {saga: f"{environment[MACHINES]}{saga}" for saga in sagas},
            environment[UNDO],
        ),
    )
