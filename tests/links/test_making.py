"""Links as a call makes them: for how long, with which keys, and where they lead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stepsaga.errors import BadCall, StepFailed
from stepsaga.runtime.approval_keys import KEYS, FixedKeys
from stepsaga.runtime.approval_links import TABLE, URL, ApprovalLinks, DeployedLinks, SignedLinks
from stepsaga.runtime.approval_tokens import read
from stepsaga.runtime.call import Call, parse_call

ENTERED = datetime(2026, 11, 21, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
FIXED = FixedKeys({"1": b"k" * 32})
ENVIRONMENT = {
    TABLE: "events",
    KEYS: "arn:of:keys",
    URL: "https://api.example/approvals",
}


def call(*, attempt: int = 0, redrives: int = 0, **more: Any) -> Call:
    """A question's call, entered an hour after its saga has started."""
    given = {
        "saga": "Buy",
        "fingerprint": "f",
        "step": "review",
        "part": "question",
        "handler": "handlers.buying:ask",
        "slot": [2],
        "seconds": 30,
        "input": "purchase",
        "token": "t",
        "links": 7200,
        "execution": {
            "Id": "arn",
            "Name": "one",
            "StartTime": (ENTERED - HOUR).isoformat(),
            "Input": {},
            **({"RedriveCount": redrives} if redrives else {}),
        },
        "state": {"EnteredTime": ENTERED.isoformat(), "RetryCount": attempt},
    }
    return parse_call({**given, **more})


def made(one: Call, now: datetime = ENTERED + HOUR) -> ApprovalLinks:
    """Its links, made at that time."""
    return SignedLinks(FIXED, "events", "https://x/", lambda: now).links(one)


def test_links_end_with_their_question() -> None:
    """So long after the state was entered, however late the call arrives."""
    links = made(call())
    assert links.until == ENTERED + 2 * HOUR
    ends = {
        read(u.rpartition("/")[2], FIXED, "events").expires for u in (links.approve, links.reject)
    }
    assert ends == {int((ENTERED + 2 * HOUR).timestamp())}
    assert links.approve.startswith("https://x/1.1.")


@pytest.mark.parametrize("again", [{"attempt": 1}, {"redrives": 1}])
def test_what_is_asked_again_waits_anew(again: dict[str, int]) -> None:
    """A second attempt, or one after a redrive, waits from its own beginning."""
    assert made(call(**again)).until == ENTERED + 3 * HOUR


def test_no_link_outlives_the_deadline() -> None:
    """Where the saga's time is up before the question's, links end with it."""
    assert made(call(deadline=2 * 3600)).until == ENTERED + HOUR


def test_the_same_call_makes_the_same_links() -> None:
    """Delivered twice a call sends the same message twice."""
    assert made(call()) == made(call(), ENTERED + 2 * HOUR)


def test_links_do_not_show() -> None:
    """Who logs what a handler was given logs no right to answer."""
    assert "https" not in repr(made(call()))


def test_nothing_but_a_question_has_links() -> None:
    """A call with links that asks nothing is none that stepsaga compiled."""
    with pytest.raises(BadCall, match="approval links"):
        call(part="read-only", token="")


class Secrets:
    """Secrets Manager with one secret."""

    def get_secret_value(self, **parameters: str) -> dict[str, str]:
        """Its value."""
        assert parameters == {"SecretId": "arn:of:keys"}
        return {"SecretString": '{"current": "7", "7": "' + "k" * 48 + '"}'}


def test_deployed_links_come_from_the_environment() -> None:
    """Address, secret and table are variables; a path alone is one of the endpoint."""
    asked: list[str] = []

    def connect(service: str) -> Secrets:
        asked.append(service)
        return Secrets()

    links = DeployedLinks(ENVIRONMENT, connect)
    assert links.links(call()).approve.startswith("https://api.example/approvals/1.7.")
    links.links(call())
    assert asked == ["secretsmanager"]
    local = {**ENVIRONMENT, URL: "/restapis/a/approvals", "AWS_ENDPOINT_URL": "http://127.0.0.1:4"}
    here = DeployedLinks(local, connect).links(call()).approve
    assert here.startswith("http://127.0.0.1:4/restapis/a/approvals/1.7.")


@pytest.mark.parametrize("missing", [TABLE, KEYS, URL])
def test_a_variable_that_is_not_there(missing: str) -> None:
    """A function that was deployed without links says which variable it lacks."""
    environment = {name: value for name, value in ENVIRONMENT.items() if name != missing}
    with pytest.raises(StepFailed, match=missing):
        DeployedLinks(environment, lambda _: Secrets()).links(call())
