"""What a Task's ``Resource`` stands for: invoking a function, putting a record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from stepsaga.engines.functions import FunctionError, marshal_error, through_json
from stepsaga.errors import (
    CommitTooLarge,
    CommitUnreadable,
    EngineError,
    StoreThrottled,
    StoreUnreachable,
    TableMissing,
)
from stepsaga.store.records import CONDITION, KNOWN, ConditionFailed, put_record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stepsaga.engines.functions import Functions
    from stepsaga.engines.simulator.expressions import Scope
    from stepsaga.errors import StoreError
    from stepsaga.store.protocol import EventStore

LAMBDA_INVOKE: Final = "arn:aws:states:::lambda:invoke"
TOKEN_SUFFIX: Final = ".waitForTaskToken"  # noqa: S105 -- opens nothing
TAKES_TOKEN: Final = frozenset({LAMBDA_INVOKE})
"""The integrations that can be told to wait for a task token."""
PUT_ITEM: Final = "arn:aws:states:::dynamodb:putItem"

_HEADERS: Final = {
    "Connection": "keep-alive",
    "Content-Type": "application/json",
    "X-Amz-Executed-Version": "$LATEST",
}
_METADATA: Final = {
    "SdkHttpMetadata": {
        "AllHttpHeaders": {name: [value] for name, value in _HEADERS.items()},
        "HttpHeaders": _HEADERS,
        "HttpStatusCode": 200,
    },
    "SdkResponseMetadata": {"RequestId": "00000000-0000-0000-0000-000000000000"},
}


@dataclass(frozen=True, slots=True)
class TaskCall:
    """One attempt of a Task: whose it is, its effective parameters, and what it sees."""

    execution: str
    state: str
    arguments: Any
    scope: Scope | None = None


class Integration(Protocol):
    """What a Task can call. ``service`` and ``action`` are how the history names it."""

    @property
    def service(self) -> str:
        """``lambda``."""
        ...

    @property
    def action(self) -> str:
        """``invoke``."""
        ...

    def check(self, parameters: Any) -> None:
        """Refuse parameters that are not known.

        Raises:
            EngineError: A parameter is not known here, or a required one is missing.
        """
        ...

    def call(self, task: TaskCall) -> Any:
        """Do it; return the result.

        Raises:
            FunctionError: It failed.
            NoAnswer: It hangs.
        """
        ...


class LambdaInvoke:
    """``lambda:invoke``, answered by functions in this process.

    https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html
    """

    service = "lambda"
    action = "invoke"

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    @staticmethod
    def check(parameters: Any) -> None:
        """A function's name, its payload, a qualifier."""
        known = frozenset({"FunctionName", "Payload", "Qualifier"})
        _check_keys("lambda:invoke", parameters, known, "FunctionName")

    def call(self, task: TaskCall) -> Any:
        """Invoke, and wrap the reply as Step Functions does."""
        name, qualifier = task.arguments["FunctionName"], task.arguments.get("Qualifier")
        if not isinstance(name, str) or not isinstance(qualifier, str | None):
            raise FunctionError(
                "Lambda.AWSLambdaException", "FunctionName and Qualifier must be strings"
            )
        function = name if qualifier is None else f"{name}:{qualifier}"
        reply = self._functions.invoke(function, through_json(task.arguments.get("Payload", {})))
        try:
            payload = through_json(reply)
        except (TypeError, ValueError) as error:
            raise marshal_error(error) from error
        return {"ExecutedVersion": "$LATEST", "Payload": payload, "StatusCode": 200, **_METADATA}


class PutItem:
    """``dynamodb:putItem``, done by an event store: the record of a saga's end.

    https://docs.aws.amazon.com/step-functions/latest/dg/connect-ddb.html
    """

    service = "dynamodb"
    action = "putItem"

    def __init__(self, store: EventStore) -> None:
        self._store = store

    @staticmethod
    def check(parameters: Any) -> None:
        """A table, an item, and the condition that its slot is empty."""
        _check_keys("dynamodb:putItem", parameters, KNOWN, "Item")
        if parameters.get("ConditionExpression") != CONDITION:
            raise EngineError(f"dynamodb:putItem: ConditionExpression must be {CONDITION!r}")

    def call(self, task: TaskCall) -> Any:
        """Put the item, unless the slot is taken."""
        try:
            put_record(self._store, task.arguments)
        except tuple(_STORE_ERRORS) as error:
            name = next(name for kind, name in _STORE_ERRORS.items() if isinstance(error, kind))
            raise _dynamodb_error(name, _text(error)) from error
        return dict(_METADATA)


def _dynamodb_error(name: str, text: str) -> FunctionError:
    # As Step Functions words it.
    return FunctionError(
        f"DynamoDB.{name}",
        f"{text} (Service: AmazonDynamoDBv2; Status Code: 400; Error Code: {name};"
        " Request ID: 00000000-0000-0000-0000-000000000000; Proxy: null)",
    )


def _text(error: StoreError) -> str:
    return "The conditional request failed" if isinstance(error, ConditionFailed) else str(error)


_STORE_ERRORS: Final[Mapping[type[StoreError], str]] = {
    ConditionFailed: "ConditionalCheckFailedException",
    TableMissing: "ResourceNotFoundException",
    StoreThrottled: "ProvisionedThroughputExceededException",
    StoreUnreachable: "SdkClientException",
    CommitTooLarge: "AmazonDynamoDBException",
    CommitUnreadable: "AmazonDynamoDBException",
}


def _check_keys(what: str, parameters: Any, known: frozenset[str], required: str) -> None:
    if not isinstance(parameters, dict):
        raise EngineError(f"{what}: Parameters must be an object")
    names = [key.removesuffix(".$") for key in parameters]
    if unknown := [name for name in names if name not in known]:
        raise EngineError(
            f"{what}: {unknown[0]} is not known to the simulator; known are:"
            f" {', '.join(sorted(known))}"
        )
    if required not in names:
        raise EngineError(f"{what}: {required} is missing")
