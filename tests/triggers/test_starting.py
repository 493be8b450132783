"""Triggers start sagas: each once, whatever is delivered twice, late, or at the same time."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from stepsaga.errors import IdTaken
from stepsaga.recovery.messages import Messages
from stepsaga.recovery.triggers import KnownTrigger, Starter
from stepsaga.runtime.dead_letters import MESSAGE
from tests.triggers.signups import AT, URL, Front, event_of, message
from tools.starts import REQUESTS, starts

REGISTERED = "event shop.customers Registered"
SIGNED_UP = "event shop.web SignedUp"
DAILY = "schedule rate(1 day)"
ADA = {"customerId": "ada", "plan": "pro"}


def inputs(front: Front) -> dict[str, Any]:
    """The inputs of the sagas that there are, by id."""
    arns = {name: front.engine.execution_arn("Onboard", name) for name in front.started}
    return {name: front.engine.describe(arn).input for name, arn in arns.items()}


def test_an_event_starts_a_saga_with_what_is_made_of_its_detail() -> None:
    """The id is a field of the detail; the input is what the author's function makes."""
    front = Front()
    assert front.take(front.event(REGISTERED, event_of({"number": 7, "tariff": "pro"}))) == []
    assert inputs(front) == {"7": {"customerId": "c-7", "plan": "pro", "addresses": []}}


def test_an_event_whose_detail_is_the_input_has_its_own_id() -> None:
    """Without a function and a field the detail and the event's id are taken."""
    front = Front()
    front.take(front.event(SIGNED_UP, event_of(ADA, "e-9")))
    assert inputs(front) == {"e-9": {**ADA, "addresses": []}}


def test_each_scheduled_time_starts_one_saga() -> None:
    """The id comes from the time: the same time again is the same saga, another one is not."""
    front = Front()
    for time in ("2026-11-29T06:00:00Z", "2026-11-29T06:00:00Z", "2026-11-30T06:00:00Z"):
        assert front.take(front.event(DAILY, event_of({}, time, time))) == []
    assert len(front.started) == 2
    assert front.started[0].startswith("2026-11-29T06-00-00Z-")


def test_a_message_starts_a_saga() -> None:
    """Its body is the input, and a field of it the id."""
    front = Front()
    assert front.take(message("signups", ADA)) == []
    assert inputs(front) == {"ada": {**ADA, "addresses": []}}


def test_what_is_delivered_twice_starts_one_saga() -> None:
    """In one batch, in another one, while it runs and when it has ended."""
    front = Front()
    assert front.take(message("signups", ADA), message("signups", ADA, "m-2")) == []
    front.finish()
    assert front.take(message("signups", ADA)) == []
    assert front.started == ["ada"]
    assert not front.letters.letters


def test_after_ninety_days_the_stream_tells() -> None:
    """Step Functions has forgotten the name, the events have not: nothing is started."""
    front = Front()
    front.take(message("signups", ADA))
    front.finish()
    later = Front(store=front.store)
    assert later.take(message("signups", ADA)) == []
    assert later.started == []
    assert not later.letters.letters
    assert later.take(message("signups", {**ADA, "plan": "other"})) == []
    assert later.letters.letters[0].reason.startswith("IdTaken: ")


def test_another_input_under_the_same_id_is_a_dead_letter() -> None:
    """It is not started, not lost, and not delivered for ever."""
    front = Front()
    other = message("signups", {**ADA, "plan": "free"}, "m-2")
    assert front.take(message("signups", ADA), other) == []
    [letter] = front.letters.letters
    assert letter.body == other["body"]
    assert letter.queue == "https://sqs/1/signups"
    assert letter.what == "trigger Onboard/queue SignupQueue"
    assert "plan" in letter.reason
    assert "free" not in letter.reason


@pytest.mark.parametrize(
    ("queue", "body", "reason"),
    [
        ("signups", {"plan": "pro"}, "InputInvalid: Onboard: customer.customerId: Field required"),
        ("signups", "{", "TriggerUnknown: a message of SignupQueue is no JSON"),
        ("signups", "[" * 100_000, "TriggerUnknown: a message of SignupQueue is no JSON"),
        ("signups", '{"customerId": "\\ud800"}', "InputInvalid: "),
        ("signups", {"customerId": ""}, "IdInvalid: the id is empty"),
        ("signups", [], "InputInvalid: "),
        ("foreign", ADA, "TriggerUnknown: no trigger reads the queue ?"),
        ("triggers", {"trigger": "Gone", "event": {}}, "TriggerUnknown: there is no trigger"),
        ("triggers", {"trigger": ["x"]}, "TriggerUnknown: there is no trigger"),
        ("triggers", 5, "TriggerUnknown: there is no trigger"),
    ],
)
def test_what_can_never_be_started_is_a_dead_letter(queue: str, body: Any, reason: str) -> None:
    """At once, with the reason; what else is in the batch is started."""
    front = Front()
    assert front.take(message(queue, body, "bad"), message("signups", ADA, "good")) == []
    [letter] = front.letters.letters
    assert letter.reason.startswith(reason)
    assert front.started == ["ada"]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (None, "TriggerUnknown: trigger Onboard/event shop.customers Registered is given"),
        (event_of(None), "InputInvalid: "),
        (event_of({"number": "x", "tariff": "pro"}), "InputInvalid: Onboard: detail.number: "),
        (event_of({"number": 1, "tariff": "?"}), "InputInvalid: Onboard: tests.triggers.shop:"),
    ],
)
def test_an_event_that_does_not_fit_is_a_dead_letter(event: Any, reason: str) -> None:
    """With the envelope as its body, so that it finds its trigger when it is sent again."""
    front = Front()
    sent = front.event(REGISTERED, event)
    assert front.take(sent) == []
    [letter] = front.letters.letters
    assert letter.reason.startswith(reason)
    assert "secret" not in letter.reason
    assert json.loads(letter.body) == json.loads(sent["body"])


def test_a_letter_that_is_sent_again_starts_the_saga_after_the_fix() -> None:
    """Its body is whole: what was refused for a taken id starts elsewhere, and twice is once."""
    front = Front()
    front.take(message("signups", ADA), message("signups", {**ADA, "plan": "free"}))
    [letter] = front.letters.letters
    fixed = Front()
    for _ in range(2):
        assert fixed.take(message("signups", letter.body)) == []
    assert inputs(fixed) == {"ada": {"customerId": "ada", "plan": "free", "addresses": []}}


def test_an_id_that_is_no_name_is_made_one() -> None:
    """Readable and hashed, always the same, and another id's never."""
    front = Front()
    for name in ("ann/1", "ann/1", "ann:1", "x" * 200, "7", "ann@example.com"):
        assert front.take(message("signups", {"customerId": name})) == []
    assert len(front.started) == 5
    assert {"7", "ann@example.com"} < set(front.started)
    assert all(len(name) <= 80 for name in front.started)


def test_what_there_is_no_time_for_comes_again() -> None:
    """A batch may be slow; what is not begun is reported, and nothing is half done."""
    front = Front()
    assert front.take(message("signups", ADA), seconds=3) == ["m-1"]
    assert front.started == []


def test_a_default_that_is_made_anew_makes_no_other_input() -> None:
    """A message that comes twice is the same, although its model makes a token each time."""
    front = Front()
    starter = Starter(front.store, front.executions)
    model = "tests.triggers.shop:Ticket"
    queue = KnownTrigger("Q", "queue", "queue Q", "Onboard", "customer", model)
    event = KnownTrigger("E", "event", "event E", "Onboard", "customer", model, detail=model)
    assert [starter.by_input(queue, ADA, "one").new for _ in range(2)] == [True, False]
    assert [starter.by_event(event, event_of(ADA, "two")).new for _ in range(2)] == [True, False]
    assert front.started == ["one", "two"]
    with pytest.raises(IdTaken):
        starter.by_input(queue, {**ADA, "plan": "free"}, "one")


