"""The end of a call's time (rule 23): no invocation outlives the start of its undoing."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType


class KernelTimer:
    """Ends this process when the time is up, whatever it is doing.

    The kernel keeps the time and kills by SIGALRM's default action, so that a handler ends as well
    which is stuck in C code, holds the interpreter's lock or swallows every exception. Lambda
    reports ``Runtime.ExitError`` and starts a new process for the next call. Handlers must not use
    SIGALRM or ``setitimer`` themselves.

    Args:
        seconds: From entering the context. Leaving it disarms the timer: a warm process does not
            inherit it.

    Raises:
        ValueError: On entering outside the main thread, where signals cannot be set.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        # An imported library may have installed a handler or blocked the signal.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
        signal.setitimer(signal.ITIMER_REAL, self._seconds)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)


class NoTimer:
    """For engines that run calls in their own process and keep time themselves."""

    def __init__(self, seconds: float) -> None:
        pass

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass
