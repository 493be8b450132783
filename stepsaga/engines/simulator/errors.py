"""The errors of states, and which names match them.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

ALL: Final = "States.ALL"
TASK_FAILED: Final = "States.TaskFailed"
TIMEOUT: Final = "States.Timeout"
HEARTBEAT_TIMEOUT: Final = "States.HeartbeatTimeout"
NO_CHOICE: Final = "States.NoChoiceMatched"
RUNTIME: Final = "States.Runtime"
DATA_LIMIT: Final = "States.DataLimitExceeded"

_FINAL: Final = frozenset({RUNTIME, NO_CHOICE})
"""Errors that end the execution wherever they happen: nothing retries or catches them."""
_CAUSE_CHARACTERS: Final = 32_768
_ERROR_CHARACTERS: Final = 256


class StateError(Exception):
    """A state failed: what retriers and catchers look at, and what ends an execution.

    Args:
        error: Its name.
        cause: Its cause.
        also: Another name under which retriers and catchers may know it.
    """

    def __init__(
        self, error: str | None, cause: str | None = None, *, also: str | None = None
    ) -> None:
        self.also = also
        self.error = error[:_ERROR_CHARACTERS] if error is not None else None
        self.cause = cause[:_CAUSE_CHARACTERS] if cause is not None else None
        super().__init__(f"{error}: {cause}")

    @property
    def final(self) -> bool:
        """Whether it ends the execution, also out of a branch, without being asked about."""
        return self.error in _FINAL

    def matched_by(self, names: Sequence[str]) -> bool:
        """Whether an ``ErrorEquals`` list matches it; see `matches`."""
        return matches(names, self.error) or self.also in names

    def details(self) -> dict[str, str]:
        """``error`` and ``cause`` as history events have them; what is not known is absent."""
        pairs = {"error": self.error, "cause": self.cause}
        return {key: value for key, value in pairs.items() if value is not None}

    def output(self) -> dict[str, str | None]:
        """The error object that a catcher puts into the document. Timeouts have no ``Cause``.

        Of an error without a name AWS has been seen to give both keys, as null.
        """
        if self.error is None:
            return {"Error": None, "Cause": self.cause}
        pairs = {"Error": self.error, "Cause": self.cause}
        return {key: value for key, value in pairs.items() if value is not None}


def missed_heartbeat() -> StateError:
    """A heartbeat did not come in time.

    AWS has been seen to call it ``States.Timeout``; the documentation says that retriers and
    catchers may call it ``States.HeartbeatTimeout``, too.
    """
    return StateError(TIMEOUT, also=HEARTBEAT_TIMEOUT)


class MachineError(StateError):
    """A processing error of the machine itself, ``States.Runtime``: it cannot be caught."""


def runtime_error(cause: str) -> MachineError:
    """A processing error; the interpreter adds in which state it happened."""
    return MachineError(RUNTIME, cause)


def data_limit(what: str) -> StateError:
    """Something is over 262,144 bytes of UTF-8."""
    return StateError(
        DATA_LIMIT,
        f"The state/task '{what}' returned a result with a size exceeding the maximum number of"
        " bytes service limit.",
    )


def matches(names: Sequence[str], error: str | None) -> bool:
    """Whether an ``ErrorEquals`` list matches an error.

    ``States.Runtime`` is matched by nothing, not even by its own name. Where AWS's documentation
    and observations of the service differ (``States.DataLimitExceeded`` under ``States.ALL``) the
    documentation is followed, which is the less forgiving reading: only its own name matches. An
    error without a name has been seen to be caught by ``States.ALL``.
    """
    if error in _FINAL:
        return False
    if error in names:
        return True
    if error == DATA_LIMIT:
        return False
    return ALL in names or (TASK_FAILED in names and error != TIMEOUT)
