"""What the compiler writes, by the rules that keep a saga right under failure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepsaga.asl import build
from stepsaga.asl.compiler import COMPENSATED, RECORD, compile_saga
from stepsaga.asl.rules import lint_text
from stepsaga.asl.text import render
from stepsaga.graph import Retry, Role, SagaGraph
from tests.asl.golden_sagas import SAGAS
from tests.asl.graphs import Options, look, of, pivot, saga, step, tail
from tests.asl.strategies import sagas
from tests.asl.walk import undone, walk
from tests.steps import steps

MIDDLE = saga([step("reserve"), look("quote"), step("charge"), pivot("ship"), tail("thank")])
DOUBT = saga(
    [step("reserve"), pivot("ship", probe="", undo="handlers.shipping:recall"), tail("thank")]
)


def states(graph: SagaGraph) -> dict[str, Any]:
    """The states of a compiled graph."""
    found: dict[str, Any] = compile_saga(graph, "f" * 64)["States"]
    return found


def payload(graph: SagaGraph, name: str) -> dict[str, Any]:
    """What a Task sends to its handler."""
    sent: dict[str, Any] = states(graph)[name]["Parameters"]["Payload"]
    return sent


@pytest.mark.parametrize(
    ("failing", "expected"),
    [
        ({"reserve": "Rejected"}, []),
        ({"reserve": "StepFailed"}, ["reserve"]),
        ({"quote": "Rejected"}, ["reserve"]),
        ({"quote": "States.Timeout"}, ["reserve"]),
        ({"charge": "Rejected"}, ["reserve"]),
        ({"charge": "RejectedInDoubt"}, ["charge", "reserve"]),
        ({"charge": "States.DataLimitExceeded"}, ["charge", "reserve"]),
        ({"charge": "Fenced"}, ["charge", "reserve"]),
        ({"ship": "Rejected"}, ["charge", "reserve"]),
        ({"ship": "States.Timeout", "verify ship": "Rejected"}, ["charge", "reserve"]),
    ],
)
def test_failures_enter_the_undoing_where_they_must(
    failing: dict[str, str], expected: list[str]
) -> None:
    """A rejection skips a step's own compensation, every other failure runs it (rule 1)."""
    way = walk(compile_saga(MIDDLE, ""), failing)
    assert undone(way) == expected
    assert way[-2:] == [RECORD, COMPENSATED]


def test_pivot_that_happened_goes_forward() -> None:
    """A probe that finds the pivot's effect leads on to the next step (rule 17)."""
    way = walk(compile_saga(MIDDLE, ""), {"ship": "States.Timeout"})
    assert way[-5:] == ["ship", "ship in doubt", "verify ship", "ship settled", "thank"]
    settled = states(MIDDLE)["ship settled"]["Parameters"]
    assert settled == {f"{name}.$": f"$.{name}" for name in ("reserve", "quote", "charge", "ship")}


def test_probe_waits_until_the_pivots_time_is_up() -> None:
    """The probe of a pivot in doubt runs after step time and dispatch have passed (rule 17)."""
    graph = saga([pivot("ship", seconds=100)])
    assert states(graph)["ship in doubt"]["Seconds"] == 115


def test_pivot_with_compensation_asks_its_slot_first() -> None:
    """A recorded result is not undone: only an empty slot leads to the compensation (rule 16)."""
    definition = compile_saga(DOUBT, "")
    forward = ["verify ship", "ship settled", "thank"]
    assert walk(definition, {"ship": "StepFailed"})[-3:] == forward
    way = walk(definition, {"ship": "StepFailed", "verify ship": "Rejected"})
    assert undone(way) == ["ship", "reserve"]
    assert undone(walk(definition, {"ship": "Rejected"})) == ["reserve"]
    assert "ship in doubt" not in definition["States"]


def test_settling_call_has_no_handler() -> None:
    """Where the slot alone decides, the call has no handler and goes to the alias (rule 12)."""
    sent = payload(DOUBT, "verify ship")
    assert "handler" not in sent
    assert sent["part"] == "verify"
    assert sent["slot"] == payload(DOUBT, "ship")["slot"]
    assert "results.$" not in sent
    task = states(DOUBT)["verify ship"]
    assert task["Parameters"]["FunctionName"] == "${ShippingLive}"
    assert task["Catch"] == [{"ErrorEquals": ["Rejected"], "ResultPath": None, "Next": "undo ship"}]


