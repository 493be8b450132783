"""Calls that ask, and calls that decide what becomes of a question without an answer."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from stepsaga.errors import BadCall, CallError, Fenced, Rejected, StepFailed
from stepsaga.runtime import SagaContext  # noqa: TC001  # the runtime reads the annotation
from stepsaga.runtime.answers import StepFunctionsAnswers
from stepsaga.runtime.call import parse_call
from stepsaga.runtime.powertools import PowertoolsObserver
from stepsaga.store import MemoryStore
from stepsaga.store.commits import Commit, Outcome
from tests.runtime.calls import Interrupted, Shop, call

TOKEN = "AQDEAAAAKgAAAAMAAAAAAAAAAT-secret"  # noqa: S105  # opens nothing
SECOND = "AQDEAAAAKgAAAAMAAAAAAAAAAT-another"  # opens nothing


@dataclass
class Heard:
    """What Tasks were told."""

    told: list[tuple[str, Any]] = field(default_factory=list)

    def success(self, token: str, output: Any) -> None:
        """Hear it."""
        self.told.append((token, output))

    def failure(self, token: str, error: str, cause: str) -> None:
        """Hear it, too."""
        self.told.append((token, (error, cause)))


def ask(**changes: Any) -> dict[str, Any]:
    """A question's call."""
    return call("question", **{"token": TOKEN} | changes)


def unanswered(error: str = "States.Timeout", **changes: Any) -> dict[str, Any]:
    """The call behind a question to which no answer came."""
    return call("unanswered", **{"handler": "", "failure": {"Error": error}} | changes)


def asking() -> None:
    """Ask somebody."""


def answered(shop: Shop, outcome: str = "result") -> None:
    """Put an answer into the step's slot, as a client does."""
    if outcome == "result":
        shop.handle(call(seconds=20), lambda: "yes")
    else:
        with pytest.raises(Rejected):
            shop.handle(call(seconds=20), lambda: (_ for _ in ()).throw(Rejected("no")))


def test_the_token_is_there_before_anybody_is_asked() -> None:
    """Whoever is asked can answer at once, so the token is recorded first."""
    seen: list[dict[str, str]] = []
    shop = Shop()

    def handler() -> str:
        seen.append(shop.outcomes())
        return "ignored"

    assert shop.handle(ask(opens=True), handler) is None
    assert seen == [{"00002/token/00000-00000": "asked"}]
    [commit] = shop.store.read("FulfilOrder#order-1")
    assert [event.type for event in commit.events] == ["SagaStarted", "StepAsked"]


def test_each_attempt_has_a_token_of_its_own() -> None:
    """The latest comes last, a redrive's after those of the attempts before it."""
    shop = Shop(answers=Heard())
    for attempt, redrives in ((0, 0), (1, 0), (0, 1)):
        shop.handle(ask(attempt=attempt, redrives=redrives, token=f"t{attempt}{redrives}"), asking)
    commits = list(shop.store.read("FulfilOrder#order-1"))
    assert [one.events[-1].data["token"] for one in commits] == ["t00", "t10", "t01"]


def test_an_answer_between_two_attempts_is_told() -> None:
    """Who asks again finds the answer, tells the Task, and asks nobody."""
    heard = Heard()
    shop = Shop(answers=heard)
    shop.handle(ask(), asking)
    answered(shop)
    shop.handle(ask(attempt=1, token=SECOND), lambda: pytest.fail("asked again"))
    assert heard.told == [(SECOND, {"value": "yes"})]


def test_an_answer_just_before_the_second_token_is_told() -> None:
    """Its sender saw the first token only; the next call looks when its own is there (rule 26)."""
    heard, inner = Heard(), MemoryStore()
    shop = Shop(answers=heard, store=inner)
    shop.handle(ask(), asking)
    shop.store = Interrupted(inner, lambda: answered(Shop(store=inner)))
    shop.handle(ask(attempt=1, token=SECOND), lambda: pytest.fail("asked again"))
    assert heard.told == [(SECOND, {"value": "yes"})]


def test_a_rejection_between_two_attempts_is_raised() -> None:
    """A question has no effect: whoever finds a rejection may say that nothing was done."""
    shop = Shop(answers=Heard())
    shop.handle(ask(), asking)
    answered(shop, "rejected")
    with pytest.raises(Rejected, match="no"):
        shop.handle(ask(attempt=1), asking)


def test_who_cannot_be_asked_rejects_for_certain() -> None:
    """A handler's Rejected counts in every attempt, and is recorded."""

    def nobody() -> None:
        raise Rejected("there is no manager")

    shop = Shop(answers=Heard())
    with pytest.raises(Rejected, match="there is no manager"):
        shop.handle(ask(attempt=2), nobody)
    assert shop.outcomes()["00002"] == "rejected"


def test_what_is_refused_is_not_asked() -> None:
    """After the deadline nobody is asked, and an answer that is there counts."""
    late = {"deadline": 1}
    shop = Shop(answers=Heard())
    with pytest.raises(Rejected, match="deadline has passed"):
        shop.handle(ask(**late), asking)
    assert shop.outcomes() == {"00002": "rejected"}
    heard = Heard()
    shop = Shop(answers=heard)
    answered(shop)
    shop.handle(ask(**late), asking)
    assert heard.told == [(TOKEN, {"value": "yes"})]


