"""What Step Functions and its like refuse, as errors of the engine's."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from stepsaga.errors import (
    EngineError,
    EngineThrottled,
    EngineUnreachable,
    ExecutionExists,
    ExecutionMissing,
    MachineMissing,
    TaskTimedOut,
)
from stepsaga.store.failures import Failure, Kind, failure_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EXISTS: Final = "ExecutionAlreadyExists"
LIMITED: Final = frozenset({"ExecutionLimitExceeded", "KmsThrottlingException"})
"""What Step Functions says besides AWS's usual names when it is over a rate."""
_ERRORS: Final[Mapping[str, type[EngineError]]] = {
    EXISTS: ExecutionExists,
    "ExecutionDoesNotExist": ExecutionMissing,
    "StateMachineDoesNotExist": MachineMissing,
    "TaskTimedOut": TaskTimedOut,
}
_KINDS: Final[Mapping[Kind, type[EngineError]]] = {
    Kind.THROTTLED: EngineThrottled,
    Kind.UNREACHABLE: EngineUnreachable,
}


@contextmanager
def explained(thing: str) -> Iterator[None]:
    """Raise what botocore raises inside as an error of the engine's; see `StepFunctionsEngine`."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise _error_of(failure_of(error), thing) from error


def _error_of(failure: Failure, thing: str) -> EngineError:
    if failure.code in LIMITED:
        return EngineThrottled(f"{failure.text}; try again later")
    if failure.code in _ERRORS:
        return _ERRORS[failure.code](failure.text)
    if failure.kind in _KINDS:
        return _KINDS[failure.kind](f"{thing}: {failure.text}")
    return EngineError(failure.text if failure.code else f"{thing}: {failure.text}")
