"""Retriers: which one takes an error, how often, after how long.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random

    from stepsaga.engines.simulator.errors import StateError

_LONGEST_SECONDS: Final = 31_622_400
"""No pause is longer: the largest ``MaxDelaySeconds``, and over the year of an execution."""


@dataclass(frozen=True, slots=True)
class Retrier:
    """One retrier. ``attempts`` counts those after the first; ``longest`` caps a pause."""

    errors: tuple[str, ...]
    interval: int = 1
    attempts: int = 3
    backoff: float = 2.0
    longest: int | None = None
    jitter: bool = False

    def seconds(self, made: int) -> float:
        """The pause before the next attempt when ``made`` retries were made, without jitter."""
        top = float(self.longest if self.longest is not None else _LONGEST_SECONDS)
        try:
            return min(self.interval * self.backoff**made, top)
        except OverflowError:
            return top

    def pause(self, made: int, random: Random) -> timedelta:
        """The pause, in whole milliseconds; with jitter anything from nothing to the whole."""
        seconds = self.seconds(made)
        if self.jitter:
            seconds = random.uniform(0, seconds)
        return timedelta(milliseconds=math.ceil(seconds * 1000))


class Retries:
    """The retries of one visit of a state: every retrier counts for itself."""

    def __init__(self, retriers: tuple[Retrier, ...]) -> None:
        self._retriers = retriers
        self._made = [0] * len(retriers)

    @property
    def count(self) -> int:
        """All retries so far: ``$$.State.RetryCount``."""
        return sum(self._made)

    def pause(self, error: StateError, random: Random) -> timedelta | None:
        """How long to wait before trying again; None where the error is not retried any more.

        Only the first retrier that matches is asked, also when it is exhausted.
        """
        for index, retrier in enumerate(self._retriers):
            if error.matched_by(retrier.errors):
                made = self._made[index]
                if made >= retrier.attempts:
                    return None
                self._made[index] += 1
                return retrier.pause(made, random)
        return None
