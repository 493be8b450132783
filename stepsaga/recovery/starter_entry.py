"""The entry point of the function `Starter`: ``stepsaga.recovery.starter_entry.handler``.

It takes messages of SQS, in which events of EventBridge are, too, and requests of API Gateway. What
can never be started goes to the dead letters at once, with the reason, or is answered. What cannot
be started now comes again: SQS delivers it until its queue's ``RedrivePolicy`` moves it.
"""

from __future__ import annotations

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stepsaga.errors import BadCall
from stepsaga.recovery.messages import Messages
from stepsaga.recovery.requests import Requests
from stepsaga.recovery.triggers import KnownTrigger, Starter
from stepsaga.runtime.clients import client
from stepsaga.runtime.dead_letters import DEAD_LETTERS, SqsDeadLetters
from stepsaga.runtime.runtime import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aws_lambda_powertools import Logger

FUNCTION: Final = "Starter"
"""Its logical id."""
FILE: Final = "triggers.json"
"""In the function's folder: all triggers."""
FROM: Final = "STEPSAGA_FROM_"
"""Variables: ``STEPSAGA_FROM_SignupQueue`` is the URL of the queue with that logical id."""


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Take a batch of messages, or a request. Everything it needs is built at the first one.

    Raises:
        BadCall: It is neither.
    """
    messages, requests = _parts()
    if "Records" in event:
        return messages.take(event["Records"], _seconds_left(context))
    if "httpMethod" in event:
        return requests.take(event)
    raise BadCall("neither messages of SQS nor a request of API Gateway; nothing was started")


def parts_from(
    environment: Mapping[str, str], folder: Path, log: Callable[[str, Exception], None]
) -> tuple[Messages, Requests]:
    """What takes messages and requests, as a function's variables say.

    Args:
        environment: The variables.
        folder: Where ``triggers.json`` is.
        log: Is told of what could not be started now.

    Raises:
        StepFailed: No client can be made.
        KeyError, OSError: A variable or the file is missing.
    """
    from stepsaga.recovery.children_entry import executions_from  # noqa: PLC0415  # at the first call
    from stepsaga.runtime.lambda_entry import EVENT_TABLE, LazyS3  # noqa: PLC0415  # as above
    from stepsaga.store.dynamodb import DynamoDBStore  # noqa: PLC0415  # as above

    told = json.loads((folder / FILE).read_text(encoding="utf-8"))
    triggers = [KnownTrigger.of_json(one) for one in told]
    store = DynamoDBStore(
        client=client("dynamodb"), table=environment[EVENT_TABLE], s3=LazyS3(client)
    )
    starter = Starter(store, executions_from(environment))
    queues = {
        name.removeprefix(FROM): url for name, url in environment.items() if name.startswith(FROM)
    }
    letters = SqsDeadLetters(environment.get(DEAD_LETTERS, ""))
    return (
        Messages(triggers, starter, letters, queues, utc_now, log),
        Requests(triggers, starter, log),
    )


def _seconds_left(context: Any) -> Callable[[], float]:
    return lambda: context.get_remaining_time_in_millis() / 1000


@lru_cache(maxsize=1)
def _parts() -> tuple[Messages, Requests]:
    return parts_from(os.environ, Path.cwd(), _say)


def _say(what: str, error: Exception) -> None:
    _log().error(what, exc_info=error)


@lru_cache(maxsize=1)
def _log() -> Logger:
    from aws_lambda_powertools import Logger  # noqa: PLC0415  # at the first failure

    return Logger(service="stepsaga.starter")
