"""Task tokens: given out with a call, answered by anybody, whenever.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from stepsaga.engines.jsontext import dump, fits
from stepsaga.engines.simulator.clock import Signal
from stepsaga.engines.simulator.errors import TIMEOUT, StateError, missed_heartbeat
from stepsaga.engines.simulator.world import Document
from stepsaga.errors import EngineError, TaskTimedOut

if TYPE_CHECKING:
    from random import Random

    from stepsaga.engines.simulator.clock import Timer, VirtualClock


class TaskToken:
    """The token of one attempt of a Task.

    Attributes:
        text: What is given out.
        is_open: Whether it can still be answered.
        answer: Fires with what was sent: a `Document`, or a `StateError`.
        over: Fires after ``answer``.
    """

    def __init__(self, text: str, clock: VirtualClock) -> None:
        self.text = text
        self.is_open = True
        self.answer = Signal()
        self.over = Signal()
        self._clock = clock
        self._pause: timedelta | None = None
        self._timer: Timer | None = None

    def send(self, answer: Document | StateError) -> None:
        """Answer it. The Task hears of it when whatever sends it is done, at the same time."""
        self.close()
        self._clock.at(self._clock.now(), partial(self._tell, answer))

    def time_out(self) -> None:
        """The Task's time is over."""
        self._miss(StateError(TIMEOUT))

    def expect_heartbeats(self, seconds: int | None) -> None:
        """From now on so many seconds must not pass without one; None for as many as there are."""
        if seconds is not None and self.is_open:
            self._pause = timedelta(seconds=seconds)
            self.beat()

    def beat(self) -> None:
        """A heartbeat has come."""
        if self._timer is not None:
            self._timer.cancel()
        if self._pause is not None:
            self._timer = self._clock.after(self._pause, partial(self._miss, missed_heartbeat()))

    def close(self) -> None:
        """It cannot be answered any more."""
        self.is_open = False
        if self._timer is not None:
            self._timer.cancel()

    def _miss(self, error: StateError) -> None:
        if self.is_open:
            self.close()
            self._tell(error)

    def _tell(self, answer: Document | StateError) -> None:
        self.answer.fire(answer)
        self.over.fire()


class Tokens:
    """All tokens that were given out.

    Args:
        clock: When heartbeats are missed.
        random: What tokens are made of.
    """

    def __init__(self, clock: VirtualClock, random: Random) -> None:
        self._clock = clock
        self._random = random
        self._issued: dict[str, TaskToken] = {}

    def issue(self) -> TaskToken:
        """A new token."""
        text = str(UUID(int=self._random.getrandbits(128), version=4))
        token = self._issued[text] = TaskToken(text, self._clock)
        return token

    def succeed(self, text: str, output: Any) -> None:
        """SendTaskSuccess."""
        try:
            document = Document(output, dump(output))
        except (TypeError, ValueError) as error:
            raise EngineError(f"InvalidOutput: the output is no JSON: {error}") from error
        if not fits(document.text):
            raise EngineError("InvalidOutput: the output is over 262144 bytes")
        self._open(text).send(document)

    def fail(self, text: str, error: str | None, cause: str | None) -> None:
        """SendTaskFailure."""
        self._open(text).send(StateError(error, cause))

    def heartbeat(self, text: str) -> None:
        """SendTaskHeartbeat."""
        self._open(text).beat()

    def _open(self, text: str) -> TaskToken:
        if text not in self._issued:
            raise EngineError(f"InvalidToken: Invalid Token: no Task was given {text!r}")
        token = self._issued[text]
        if not token.is_open:
            raise TaskTimedOut(
                f"TaskTimedOut: the Task of {text!r} was answered, or its time is over, or it was"
                " stopped"
            )
        return token