@pytest.mark.parametrize("error", ["States.Timeout", "States.HeartbeatTimeout"])
def test_where_time_is_up_the_authors_answer_counts(error: str) -> None:
    """The answer for that case is recorded like any other; without one it is a rejection."""
    shop = Shop()
    shop.handle(ask(), asking)
    assert shop.handle(unanswered(error, otherwise={"value": None})) is None
    assert shop.events(2) == [("StepCompleted", {"step": "charge", "value": None})]
    shop = Shop()
    shop.handle(ask(), asking)
    with pytest.raises(Rejected, match="NotAnswered: nobody answered"):
        shop.handle(unanswered(error))
    assert shop.outcomes()["00002"] == "rejected"


def test_what_nobody_was_asked_is_never_approved() -> None:
    """The author's answer is for a silence, not for a question that could not be asked."""
    otherwise: dict[str, Any] = {"otherwise": {"value": "approved"}}
    shop = Shop()
    with pytest.raises(Rejected, match=r"NotAsked: it could not be asked: States\.Timeout"):
        shop.handle(unanswered(**otherwise))
    shop = Shop()
    shop.handle(ask(), asking)
    with pytest.raises(Rejected, match="NotAsked: it could not be asked: StepFailed"):
        shop.handle(unanswered("StepFailed", **otherwise))


def test_an_answer_that_nobody_heard_of_counts() -> None:
    """It was recorded, so it is adopted, and in a retry as well."""
    shop = Shop()
    shop.handle(ask(), asking)
    answered(shop)
    assert shop.handle(unanswered()) == "yes"
    assert shop.handle(unanswered(attempt=1)) == "yes"
    shop = Shop()
    shop.handle(ask(), asking)
    answered(shop, "rejected")
    with pytest.raises(Rejected, match="no"):
        shop.handle(unanswered(otherwise={"value": "yes"}))


def test_a_seal_fences() -> None:
    """Who undoes from the log has sealed the slot: the execution goes no further."""
    shop = Shop(answers=Heard())
    shop.handle(ask(), asking)
    [asked] = shop.store.read("FulfilOrder#order-1")
    slot = asked.slot.partition("/token/")[0]
    seal = Commit(asked.stream_id, slot, Outcome.SEALED, asked.events, "id", "c", "c", "t", 0, "f1")
    shop.store.append(seal)
    for payload in (unanswered(), ask(attempt=1)):
        with pytest.raises(Fenced):
            shop.handle(payload, asking)


def test_a_token_is_a_questions_alone() -> None:
    """A question without a token could never be answered, and no other call may carry one."""
    for payload in (call("question"), call("compensatable", token=TOKEN)):
        with pytest.raises(BadCall, match="task token"):
            parse_call(payload)


def test_the_token_never_shows() -> None:
    """Not in logs, not in error texts, not in a call's own text, not to the handler."""
    stream = io.StringIO()

    def gossip(saga: SagaContext) -> None:
        assert TOKEN not in repr(saga)
        raise ValueError(f"I saw {TOKEN}")

    shop = Shop(observer=PowertoolsObserver("shop.payments", stream=stream))
    with pytest.raises(StepFailed) as failed:
        shop.handle(ask(), gossip)
    assert TOKEN not in str(failed.value)
    assert "I saw ***" in str(failed.value)
    shop.handle(ask(), asking)
    with pytest.raises(BadCall) as bad:
        parse_call(ask(slot="none"))
    assert TOKEN not in str(bad.value)
    assert TOKEN not in repr(parse_call(ask()))
    assert stream.getvalue()
    assert TOKEN not in stream.getvalue()


@dataclass
class Api:
    """``SendTaskSuccess``, with one error."""

    error: Exception | None = None
    sent: list[dict[str, Any]] = field(default_factory=list)

    def send_task_success(self, **parameters: Any) -> None:
        """Take it, or not."""
        self.sent.append(parameters)
        if self.error is not None:
            raise self.error


def refusal(code: str) -> ClientError:
    """What AWS says."""
    told = {"Error": {"Code": code, "Message": f"{code}: {TOKEN}"}}
    return ClientError(told, "SendTaskSuccess")


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_a_task_that_waits_no_more_is_no_error(code: str) -> None:
    """The answer is in the slot already; the message was a courtesy."""
    api = Api(refusal(code))
    StepFunctionsAnswers(lambda: api).success(TOKEN, {"value": "ä"})
    assert api.sent == [{"taskToken": TOKEN, "output": '{"value":"ä"}'}]


@pytest.mark.parametrize(
    "error",
    [refusal("ThrottlingException"), EndpointConnectionError(endpoint_url=f"https://{TOKEN}")],
)
def test_a_message_that_is_lost_is_sent_again(error: Exception) -> None:
    """It is a failure that a retry mends, and its text does not show the token."""
    with pytest.raises(StepFailed) as failed:
        StepFunctionsAnswers(lambda: Api(error)).success(TOKEN, {"value": 1})
    assert TOKEN not in str(failed.value)


def test_without_a_way_to_answer_it_says_so() -> None:
    """An engine that was given none cannot adopt an answer silently."""
    shop = Shop()
    shop.handle(ask(), asking)
    answered(shop)
    with pytest.raises(CallError, match="pass `answers` to the Runtime"):
        shop.handle(ask(attempt=1), asking)
