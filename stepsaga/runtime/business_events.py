"""What a call does that waits for a business event, and what becomes of it without one.

It is a question that nobody is asked: its token is recorded, then it is said in the event's stream
who waits, then it is looked what has come (`stepsaga.runtime.event_stream`). What comes later, the
router brings (`stepsaga.runtime.event_router`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from stepsaga.errors import Rejected, StepFailedForGood
from stepsaga.runtime import event_stream
from stepsaga.runtime.flows import Reply, Work, refuse_if_pointless
from stepsaga.runtime.handling import Invalid, Refused, results_of
from stepsaga.runtime.questions import ASKED, decide, reject, tell
from stepsaga.runtime.stored import room_for
from stepsaga.runtime.texts import class_text, cut
from stepsaga.runtime.values import Unfit
from stepsaga.store.saga_events import EventAwaited
from stepsaga.store.slots import iso

if TYPE_CHECKING:
    from stepsaga.store.commits import Commit

PARTICIPANT: Final = __name__
"""The participant whose function waits for events, and routes them: one of ours."""
KEY: Final = "key"
"""What ``takes`` calls the key."""
UNFIT: Final = "EventUnfit"
"""What a step is rejected with that has waited for an event which its saga cannot hold."""
_MARGIN: Final = timedelta(minutes=5)
"""Between the end of a Task's time, and that after which nobody looks for who waits there."""


def await_event(work: Work) -> Reply:
    """Wait for an event, unless one has come that counts: then the Task is told it."""
    call, journal = work.call, work.journal
    try:
        refuse_if_pointless(work)
        wait = _wait(work)
    except Refused as refusal:
        return reject(work, refusal, class_text(Rejected), str(refusal))
    token = journal.ask(call.secret, event_stream.record_of(wait))
    event_stream.put_waiting(journal.store, wait, token)
    # Whoever came in the meantime may have found an earlier token only.
    if call.again and (stored := journal.get(call.slot)):
        return tell(work, stored)
    try:
        found = _take_what_came(work, wait, token)
    except Unfit as unfit:
        raise StepFailedForGood(work.handling.text(str(unfit))) from unfit
    return tell(work, found) if found else Reply(None, ASKED)


def look_again(work: Work) -> Reply:
    """Decide what counts where the time is up: an event that has come before somebody looked.

    Only then what the step's author wants to count without one, as for any question.
    """
    stored, tokens = work.journal.answer(work.call.slot)
    wait = event_stream.awaited_in(tokens[-1]) if tokens else None
    if stored is None and wait is not None:
        try:
            stored = _take_what_came(work, wait, tokens[-1])
        except Unfit as unfit:
            stored = work.journal.reject(UNFIT, cut(work.handling.redacted(str(unfit))))
    return decide(work, stored, asked=bool(tokens))


def _take_what_came(work: Work, wait: EventAwaited, token: Commit) -> Commit | None:
    """What the slot holds after the event was put there that counts; None where none has come."""
    store = work.journal.store
    found = event_stream.held(store, event_stream.stream_for(wait))
    arrived = event_stream.first_for(store, found, wait)
    if arrived is None:
        return None
    return event_stream.take(store, wait, arrived, token, work.journal.now())


def _wait(work: Work) -> EventAwaited:
    """Who waits, and for what.

    Raises:
        Refused: The key is not there, or is none.
    """
    call, event = work.call, work.call.event
    assert event is not None  # noqa: S101  # for mypy
    key = work.handling.taken(KEY, results_of(call, work.objects))
    if not isinstance(key, str | int) or isinstance(key, bool):
        raise Invalid(f"{KEY}: a text or a whole number is needed to tell whose {event.name} it is")
    room = room_for(call)
    return EventAwaited(
        stream=call.stream,
        slot=call.address(call.slot),
        step=call.step,
        source=event.source,
        event=event.name,
        by=".".join(event.by),
        key=key,
        since=iso(call.started - timedelta(seconds=event.since)),
        until=iso(work.journal.now() + timedelta(seconds=event.seconds) + _MARGIN),
        room=room.fair,
        most=room.most,
        inline=call.inline,
        lists=call.most,
    )
