"""Dead letters: what is put there, so that it can be sent again, and says why it lies there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from stepsaga.errors import StepFailed
from stepsaga.runtime.dead_letters import DeadLetter, SqsDeadLetters

LETTER = DeadLetter(
    body='{"customer_id": 7}',
    reason="InputInvalid: customer.name: Field required",
    queue="https://sqs/1/signups",
    at=datetime(2026, 11, 29, 8, tzinfo=UTC),
    what="trigger Onboard/queue SignupQueue",
    message="m-1",
)


class Sqs:
    """SQS as far as it takes messages."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.sent: list[dict[str, Any]] = []

    def send_message(self, **parameters: Any) -> None:
        """SendMessage."""
        if self.error:
            raise self.error
        self.sent.append(parameters)


def sent(letter: DeadLetter) -> dict[str, Any]:
    """What a letter becomes."""
    sqs = Sqs()
    SqsDeadLetters("https://sqs/1/dead", lambda: sqs).send(letter)
    [message] = sqs.sent
    return message


def test_a_letter_has_the_body_as_it_was_and_says_why_it_lies_there() -> None:
    """The body is untouched; reason, queue, time and what was meant are attributes, as text."""
    message = sent(LETTER)
    assert (message["QueueUrl"], message["MessageBody"]) == ("https://sqs/1/dead", LETTER.body)
    attributes = message["MessageAttributes"]
    assert {one["DataType"] for one in attributes.values()} == {"String"}
    assert {name: one["StringValue"] for name, one in attributes.items()} == {
        "reason": LETTER.reason,
        "queue": LETTER.queue,
        "at": "2026-11-29T08:00:00.000Z",
        "what": LETTER.what,
        "stepsaga-message": "m-1",
    }


@pytest.mark.parametrize("reason", ["", "two\nlines\x00", "ü" * 5_000])
def test_no_reason_is_refused_by_sqs(reason: str) -> None:
    """SQS takes neither empty text nor control characters, and the whole must fit a message."""
    given = sent(DeadLetter("{}", reason, LETTER.queue, LETTER.at, LETTER.what))
    text = given["MessageAttributes"]["reason"]["StringValue"]
    assert text
    assert text.isprintable()
    assert len(text.encode()) <= 1024


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "AccessDenied"}}, "SendMessage"),
        EndpointConnectionError(endpoint_url="https://sqs"),
    ],
)
def test_a_letter_that_is_not_there_is_an_error(error: Exception) -> None:
    """Its message must not be taken for done."""
    with pytest.raises(StepFailed, match="did not take it"):
        SqsDeadLetters("https://sqs/1/dead", lambda: Sqs(error)).send(LETTER)