def test_a_trigger_is_the_same_as_json() -> None:
    """The function's file holds all of it."""
    for one in Front().known:
        assert KnownTrigger.of_json(json.loads(json.dumps(one.json()))) == one


def test_the_keys_are_names_in_a_template() -> None:
    """Letters and digits, all different."""
    keys = [one.key for one in Front().known]
    assert len(set(keys)) == len(keys)
    assert all(key.isalnum() and key.isascii() for key in keys)


def test_a_start_costs_its_bound() -> None:
    """One read, and one request of Step Functions; none where the events tell."""
    found = list(starts())
    assert [one.name for one in found] == list(REQUESTS)
    assert not any(one.above for one in found)


# Requests


def test_a_request_is_accepted_with_saga_and_id() -> None:
    """Also when it comes again."""
    front = Front()
    for _ in range(2):
        assert front.ask(ADA) == (202, {"saga": "Onboard", "id": "ada"})
    assert front.started == ["ada"]


def test_a_bad_request_is_told_its_fields() -> None:
    """The fields and what is wrong with them, never a value; no dead letter."""
    front = Front()
    status, answer = front.ask({"customerId": 5, "addresses": [{"city": "b"}, {"town": "secret"}]})
    assert status == 400
    assert answer["error"] == "the body does not fit"
    assert [one["field"] for one in answer["fields"]] == ["customerId", "addresses.1.city"]
    assert all(one["problem"] for one in answer["fields"])
    assert "secret" not in json.dumps(answer)
    assert not front.letters.letters
    assert front.started == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        ("", 400),
        ("[" * 100_000, 400),
        ("[]", 400),
        ('{"customerId": ""}', 400),
        ('{"customerId": "a", "plan": NaN}', 400),
        ("x" * 700_000, 413),
        (json.dumps({"customerId": "a", "plan": "x" * 200_000}), 400),
    ],
)
def test_no_body_is_too_bad_to_be_answered(body: str, status: int) -> None:
    """Whatever is sent, the sender hears that it is the sender's."""
    front = Front()
    assert front.ask(body)[0] == status
    assert front.started == []
    assert front.troubles == []


def test_another_input_is_a_conflict() -> None:
    """409, and what was started stays what it is."""
    front = Front()
    front.ask(ADA)
    status, answer = front.ask({**ADA, "plan": "free"})
    assert (status, "plan" in answer["error"]) == (409, True)


def test_a_request_without_a_field_for_its_id_needs_the_header() -> None:
    """However it is written; it is the id."""
    front = Front()
    status, answer = front.ask(ADA, "PUT")
    assert (status, answer["error"]) == (400, "the header Idempotency-Key is missing")
    for name in ("Idempotency_Key", "idempotency_key"):
        assert front.ask(ADA, "PUT", **{name: "k-1"}) == (202, {"saga": "Onboard", "id": "k-1"})
    assert front.started == ["k-1"]


def test_nothing_is_started_by_another_route() -> None:
    """What the template does not have is not found."""
    assert Front().ask(ADA, "PATCH")[0] == 404


def test_a_letter_of_a_message_without_a_field_for_its_id_keeps_the_messages_own() -> None:
    """SQS gives what is sent again another id: what was started before its letter, is that saga."""
    front = Front()
    without = [replace(one, id=()) for one in front.known]
    starter = Starter(front.store, front.executions)
    queues = {"SignupQueue": f"{URL}signups"}
    messages = Messages(without, starter, front.letters, queues, lambda: AT, front.log)
    messages.take([message("signups", {"plan": "pro"}, "m-1")], lambda: 30)
    messages.take([message("signups", ADA, "m-2")], lambda: 30)
    [letter] = front.letters.letters
    assert letter.message == "m-1"
    again = {"messageAttributes": {MESSAGE: {"stringValue": "m-2", "dataType": "String"}}}
    for number in ("m-3", "m-4"):
        messages.take([{**message("signups", ADA, number), **again}], lambda: 30)
    assert front.started == ["m-2"]
    messages.take([{**message("signups", {}, "m-5"), **again}], lambda: 30)
    assert front.letters.letters[-1].message == "m-2"