def test_read_only_pivot_in_doubt_is_settled_by_its_slot() -> None:
    """Rejected, or nothing recorded: what came before is undone; recorded: forward (rule 16)."""
    definition = compile_saga(SAGAS["read_only_pivot"], "")
    empty_slot = {"decide": "States.Timeout", "verify decide": "Rejected"}
    assert undone(walk(definition, {"decide": "Rejected"})) == ["reserve"]
    assert undone(walk(definition, empty_slot)) == ["reserve"]
    assert undone(walk(definition, {"decide": "States.Timeout"})) == []


@pytest.mark.parametrize("last", [step("charge"), look("charge")], ids=["step", "read-only"])
def test_last_step_in_doubt_is_settled_by_its_slot(last: Options) -> None:
    """What the last step records says that the saga is completed: then nothing is undone."""
    graph = saga([step("reserve"), last])
    definition = compile_saga(graph, "")
    own = ["charge"] if steps(graph)[1].compensation else []
    empty_slot = {"charge": "States.Timeout", "verify charge": "Rejected"}
    assert undone(walk(definition, {"charge": "States.Timeout"})) == []
    assert undone(walk(definition, empty_slot)) == [*own, "reserve"]
    assert undone(walk(definition, {"charge": "Rejected"})) == ["reserve"]


@pytest.mark.parametrize("name", ["undo reserve", "undo charge", "thank"])
def test_no_catch_where_redrive_goes_on(name: str) -> None:
    """Compensations and steps after the pivot fail in their Task (rule 12)."""
    assert "Catch" not in states(MIDDLE)[name]


def test_record_catches_only_that_it_is_there() -> None:
    """The record of the end fails in its Task, unless it stands already (rules 8, 12)."""
    record = states(MIDDLE)[RECORD]
    taken = ["DynamoDB.ConditionalCheckFailedException"]
    assert [catcher["ErrorEquals"] for catcher in record["Catch"]] == [taken]
    assert record["Retry"][0] == {"ErrorEquals": taken, "MaxAttempts": 0}
    assert record["Parameters"]["ConditionExpression"] == "attribute_not_exists(slot)"


def test_versions_and_aliases() -> None:
    """Steps up to the pivot call their version, what can be stuck the alias (rule 12)."""
    functions = {
        name: state["Parameters"]["FunctionName"]
        for name, state in states(MIDDLE).items()
        if "FunctionName" in state.get("Parameters", {})
    }
    assert functions == {
        "reserve": "${Payments}",
        "quote": "${Payments}",
        "charge": "${Payments}",
        "ship": "${Shipping}",
        "thank": "${NotificationsLive}",
        "verify ship": "${ShippingLive}",
        "undo charge": "${PaymentsLive}",
        "undo reserve": "${PaymentsLive}",
    }


def test_first_reply_replaces_the_document() -> None:
    """The input, which may be `5`, is not written into: the first reply replaces it (rule 19)."""
    first = states(MIDDLE)["reserve"]
    assert first["ResultPath"] == "$"
    assert first["ResultSelector"] == {"reserve": {"value.$": "$.Payload.value"}}
    assert {catcher["ResultPath"] for catcher in first["Catch"]} == {"$"}
    for name in ("reserve rejected", "reserve failed"):
        assert states(MIDDLE)[name]["Parameters"] == {"failure.$": "$"}
    assert "results.$" not in payload(MIDDLE, "reserve")


def test_compensations_carry_no_results() -> None:
    """A compensation's call has slots to read from, not the document (rule 22)."""
    graph = saga([step("reserve"), step("charge", undo_takes=(of("reserve"), of("charge")))])
    sent = payload(graph, "undo charge")
    assert "results.$" not in sent
    assert sent["reads"] == {"reserve": [1]}
    assert sent["undoes"] == [2]


def test_slots_of_compensations_follow_in_their_order() -> None:
    """The log reads in the order of what happened: steps, then compensations as they run."""
    slots = [payload(MIDDLE, name)["slot"] for name in ("thank", "undo charge", "undo reserve")]
    assert slots == [[5], [6], [7]]


def test_times() -> None:
    """A Task has its step's time and 15 seconds for dispatch and cold start (rule 23)."""
    for state in states(MIDDLE).values():
        if "Payload" in state.get("Parameters", {}):
            assert state["TimeoutSeconds"] == state["Parameters"]["Payload"]["seconds"] + 15


def test_deadline_ends_at_the_pivot() -> None:
    """Only steps up to the pivot, that one included, carry the deadline (rule 16)."""
    graph = replace(MIDDLE, deadline=3600)
    carrying = [
        name
        for name, state in states(graph).items()
        if "deadline" in state.get("Parameters", {}).get("Payload", {})
    ]
    assert carrying == ["reserve", "quote", "charge", "ship"]


