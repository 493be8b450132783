"""The router of business events: each is kept, and brought to whoever waits for it.

It may be called twice with the same event, late, or several times at once, and may die at any line:
to take an event again is always right. What a saga has taken is in its own stream, so whatever is
there is told again, and nothing is decided twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from stepsaga.errors import StepFailedForGood
from stepsaga.runtime import event_stream
from stepsaga.runtime.journal import value_of
from stepsaga.runtime.stored import told_apart
from stepsaga.runtime.texts import cut, describe
from stepsaga.runtime.values import JsonType, Unfit
from stepsaga.store.commits import Outcome
from stepsaga.store.saga_events import EventArrived, StepAsked
from stepsaga.store.slots import events_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from stepsaga.runtime.answers import Answers
    from stepsaga.store.commits import Commit
    from stepsaga.store.protocol import EventStore
    from stepsaga.store.saga_events import EventAwaited

LONGEST_ID: Final = 256
"""Characters of an event's id; EventBridge's have 36."""


class NoSuchEventError(Exception):
    """What was delivered is no event that sagas wait for; says why, without values."""


@dataclass(frozen=True, slots=True)
class Routed:
    """A kind of event that sagas wait for.

    Attributes:
        source, name: The event's source, and its detail type.
        model: The type of its detail as ``module:qualname``.
        by: The fields by which it is waited for: keys, as they are written.
    """

    source: str
    name: str
    model: str
    by: tuple[tuple[str, ...], ...]


class EventRouter:
    """Keeps events, and brings them to whoever waits.

    Args:
        events: What sagas wait for.
        store: The event store.
        answers: How Tasks that wait are told.
        now: The clock, aware.
    """

    def __init__(
        self,
        events: Iterable[Routed],
        store: EventStore,
        answers: Answers,
        now: Callable[[], datetime],
    ) -> None:
        self._events = {(one.source, one.name): one for one in events}
        self._store = store
        self._answers = answers
        self._now = now

    def take(self, event: Any) -> None:
        """Take an event as EventBridge delivers it.

        https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html

        Raises:
            NoSuchEventError: It is none that sagas wait for, or does not fit its model.
            StoreError, StepFailed: What could not be done. To take it again is always right.
        """
        arrived, routed = self._read(event)
        for by in routed.by:
            key = _key_at(arrived.detail, by)
            stream = events_of(arrived.source, arrived.event, ".".join(by), key)
            kept = arrived.model_copy(update={"detail": told_apart(arrived.detail)})
            event_stream.put_arrived(self._store, stream, kept, self._now())
            self._bring(stream)

    def _read(self, event: Any) -> tuple[EventArrived, Routed]:
        match event:
            case {"id": str(id_), "source": str(source), "detail-type": str(name), **more}:
                pass
            case _:
                raise NoSuchEventError("it is no event: it has no id, source and detail-type")
        routed = self._events.get((source, name))
        if routed is None:
            raise NoSuchEventError(f"no saga waits for {name} of {source}")
        if not 0 < len(id_) <= LONGEST_ID or "/" in id_:
            raise NoSuchEventError(f"{name}: its id is none of EventBridge's")
        try:
            model = _type_named(routed.model)
        except Exception as error:
            # The deployment is wrong, not the event: it comes again.
            raise StepFailedForGood(f"the model {routed.model}: {describe(error)}") from error
        try:
            detail = model.write(model.read(name, more.get("detail")), name)
        except Unfit as unfit:
            raise NoSuchEventError(str(unfit)) from None
        time = str(more.get("time", ""))
        return EventArrived(id=id_, source=source, event=name, time=time, detail=detail), routed

    def _bring(self, stream: str) -> None:
        """Give everybody who waits what counts for them; then tell them, and those before, again.

        All slots first. Where there are more than one invocation can tell, the next one goes on:
        nothing says who was told, so each begins at another place. One of them that cannot be told
        holds up no other.

        Raises:
            Exception: The first of what went wrong, after all others were told.
        """
        found = event_stream.held(self._store, stream)
        failures: list[Exception] = []
        given: list[tuple[EventAwaited, Commit]] = []
        for wait in event_stream.open_waits(found, self._now()):
            with _kept(failures):
                if stored := self._give(found, wait):
                    given.append((wait, stored))
        start = int(self._now().timestamp() * 1000) % len(given) if given else 0
        for wait, stored in given[start:] + given[:start]:
            with _kept(failures):
                self._answers.success(self._token(wait), {"value": value_of(stored)})
        if failures:
            raise failures[0]

    def _give(self, found: event_stream.Held, wait: EventAwaited) -> Commit | None:
        """What a wait's slot holds of an event; None where it holds none."""
        stored = self._store.get(wait.stream, wait.slot)
        if stored is None:
            arrived = event_stream.first_for(self._store, found, wait)
            if arrived is None or event_stream.is_over(self._store, wait):
                return None
            tokens = event_stream.tokens_of(self._store, wait)
            try:
                stored = event_stream.take(self._store, wait, arrived, tokens[-1], self._now())
            except Unfit as unfit:
                error, cause = StepFailedForGood.__name__, f"{wait.step}: {unfit}"
                self._answers.failure(_token_in(tokens[-1]), error, cut(cause))
                return None
        of_an_event = stored.outcome is Outcome.RESULT and event_stream.taken_in(stored)
        return stored if of_an_event else None

    def _token(self, wait: EventAwaited) -> str:
        """The latest, read after what is told is there: who comes later finds it himself."""
        return _token_in(event_stream.tokens_of(self._store, wait)[-1])


@contextmanager
def _kept(failures: list[Exception]) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001  # it is raised when the others are through
        failures.append(error)


def _token_in(commit: Commit) -> str:
    return str(next(e.data["token"] for e in commit.events if e.type == StepAsked.__name__))


def _key_at(detail: Any, by: Iterable[str]) -> str | int:
    """What a field has, which is checked where the saga is written.

    Raises:
        NoSuchEventError: The field is not there, or is no key.
    """
    value = detail
    for key in by:
        value = value.get(key) if isinstance(value, Mapping) else None
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise NoSuchEventError(f"{'.'.join(by)} is no text and no whole number")
    return value


@lru_cache(maxsize=256)
def _type_named(reference: str) -> JsonType:
    module, _, name = reference.partition(":")
    return JsonType(attrgetter(name)(import_module(module)))
