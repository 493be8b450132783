"""A business event's stream: the events that have come, and who waits for one.

It stands beside those of sagas: one for each kind of event, field, and key. Whoever waits puts that
there, then reads what has come; whoever has an event puts it there, then reads who waits. So one of
the two sees the other, whatever the order; and what they find goes into a slot, written once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from stepsaga.runtime.generations import has_ended
from stepsaga.runtime.handling import refuse_long_lists
from stepsaga.runtime.journal import TOKEN, event_of
from stepsaga.runtime.stored import Room, adopted_form
from stepsaga.store.commits import Commit, Outcome
from stepsaga.store.saga_events import (
    EventArrived,
    EventAwaited,
    EventTaken,
    SagaStarted,
    StepCompleted,
)
from stepsaga.store.slots import events_of, iso, key_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from stepsaga.store.commits import EventRecord
    from stepsaga.store.protocol import EventStore, StreamReader

ARRIVED: Final = "event"
"""What the slots of events begin with; then comes EventBridge's id."""
WAITING: Final = "waits"
"""What the slots of those begin with who wait; then come stream, slot, and attempt."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A business event that has come.

    Attributes:
        id: EventBridge's id of it.
        name: Its detail type.
        at: When it was recorded, ISO 8601; that is its arrival.
        form: The form of its detail.
        commit_id: Of its commit.
    """

    id: str
    name: str
    at: str
    form: Any
    commit_id: str


@dataclass(frozen=True, slots=True)
class Held:
    """What one event's stream holds.

    Attributes:
        arrived: The events, the earliest first.
        waiting: Who waits, or has waited: the latest attempt of each.
    """

    arrived: tuple[Arrived, ...]
    waiting: tuple[EventAwaited, ...]


def stream_for(wait: EventAwaited) -> str:
    """The stream in which the event comes that somebody waits for."""
    return events_of(wait.source, wait.event, wait.by, wait.key)


def record_of(wait: EventAwaited) -> EventRecord:
    """The event that says who waits, as it is stored."""
    return event_of(EventAwaited, **wait.model_dump(mode="json"))


def put_waiting(store: EventStore, wait: EventAwaited, token: Commit) -> None:
    """Say in the event's stream who waits.

    Args:
        store: The event store.
        wait: Who.
        token: The commit that has the token, which is there before.
    """
    stream, attempt = stream_for(wait), token.slot.rpartition("/")[2]
    slot = f"{WAITING}/{wait.stream}/{wait.slot}/{attempt}"
    commit = replace(
        token,
        stream_id=stream,
        slot=slot,
        outcome=Outcome.WAITS,
        events=(record_of(wait),),
        commit_id=key_of(stream, slot),
        causation_id=token.commit_id,
    )
    store.append(commit)


def put_arrived(store: EventStore, stream: str, event: EventArrived, now: datetime) -> None:
    """Keep an event in its stream. Again is the same as once: the first time counts."""
    slot = f"{ARRIVED}/{event.id}"
    commit = Commit(
        stream_id=stream,
        slot=slot,
        outcome=Outcome.KEPT,
        events=(event_of(EventArrived, **event.model_dump(mode="json")),),
        commit_id=key_of(stream, slot),
        correlation_id=event.id,
        causation_id=event.id,
        recorded_at=iso(now),
        attempt=0,
        fingerprint="",
    )
    store.append(commit)


def held(store: EventStore | StreamReader, stream: str) -> Held:
    """What a stream holds: one query, strongly consistent."""
    arrived: list[Arrived] = []
    waiting: dict[tuple[str, str], EventAwaited] = {}
    for commit in store.read(stream):
        for event in commit.events:
            if event.type == EventArrived.__name__:
                arrived.append(_arrived(commit, event.data))
            elif event.type == EventAwaited.__name__:
                wait = EventAwaited.model_validate(event.data)
                waiting[wait.stream, wait.slot] = wait  # the latest attempt comes last
    return Held(tuple(sorted(arrived, key=lambda one: (one.at, one.id))), tuple(waiting.values()))


