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

    def failure(self, token: str, error: str, cause: str) -> None:
        """Let a Task fail. Where nothing waits any more, nothing happens."""
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

    def failure(self, token: str, error: str, cause: str) -> None:
        """Refuse, as `success` does."""
        del error, cause
        self.success(token, None)


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
        text = compact(output).decode()
        self._send("SendTaskSuccess", "send_task_success", taskToken=token, output=text)

    def failure(self, token: str, error: str, cause: str) -> None:
        """See `Answers`; raises as `success`."""
        self._send(
            "SendTaskFailure", "send_task_failure", taskToken=token, error=error, cause=cause
        )

    def _send(self, what: str, method: str, **parameters: str) -> None:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # seldom needed

        try:
            getattr(self._client(), method)(**parameters)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "?")
            if code not in OVER:
                raise StepFailed(f"{what} was refused: {code}") from None
        except BotoCoreError as error:
            raise StepFailed(f"{what}: {type(error).__name__}") from None
