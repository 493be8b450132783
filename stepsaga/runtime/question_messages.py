"""Questions that go out as messages, where no handler of the author's asks them.

A message says which saga asks, and never the task token: that is in the stream, and whoever answers
names the saga, its id and the step (rule 26).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Protocol

from stepsaga.errors import StepFailed
from stepsaga.runtime.clients import client
from stepsaga.runtime.values import compact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stepsaga.runtime.call import To

ADDRESS: Final = "STEPSAGA_TO_"
"""Variables of the sending function: ``STEPSAGA_TO_ReviewQueue`` is a queue's URL, a topic's ARN, a
bus's name."""
SOURCE: Final = "stepsaga"
DETAIL_TYPE: Final = "Question"


class Messages(Protocol):
    """Sends questions."""

    def send(self, to: To, message: Mapping[str, Any]) -> None:
        """Send one, JSON values. It may be sent again: ``key`` is the same then."""
        ...


def send(to: To, message: Mapping[str, Any], messages: Messages) -> None:
    """Ask: what the calls of such questions have as their handler."""
    messages.send(to, message)


class NoMessages:
    """Where nothing can be sent."""

    def send(self, to: To, message: Mapping[str, Any]) -> None:
        """Refuse.

        Raises:
            StepFailed: Always.
        """
        del message
        raise StepFailed(f"nothing here can send to the {to.channel} {to.name}")


class AwsMessages:
    """Sends by SQS, SNS and EventBridge. A client is made when it is first needed.

    Args:
        environment: Where each destination is, by `ADDRESS` and its name.
        connect: Makes a service's client.
    """

    def __init__(
        self, environment: Mapping[str, str], connect: Callable[[str], Any] = client
    ) -> None:
        self._environment = environment
        self._connect = connect

    def send(self, to: To, message: Mapping[str, Any]) -> None:
        """See `Messages`.

        Raises:
            StepFailed: It is not known where the destination is, or the service did not take it.
        """
        address = self._environment.get(f"{ADDRESS}{to.name}")
        if not address:
            raise StepFailed(
                f"the environment variable {ADDRESS}{to.name} is not set: where the {to.channel}"
                f" {to.name} is; the generated template sets it, so deploy with it"
            )
        text = compact(message).decode()
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # seldom needed

        try:
            getattr(self, f"_to_{to.channel}")(address, text, message)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "?")
            raise StepFailed(f"the {to.channel} {to.name} did not take it: {code}") from None
        except BotoCoreError as error:
            name = type(error).__name__
            raise StepFailed(f"the {to.channel} {to.name} did not take it: {name}") from None

    def _to_queue(self, address: str, text: str, message: Mapping[str, Any]) -> None:
        once = _once(address, message)
        self._sqs.send_message(QueueUrl=address, MessageBody=text, **once)

    def _to_topic(self, address: str, text: str, message: Mapping[str, Any]) -> None:
        self._sns.publish(TopicArn=address, Message=text, **_once(address, message))

    def _to_bus(self, address: str, text: str, message: Mapping[str, Any]) -> None:
        del message
        entry = {
            "EventBusName": address,
            "Source": SOURCE,
            "DetailType": DETAIL_TYPE,
            "Detail": text,
        }
        reply = self._events.put_events(Entries=[entry])
        # It takes the request and refuses the entry:
        # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
        if reply.get("FailedEntryCount"):
            code = (reply.get("Entries") or [{}])[0].get("ErrorCode", "?")
            raise StepFailed(f"the bus {address} did not take it: {code}")

    @cached_property
    def _sqs(self) -> Any:
        return self._connect("sqs")

    @cached_property
    def _sns(self) -> Any:
        return self._connect("sns")

    @cached_property
    def _events(self) -> Any:
        return self._connect("events")


def _once(address: str, message: Mapping[str, Any]) -> dict[str, str]:
    """What FIFO queues and topics need: the same message twice is one, a saga's keep their order.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html
    """
    if not address.endswith(".fifo"):
        return {}
    return {"MessageDeduplicationId": message["key"], "MessageGroupId": message["id"]}
