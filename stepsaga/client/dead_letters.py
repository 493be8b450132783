"""The queue of dead letters, from outside: what lies there, and sending it again.

A letter is sent first and deleted then, so that it may be sent twice, which changes nothing, and is
never lost.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from stepsaga.engines.explained import explained
from stepsaga.errors import EngineError, StepsagaError
from stepsaga.recovery.messages import TRIGGERS
from stepsaga.runtime.dead_letters import AT, MESSAGE, QUEUE, REASON, WHAT
from stepsaga.store.slots import moment_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

MOST: Final = 1_000
"""Letters that are read at once; their bodies are held meanwhile."""
HIDDEN_SECONDS: Final = 300
"""For which nobody else is given what is read, unless it is let go."""
_SOURCE: Final = "DeadLetterQueueSourceArn"
_RULE: Final = "RULE_ARN"
_TARGET: Final = "TARGET_ARN"
_ERROR: Final = "ERROR_MESSAGE"
"""https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html"""


@dataclass(frozen=True, slots=True)
class Letter:
    """One of them.

    Attributes:
        id: SQS's.
        body: What is sent again.
        what: What was to be done; what SQS says of its way, where nobody of ours put it there.
        reason: Why it could not be.
        at: When it was put there, or sent first; aware.
        queue: The URL of the queue that it is sent to; empty where nobody knows.
        receipt: By which it is deleted.
        message: The id that the message had at first: what is sent twice is the same by that.
    """

    id: str
    body: str
    what: str
    reason: str
    at: datetime
    queue: str
    receipt: str
    message: str


class LetterBox:
    """The queue of dead letters of a stack.

    Args:
        client: Makes a service's boto3 client.
        url: The queue's URL.
    """

    def __init__(self, client: Callable[[str], Any], url: str) -> None:
        self._sqs = client("sqs")
        self._client = client
        self._url = url
        self._urls: dict[str, str] = {}
        self._ids: dict[str, str] = {}

    def read(self) -> list[Letter]:
        """The letters that are there and that nobody else is reading; at most `MOST`.

        They are hidden from others for `HIDDEN_SECONDS`. Until two looks in a row bring nothing
        new: SQS asks some of its servers at a time, and may bring the same again.

        Raises:
            EngineError: AWS does not answer, or refuses.
        """
        found: dict[str, Letter] = {}
        looks = 0
        while looks < 2 and len(found) < MOST:  # noqa: PLR2004  # as the docstring says
            with explained("the queue of dead letters"):
                reply = self._sqs.receive_message(
                    QueueUrl=self._url,
                    MaxNumberOfMessages=10,
                    WaitTimeSeconds=1,
                    VisibilityTimeout=HIDDEN_SECONDS,
                    MessageAttributeNames=["All"],
                    AttributeNames=["All"],
                )
            fresh = [one for one in reply.get("Messages", ()) if one["MessageId"] not in found]
            looks = 0 if fresh else looks + 1
            found |= {one["MessageId"]: self._letter(one) for one in fresh}
        return list(found.values())

    def release(self, letters: Sequence[Letter]) -> None:
        """Let others see these again. Where that fails they see them later."""
        for one in letters:
            try:
                self._sqs.change_message_visibility(
                    QueueUrl=self._url, ReceiptHandle=one.receipt, VisibilityTimeout=0
                )
            except (ClientError, BotoCoreError):
                continue

    def send(self, letters: Sequence[Letter]) -> Iterator[tuple[Letter, str]]:
        """Send each to its queue, then delete it here; say of each why not, or nothing."""
        for one in letters:
            try:
                self._send(one)
            except StepsagaError as error:
                yield one, str(error)
            else:
                yield one, ""

    def _send(self, letter: Letter) -> None:
        # Letters say where they are sent: no further than to this account's own queues.
        if not letter.queue or letter.queue.rpartition("/")[0] != self._url.rpartition("/")[0]:
            raise EngineError(f"it belongs to no queue of this account ({letter.queue or 'none'})")
        fifo: dict[str, str] = {}
        if letter.queue.endswith(".fifo"):
            mark = sha256(letter.body.encode()).hexdigest()
            fifo = {"MessageGroupId": mark, "MessageDeduplicationId": letter.id}
        with explained(f"queue {letter.queue}"):
            self._sqs.send_message(
                QueueUrl=letter.queue,
                MessageBody=letter.body,
                MessageAttributes={MESSAGE: {"DataType": "String", "StringValue": letter.message}},
                **fifo,
            )
        with explained("the queue of dead letters"):
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=letter.receipt)

    def _letter(self, message: Mapping[str, Any]) -> Letter:
        told = {
            name: value.get("StringValue", "")
            for name, value in message.get("MessageAttributes", {}).items()
        }
        system = message.get("Attributes", {})
        sent = float(system.get("SentTimestamp", 0)) / 1000
        letter = Letter(
            id=message["MessageId"],
            body=message["Body"],
            what=told.get(WHAT, "a message"),
            reason=told.get(REASON, "it was delivered in vain too often; see the function's log"),
            at=_moment(told.get(AT, "")) or datetime.fromtimestamp(sent, UTC),
            queue=told.get(QUEUE, ""),
            receipt=message["ReceiptHandle"],
            # What SQS has moved has its own id still.
            message=told.get(MESSAGE) or message["MessageId"],
        )
        if letter.queue:
            return letter
        if _RULE in told:
            return self._undelivered(letter, told)
        return replace(letter, queue=self._url_of(system.get(_SOURCE, "")))

    def _undelivered(self, letter: Letter, told: Mapping[str, str]) -> Letter:
        """What EventBridge could not bring to its target: the event as it came, in no envelope."""
        bus, _, name = told[_RULE].partition(":rule/")[2].rpartition("/")
        why = told.get(_ERROR) or told.get("ERROR_CODE", "")
        queue = self._url_of(told.get(_TARGET, ""))
        letter = replace(letter, what=f"rule {name}", reason=f"EventBridge: {why}", queue=queue)
        # What CloudFormation calls a rule: its name alone only on the account's own bus.
        key = self._logical_id(f"{bus}|{name}" if bus else name)
        if not key or self._logical_id(queue) != TRIGGERS:
            return letter
        try:
            body = json.dumps({"trigger": key, "event": json.loads(letter.body)})
        except ValueError:
            return letter
        return replace(letter, body=body)

    def _logical_id(self, resource: str) -> str:
        """What a template calls a resource; empty where no stack has it."""
        if resource not in self._ids:
            self._ids[resource] = self._asked(resource)
        return self._ids[resource]

    def _asked(self, resource: str) -> str:
        try:
            reply = self._client("cloudformation").describe_stack_resources(
                PhysicalResourceId=resource
            )
        except (ClientError, BotoCoreError):
            return ""
        found = [one for one in reply["StackResources"] if one["PhysicalResourceId"] == resource]
        return str(found[0]["LogicalResourceId"]) if found else ""

    def _url_of(self, arn: str) -> str:
        """The URL of a queue; empty where there is none any more."""
        name = arn.rpartition(":")[2]
        if name and arn not in self._urls:
            try:
                self._urls[arn] = self._sqs.get_queue_url(QueueName=name)["QueueUrl"]
            except (ClientError, BotoCoreError):
                return ""
        return self._urls.get(arn, "")


def _moment(text: str) -> datetime | None:
    try:
        return moment_of(text)
    except ValueError:
        return None
