"""What a `ServiceStep` has done by Step Functions itself: `Action`, one way to make each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from stepsaga.graph import Known, Target, TargetKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stepsaga.authoring.destinations import Queue, Topic
    from stepsaga.runtime.bus_event import BusEvent

SDK: Final = "aws-sdk:"
NAMES: Final = re.compile(r"[a-z0-9]+:[a-z][A-Za-z0-9]*")
"""A service as the SDK calls it, in small letters, and its action in camel case."""
EXISTS: Final = (
    "StepFunctions.ExecutionAlreadyExists",
    "StepFunctions.ExecutionAlreadyExistsException",
)
"""Both forms stand in AWS's pages.
https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html"""


@dataclass(frozen=True, slots=True)
class TextWith:
    """A text with saga data in its places, which are ``{}``."""

    template: str
    data: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Action:
    """One action of an AWS service. Parameters are JSON values, in which saga data may stand.

    What is named as saga data must be there for certain: a field that is required, or has a
    default, of the input, of an earlier step's result, or of a map's item. For a value
    ``Action.key``, ``Action.saga_id``, ``Action.text`` and ``Action.resource`` can stand, too.

    Attributes:
        name: ``sqs:sendMessage``, or ``aws-sdk:s3:copyObject``.
        parameters: As the service takes them.
        done: The errors which say that an earlier attempt has done it.
        policies: IAM statements, where the rights do not follow from the action.
        reply: What ``result=str`` takes of the reply; empty where it takes all.
        event, detail: The business event that is put on a bus; None for any other action.
        doc: In a sentence.
    """

    name: str
    parameters: Mapping[str, object]
    done: tuple[str, ...] = ()
    policies: tuple[Mapping[str, Any], ...] = ()
    reply: str = ""
    event: BusEvent[Any] | None = None
    detail: object = None
    doc: str = ""

    key: ClassVar[Any] = Known.KEY
    """In parameters: the step's idempotency key, 64 characters. It is the same at every retry and
    redrive, another in each lane, and `SagaContext.step_idempotency_key` in the compensation."""
    saga_id: ClassVar[Any] = Known.ID
    """In parameters: the saga's id."""

    @staticmethod
    def text(template: str, *data: object) -> Any:
        """In parameters: a text in which each ``{}`` stands for saga data: texts and whole numbers.

        As in ``Action.text("order {} is late", order.id)``.
        """
        return TextWith(template, data)

    @staticmethod
    def resource(name: str) -> Any:
        """In parameters: what ``!Ref`` gives of a resource of the template: a bucket's name."""
        return Target(TargetKind.RESOURCE, name)

    @classmethod
    def send_message(cls, to: Queue, body: object, *, group: object = None) -> Action:
        """Send a message to an SQS queue.

        https://docs.aws.amazon.com/step-functions/latest/dg/connect-sqs.html

        Args:
            to: The queue.
            body: A text, or what becomes JSON.
            group: For a FIFO queue, and only for one: the message group. The deduplication id is
                the step's key.
        """
        target = Target(TargetKind.QUEUE, to.name)
        return cls(
            "sqs:sendMessage",
            {"QueueUrl": target, "MessageBody": body, **_ordered(group)},
            reply="MessageId",
            doc=f"Sends a message to {to.name}.",
        )

    @classmethod
    def publish(cls, to: Topic, message: object, *, group: object = None) -> Action:
        """Publish a message on an SNS topic.

        https://docs.aws.amazon.com/step-functions/latest/dg/connect-sns.html

        Args:
            to: The topic.
            message: A text, or what becomes JSON.
            group: As of `send_message`.
        """
        target = Target(TargetKind.TOPIC, to.name)
        return cls(
            "sns:publish",
            {"TopicArn": target, "Message": message, **_ordered(group)},
            reply="MessageId",
            doc=f"Publishes a message on {to.name}.",
        )

    @classmethod
    def put_event(cls, event: BusEvent[Any], detail: object) -> Action:
        """Put a business event on its EventBridge bus.

        An entry that EventBridge refuses fails the step. EventBridge has no deduplication: give the
        event a field with ``Action.key``, if whoever hears it needs one.
        https://docs.aws.amazon.com/step-functions/latest/dg/connect-eventbridge.html

        Args:
            event: The event; its bus is a resource of the template, or ``default``.
            detail: Its fields by name in JSON, or saga data that is all of it.
        """
        entry = {
            "EventBusName": Target(TargetKind.BUS, event.bus),
            "Source": event.source,
            "DetailType": event.name,
            "Detail": detail,
        }
        text = f"Puts {event.name} on the bus {event.bus}."
        given = {"Entries": [entry]}
        return cls("events:putEvents", given, event=event, detail=detail, doc=text)

    @classmethod
    def dynamodb(cls, action: str, table: str, **parameters: object) -> Action:
        """Put, update, delete or get one item of a DynamoDB table.

        Values are DynamoDB's: ``Item={"id": {"S": order.id}, "grams": {"N": weigh.result.grams}}``;
        a number of saga data becomes the text that ``N`` wants.
        https://docs.aws.amazon.com/step-functions/latest/dg/connect-ddb.html

        Args:
            action: ``putItem``, ``updateItem``, ``deleteItem`` or ``getItem``.
            table: The logical id of the table.
            **parameters: ``Item``, ``Key``, ``ConditionExpression``, … as the action takes them.
        """
        given = {"TableName": Target(TargetKind.TABLE, table), **parameters}
        return cls(f"dynamodb:{action}", given, doc=f"{action} in {table}.")

    @classmethod
    def start_execution(cls, machine: str, given: object) -> Action:
        """Start an execution of another state machine, and do not wait for it.

        Its name is made of the step's key, so that starting it again starts nothing. A saga that is
        to be waited for and undone is a `Child`.
        https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html

        Args:
            machine: The logical id of the state machine.
            given: Its input: an object.
        """
        return cls(
            "states:startExecution",
            {
                "StateMachineArn": Target(TargetKind.MACHINE, machine),
                "Name": Known.KEY,
                "Input": given,
            },
            done=EXISTS,
            doc=f"Starts {machine}.",
        )

    @classmethod
    def http(  # noqa: PLR0913  # the parts of a request, by name
        cls,
        method: str,
        url: object,
        *,
        connection: str,
        body: object = None,
        headers: Mapping[str, object] | None = None,
        query: Mapping[str, object] | None = None,
    ) -> Action:
        """Call an HTTPS endpoint, for at most 60 seconds.

        What may change something carries the header ``Idempotency-Key`` with the step's key.
        https://docs.aws.amazon.com/step-functions/latest/dg/call-https-apis.html

        Args:
            method: ``POST``, ``PUT``, …
            url: A text, or `Action.text` with whole numbers, the key or the saga's id in it: it
                begins with a constant host. Other data goes into query or body.
            connection: The logical id of the EventBridge connection that authorizes the call.
            body: What becomes JSON.
            headers: More headers: constants, ``Action.key``, ``Action.saga_id``.
            query: What stands behind the ``?``.
        """
        key = {} if method in {"GET", "HEAD"} else {"Idempotency-Key": Known.KEY}
        more = {
            "Headers": {**key, **(headers or {})},
            "RequestBody": body,
            "QueryParameters": query,
        }
        target = Target(TargetKind.CONNECTION, connection)
        return cls(
            "http:invoke",
            {
                "ApiEndpoint": url,
                "Method": method,
                "Authentication": {"ConnectionArn": target},
                **{name: value for name, value in more.items() if value},
            },
            doc=f"{method} by {connection}.",
        )

    @classmethod
    def sdk(
        cls,
        action: str,
        parameters: Mapping[str, object],
        *,
        policies: Sequence[Mapping[str, Any]],
    ) -> Action:
        """Any action of any service, as the SDK has it.

        Where it takes a client token, give it ``Action.key``: then it may be repeated.
        https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html

        Args:
            action: ``s3:copyObject``: the service in small letters, the action in camel case.
            parameters: As the service takes them, names in Pascal case.
            policies: The IAM statements that the state machine needs for it; resources of the
                template by ``${Name}`` and ``${Name.Arn}``.
        """
        return cls(f"{SDK}{action}", parameters, policies=tuple(policies), doc=f"Calls {action}.")


def _ordered(group: object) -> dict[str, object]:
    if group is None:
        return {}
    return {"MessageGroupId": group, "MessageDeduplicationId": Known.KEY}
