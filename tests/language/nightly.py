"""`make nightly`: thousands of sagas, each with every single fault.

Sagas have numbers. Seed and number make the same saga and the same runs each time, whatever the
range is and however many processes share it.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, TextIO

from tests.language.night import told_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.language.night import Told

    Work = Callable[[int, int], Told]

EVERY_SECONDS: Final = 30
"""How often it is said how far it is, where nobody watches."""


@dataclass
class Tally:
    """How far it is, and what was found.

    Attributes:
        seed: Of the sagas.
        first: The first saga's number.
        sagas: How many there are to be.
        children: How many each has at least.
        out: Where to say it.
        now: The clock, in seconds.
    """

    seed: int
    first: int
    sagas: int
    out: TextIO
    now: Callable[[], float] = time.monotonic
    children: int = 0
    done: int = 0
    runs: int = 0
    struck: int = 0
    idle: int = 0
    violations: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._began = self._said = self.now()

    def add(self, told: Told) -> None:
        """Add a saga. What was not true is said at once."""
        self.done += 1
        self.runs += told.runs
        self.struck += told.struck
        self.idle += told.idle
        if told.violation:
            self.violations.append(told.number)
            again = self._command(told.number, 1)
            self.say(f"saga {told.number}: not true:\n{told.violation}\nagain: {again}")
        self._progress()

    def end(self) -> int:
        """Say what was done, and how to go on. The exit code: 0 where all sagas are done, well."""
        self.say(
            f"{self.done:,} sagas (seed {self.seed}, from {self.first}), {self.runs:,} runs:"
            f" {self.struck:,} faults struck, {self.idle:,} can not strike;"
            f" {len(self.violations)} sagas broke a law; {_duration(self._elapsed)}"
        )
        for number in self.violations:
            self.say(f"again: {self._command(number, 1)}")
        if self._left:
            self.say(f"to go on: {self._command(self.first + self.done, self._left)}")
        return 1 if self.violations or self._left else 0

    def say(self, text: str) -> None:
        """Say something, on lines of its own."""
        clear = "\r\x1b[K" if self.out.isatty() else ""
        self.out.write(f"{clear}{text}\n")
        self.out.flush()

    def _command(self, first: int, sagas: int) -> str:
        """What runs these sagas again."""
        more = f" CHILDREN={self.children}" if self.children else ""
        return f"make nightly SEED={self.seed} FROM={first} SAGAS={sagas}{more}"

    @property
    def _left(self) -> int:
        return self.sagas - self.done

    @property
    def _elapsed(self) -> float:
        return self.now() - self._began

    def _progress(self) -> None:
        if self.out.isatty():
            self.out.write(f"\r\x1b[K{self}")
            self.out.flush()
        elif self.now() >= self._said + EVERY_SECONDS:
            self.say(str(self))
            self._said = self.now()

    def __str__(self) -> str:
        seconds = max(self._elapsed, 1e-9)
        return (
            f"{self.done:,} of {self.sagas:,} sagas, {self.runs:,} runs,"
            f" {self.runs / seconds:,.0f} runs/s, {len(self.violations)} broke a law,"
            f" {_duration(seconds / self.done * self._left)} left"
        )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def nightly(tally: Tally, workers: int, work: Work = told_of) -> int:
    """Run sagas, in the order of their numbers; an interrupt ends it, and what is done counts.

    Returns:
        The exit code: 0 where all sagas are done, and no law was broken.
    """
    numbers = range(tally.first, tally.first + tally.sagas)
    try:
        with _mapped(partial(work, tally.seed), numbers, workers) as all_told:
            for told in all_told:
                tally.add(told)
    except KeyboardInterrupt:
        tally.say("interrupted")
    return tally.end()


@contextmanager
def _mapped(
    work: Callable[[int], Told], numbers: Iterable[int], workers: int
) -> Iterator[Iterator[Told]]:
    """The results of all numbers, in their order, made by so many processes."""
    if workers == 1:
        yield map(work, numbers)
        return
    with ProcessPoolExecutor(workers, initializer=_prepare_worker) as pool:
        try:
            yield pool.map(work, numbers)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _prepare() -> None:
    # Runs leave cycles behind, and modules live for ever: less often is enough, and a sixth faster.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _prepare_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's business
    _prepare()


def main(arguments: list[str] | None = None) -> int:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="make nightly", description=__doc__)
    parser.add_argument("--sagas", type=int, default=2000, help="how many (SAGAS=2000)")
    parser.add_argument("--from", type=int, default=0, dest="first", help="from which (FROM=0)")
    parser.add_argument("--seed", type=int, default=0, help="of all of them (SEED=0)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--children", type=int, default=0, help="at least, of each (CHILDREN=0)")
    given = parser.parse_args(arguments)
    _prepare()
    tally = Tally(given.seed, given.first, given.sagas, sys.stdout, children=given.children)
    return nightly(tally, given.workers, partial(told_of, children=given.children))


if __name__ == "__main__":
    sys.exit(main())
