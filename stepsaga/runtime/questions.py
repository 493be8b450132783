"""What a call does that asks somebody, and what becomes of a question without an answer (rule 26).

An answer is put into the step's slot first, then the Task hears of it. A question is asked once its
token is in the stream, and only then: so whoever answers finds the token, or the call that puts the
next one finds the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stepsaga.errors import Fenced, Rejected
from stepsaga.runtime.flows import (
    ADOPTED,
    COMPLETED,
    Reply,
    Work,
    refuse_if_pointless,
)
from stepsaga.runtime.handling import Refused, results_of
from stepsaga.runtime.journal import rejection_of, value_of
from stepsaga.runtime.texts import class_text, cut, message_of
from stepsaga.store.commits import Outcome

if TYPE_CHECKING:
    from stepsaga.store.commits import Commit

ASKED: Final = "asked"
NOT_ANSWERED: Final = "NotAnswered"
NOT_ASKED: Final = "NotAsked"
OUT_OF_TIME: Final = frozenset({"States.Timeout", "States.HeartbeatTimeout"})


def ask(work: Work) -> Reply:
    """Ask, unless there is an answer already: then the Task is told it."""
    try:
        refuse_if_pointless(work)
        work.handling.bind(results_of(work.call, work.objects))
    except Refused as refusal:
        return reject(work, refusal, class_text(Rejected), str(refusal))
    work.journal.ask(work.call.secret, shown=work.handling.shown)
    # Whoever answered in the meantime may have found an earlier token only.
    if work.call.again and (stored := work.journal.get(work.call.slot)):
        return tell(work, stored)
    try:
        work.handling.run_only()
    except Rejected as rejection:
        return reject(work, rejection, class_text(type(rejection)), message_of(rejection))
    return Reply(None, ASKED)


def reject(work: Work, cause: Exception, error: str, message: str) -> Reply:
    """Record that nobody is asked, and tell the Task.

    A question has no effect, so that in every attempt a rejection is for certain (rule 1).
    """
    stored = work.journal.reject(error, cut(work.handling.redacted(message)))
    return tell(work, stored, cause)


def tell(work: Work, stored: Commit, cause: Exception | None = None) -> Reply:
    """Tell the call's own Task what the slot holds."""
    value = decided(work, stored, cause)
    work.answers.success(work.call.secret, {"value": value})
    return Reply(None, ADOPTED)


def decided(work: Work, stored: Commit, cause: Exception | None = None) -> object:
    """The answer that the slot holds.

    Raises:
        Rejected, Fenced: It holds none.
    """
    if stored.outcome is Outcome.RESULT:
        return value_of(stored)
    if stored.outcome is Outcome.REJECTED:
        raise Rejected(work.handling.text(*rejection_of(stored))) from cause
    text = f"the slot {stored.slot} was {stored.outcome.value} before"
    raise Fenced(work.handling.text(text))


def unanswered(work: Work) -> Reply:
    """Decide what counts where no answer came, or take the one that came meanwhile."""
    stored, asked = work.journal.answer(work.call.slot)
    return decide(work, stored, asked=bool(asked))


def decide(work: Work, stored: Commit | None, *, asked: bool) -> Reply:
    """Take what a question's slot holds, or decide what counts instead.

    What its author wants to count counts where somebody was asked, and the time is up.
    """
    call, journal = work.call, work.journal
    outcome = ADOPTED
    if stored is None:
        error = str(call.failure.get("Error", "?"))
        late = asked and error in OUT_OF_TIME
        outcome = COMPLETED
        if late and call.otherwise is not None:
            stored = journal.complete(call.otherwise["value"], ())
        elif late:
            what = "in time" if error == "States.Timeout" else "for too long: no heartbeat came"
            who = f"no {call.event.name} came" if call.event else "nobody answered"
            stored = journal.reject(NOT_ANSWERED, f"{who} {what}")
        else:
            stored = journal.reject(NOT_ASKED, f"it could not be asked: {error}")
    return Reply(decided(work, stored), outcome)
