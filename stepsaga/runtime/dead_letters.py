"""Dead letters: what could not be done with a message, and may be done after a fix.

A letter's body is the message's own, so that it can be sent again as it was; the attributes say why
it lies there, and where it is sent to. `stepsaga replay-dead-letters` does that.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol

from stepsaga.errors import StepFailed
from stepsaga.runtime.clients import client
from stepsaga.runtime.texts import cut
from stepsaga.store.slots import iso

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

DEAD_LETTERS: Final = "STEPSAGA_DEAD_LETTERS"
"""The variable with the URL of the queue of dead letters."""
REASON: Final = "reason"
QUEUE: Final = "queue"
AT: Final = "at"
WHAT: Final = "what"
"""The attributes of a letter, all of them text."""
MESSAGE: Final = "stepsaga-message"
"""One more, of a letter and of what is sent again: the id that the message had at first. SQS gives
what is sent again another, and a saga may have that id."""
_REASON_BYTES: Final = 1024
_NOTHING: Final = "(nothing)"
"""SQS takes no empty text.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html"""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What is put there.

    Attributes:
        body: The message's body, as it must be sent again.
        reason: A sentence with the error's name; without values of the message.
        queue: The URL of the queue that it is sent to again.
        at: When; aware.
        what: What was to be done, in a few words: ``trigger Onboard/queue SignupQueue``.
        message: The message's id, where that says which one it is.
    """

    body: str
    reason: str
    queue: str
    at: datetime
    what: str
    message: str = ""


class DeadLetters(Protocol):
    """Takes letters."""

    def send(self, letter: DeadLetter) -> None:
        """Put one there. It may be put there twice: who reads it, sends it again twice.

        Raises:
            StepFailed: It is not there. The message must not be taken for done.
        """
        ...


class SqsDeadLetters:
    """The queue that the generated template has. Its client is made when it is first needed.

    Args:
        url: The queue's.
        connect: Makes the client.
    """

    def __init__(self, url: str, connect: Callable[[], Any] = lambda: client("sqs")) -> None:
        self._url = url
        self._client = cache(connect)

    def send(self, letter: DeadLetter) -> None:
        """See `DeadLetters`."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # seldom needed

        texts = {
            REASON: cut(letter.reason, _REASON_BYTES),
            QUEUE: letter.queue,
            AT: iso(letter.at),
            WHAT: letter.what,
            **({MESSAGE: letter.message} if letter.message else {}),
        }
        attributes = {
            name: {"DataType": "String", "StringValue": _accepted(text)}
            for name, text in texts.items()
        }
        try:
            self._client().send_message(
                QueueUrl=self._url, MessageBody=letter.body, MessageAttributes=attributes
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "?")
            raise StepFailed(f"the queue of dead letters did not take it: {code}") from None
        except BotoCoreError as error:
            name = type(error).__name__
            raise StepFailed(f"the queue of dead letters did not take it: {name}") from None


def _accepted(text: str) -> str:
    """A text as SQS takes it: some, and without control characters."""
    return "".join(one if one.isprintable() else " " for one in text) or _NOTHING
