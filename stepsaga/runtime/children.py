"""What a call does that starts another saga, or has it undone, and waits for its end (rule 28).

Nobody watches a child. Who waits for it stands beside its stream, before it is started; and whoever
hears of its end looks there, puts what it came to into the parent's slot, and then tells the Task.
The Task's token is in the stream before all that, so that whoever tells finds it, or the call that
puts the next one finds what there is to tell.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from stepsaga.errors import Fenced, Rejected, StepFailed
from stepsaga.limits import DISPATCH_SECONDS
from stepsaga.runtime.flows import (
    ADOPTED,
    NOTHING,
    Reply,
    Work,
    fenced,
    refuse_if_pointless,
    reject,
)
from stepsaga.runtime.handling import Invalid, Refused, results_of
from stepsaga.runtime.journal import rejection_of, value_of
from stepsaga.runtime.stored import room_for
from stepsaga.runtime.texts import class_text
from stepsaga.store.commits import Outcome
from stepsaga.store.saga_events import ChildLinked
from stepsaga.store.slots import moment_of

if TYPE_CHECKING:
    from stepsaga.runtime.journal import Slot
    from stepsaga.store.commits import Commit

STARTED: Final = "started"
"""The slot that says whose child a saga is; sealed where it must never be started."""
UNDONE: Final = "undone"
"""The slot that says which compensation waits for its undoing."""
BEGUN: Final = "begun"
PARTICIPANT: Final = __name__
"""The participant whose function starts children, and has them undone: one of ours."""


class Children(Protocol):
    """Starts and undoes sagas that are children of others.

    Every method raises `StepFailed` where it could not be done: again is always right.
    """

    def start(self, saga: str, name: str, input: Any, *, again: bool) -> bool:  # noqa: A002  # as Step Functions names it
        """Start a saga under a name; say whether it runs: one that was there may have ended.

        Args:
            saga: The saga.
            name: Its id.
            input: JSON values.
            again: Whether it may have been started before.
        """
        ...

    def undo(self, saga: str, name: str, why: str) -> bool:
        """See to it that a saga is undone, whatever it does now; False: there is no such saga."""
        ...

    def settle(self, stream_id: str) -> None:
        """Tell whoever waits for a child what it came to, if it has come to its end."""
        ...


class NoChildren:
    """Where no saga can be started."""

    def start(self, saga: str, name: str, input: Any, *, again: bool) -> bool:  # noqa: A002  # as above
        """Refuse.

        Raises:
            StepFailed: Always; the other calls do so, too.
        """
        del name, input, again
        raise StepFailed(f"nothing here can start {saga}: pass `children` to the Runtime")

    def undo(self, saga: str, name: str, why: str) -> bool:
        """Refuse."""
        del name, why
        raise StepFailed(f"nothing here can undo {saga}: pass `children` to the Runtime")

    def settle(self, stream_id: str) -> None:
        """Refuse."""
        raise StepFailed(f"nothing here can look at {stream_id}: pass `children` to the Runtime")


# Forward


def start_child(work: Work) -> Reply:
    """Start the step's child, unless it is decided what it came to: then the Task is told that."""
    call, journal = work.call, work.journal
    if call.again and (stored := journal.get(call.slot)):
        return _tell(work, stored)
    try:
        refuse_if_pointless(work)
        value = work.handling.child_input(results_of(call, work.objects))
    except Refused as refusal:
        # A child that an earlier attempt has started may have done something; and nobody starts
        # one any more to whom the same call was delivered as well, a moment earlier.
        sure = isinstance(refusal, Invalid) or (
            not call.again and journal.close_link(STARTED).outcome is Outcome.SEALED
        )
        said = class_text(Rejected), str(refusal)
        return _tell(work, reject(work, refusal, said, sure=sure))
    journal.wait_for(call.child_stream, call.secret)
    link = journal.link(STARTED, _linked(work, call.slot))
    if link.outcome is Outcome.SEALED:
        raise Fenced(work.handling.text("its undoing has begun: the child is not started any more"))
    # Who has not put the link himself may come after the undoing that found it.
    first = not call.again and journal.is_own(link)
    if not first and (stored := journal.get(call.slot)):
        return _tell(work, stored)
    _refuse_if_over(work)
    assert call.child is not None  # noqa: S101  # for mypy
    runs = work.children.start(call.child.saga, call.child_name, value, again=not first)
    if not (first and runs):
        work.children.settle(call.child_stream)
    return Reply(None, BEGUN)


def _refuse_if_over(work: Work) -> None:
    """Start nothing after the call's time: whoever undoes it counts on that (`undo_child`).

    Raises:
        StepFailed: The time is up, and the process should have been ended.
    """
    if work.journal.now() > work.arrived + timedelta(seconds=work.call.seconds):
        raise StepFailed(work.handling.text("its time is up: the child is not started any more"))


def _linked(work: Work, slot: Slot) -> ChildLinked:
    call, room = work.call, room_for(work.call)
    return ChildLinked(
        stream=call.stream,
        slot=call.address(slot),
        step=call.step,
        execution=call.execution.id,
        result=call.child.result if call.child else "",
        room=room.fair,
        most=room.most,
        inline=call.inline,
    )


def _tell(work: Work, stored: Commit) -> Reply:
    if stored.outcome is Outcome.RESULT:
        work.answers.success(work.call.secret, {"value": value_of(stored)})
        return Reply(None, ADOPTED)
    if stored.outcome is Outcome.REJECTED:
        # It is clean whatever the attempt: the child itself says that it has undone all it did.
        raise Rejected(work.handling.text(*rejection_of(stored)))
    raise fenced(work, stored)


# Backwards


def undo_child(work: Work) -> Reply:
    """Have the step's child undone, whatever became of it, and wait until it is."""
    call, journal = work.call, work.journal
    undone = call.undoes or ()
    if stored := journal.get(call.slot):
        return _compensated(work, stored, ADOPTED)
    found = journal.get(undone) or journal.seal(undone)
    if found.outcome is Outcome.REJECTED:
        return _nothing(work, undone)
    journal.wait_for(call.child_stream, call.secret)
    link = journal.close_link(STARTED)
    if link.outcome is Outcome.SEALED:
        return _nothing(work, undone)
    linked = ChildLinked(
        stream=call.stream,
        slot=call.address(call.slot),
        step=call.step,
        execution=call.execution.id,
        undoes=call.address(undone),
    )
    journal.link(UNDONE, linked)
    assert call.child is not None  # noqa: S101  # for mypy
    why = f"{call.stream} is undone, whose child it is"
    if not work.children.undo(call.child.saga, call.child_name, why):
        _refuse_if_it_may_start(work, undone)
        return _nothing(work, undone)
    return Reply(None, BEGUN)


def _refuse_if_it_may_start(work: Work, undone: Slot) -> None:
    """Nobody has started the child. Who has said that he would may be about to.

    Raises:
        StepFailed: It is too early to tell; a retry looks again.
    """
    last = max((moment_of(one.recorded_at) for one in work.journal.tokens(undone)), default=None)
    if last is None:
        return
    # One invocation may come in as late as its Task's time allows, and has its own time then.
    over = last + timedelta(seconds=2 * (work.call.seconds + DISPATCH_SECONDS))
    if work.arrived <= over:
        text = f"an invocation that was to start {work.call.child_stream} may run until"
        raise StepFailed(work.handling.text(f"{text} {over.isoformat(timespec='seconds')}"))


def _nothing(work: Work, undone: Slot) -> Reply:
    return _compensated(work, work.journal.compensate(undone, "nothing", ()), NOTHING)


def _compensated(work: Work, stored: Commit, outcome: str) -> Reply:
    if stored.outcome is not Outcome.COMPENSATED:
        raise fenced(work, stored)
    work.answers.success(work.call.secret, {"value": None})
    return Reply(None, outcome)