def test_call_carries_the_execution_whole() -> None:
    """`RedriveCount`, absent before a redrive, is never named: nothing could catch it (rule 7)."""
    for name in ("reserve", "undo reserve", "thank"):
        assert payload(MIDDLE, name)["execution.$"] == "$$.Execution"
    assert "RedriveCount" not in render(compile_saga(MIDDLE, ""))


def test_first_and_last_commit_are_marked() -> None:
    """What can be the first commit opens the stream, and what ends the saga closes it (rule 8)."""
    graph = saga([step("charge"), pivot("ship")])
    marks = {
        name: [mark for mark in ("opens", "closes") if mark in payload(graph, name)]
        for name in ("charge", "ship", "verify ship", "undo charge")
    }
    assert marks == {
        "charge": ["opens"],
        "ship": ["closes"],
        "verify ship": ["closes"],
        "undo charge": ["opens"],
    }


def test_record_tells_the_story_where_nothing_else_was_written() -> None:
    """Where the first node leaves no commit, the record of the end carries the input (rule 8)."""

    def events(graph: SagaGraph) -> list[str]:
        item = states(graph)[RECORD]["Parameters"]["Item"]
        return [event["M"]["type"]["S"] for event in item["events"]["L"]]

    assert events(saga([look("quote")])) == ["SagaStarted", "SagaCompensated"]
    assert events(saga([step("charge")])) == ["SagaCompensated"]


def test_saga_that_only_goes_forward_has_no_end_to_record() -> None:
    """Without a step that can be undone there is no undoing."""
    assert list(states(SAGAS["tail_alone"])) == ["thank", "tell"]


def test_errors_of_a_retry_are_sorted() -> None:
    """Errors that came out of a set make the same text every time."""
    retry = Retry(3, 1, 2.0, 60, jitter=True, only=("b:B", "a:A"), never=("d:D", "c:C"))
    sent = payload(saga([step("charge", retry=retry)]), "charge")
    assert sent["only"] == ["a:A", "b:B"]
    assert sent["never"] == ["c:C", "d:D"]


@pytest.mark.parametrize(
    ("doc", "comment"),
    [
        ("Take the money.\n\n    And more.", "Take the money."),
        ("Over two\n    lines.", "Over two lines."),
        ("Costs ${Price}.", "Costs $ {Price}."),
        ("x" * 200, "x" * 119 + "…"),
        ("", None),
        ("\n  \n", None),
    ],
)
def test_comment(doc: str, comment: str | None) -> None:
    """A step's first paragraph is its comment: on one line, cut, and without substitutions."""
    graph = saga([step("charge", doc=doc)])
    assert states(graph)["charge"].get("Comment") == comment


@given(graph=sagas())
@settings(deadline=None)
def test_any_saga_compiles_to_a_sound_definition(graph: SagaGraph) -> None:
    """Whatever the sequence, our rules find nothing, and the text is the same every time."""
    compiled = build(graph)
    assert lint_text(compiled.text) == []
    assert build(graph) == compiled


@given(graph=sagas(), data=st.data())
@settings(deadline=None)
def test_any_failure_is_undone_in_reverse(graph: SagaGraph, data: st.DataObject) -> None:
    """Whatever fails, exactly the steps before it are undone, last first, and it where in doubt.

    What a probe did not find, or nobody has claimed, is in doubt no more.
    """
    node = data.draw(st.sampled_from(steps(graph)))
    error = data.draw(st.sampled_from(["Rejected", "StepFailed", "States.DataLimitExceeded"]))
    definition = compile_saga(graph, "")
    settling = {f"{prefix} {node.name}": "Rejected" for prefix in ("verify", "settle")}
    way = walk(definition, {node.name: error} | settling)
    if node.role is Role.RETRIABLE:
        assert way[-1] == node.name
        assert undone(way) == []
        return
    before = steps(graph)[: steps(graph).index(node)]
    expected = [other.name for other in reversed(before) if other.compensation]
    # Of the first call only the input can be too large: then nothing ran.
    nothing_ran = error == "States.DataLimitExceeded" and not before
    in_doubt = error != "Rejected" and not nothing_ran and not node.verify and not node.claim
    if node.compensation and in_doubt:
        expected.insert(0, node.name)
    assert undone(way) == expected
    assert way[-1] == COMPENSATED


@given(graph=sagas())
@settings(deadline=None)
def test_nothing_fails_in_one_transition_a_step(graph: SagaGraph) -> None:
    """The path where nothing fails is the steps as written, and nothing else."""
    assert walk(compile_saga(graph, ""), {}) == [node.name for node in steps(graph)]