def _arrived(commit: Commit, data: Any) -> Arrived:
    return Arrived(data["id"], data["event"], commit.recorded_at, data["detail"], commit.commit_id)


def awaited_in(commit: Commit) -> EventAwaited | None:
    """What a commit says that somebody waits for; None for one that says no such thing."""
    for event in commit.events:
        if event.type == EventAwaited.__name__:
            return EventAwaited.model_validate(event.data)
    return None


def taken_in(commit: Commit | None) -> str | None:
    """The id of the event that a slot's commit has taken; None where it has taken none."""
    events = commit.events if commit else ()
    return next((e.data["id"] for e in events if e.type == EventTaken.__name__), None)


def first_for(store: EventStore, found: Held, wait: EventAwaited) -> Arrived | None:
    """The earliest event that counts for a wait, and that no wait before it has taken.

    Those before it, in its run, have come to their end before it began, so that there is no race.
    Waits in lanes beside it are not before it: they all get the same event.
    """
    before = [
        one.slot
        for one in found.waiting
        if one.stream == wait.stream and is_before(one.slot, wait.slot)
    ]
    ids = {one.id for one in found.arrived if one.at >= wait.since}
    taken = {taken_in(store.get(wait.stream, slot)) for slot in before} if ids else set()
    return next((one for one in found.arrived if one.id in ids - taken), None)


def is_before(slot: str, other: str) -> bool:
    """Whether one step of a run has come to its end before another begins, as their slots tell.

    Slots are numbers in the order of the steps; of a fork, its own, a lane's index, and so on.
    """
    pairs = zip_longest(slot.split("/"), other.split("/"), fillvalue="")
    for number, (left, right) in enumerate(pairs):
        if left != right:
            # The run comes first, so that indices of lanes have even numbers.
            return number % 2 == 1 and left < right
    return False


def take(
    store: EventStore, wait: EventAwaited, arrived: Arrived, token: Commit, now: datetime
) -> Commit:
    """Put an event into the slot of who waits for it; return what the slot holds.

    Args:
        store: The event store.
        wait: Who waits.
        arrived: The event.
        token: A commit of the wait's: it can be the saga's first, so that it says how it began.
        now: When that is.

    Raises:
        Unfit: The saga's document has no room for it, or a list in it is too long.
        StoreError: It has to go to the bucket, and cannot be put there.
    """
    refuse_long_lists(arrived.form, wait.lists, wait.event)
    room, objects = Room(wait.most, wait.room), store.objects
    form = adopted_form(arrived.form, room, objects, inline=wait.inline, what="the event")
    began = [event for event in token.events if event.type == SagaStarted.__name__]
    taken = {"step": wait.step, "event": wait.event, "id": arrived.id, "arrived": arrived.at}
    commit = replace(
        token,
        slot=wait.slot,
        outcome=Outcome.RESULT,
        events=(
            *began,
            event_of(StepCompleted, step=wait.step, value=form),
            event_of(EventTaken, **taken),
        ),
        commit_id=key_of(wait.stream, wait.slot),
        causation_id=token.causation_id if began else arrived.commit_id,
        recorded_at=iso(now),
    )
    return store.append(commit)


def tokens_of(store: EventStore, wait: EventAwaited) -> list[Commit]:
    """The commits of all attempts that have waited, the latest last."""
    return list(store.read(wait.stream, f"{wait.slot}/{TOKEN}/"))


def is_over(store: EventStore, wait: EventAwaited) -> bool:
    """Whether the saga of a wait has ended, or is being undone: nothing is brought to it any more.

    Asked of the run that its slot names.
    """
    return has_ended(store, wait.stream, wait.slot.partition("/")[0])


def open_waits(found: Held, now: datetime) -> Iterable[EventAwaited]:
    """Those who may wait at this time."""
    return (one for one in found.waiting if one.until >= iso(now))
