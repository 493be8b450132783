"""A saga started by one of its triggers, on this machine: by the code that starts it deployed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stepsaga.authoring import graph_of
from stepsaga.errors import UsageError
from stepsaga.recovery.triggers import EVENT, SCHEDULE, Starter, known_triggers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from stepsaga.authoring import Saga
    from stepsaga.store.commits import Commit
    from stepsaga.store.protocol import EventStore
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
    starter = Starter(_Reader(store), runs)
    if trigger.kind in {EVENT, SCHEDULE}:
        starter.by_event(trigger, occasion.given)
    elif trigger.id or occasion.key:
        starter.by_input(trigger, occasion.given, occasion.key)
    else:
        raise UsageError(f"{trigger.what} takes its id from outside: give key=")
    return runs.done


class _Reader:
    """Any event store, as `stepsaga.store.protocol.StreamReader`."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    def first(self, stream_id: str) -> Commit | None:
        return next(iter(self._store.read(stream_id)), None)

    def read(self, stream_id: str, prefix: str = "") -> Iterator[Commit]:
        return self._store.read(stream_id, prefix)

    def get_definition(self, fingerprint: str) -> Mapping[str, Any] | None:
        return self._store.get_definition(fingerprint)


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
