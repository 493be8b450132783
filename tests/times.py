"""What happens later in a run, by the clock of its engine: a virtual one, or this computer's."""

from __future__ import annotations

from datetime import timedelta
from threading import Timer
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepsaga.engines.simulator import Simulator


class Time(Protocol):
    """What happens later in one run."""

    def later(self, seconds: float, do: Callable[[], None]) -> None:
        """Let something happen after a while."""

    def settle(self) -> None:
        """Let all of it happen, and what that lets happen."""


class VirtualTime:
    """What happens later on a simulator's clock."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def later(self, seconds: float, do: Callable[[], None]) -> None:
        """Let the clock do it."""
        self._simulator.clock.after(timedelta(seconds=seconds), do)

    def settle(self) -> None:
        """Let the simulator come to rest."""
        self._simulator.settle()


class RealTime:
    """What happens later on this computer's clock."""

    def __init__(self) -> None:
        self._timers: list[Timer] = []

    def later(self, seconds: float, do: Callable[[], None]) -> None:
        """Let a thread do it."""
        timer = Timer(seconds, do)
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def settle(self) -> None:
        """Wait for the threads."""
        for timer in self._timers:  # grows while it is read
            timer.join()
