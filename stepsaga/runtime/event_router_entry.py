"""The entry of the function `BusinessEvents`: ``stepsaga.runtime.event_router_entry.handler``.

It is a participant's, and takes the same calls; besides, batches of the queue that events come by.
"""

from __future__ import annotations

import json
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from stepsaga.runtime.answers import StepFunctionsAnswers
from stepsaga.runtime.dead_letters import DEAD_LETTERS, DeadLetter, SqsDeadLetters
from stepsaga.runtime.event_router import EventRouter, NoSuchEventError, Routed
from stepsaga.runtime.lambda_entry import runtime_from, store_from, variable
from stepsaga.runtime.runtime import utc_now
from stepsaga.runtime.values import compact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from aws_lambda_powertools import Logger

    from stepsaga.runtime.answers import Answers
    from stepsaga.runtime.dead_letters import DeadLetters
    from stepsaga.runtime.runtime import Runtime
    from stepsaga.store.protocol import EventStore

EVENTS: Final = "STEPSAGA_EVENTS"
"""What sagas wait for: JSON, `events_text`."""
QUEUE: Final = "STEPSAGA_EVENTS_QUEUE"
"""The URL of the queue that events come by."""
Batch = dict[str, list[dict[str, str]]]


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Take one call, or one batch of events. Everything that it needs is built at the first one."""
    if isinstance(event, dict) and "Records" in event:
        return _mail().take(event["Records"])
    return _runtime().handle(event, context)


def events_text(events: Iterable[Routed]) -> str:
    """What sagas wait for, as the function is told: ``[[source, name, model, [[key, ...]]]]``."""
    told = [[one.source, one.name, one.model, [list(by) for by in one.by]] for one in events]
    return compact(told).decode()


def events_from(text: str) -> tuple[Routed, ...]:
    """What sagas wait for, of that text."""
    return tuple(
        Routed(source, name, model, tuple(tuple(by) for by in fields))
        for source, name, model, fields in json.loads(text)
    )


class Mail:
    """Takes batches of the queue that events come by.

    Args:
        router: Takes the events.
        dead_letters: Takes what is no event that a saga waits for.
        queue: The URL of the queue, to which such a letter can be sent again after a fix.
        now: The clock, aware.
    """

    def __init__(
        self,
        router: EventRouter,
        dead_letters: DeadLetters,
        queue: str,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._router = router
        self._dead_letters = dead_letters
        self._queue = queue
        self._now = now

    def take(self, records: Sequence[Mapping[str, Any]]) -> Batch:
        """Take a batch: each message by itself, so that one that fails holds up no other.

        https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html

        Returns:
            ``{"batchItemFailures": [{"itemIdentifier": "<message id>"}]}``: what comes again.
        """
        failed = []
        for record in records:
            try:
                self._take(record["body"])
            except Exception as error:  # noqa: BLE001  # it is reported, and comes again
                told = {"message_id": record["messageId"], "error": type(error).__name__}
                _log().exception("an event could not be brought", extra=told)
                failed.append({"itemIdentifier": record["messageId"]})
        return {"batchItemFailures": failed}

    def _take(self, body: str) -> None:
        try:
            event = json.loads(body)
        except (ValueError, RecursionError):
            event = None
        try:
            self._router.take(event)
        except NoSuchEventError as error:
            name = event.get("detail-type", "") if isinstance(event, dict) else ""
            letter = DeadLetter(
                body=body,
                reason=f"NoSuchEvent: {error}",
                queue=self._queue,
                at=self._now(),
                what=f"event {name}".strip(),
            )
            self._dead_letters.send(letter)


def mail_from(
    environment: Mapping[str, str],
    *,
    around: Callable[[EventStore], EventStore] | None = None,
    answers: Answers | None = None,
) -> Mail:
    """What takes batches, as a function's variables say where everything is.

    Args:
        environment: The function's variables.
        around: What stands in for the event store, given the real one: faults, in tests.
        answers: How Tasks are told; Step Functions' own where none is given.

    Raises:
        StepFailed: A variable is missing, or no client can be made.
    """
    events = events_from(variable(environment, EVENTS, "what sagas wait for"))
    store = store_from(environment)
    router = EventRouter(
        events, around(store) if around else store, answers or StepFunctionsAnswers(), utc_now
    )
    dead_letters = variable(environment, DEAD_LETTERS, "the queue of dead letters")
    queue = variable(environment, QUEUE, "the queue that events come by")
    return Mail(router, SqsDeadLetters(dead_letters), queue)


@lru_cache(maxsize=1)
def _mail() -> Mail:
    return mail_from(os.environ)


@lru_cache(maxsize=1)
def _runtime() -> Runtime:
    return runtime_from(os.environ)


@lru_cache(maxsize=1)
def _log() -> Logger:
    from aws_lambda_powertools import Logger  # noqa: PLC0415  # at the first failure

    return Logger(service="stepsaga.events")
