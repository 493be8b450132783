"""What a call does for its part: a step going forward, its compensation, a pivot's probe.

The tables that these follow are in ``docs/architecture.md``. Each flow returns a `Reply` or raises
one of the errors by which Step Functions decides where to go.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from stepsaga.errors import Fenced, Rejected, RejectedInDoubt, StepFailed, StepFailedForGood
from stepsaga.limits import DOCUMENT_BYTES
from stepsaga.runtime.call import EVERY, Part
from stepsaga.runtime.handling import Invalid, Refused, results_of
from stepsaga.runtime.journal import AS_TOLD, claimed_by, rejection_of, value_of
from stepsaga.runtime.stored import Recorded
from stepsaga.runtime.texts import class_text, cut, message_of
from stepsaga.runtime.values import Unfit, compact
from stepsaga.store.commits import Outcome

if TYPE_CHECKING:
    from stepsaga.errors import CallError
    from stepsaga.runtime.answers import Answers
    from stepsaga.runtime.call import Call
    from stepsaga.runtime.children import Children
    from stepsaga.runtime.handling import Handling
    from stepsaga.runtime.journal import Journal, Slot
    from stepsaga.store.commits import Commit
    from stepsaga.store.objects import Objects

COMPLETED = "completed"
ADOPTED = "adopted"
COMPENSATED = "compensated"
NOTHING = "nothing to undo"
CHECKED = "checked"
AGAIN = "again"


@dataclass(frozen=True, slots=True)
class Reply:
    """A call's answer, and in a word how it came about."""

    value: Any
    outcome: str


@dataclass(frozen=True, slots=True)
class Work:
    """One call being worked on."""

    call: Call
    journal: Journal
    handling: Handling
    arrived: datetime
    answers: Answers
    children: Children
    objects: Objects | None = None


# Forward


def go_forward(work: Work) -> Reply:
    """Run a step, unless its slot says that it is decided."""
    if work.call.again and (stored := work.journal.get(work.call.slot)):
        return _decided(work, stored)
    try:
        refuse_if_pointless(work)
        work.handling.bind(_given(work))
    except Invalid as refusal:
        return _refuse(work, refusal, sure=True)
    except Refused as refusal:
        return _refuse(work, refusal, sure=not work.call.again)
    if work.call.claim and not work.journal.holds(claim := work.journal.claim()):
        return _claimed_before(work, claim)
    try:
        value = work.handling.run()
    except Rejected as rejection:
        if work.call.part is Part.RETRIABLE:
            raise work.handling.failure(rejection) from rejection
        # Whoever holds the claim is the one invocation that there has been.
        return _reject(
            work,
            rejection,
            (class_text(type(rejection)), message_of(rejection)),
            sure=work.call.claim or not work.call.again,
        )
    return _complete(work, value)


def _claimed_before(work: Work, claim: Commit) -> Reply:
    """The handler is not called a second time, whatever became of the first (rule 27)."""
    if stored := work.journal.get(work.call.slot):
        return _decided(work, stored)
    if claim.outcome is Outcome.SEALED:
        raise fenced(work, claim)
    raise StepFailedForGood(
        work.handling.text(
            f"the invocation {claimed_by(claim)} has claimed it before, so it is not called again"
        )
    )


def _decided(work: Work, stored: Commit) -> Reply:
    if stored.outcome is Outcome.RESULT:
        return Reply(value_of(stored), ADOPTED)
    if stored.outcome is Outcome.REJECTED:
        raise RejectedInDoubt(work.handling.text(*rejection_of(stored)))
    raise fenced(work, stored)


def refuse_if_pointless(work: Work) -> None:
    """Refuse a call that comes too late, or whose input is none.

    Raises:
        Refused: Its reason.
    """
    ends = work.call.ends
    if ends is not None and work.arrived > ends:
        raise Refused(f"the saga's deadline has passed at {ends.isoformat()}")
    refuse_if_too_large(work.call)
    work.handling.check_input()


def refuse_if_too_large(call: Call) -> None:
    """Refuse an input that leaves no room for results (rule 22).

    Raises:
        Invalid: It is no JSON.
        Refused: It is too large.
    """
    try:
        size = len(compact(call.execution.input))
    except Unfit as unfit:
        raise Invalid(f"{call.input}: {unfit}") from None
    if size > DOCUMENT_BYTES:
        raise Refused(
            f"the input has {size:,} bytes as JSON, over {DOCUMENT_BYTES:,}; keep what is large"
            " elsewhere, in S3 for instance, and say in the input where it is"
        )


def _refuse(work: Work, refusal: Refused, *, sure: bool) -> Reply:
    """The handler is not called (rule 2). After the pivot that is a failure (rule 3)."""
    if work.call.part is Part.RETRIABLE:
        raise _given_up(work, refusal) from refusal
    return _reject(work, refusal, (class_text(Rejected), str(refusal)), sure=sure)


def _given_up(work: Work, refusal: Refused) -> CallError:
    # A handler that is not there can come with the next deployment, values that do not fit cannot.
    kind = StepFailedForGood if isinstance(refusal, Invalid) else StepFailed
    return kind(work.handling.text(str(refusal)))


def _reject(work: Work, cause: Exception, said: tuple[str, str], *, sure: bool) -> Reply:
    stored = reject(work, cause, said, sure=sure)
    if stored.outcome is Outcome.RESULT:
        return Reply(value_of(stored), ADOPTED)
    if stored.outcome is Outcome.REJECTED:
        raise Rejected(work.handling.text(*said)) from cause
    raise fenced(work, stored)


def reject(work: Work, cause: Exception, said: tuple[str, str], *, sure: bool) -> Commit:
    """Record that the step did nothing; return what its slot holds.

    Args:
        work: The call.
        cause: What says so.
        said: The author's class, and the message.
        sure: Only the first and only invocation can be sure of that (rule 1).

    Raises:
        RejectedInDoubt: It is not.
    """
    if not sure:
        raise RejectedInDoubt(work.handling.text(*said)) from cause
    error, message = said
    return work.journal.reject(error, cut(work.handling.redacted(message)))


def _complete(work: Work, value: Any) -> Reply:
    stored = work.journal.complete(value, work.handling.emitted)
    if stored.outcome is Outcome.RESULT:
        recorded = value_of(stored)
        return Reply(recorded, COMPLETED if recorded is value else ADOPTED)
    work.journal.land(value)
    raise fenced(work, stored, landed=True)


def fenced(work: Work, stored: Commit, *, landed: bool = False) -> Fenced:
    """The error of a call whose slot was decided otherwise."""
    effect = ", and its effect was recorded as landed late" if landed else ""
    text = f"the slot {stored.slot} was {stored.outcome.value} before{effect}"
    return Fenced(work.handling.text(text), landed=landed)


def adopt(work: Work) -> Reply:
    """Take what Step Functions itself did, whose record found the slot taken (rule 26).

    By its own record, of which it did not hear: that is adopted. Otherwise it has landed late.
    """
    call, journal = work.call, work.journal
    if call.again:
        stored, late = journal.settled(call.slot)
        if stored is not None and stored.outcome is not Outcome.RESULT and late is not None:
            raise fenced(work, stored, landed=True)  # an earlier attempt has recorded that
    return _complete(work, (call.done or {})["value"])


# Backwards


def compensate(work: Work) -> Reply:
    """Undo a step, whatever became of it."""
    call, journal = work.call, work.journal
    if call.late:
        return _compensate_late(work)
    if stored := journal.get(call.slot):
        return _undone(work, stored, ADOPTED)
    undone = call.undoes or ()
    found, value = _find(work, undone)
    if found == "nothing":
        return _undone(work, journal.compensate(undone, found, ()), NOTHING)
    try:
        _bind_undo(work, value)
    except Refused as refusal:
        if found == "doubt" and not _was_come_to(work):
            return _undone(work, journal.compensate(undone, "nothing", ()), NOTHING)
        raise _given_up(work, refusal) from refusal
    _run_undo(work)
    emitted = work.handling.emitted
    return _undone(work, journal.compensate(undone, found, emitted), COMPENSATED)


def _was_come_to(work: Work) -> bool:
    """Whether the saga can have come to the step: all is done before it that its undoing needs.

    A lane's undoing calls all of its compensations (rule 14). A step begins when all before it are
    recorded, but for those that a choice passes over, for which every handler takes None.
    """
    single = (slot for slot in work.call.reads.values() if EVERY not in slot)
    slots = [tuple(int(part) for part in slot) for slot in single]
    return all(_has_result(work.journal.get(slot)) for slot in slots)


def _has_result(stored: Commit | None) -> bool:
    return stored is not None and stored.outcome is Outcome.RESULT


def _compensate_late(work: Work) -> Reply:
    """Undo an effect that landed after its step was undone: the handler gets its result."""
    journal = work.journal
    if stored := journal.undone_late():
        return _undone(work, stored, ADOPTED)
    late = journal.landed()
    if late is None:
        raise StepFailedForGood(work.handling.text("no such effect has landed late"))
    try:
        _bind_undo(work, value_of(late))
    except Refused as refusal:
        raise _given_up(work, refusal) from refusal
    _run_undo(work)
    stored = journal.compensate_late(late, work.handling.emitted)
    return _undone(work, stored, COMPENSATED)


def _bind_undo(work: Work, value: Any) -> None:
    """Give the compensation's handler what there is to undo.

    Raises:
        Refused: It does not take that.
    """
    given = {work.call.step: Recorded(work.call.step, value, 0, work.objects)}
    work.handling.bind(_recorded(work) | given)


def _run_undo(work: Work) -> None:
    try:
        work.handling.run_only()
    except Rejected as rejection:
        raise work.handling.failure(rejection) from rejection


def _find(work: Work, undone: Slot) -> tuple[str, Any]:
    """What the step left behind, in the words of `StepCompensated`, and its result's form.

    From here on nothing can be recorded for it: either there is a result, or the slot is sealed.
    """
    settled, late = work.journal.settled(undone)
    if settled is None:
        settled = _seal_claimed(work, undone) if work.call.claim else work.journal.seal(undone)
    if settled.outcome is Outcome.RESULT:
        return "result", value_of(settled)
    if late is not None:
        return "result", value_of(late)
    if settled.outcome is Outcome.REJECTED or work.call.claim:
        # A claimed step is sealed only by who knows that nothing happened (rule 27).
        return "nothing", None
    return "doubt", None


def _seal_claimed(work: Work, slot: Slot) -> Commit:
    """Seal a claimed step where nobody has claimed it; return what its slot holds (rule 27).

    The claim is sealed first: whoever comes now cannot have the effect any more.

    Raises:
        StepFailedForGood: Somebody has, and recorded nothing.
    """
    claim = work.journal.seal_claim(slot)
    if claim.outcome is Outcome.SEALED:
        return work.journal.seal(slot)
    if stored := work.journal.get(slot):
        return stored
    raise StepFailedForGood(
        work.handling.text(
            f"the invocation {claimed_by(claim)} has claimed it and recorded nothing: nobody knows"
            " whether it happened. Find out, and have its slot filled; then redrive the execution"
        )
    )


def _given(work: Work) -> dict[str, Any]:
    """The results that a call carries, and those that it reads instead."""
    return results_of(work.call, work.objects) | _recorded(work)


def _recorded(work: Work) -> dict[str, Any]:
    """The results of other steps, read from the stream: the call carries none (rule 22)."""
    call, journal, objects = work.call, work.journal, work.objects
    found = {
        step: Recorded(
            step, journal.result(slot, call.shapes.get(step, AS_TOLD)), slot.count(EVERY), objects
        )
        for step, slot in call.reads.items()
    }
    return found | call.items


def _undone(work: Work, stored: Commit, outcome: str) -> Reply:
    if stored.outcome is not Outcome.COMPENSATED:
        raise fenced(work, stored)
    return Reply(None, outcome)


# What the definition itself asks


def check_input(work: Work) -> Reply:
    """The input as its model normalises it, before anything is done (rule 20)."""
    try:
        value = work.handling.normal_input()
        refuse_if_too_large(work.call)
    except Refused as refusal:
        if work.call.generation:
            raise _given_up(work, refusal) from refusal
        raise Rejected(work.handling.text(str(refusal))) from refusal
    if work.call.generation:
        work.journal.note_input(value)
    return Reply(value, CHECKED)


def find_items(work: Work) -> Reply:
    """The items of a map whose lanes are to be undone; none where it was never reached."""
    call = work.call
    [source, *keys] = call.takes["items"]
    try:
        found = work.handling.normal_input() if call.model else _recorded(work)[source].value()
    except Refused as refusal:
        raise _given_up(work, refusal) from refusal
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return Reply(found if isinstance(found, list) else [], CHECKED)


def settle(work: Work) -> Reply:
    """Fail where a lane has failed; after a redrive let the fork run again (rule 13).

    The redrive came after the fork was entered: so it was this very failure that was redriven.
    """
    call = work.call
    redriven, since = call.execution.redriven, call.since
    if redriven and since and datetime.fromisoformat(redriven) > datetime.fromisoformat(since):
        return Reply(None, AGAIN)
    failed = [one.get("Error", "?") for one in call.failures if isinstance(one, dict)]
    told = ", ".join(sorted(set(failed)))
    raise StepFailedForGood(
        work.handling.text(
            f"{len(failed)} of {len(call.failures)} lanes failed: {told}. What failed in them is in"
            " the execution's history; after the fix, redrive it"
        )
    )


# A step in doubt


def verify(work: Work) -> Reply:
    """Settle what became of a step: forward with its result, or sealed and undone (rule 17)."""
    stored = work.journal.get(work.call.slot)
    if stored and stored.outcome is Outcome.RESULT:
        return Reply(value_of(stored), ADOPTED)
    if stored:
        # It was decided before, and only the reply was lost: nobody is asked again.
        raise Rejected(work.handling.text(f"its slot was {stored.outcome.value} before"))
    if not work.call.handler:
        text = work.handling.text("its outcome is unknown, and nothing is recorded for it")
        return _did_not_happen(work, text, None)
    if work.call.claim and work.journal.seal_claim(work.call.slot).outcome is Outcome.SEALED:
        return _did_not_happen(work, work.handling.text("nobody has claimed it"), None)
    try:
        work.handling.bind(_given(work))
    except Refused as refusal:
        raise _given_up(work, refusal) from refusal
    try:
        value = work.handling.run()
    except Rejected as rejection:
        text = work.handling.text(class_text(type(rejection)), message_of(rejection))
        return _did_not_happen(work, text, rejection)
    return _complete(work, value)


def _did_not_happen(work: Work, text: str, cause: Rejected | None) -> Reply:
    """Nothing happened, and never will: whoever comes now is fenced."""
    # Only a probe knows that of a step that was claimed.
    unknown = work.call.claim and not work.call.handler
    slot = work.call.slot
    stored = _seal_claimed(work, slot) if unknown else work.journal.seal(slot)
    if stored.outcome is Outcome.RESULT:
        return Reply(value_of(stored), ADOPTED)
    raise Rejected(text) from cause
