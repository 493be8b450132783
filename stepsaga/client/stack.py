"""What is deployed, as the outputs of a CloudFormation stack say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from stepsaga.engines.explained import explained
from stepsaga.errors import SagaNotDeployed, UsageError
from stepsaga.store.failures import code_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VARIABLE: Final = "STEPSAGA_STACK"
"""The environment variable that names the stack, where nobody else does."""
EVENT_TABLE: Final = "EventTable"
"""The output that names the event table."""
OPEN_SAGAS: Final = "OpenSagas"
"""The output that names the table of open sagas."""
DEAD_LETTERS: Final = "DeadLetters"
"""The output that names the queue of dead letters."""
MACHINE: Final = "Machine"
"""What follows the saga's name in the output that has its machine's ARN: FulfilOrderMachine."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployed stack.

    Attributes:
        name: Its name.
        table: The event table's name.
        machines: The ARNs to start, by saga; they may be aliases'.
        open_sagas: The name of the table of open sagas; empty where an older stack has none.
        dead_letters: The URL of the queue of dead letters; empty where nothing needs one.
    """

    name: str
    table: str
    machines: Mapping[str, str]
    open_sagas: str = ""
    dead_letters: str = ""


class CloudFormationClient(Protocol):
    """What is used of ``boto3.client("cloudformation")``."""

    def describe_stacks(self, **parameters: Any) -> Mapping[str, Any]:
        """DescribeStacks."""
        ...


def stack_of(environment: Mapping[str, str]) -> str:
    """The stack that the environment names.

    Raises:
        UsageError: It names none.
    """
    name = environment.get(VARIABLE, "")
    if not name:
        raise UsageError(
            f"which stack? Set {VARIABLE} to the name under which `sam deploy` deployed the sagas,"
            " or name it where it is asked for"
        )
    return name


def clients_of(stack: str, endpoint_url: str | None = None) -> Callable[[str], Any]:
    """What makes boto3 clients, by service.

    Args:
        stack: The stack's name, for messages.
        endpoint_url: Where AWS is, if it is an emulator.

    Raises:
        EngineUnreachable: There is no Region.
        EngineError: There is no such profile.
        UsageError: The address is none.
    """
    thing = f"stack {stack!r}"
    config = Config(
        connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3}
    )
    # A session of its own: boto3's default one is not for several threads.
    with explained(thing):
        session = boto3.Session()

    def client(service: str) -> Any:
        try:
            with explained(thing):
                return session.client(service, endpoint_url=endpoint_url, config=config)
        except ValueError as error:  # botocore's word for an address that is none
            if endpoint_url is None:
                raise
            raise UsageError(f"the endpoint's URL: {error}") from error

    return client


def read_stack(client: CloudFormationClient, name: str) -> Stack:
    """What a stack's outputs say. One request.

    Raises:
        SagaNotDeployed: There is no such stack, or it has not the outputs of one of stepsaga's.
        EngineUnreachable, EngineThrottled, EngineError: AWS does not answer, or refuses.
    """
    outputs = _outputs(client, name)
    machines = {
        key.removesuffix(MACHINE): value
        for key, value in outputs.items()
        if key.endswith(MACHINE) and key != MACHINE
    }
    if EVENT_TABLE not in outputs or not machines:
        lacks = f"no output {EVENT_TABLE}" if EVENT_TABLE not in outputs else "no saga's machine"
        raise SagaNotDeployed(
            f"stack {name!r} is none of stepsaga's: it has {lacks} among its outputs"
            f" ({', '.join(sorted(outputs)) or 'there are none'}); deploy the template that"
            " stepsaga generates, or name another stack"
        )
    return Stack(
        name,
        outputs[EVENT_TABLE],
        machines,
        outputs.get(OPEN_SAGAS, ""),
        outputs.get(DEAD_LETTERS, ""),
    )


def _outputs(client: CloudFormationClient, name: str) -> dict[str, str]:
    with explained(f"stack {name!r}"):
        try:
            reply = client.describe_stacks(StackName=name)
        except ClientError as error:
            if code_of(error) == "ValidationError" and "does not exist" in str(error):
                raise SagaNotDeployed(
                    f"there is no stack {name!r} in this account and Region; deploy it with `sam"
                    " deploy`, or check the name, AWS_PROFILE and AWS_DEFAULT_REGION"
                ) from error
            raise
    [stack] = reply["Stacks"]
    return {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", ())}
