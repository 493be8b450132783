"""Virtual time: what is to happen, in order. Nothing here waits."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from stepsaga.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(order=True, slots=True)
class Timer:
    """Something that is to happen; at the same moment, what was asked for first comes first."""

    when: datetime
    number: int
    action: Callable[[], None] | None = field(compare=False)

    def cancel(self) -> None:
        """It shall not happen. Again is the same as once."""
        self.action = None


class VirtualClock:
    """A clock that jumps to the next thing to do. Times are UTC, in whole milliseconds.

    Raises:
        UsageError: The start has no time zone.
    """

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise UsageError(f"the clock's start needs a time zone, got: {start.isoformat()}")
        start = start.astimezone(UTC)
        self._now = start.replace(microsecond=start.microsecond // 1000 * 1000)
        self._timers: list[Timer] = []
        self._number = 0

    def now(self) -> datetime:
        """The virtual time."""
        return self._now

    def at(self, when: datetime, action: Callable[[], None]) -> Timer:
        """Let something happen at a time; what is past happens next."""
        self._number += 1
        timer = Timer(max(when, self._now), self._number, action)
        heapq.heappush(self._timers, timer)
        return timer

    def after(self, pause: timedelta, action: Callable[[], None]) -> Timer:
        """Let something happen after a while."""
        return self.at(self._now + pause, action)

    def step(self, until: datetime | None = None) -> bool:
        """Do the next thing, unless it is due later than ``until``; False when there is none."""
        while self._timers:
            timer = self._timers[0]
            if timer.action is not None and until is not None and timer.when > until:
                return False
            heapq.heappop(self._timers)
            if timer.action is not None:
                self._now = timer.when
                timer.action()
                return True
        return False

    def advance(self, duration: timedelta) -> None:
        """Let a time pass, and happen what is due in it."""
        end = self._now + duration
        while self.step(until=end):
            pass
        self._now = max(self._now, end)


class Signal:
    """What an execution waits for. It fires once; whatever fires it later is ignored."""

    __slots__ = ("_listener", "fired", "value")

    def __init__(self) -> None:
        self.fired = False
        self.value: Any = None
        self._listener: Callable[[Any], None] | None = None

    def fire(self, value: Any = None) -> None:
        """Tell whoever listens."""
        if self.fired:
            return
        self.fired, self.value = True, value
        if self._listener is not None:
            self._listener(value)

    def listen(self, listener: Callable[[Any], None]) -> None:
        """Be told, once."""
        self._listener = listener
