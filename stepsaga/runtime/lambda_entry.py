"""The entry point of every participant's Lambda function: ``stepsaga.runtime.handler``."""

from __future__ import annotations

import os
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final

from stepsaga.errors import StepFailed
from stepsaga.runtime.answers import StepFunctionsAnswers
from stepsaga.runtime.approval_links import DeployedLinks
from stepsaga.runtime.clients import client
from stepsaga.runtime.question_messages import AwsMessages
from stepsaga.runtime.runtime import Runtime, load
from stepsaga.runtime.timers import KernelTimer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stepsaga.runtime.children import Children
    from stepsaga.store.protocol import EventStore

PARTICIPANT: Final = "STEPSAGA_PARTICIPANT"
"""The module whose handlers the function runs: ``handlers.payments``."""
EVENT_TABLE: Final = "STEPSAGA_EVENT_TABLE"
"""The event store's table."""
EVENT_BUCKET: Final = "STEPSAGA_EVENT_BUCKET"
"""Where results too large for a document go, and events too large for an item; optional."""


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Take one call. Everything that it needs is built at the first one.

    Raises:
        CallError: As `Runtime.handle`.
        StepFailed: The function's environment is wrong; says what is missing.
    """
    return _runtime().handle(event, context)


def runtime_from(
    environment: Mapping[str, str],
    *,
    around: Callable[[EventStore], EventStore] | None = None,
    resolve: Callable[[str], Callable[..., Any]] = load,
    children: Callable[[EventStore], Children] | None = None,
) -> Runtime:
    """The runtime of a Lambda function, with a boto3 client that honours ``AWS_ENDPOINT_URL``.

    Args:
        environment: The function's variables.
        around: What stands in for the event store, given the real one: faults, in tests.
        resolve: How ``module:qualname`` becomes a handler.
        children: What starts sagas, given the event store; one function alone can.

    Raises:
        StepFailed: A variable is missing, or no client can be made.
    """
    participant = variable(environment, PARTICIPANT, "a module of handlers: handlers.payments")
    store = store_from(environment)
    store = around(store) if around else store
    # A check or a test that only reads signatures does not need it, and it takes long to import.
    from stepsaga.runtime.powertools import PowertoolsObserver  # noqa: PLC0415  # at the first call

    return Runtime(
        participant=participant,
        store=store,
        timer=KernelTimer,
        resolve=resolve,
        observer=PowertoolsObserver(participant),
        answers=StepFunctionsAnswers(),
        messages=AwsMessages(environment),
        children=children(store) if children else None,
        links=DeployedLinks(environment, client),
    )


def store_from(environment: Mapping[str, str]) -> EventStore:
    """The event store of a Lambda function; as `runtime_from`."""
    table = variable(environment, EVENT_TABLE, "the name of the event table")
    bucket = environment.get(EVENT_BUCKET)
    from stepsaga.store.dynamodb import DynamoDBStore  # noqa: PLC0415  # at the first call

    return DynamoDBStore(
        client=client("dynamodb"),
        table=table,
        s3=LazyS3(client) if bucket else None,
        bucket=bucket,
    )


class LazyS3:
    """S3, with a client that is made when it is first needed: most calls need none.

    Args:
        make: Makes a service's client.
    """

    def __init__(self, make: Callable[[str], Any]) -> None:
        self._make = make

    @cached_property
    def _client(self) -> Any:
        return self._make("s3")

    def put_object(self, **parameters: Any) -> Mapping[str, Any]:
        """PutObject."""
        reply: Mapping[str, Any] = self._client.put_object(**parameters)
        return reply

    def get_object(self, **parameters: Any) -> Mapping[str, Any]:
        """GetObject."""
        reply: Mapping[str, Any] = self._client.get_object(**parameters)
        return reply


@lru_cache(maxsize=1)
def _runtime() -> Runtime:
    return runtime_from(os.environ)


def variable(environment: Mapping[str, str], name: str, what: str) -> str:
    """A variable of a function.

    Raises:
        StepFailed: It is not set.
    """
    value = environment.get(name, "")
    if not value:
        raise StepFailed(
            f"the environment variable {name} is not set: {what}; the generated template sets it,"
            " so deploy with it. Nothing was done."
        )
    return value
