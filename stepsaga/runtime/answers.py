"""How answers get to the Tasks that wait for them: by the task tokens that the calls carried."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol

from stepsaga.errors import StepFailed
from stepsaga.runtime.clients import client
from stepsaga.runtime.values import compact

if TYPE_CHECKING:
    from collections.abc import Callable

OVER: Final = frozenset({"InvalidToken", "TaskDoesNotExist", "TaskTimedOut"})
"""What Step Functions says of a token for which nothing waits any more."""


class Answers(Protocol):
    """Tells Tasks that wait what was answered."""

    def success(self, token: str, output: Any) -> None:
        """Give a Task its result, a JSON value. Where nothing waits any more, nothing happens."""
        ...


class NoAnswers:
    """Where nothing can be answered."""

    def success(self, token: str, output: Any) -> None:
        """Refuse.

        Raises:
            StepFailed: Always.
        """
        del token, output
        raise StepFailed("nothing here can answer a task token: pass `answers` to the Runtime")


class StepFunctionsAnswers:
    """Step Functions' own. Its client is made when the first answer is sent, which is seldom.

    Args:
        connect: Makes the client.
    """

    def __init__(self, connect: Callable[[], Any] = lambda: client("stepfunctions")) -> None:
        self._client = cache(connect)

    def success(self, token: str, output: Any) -> None:
        """See `Answers`.

        Raises:
            StepFailed: The client cannot be made, or Step Functions did not take the answer. The
                text does not name the token.
        """
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # seldom needed

        text = compact(output).decode()
        try:
            self._client().send_task_success(taskToken=token, output=text)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "?")
            if code not in OVER:
                raise StepFailed(f"SendTaskSuccess was refused: {code}") from None
        except BotoCoreError as error:
            raise StepFailed(f"SendTaskSuccess: {type(error).__name__}") from None
