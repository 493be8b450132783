"""An action's parameters: constants arrive as they are, data as it is, keys as the log has them."""

# ruff: noqa: ARG005 -- every example is given the input and a step, whatever it names

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepsaga import Action, DefinitionError, Input, Map, Queue, Retry, Saga, ServiceStep, Step
from stepsaga.asl import build
from stepsaga.authoring import graph_of
from stepsaga.engines.endings import Ending
from stepsaga.engines.once import run_once
from stepsaga.graph import Datum, Origin, StepNode, Text
from stepsaga.store.commits import Outcome
from stepsaga.store.memory import MemoryStore
from stepsaga.store.slots import service_key_of
from stepsaga.testing import SagaRunner
from tests.services import sagas, shop

if TYPE_CHECKING:
    from collections.abc import Mapping

KEYS = st.text(max_size=5).filter(lambda key: not key.endswith(".$") and "${" not in key)
ODD = st.sampled_from(["'", "{", "}", "{}", "\\", "${Name}", "$.x", "$$.y", "States.UUID()", "\\'"])
TEXTS = st.lists(ODD | st.text(st.characters(codec="utf-8"), max_size=3), max_size=4).map("".join)
VALUES = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | TEXTS
FLAT = st.recursive(VALUES, lambda inner: st.lists(inner, max_size=3), max_leaves=5)
BODIES = st.dictionaries(
    KEYS, FLAT | st.dictionaries(KEYS, FLAT, max_size=3) | st.lists(st.just({"a": 1})), max_size=4
)


