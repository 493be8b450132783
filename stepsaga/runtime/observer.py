"""Who is told of calls: logs, traces and metrics. Nothing that they do can fail a call."""

from __future__ import annotations

import traceback
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from stepsaga.runtime.call import Call

_MOST_FRAMES: Final = 20
LANDED_LATE: Final = "landed late"
"""The outcome of a call that was fenced after its effect: somebody has to look (rule 11)."""


@dataclass(frozen=True, slots=True)
class Report:
    """How a call ended. It holds no values of the saga.

    Attributes:
        outcome: ``completed``, ``adopted``, ``compensated``, ``nothing to undo``, ``landed late``,
            or the name of the error that was raised.
        message: The error's text, without sensitive values; empty where there was none.
        trace: Where the handler raised, innermost last: ``file:line function``.
    """

    outcome: str
    message: str = ""
    trace: tuple[str, ...] = ()


class Observer(Protocol):
    """What the runtime tells of each call. What it raises is ignored."""

    def began(self, call: Call, context: Any) -> None:
        """A call has arrived; ``context`` is Lambda's, or None."""
        ...

    def ended(self, call: Call | None, report: Report) -> None:
        """It ended. ``call`` is None where what arrived was no call."""
        ...


class SilentObserver:
    """Tells nobody."""

    def began(self, call: Call, context: Any) -> None:
        """Do nothing."""

    def ended(self, call: Call | None, report: Report) -> None:
        """Do nothing."""


def frames(error: BaseException) -> tuple[str, ...]:
    """Where an error comes from: files, lines and functions, no source and no values."""
    cause = error.__cause__ or error
    found = deque(traceback.walk_tb(cause.__traceback__), maxlen=_MOST_FRAMES)
    codes = ((frame.f_code, line) for frame, line in found)
    return tuple(f"{code.co_filename}:{line} {code.co_name}" for code, line in codes)
