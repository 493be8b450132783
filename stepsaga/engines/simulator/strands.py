"""Strands: the processes of an execution that run side by side, such as the branches of a Parallel.

A process is a generator. It yields what the history shall record, what it waits for, and other
processes to begin; who drives it is told by `Strand` when it is over.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from stepsaga.engines.simulator.clock import Signal
from stepsaga.engines.simulator.errors import StateError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Record:
    """What the history shall record."""

    type: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Spawn:
    """A process that shall run beside the one that yields it. It begins when that one waits.

    Attributes:
        process: The process.
        ended: Told, once, that it is over: how it failed, or None.
    """

    process: Process
    ended: Callable[[StateError | None], None]


Step = Record | Signal | Spawn
"""What a process yields. It is sent the `HistoryEvent`, the signal's value, or the `Strand`."""

Process = Generator[Step, Any, None]


class Strand:
    """A process on its way. A strand that was closed does nothing any more, and ends nothing."""

    def __init__(self, process: Process, ended: Callable[[StateError | None], None]) -> None:
        self._process = process
        self._ended = ended
        self.open = True

    def next(self, value: Any) -> Step | None:
        """Go on with what it waited for; None where it is over, and whoever waited knows it."""
        try:
            return self._process.send(value)
        except StopIteration:
            self._end(None)
        except StateError as error:
            self._end(error)
        return None

    def close(self) -> None:
        """Stop it where it stands."""
        self.open = False
        self._process.close()

    def _end(self, error: StateError | None) -> None:
        self.open = False
        self._ended(error)


class Inbox(Generic[T]):
    """What a process is told by others, in order."""

    def __init__(self) -> None:
        self._waiting: deque[T] = deque()
        self._signal = Signal()

    def put(self, item: T) -> None:
        """Tell it."""
        self._waiting.append(item)
        self._signal.fire()

    def next(self) -> Generator[Step, Any, T]:
        """Wait for the next thing that is told."""
        while not self._waiting:
            self._signal = Signal()
            yield self._signal
        return self._waiting.popleft()
