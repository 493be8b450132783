"""Sagas that ask: what is answered, rejected, answered late, or not at all."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from rich.console import Console

from stepsaga import Approved
from stepsaga.cli.timeline import timeline_of
from stepsaga.cli.timeline_view import as_json, view
from stepsaga.client import Client, Waiting
from stepsaga.engines.answering import questions
from stepsaga.engines.endings import Ending
from stepsaga.engines.simulator.engine import START
from stepsaga.errors import (
    AnsweredAlready,
    AnswerInvalid,
    EngineThrottled,
    NothingAsked,
    TaskTimedOut,
    UsageError,
)
from stepsaga.limits import DOCUMENT_BYTES
from stepsaga.store.commits import Outcome
from stepsaga.testing import REJECT, SagaRunner
from tests.questions.office import AskEach, AskFirst, AskLast, Buy, Desk, Pickup
from tests.questions.world import Office


class Lost:
    """An engine to which no message gets through, and which does not say so."""

    def send_task_success(self, token: str, output: Any) -> None:
        """Hear nothing."""


class Throttled:
    """An engine that is over its rate."""

    def send_task_success(self, token: str, output: Any) -> None:
        """Refuse."""
        del token, output
        raise EngineThrottled("ThrottlingException")


def test_an_answer_after_hours_goes_on() -> None:
    """The execution waits without cost, and later steps are given the answers."""
    office = Office(Buy)
    office.answer(3, "review", Approved(by="ann", note="fine"))
    office.answer(4, "pickup", {"day": "Tuesday"})
    assert office.end() is Ending.COMPLETED
    assert office.hours == 4
    assert office.desk.seen == [(Approved(by="ann", note="fine"), Pickup(day="Tuesday"))]
    assert office.said == [True, True]
    assert office.desk.done == ["hold", "order"]


def test_a_rejection_undoes() -> None:
    """A rejection is a rejection: what was done before is undone, and the reason is told."""
    office = Office(Buy)
    office.reject(3, "review", by="ann", why="too dear")
    assert office.end() is Ending.COMPENSATED
    assert (office.hours, office.desk.done) == (3, [])
    assert "ann: too dear" in str(office.view.cause)


def test_time_that_is_up_is_a_rejection() -> None:
    """Where nobody answers what the author said counts; a later answer hears why it does not."""
    office = Office(Buy)
    office.answer(25, "review", Approved())
    assert office.end() is Ending.COMPENSATED
    assert (office.hours, office.desk.done) == (24, [])
    assert "nobody answered in time" in str(office.said[0])


def test_time_that_is_up_can_be_an_answer() -> None:
    """The author may say which answer counts where none came; two hours of silence are enough."""
    office = Office(Buy)
    office.answer(1, "review", Approved())
    assert office.end() is Ending.COMPLETED
    assert office.hours == 3
    assert office.desk.seen == [(Approved(), Pickup(day="Monday"))]


def test_first_and_last() -> None:
    """A saga may begin with a question, whatever its input is, and end with one."""
    office = Office(AskFirst)
    assert office.end() is Ending.COMPLETED
    assert office.desk.done == ["hold"]
    office = Office(AskLast)
    office.answer(0.5, "review", Approved())
    assert office.end() is Ending.COMPLETED
    office = Office(AskLast)
    assert office.end() is Ending.COMPENSATED
    assert office.desk.done == []


def test_each_item_asks() -> None:
    """In a map every item asks, and is answered, for itself."""
    office = Office(AskEach)
    office.answer(0.5, "lines", Approved(by="b"), lane="1")
    office.answer(0.6, "lines", Approved(by="a"), lane="0")
    office.answer(0.1, "lines", Approved(by="a"))
    assert office.end(lines=["x", "y"]) is Ending.COMPLETED
    assert office.desk.seen == [[Approved(by="a"), Approved(by="b")]]
    assert "'0', '1'" in str(office.said[0])


def test_one_item_rejected_undoes_all() -> None:
    """One rejection undoes the saga, once the others have been answered, too."""
    office = Office(AskEach)
    office.answer(0.5, "lines", Approved(), lane="1")
    office.reject(0.6, "lines", lane="0")
    assert office.end(lines=["x", "y"]) is Ending.COMPENSATED
    assert office.desk.done == []


def test_what_cannot_be_asked_is_rejected() -> None:
    """A handler that says no, or goes on failing, undoes the saga, and never approves it."""
    office = Office(Buy)
    assert office.end(trouble="nobody") is Ending.COMPENSATED
    assert "there is no manager for it" in str(office.view.cause)
    assert office.hours < 1
    office = Office(AskFirst)
    office.desk.refuses = 3
    assert office.end() is Ending.COMPENSATED
    assert "could not be asked: StepFailed" in str(office.view.cause)
    assert office.desk.asked == []


def test_asking_again_is_the_same_question() -> None:
    """Mail servers fail; the second attempt asks under the same key, with a token of its own."""
    office = Office(AskFirst)
    office.desk.refuses = 1
    office.answer(0.5, "review", Approved(by="ann"))
    assert office.end() is Ending.COMPLETED
    assert office.said == [True]
    tokens = [one.slot for one in office.commits if one.outcome is Outcome.ASKED]
    assert [slot.rpartition("/")[2] for slot in tokens] == ["00000-00000", "00000-00001"]


def test_the_same_answer_twice_is_the_same_as_once() -> None:
    """Who answers again hears that it was said; another answer is refused, and changes nothing."""
    office = Office(Buy)
    office.answer(1, "review", Approved(by="ann"))
    office.answer(2, "review", Approved(by="ann"))
    office.answer(2, "review", Approved(by="bob"))
    office.reject(2, "review", by="bob")
    office.answer(3, "pickup", {"day": "Tuesday"})
    assert office.end() is Ending.COMPLETED
    assert office.said[:2] == [True, False]
    for refused in office.said[2:4]:
        assert isinstance(refused, AnsweredAlready)
        assert "review was answered by ann at 2026-01-01T01:00:00.0" in str(refused)
    assert office.desk.seen == [(Approved(by="ann"), Pickup(day="Tuesday"))]


def test_a_rejection_stays() -> None:
    """Who approves what was rejected hears by whom, also when the saga is undone."""
    office = Office(Buy)
    office.reject(1, "review", by="ann", why="too dear")
    office.reject(2, "review", by="ann", why="too dear")
    office.answer(2, "review", Approved())
    assert office.end() is Ending.COMPENSATED
    office.engine.settle()
    assert office.said[:2] == [True, False]
    assert "review was rejected: ann: too dear" in str(office.said[2])


def test_an_answer_of_which_the_message_is_lost() -> None:
    """It is recorded, so it counts when the time is up (rule 26)."""
    office = Office(AskLast)

    def answer() -> bool:
        lost = Client(Lost(), office.store, now=office.engine.clock.now)  # type: ignore[arg-type]  # as much of one as is needed
        return lost.answer(AskLast, "one", "review", Approved(by="ann"))

    office.after(0.5, answer)
    assert office.end() is Ending.COMPLETED
    assert (office.hours, office.said) == (1, [True])
    assert office.view.output["review"] == {"value": {"by": "ann", "note": ""}}


def test_a_message_that_fails_is_told() -> None:
    """The answer is recorded, and who gives it again gets it through."""
    office = Office(AskLast)

    def answer() -> bool:
        throttled = Client(Throttled(), office.store, now=office.engine.clock.now)  # type: ignore[arg-type]  # as much of one as is needed
        return throttled.answer(AskLast, "one", "review", Approved(by="ann"))

    office.after(0.5, answer)
    office.answer(0.6, "review", Approved(by="ann"))
    assert office.end() is Ending.COMPLETED
    assert office.hours == 0.6
    assert isinstance(office.said[0], EngineThrottled)
    assert office.said[1] is False


@pytest.mark.parametrize("lane", [None, "0"])
def test_mistakes_are_told(lane: str | None) -> None:
    """Whoever asks for what is not asked hears what is, and values do not show."""
    office = Office(Buy)
    office.answer(1, "pickup", {"day": "Tuesday"}, lane)
    office.answer(1, "hold", {})
    office.answer(1, "revew", {})
    office.answer(1, "review", {"by": ["secret"]})
    office.answer(1, "review", Approved(), "7")
    assert office.end() is Ending.COMPENSATED
    not_yet, no_question, no_step, unfit, no_lane = map(str, office.said)
    assert "has not asked 'pickup' yet" in not_yet
    assert "'hold' asks nothing; it asks review, pickup" in no_question
    assert "'revew' is no step" in no_step
    assert "by" in unfit
    assert "secret" not in unfit
    assert "not in lane '7'; name the lane that is meant: ''" in no_lane
    kinds = [NothingAsked, NothingAsked, NothingAsked, AnswerInvalid, NothingAsked]
    assert [type(one) for one in office.said] == kinds
    assert all(
        one.outcome is not Outcome.RESULT or one.slot.endswith("1") for one in office.commits
    )


def test_an_answer_that_is_too_large() -> None:
    """It would fill the document, and is refused before it is recorded (rule 22)."""
    office = Office(Buy)
    office.answer(1, "review", Approved(note="x" * DOCUMENT_BYTES))
    office.answer(2, "review", Approved())
    assert office.end() is Ending.COMPLETED
    assert isinstance(office.said[0], AnswerInvalid)
    assert office.said[1] is True


def test_a_heartbeat_keeps_the_question_open() -> None:
    """Whoever works at it says so, and has all the time of the question."""
    office = Office(Buy)
    office.answer(1, "review", Approved())
    for hours in (2.5, 4, 5.5):
        office.after(hours, lambda: office.client.heartbeat(Buy, "one", "pickup"))
    office.answer(6.5, "pickup", Pickup(day="Sunday", box=3))
    office.after(8, lambda: office.client.heartbeat(Buy, "one", "pickup"))
    assert office.end() is Ending.COMPLETED
    assert office.desk.seen == [(Approved(), Pickup(day="Sunday", box=3))]
    assert isinstance(office.said[-1], TaskTimedOut)


def test_what_waits_is_told() -> None:
    """One sees what a saga asks and since when, and no token anywhere."""
    office = Office(AskEach)
    office.answer(0.5, "lines", Approved(), "1")
    office.after(0.6, lambda: office.client.waiting(AskEach, "one"))
    assert office.end(lines=["x", "y"]) is Ending.COMPENSATED
    [waiting] = office.said[1:]
    assert waiting == (Waiting("lines", "0", START + timedelta(milliseconds=60)),)
    assert office.client.waiting(AskEach, "one") == ()
    run = office.commits[0].slot.partition("/")[0]
    known = [c for c in office.commits if c.outcome in {Outcome.ASKED, Outcome.RESULT}]
    timeline = timeline_of("AskEach#one", run, known)
    assert [one.lane for one in timeline.waiting] == ["0"]
    shown = io.StringIO()
    Console(file=shown, width=200).print(view(timeline))
    assert "waits for an answer to 'lines' (--lane 0) since 2026-01-01 00:00:00" in shown.getvalue()
    told = shown.getvalue() + json.dumps(as_json(timeline))
    tokens = [one.token for one in questions(office.commits)]
    assert len(tokens) == 2
    assert not any(token in told for token in tokens)


def test_an_aborted_question_is_asked_again_by_a_redrive() -> None:
    """An answer that was given in between is found, and the Task told."""
    office = Office(AskLast)
    arn = office.start()
    office.engine.run_until(arn, lambda event: event.type == "TaskSubmitted")
    office.engine.stop(arn)
    assert office.client.answer(AskLast, "one", "review", Approved(by="ann")) is True
    office.engine.redrive(arn)
    assert office.engine.wait(arn).output["review"]["value"]["by"] == "ann"
    assert len(office.desk.asked) == 1


def test_runs_on_this_machine_are_answered() -> None:
    """A test says beforehand what is answered; what was of no use is refused."""
    desk = Desk()
    runner = SagaRunner(resources={"desk": desk})
    done = runner.run(Buy, {"sku": "tea"}, answers={"review": True, "pickup": {"day": "Friday"}})
    assert done.ending is Ending.COMPLETED
    assert done.duration < timedelta(minutes=1)
    assert done.results["pickup"] == {"day": "Friday", "box": 0}
    done = runner.run(Buy, {"sku": "tea"}, answers={"review": False})
    assert done.ending is Ending.COMPENSATED
    done = runner.run(Buy, {"sku": "tea"}, answers={"review": True, "pickup": REJECT})
    assert done.ending is Ending.COMPENSATED
    done = runner.run(Buy, {"sku": "tea"})
    assert (done.ending, done.duration > timedelta(hours=23)) == (Ending.COMPENSATED, True)
    with pytest.raises(UsageError, match="'pickup' never asked"):
        runner.run(Buy, {"sku": "tea"}, answers={"review": False, "pickup": REJECT})
    with pytest.raises(UsageError, match="answers: Buy: 'hold' asks nothing"):
        runner.run(Buy, {"sku": "tea"}, answers={"hold": True})
    with pytest.raises(UsageError, match=r"answers: Buy: pickup\.day"):
        runner.run(Buy, {"sku": "tea"}, answers={"pickup": {}})