def sent(parameters: Mapping[str, Any], order: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a queue is sent by an action with this body, for an order."""
    graph = graph_of(sagas.FirstAndLast)
    [node] = graph.nodes
    assert isinstance(node, StepNode)
    assert node.service is not None
    service = replace(node.service, parameters={"MessageBody": parameters})
    graph = replace(graph, nodes=(replace(node, service=service),))
    done = run_once(build(graph), order, saga_id="one", store=MemoryStore())
    assert done.view.error is None, done.view.cause
    [call] = done.actions
    body: Mapping[str, Any] = call.parameters["MessageBody"]
    return body


class Counts(Saga):
    """A message whose only field is called as DynamoDB calls a number."""

    order = Input(shop.Order)
    tell = ServiceStep(
        Action.send_message(Queue("Parcels"), {"N": order.grams}),
        repeatable=True,
        read_only=True,
    )


def test_only_dynamodb_is_sent_numbers_as_texts() -> None:
    """In a message a field N is what it is."""
    [call] = SagaRunner().run(Counts, {"id": "one", "grams": 7}).actions
    assert call.parameters["MessageBody"] == {"N": 7}


@given(BODIES)
@settings(max_examples=60, deadline=None)
def test_constants_arrive_as_they_are(body: dict[str, Any]) -> None:
    """Whatever is special to Step Functions or to a template is plain text in a constant."""
    assert sent(body, {"id": "one"}) == body


@given(TEXTS.filter(bool), TEXTS, st.integers(-5, 10**6))
@settings(max_examples=40, deadline=None)
def test_data_arrives_as_it_is(value: str, around: str, grams: int) -> None:
    """A text of the input is not looked into, alone, in a list, or inside of another text."""
    datum, number = Datum(Origin.INPUT, path=("id",)), Datum(Origin.INPUT, path=("grams",))
    body = {
        "id": datum,
        "list": ("a", datum, (around, number)),
        "text": Text((around, datum, around, number)),
        "whole": Datum(Origin.INPUT),
    }
    order = {"id": value, "grams": grams}
    assert sent(body, order) == {
        "id": value,
        "list": ["a", value, [around, grams]],
        "text": f"{around}{value}{around}{grams}",
        "whole": {**order, "note": None},
    }


def test_each_lane_has_a_key_of_its_own_and_it_is_the_log_s() -> None:
    """In branches, items, and items of items a step's key is made of its recorded slot."""
    names = [[{"name": f"{sku}{n}"} for n in range(3)] for sku in ("kettle", "tea")]
    lines = [{"sku": parts[0]["name"], "parts": parts} for parts in names]
    run = SagaRunner().run(sagas.Lanes, {"id": "one", "lines": lines})
    assert run.ending is Ending.COMPLETED
    recorded = {
        commit.slot: event.data["step"]
        for commit in run.commits
        if commit.outcome is Outcome.RESULT
        for event in commit.events
        if event.type == "StepCompleted"
    }
    stream = f"{run.saga}#{run.id}"
    keys = [
        service_key_of(stream, slot)
        for slot, step in recorded.items()
        if step in {"left", "mark", "ship"}
    ]
    assert len(set(keys)) == 1 + 6 + 2
    assert sorted(call.key for call in run.actions) == sorted(keys)
    [left] = [call for call in run.actions if call.step == "left"]
    assert left.parameters["MessageBody"]["key"] == left.key
    for call in run.actions:
        if call.step == "ship":
            assert call.parameters["Headers"] == {"Idempotency-Key": call.key}
            assert call.parameters["RequestBody"] == {"key": call.key}
    commits = {commit.commit_id for commit in run.commits}
    assert commits.issuperset(keys)


def wrong(action: Any, **options: Any) -> set[str]:
    """The codes of the problems of a saga with this action, behind a step that may return None."""
    given: dict[str, Any] = {"compensation": shop.withdraw, "repeatable": True, "result": str}
    with pytest.raises(DefinitionError) as raised:

        class Wrong(Saga):
            order = Input(shop.Order)
            maybe = Step(shop.maybe, read_only=True)
            announce = ServiceStep(action(order, maybe), **(given | options))

    return {problem.code for problem in raised.value.problems}


TO = Queue("Parcels")


@pytest.mark.parametrize(
    ("action", "code"),
    [
        (lambda o, m: Action.send_message(TO, {"note": o.note}), "S543"),
        (lambda o, m: Action.send_message(TO, {"shelf": m.result.shelf}), "S543"),
        (lambda o, m: Action.send_message(TO, m.result), "S543"),
        (lambda o, m: Action.send_message(TO, Action.text("{} {}", o.id)), "S540"),
        (lambda o, m: Action.send_message(TO, Action.text("{}", o)), "S540"),
        (lambda o, m: Action.send_message(TO, {"id.$": "$.x"}), "S540"),
        (lambda o, m: Action.send_message(TO, {"${id}": 1}), "S540"),
        (lambda o, m: Action.send_message(TO, {"id": {1, 2}}), "S540"),
        (lambda o, m: Action.send_message(TO, {"id": float("nan")}), "S540"),
        (lambda o, m: Action.send_message(TO, [o.id, {"a": 1}]), "S540"),
        (lambda o, m: Action.send_message(Queue("no-id"), "x"), "S540"),
        (lambda o, m: Action.put_event(shop.order_announced, {"key": "x"}), "S540"),
        (lambda o, m: Action.put_event(shop.order_announced, {"order": "x", "no": 1}), "S540"),
        (lambda o, m: Action.put_event(shop.order_announced, "x"), "S540"),
        (lambda o, m: Action.dynamodb("query", "Notes"), "S540"),
        (lambda o, m: Action.dynamodb("putItem", "Notes"), "S540"),
        (lambda o, m: Action.dynamodb("putItem", "EventTable", Item={}), "S540"),
        (lambda o, m: Action.dynamodb("putItem", "N", Item={"a": {"N": o.id}}), "S540"),
        (lambda o, m: Action.http("SEND", "https://x.y/", connection="Carrier"), "S540"),
        (lambda o, m: Action.http("POST", "http://x.y/", connection="Carrier"), "S540"),
        (
            lambda o, m: Action.http("POST", Action.text("https://{}", o.id), connection="Carrier"),
            "S540",
        ),
        (
            lambda o, m: Action.http(
                "GET", Action.text("https://x.y/{}", o.id), connection="Carrier"
            ),
            "S540",
        ),
        (
            lambda o, m: Action.http(
                "GET", "https://x.y/", connection="Carrier", headers={"Host": "z"}
            ),
            "S540",
        ),
        (
            lambda o, m: Action.http(
                "GET", "https://x.y/", connection="Carrier", headers={"X-Id": o.id}
            ),
            "S540",
        ),
        (lambda o, m: Action.sdk("S3:CopyObject", {}, policies=[]), "S540"),
        (lambda o, m: Action.sdk("eventbridge:putEvents", {}, policies=[]), "S540"),
        (lambda o, m: "send it", "S540"),
    ],
)
def test_what_an_action_cannot_have(action: Any, code: str) -> None:
    """What could be missing, or is no parameter, is refused where the class is made."""
    assert wrong(action) == {code}


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"repeatable": "yes"}, "S512"),
        ({"repeatable": False, "retry": Retry()}, "S542"),
        ({"retry": Retry(only=(OSError,))}, "S542"),
        ({"compensation": None}, "S401"),
        ({"compensation": None, "retriable": True, "repeatable": False}, "S542"),
    ],
)
def test_what_a_service_step_cannot_be(options: dict[str, Any], code: str) -> None:
    """What contradicts itself is refused by its code."""
    assert wrong(lambda o, m: Action.send_message(TO, "x"), **options) == {code}


def test_what_is_sensitive_is_not_sent() -> None:
    """Nothing masks what a queue is sent, so a secret is refused (S304)."""
    with pytest.raises(DefinitionError, match="S304"):

        class Leak(Saga):
            login = Input(shop.Login)
            announce = ServiceStep(
                Action.send_message(TO, {"password": login.password}),
                read_only=True,
                repeatable=True,
            )


def test_the_results_of_many_items_are_not_sent() -> None:
    """A map's steps have a result for each item: let a handler gather them (S543)."""
    with pytest.raises(DefinitionError, match="S543"):

        class Many(Saga):
            order = Input(shop.Big)
            lines = Map(order.lines, item="line", pack=Step(shop.pack, read_only=True))
            announce = ServiceStep(
                Action.send_message(TO, cast("Any", lines.nodes["pack"]).result),
                read_only=True,
                repeatable=True,
            )


def test_nothing_looks_into_a_reply() -> None:
    """A reply is read when a handler takes it: the definition would find out too late (S543)."""
    with pytest.raises(DefinitionError, match="S543"):

        class Looks(Saga):
            order = Input(shop.Order)
            copied = ServiceStep(
                Action.sdk("s3:copyObject", {}, policies=[]),
                read_only=True,
                repeatable=True,
                result=shop.Reserved,
            )
            announce = ServiceStep(
                Action.send_message(TO, copied.result.shelf), read_only=True, repeatable=True
            )
