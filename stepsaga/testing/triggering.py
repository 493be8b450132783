"""A saga started by one of its triggers, on this machine: by the code that starts it deployed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from stepsaga.authoring import graph_of
from stepsaga.errors import UsageError
from stepsaga.recovery.triggers import EVENT, SCHEDULE, Starter, known_triggers

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepsaga.authoring import Saga
    from stepsaga.store.protocol import EventStore, StreamReader
    from stepsaga.testing.runner import SagaRun


@dataclass(frozen=True, slots=True)
class Occasion:
    """What triggers.

    Attributes:
        given: The event, or the body of a message or a request.
        by: The number of the trigger.
        key: The id of the message or of the request.
    """

    given: Any
    by: int
    key: str


def triggered(
    saga: type[Saga], occasion: Occasion, store: EventStore, run: Callable[[Any, str], SagaRun]
) -> SagaRun | None:
    """What a trigger starts, run to its end; see `SagaRunner.trigger`.

    Args:
        saga: Its class.
        occasion: What triggers.
        store: The events.
        run: Runs it, of an input and an id.
    """
    known = known_triggers(graph_of(saga))
    if not 0 <= occasion.by < len(known):
        text = f"{saga.__name__} has {len(known)} triggers, and no number {occasion.by}"
        raise UsageError(text)
    trigger, runs = known[occasion.by], _Runs(run)
    # Every store reads the first commit of a stream; the protocol of those that write asks less.
    starter = Starter(cast("StreamReader", store), runs)
    if trigger.kind in {EVENT, SCHEDULE}:
        starter.by_event(trigger, occasion.given)
    elif trigger.id or occasion.key:
        starter.by_input(trigger, occasion.given, occasion.key)
    else:
        raise UsageError(f"{trigger.what} takes its id from outside: give key=")
    return runs.done


class _Runs:
    """Step Functions that runs a saga to its end, and forgets it."""

    def __init__(self, run: Callable[[Any, str], SagaRun]) -> None:
        self.done: SagaRun | None = None
        self._run = run

    def start(self, saga: str, name: str, input: Any) -> bool:  # noqa: A002  # as Step Functions names it
        del saga
        self.done = self._run(input, name)
        return True

    def find(self, saga: str, name: str) -> None:
        del saga, name
