"""How an engine calls handlers: as Lambda would, without Lambda.

Engines know functions by name and see what Lambda would show them: a JSON reply, or an error's name
and its cause. `stepsaga.engines.local` has functions that answer with the real runtime.
"""

from __future__ import annotations

import json
import traceback
from typing import Any, Final, Protocol
from uuid import UUID

EXIT_ERROR: Final = "Runtime.ExitError"
"""What Step Functions sees of a process that died."""
UNKNOWN_ERROR: Final = "Lambda.Unknown"
"""What Step Functions sees where Lambda's reply says nothing."""


class FunctionError(Exception):
    """A function failed. ``error`` and ``cause`` are what Step Functions is told."""

    def __init__(self, error: str, cause: str | None = None) -> None:
        self.error = error
        self.cause = cause
        super().__init__(f"{error}: {cause}" if cause else error)


class NoAnswer(Exception):
    """A function does not answer at all: the Task ends when its ``TimeoutSeconds`` are over."""


class ProcessKilled(BaseException):
    """The process died here: nothing after this line happens, no handler may catch it."""


class Functions(Protocol):
    """What an engine needs of Lambda."""

    def invoke(self, function: str, payload: Any) -> Any:
        """Call a function by name or ``name:qualifier``; payload and reply are JSON values.

        Raises:
            FunctionError: The function failed, or there is none of that name.
            NoAnswer: The function hangs.
        """
        ...


def through_json(value: Any) -> Any:
    """A value as the other side of the wire gets it: a copy, of JSON values only.

    Raises:
        TypeError, ValueError: It is not JSON; NaN and infinities are not.
    """
    return json.loads(json.dumps(value, allow_nan=False))


def marshal_error(error: Exception) -> FunctionError:
    """What Step Functions is told when a function's reply is not JSON."""
    name = "Runtime.MarshalError"
    text = {"errorType": name, "errorMessage": f"Unable to marshal response: {error}"}
    return FunctionError(name, json.dumps(text))


def raised_error(error: Exception, request_id: str = str(UUID(int=0))) -> FunctionError:
    """What Step Functions is told when a function raises, by whoever called it.

    The bare name, without module and bases: Lambda's runtime client reports
    ``type(exception).__name__``.
    """
    name = type(error).__name__
    # The first frame is the caller's.
    trace = error.__traceback__.tb_next if error.__traceback__ else None
    cause = {
        "errorMessage": str(error),
        "errorType": name,
        "requestId": request_id,
        "stackTrace": traceback.format_tb(trace),
    }
    return FunctionError(name, json.dumps(cause, ensure_ascii=False))


def exit_error(request_id: str = str(UUID(int=0))) -> FunctionError:
    """What Step Functions is told when the function's process ends by itself."""
    message = f"RequestId: {request_id} Error: Runtime exited with error: exit status 1"
    text = json.dumps({"errorType": EXIT_ERROR, "errorMessage": message})
    return FunctionError(EXIT_ERROR, text)


def unknown_error() -> FunctionError:
    """What Step Functions is told when Lambda's reply is lost. The cause is no JSON."""
    return FunctionError(
        UNKNOWN_ERROR,
        "The cause could not be determined because Lambda did not return an error type."
        " Returned payload: null",
    )
