from __future__ import annotations

from typing import Any

import pytest

from stepsaga.engines.simulator import Simulator
from stepsaga.errors import EngineError
from stepsaga.store.memory import MemoryStore
from tests.engines.support import Script, definition, passing, start

DOCUMENT = {
    "text": "banana",
    "low": "apple",
    "n": 5,
    "half": 0.5,
    "yes": True,
    "no": False,
    "none": None,
    "at": "2026-03-01T10:00:00Z",
    "same": "2026-03-01T12:00:00+02:00",
    "later": "2026-03-01T10:00:00.5Z",
    "list": [1],
    "star": "a*b\\c",
}
MISSING = {"Variable": "$.missing", "IsNull": True}


def holds(rule: dict[str, Any]) -> bool:
    """Whether a rule holds for the document."""
    run = decide(rule)
    view = run.wait()
    assert view.status == "SUCCEEDED", (view.error, view.cause)
    return bool(view.output == "yes")


def decide(rule: dict[str, Any], **fields: Any) -> Any:
    """Start a machine that asks a rule, and otherwise goes to its Default."""
    choice = {"Type": "Choice", "Choices": [{**rule, "Next": "yes"}], "Default": "no", **fields}
    states = {"ask": choice, "yes": passing(Result="yes"), "no": passing(Result="no")}
    return start(states, DOCUMENT)


@pytest.mark.parametrize("path", [False, True])
@pytest.mark.parametrize(
    ("name", "left", "right", "expected"),
    [
        ("StringEquals", "$.text", "$.text", True),
        ("StringEquals", "$.text", "$.low", False),
        ("StringLessThan", "$.low", "$.text", True),
        ("StringLessThan", "$.text", "$.text", False),
        ("StringGreaterThan", "$.text", "$.low", True),
        ("StringLessThanEquals", "$.text", "$.text", True),
        ("StringGreaterThanEquals", "$.low", "$.text", False),
        ("StringEquals", "$.n", "$.text", False),
        ("NumericEquals", "$.n", "$.n", True),
        ("NumericLessThan", "$.half", "$.n", True),
        ("NumericGreaterThan", "$.half", "$.n", False),
        ("NumericLessThanEquals", "$.n", "$.n", True),
        ("NumericGreaterThanEquals", "$.n", "$.half", True),
        ("NumericEquals", "$.yes", "$.n", False),
        ("NumericEquals", "$.text", "$.n", False),
        ("BooleanEquals", "$.yes", "$.yes", True),
        ("BooleanEquals", "$.no", "$.yes", False),
        ("BooleanEquals", "$.none", "$.no", False),
        ("TimestampEquals", "$.at", "$.same", True),
        ("TimestampLessThan", "$.at", "$.later", True),
        ("TimestampGreaterThan", "$.at", "$.later", False),
        ("TimestampLessThanEquals", "$.at", "$.same", True),
        ("TimestampGreaterThanEquals", "$.later", "$.at", True),
        ("TimestampEquals", "$.text", "$.at", False),
    ],
)
def test_comparisons(name: str, left: str, right: str, expected: bool, path: bool) -> None:
    """Every comparison, with a value and with a path; what is of another type is false."""
    operand = {f"{name}Path": right} if path else {name: DOCUMENT[right[2:]]}
    assert holds({"Variable": left, **operand}) is expected


def test_a_path_to_another_type() -> None:
    """A comparison with what is found at a path, and has another type, is false."""
    assert not holds({"Variable": "$.text", "StringEqualsPath": "$.n"})


@pytest.mark.parametrize(
    ("operator", "of"),
    [
        ("IsNull", {"none"}),
        ("IsString", {"text", "low", "at", "same", "later", "star"}),
        ("IsNumeric", {"n", "half"}),
        ("IsBoolean", {"yes", "no"}),
        ("IsTimestamp", {"at", "same", "later"}),
        ("IsPresent", set(DOCUMENT)),
    ],
)
def test_questions_about_types(operator: str, of: set[str]) -> None:
    """Each question is true of its type only, and the other way round with false."""
    found = {key for key in DOCUMENT if holds({"Variable": f"$.{key}", operator: True})}
    others = {key for key in DOCUMENT if holds({"Variable": f"$.{key}", operator: False})}
    assert found == of
    assert others == set(DOCUMENT) - of


def test_what_is_missing() -> None:
    """Only IsPresent may ask for what is not there; anything else is ``States.Runtime``."""
    assert holds({"Variable": "$.missing", "IsPresent": False})
    assert not holds({"Variable": "$.list[3]", "IsPresent": True})
    for rule in (MISSING, {"Variable": "$.text", "StringEqualsPath": "$.missing"}):
        view = decide(rule).wait()
        assert (view.status, view.error) == ("FAILED", "States.Runtime")
        assert "Invalid path '$.missing'" in str(view.cause)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a*", True),
        ("*c", True),
        ("a\\*b*", True),
        ("a\\*b\\\\c", True),
        ("a\\*", False),
        ("a.b*", False),
        ("*", True),
        ("", False),
    ],
)
def test_patterns(pattern: str, expected: bool) -> None:
    """``*`` stands for anything; with a backslash before it, it and the backslash stand alone."""
    assert holds({"Variable": "$.star", "StringMatches": pattern}) is expected


def test_logic_stops_where_it_is_decided() -> None:
    """And and Or look at no more conditions than they need; what is missing after that is none."""
    true = {"Variable": "$.yes", "BooleanEquals": True}
    false = {"Not": true}
    assert holds({"Or": [true, MISSING]})
    assert not holds({"And": [false, MISSING]})
    assert holds({"And": [true, {"Or": [false, {"Not": false}]}]})
    assert decide({"And": [true, MISSING]}).wait().error == "States.Runtime"


def test_first_rule_wins_and_paths_apply() -> None:
    """Rules are asked in order, of the effective input; the output is that, as OutputPath says."""
    rules = [
        {"Variable": "$", "NumericEquals": 1, "Next": "wrong"},
        {"Variable": "$", "NumericGreaterThan": 1, "Next": "right"},
        {"Variable": "$", "IsNumeric": True, "Next": "wrong"},
    ]
    choice = {"Type": "Choice", "InputPath": "$.n", "Choices": rules}
    run = start({"ask": choice, "wrong": passing(Result=0), "right": passing()}, DOCUMENT)
    assert run.wait().output == 5
    assert run.types[1:3] == ["ChoiceStateEntered", "ChoiceStateExited"]


def test_context_in_a_rule() -> None:
    """A rule may ask for the context object."""
    assert holds({"Variable": "$$.Execution.Name", "StringEquals": "run"})


def test_no_rule_matches() -> None:
    """Without a rule that holds and a Default, the execution fails with NoChoiceMatched."""
    rule = {"Variable": "$.n", "NumericEquals": 6, "Next": "end"}
    run = start({"ask": {"Type": "Choice", "Choices": [rule]}, "end": passing()}, DOCUMENT)
    assert run.wait().error == "States.NoChoiceMatched"
    assert run.types == ["ExecutionStarted", "ChoiceStateEntered", "ExecutionFailed"]


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        ({"Variable": "$.a"}, "operator"),
        ({"Variable": "$.a", "IsNull": True, "IsString": True}, "operator"),
        ({"Variable": "$.a", "IsNull": 1}, "IsNull"),
        ({"Variable": "$.a", "StringEquals": 1}, "StringEquals"),
        ({"Variable": "$.a", "NumericEquals": True}, "NumericEquals"),
        ({"Variable": "$.a", "BooleanEquals": "true"}, "BooleanEquals"),
        ({"Variable": "$.a", "TimestampEquals": "2026-01-01"}, "RFC3339"),
        ({"Variable": "$.a", "StringMatches": None}, "StringMatches"),
        ({"Variable": "$.a", "NumericEqualsPath": 5}, "NumericEqualsPath"),
        ({"Variable": "a", "IsNull": True}, "'a'"),
        ({"Variable": "$.a", "StringMatchesPath": "$.b"}, "StringMatchesPath"),
        ({"And": []}, "And"),
        ({"And": [{"Variable": "$.a", "IsNull": True, "Next": "only"}]}, "Next"),
        ({"Not": 5}, "object"),
        ({"Condition": "{% true %}"}, "Variable"),
        ({"Variable": "$.a", "IsNull": True, "Assign": {}}, "Assign"),
        ({"Variable": "$.a", "IsNull": True, "Next": "nowhere"}, "nowhere"),
        ({"Variable": "$.a", "IsNull": True, "Next": None}, "Next"),
    ],
)
def test_rule_that_is_refused(rule: dict[str, Any], names: str) -> None:
    """What is no rule is refused when the machine is created, by name and state."""
    choice = {"Type": "Choice", "Choices": [{"Next": "only", **rule}]}
    simulator = Simulator.for_sagas({}, store=MemoryStore(), functions=Script())
    with pytest.raises(EngineError) as refused:
        simulator.create("Machine", definition({"only": choice}))
    assert names in str(refused.value)
    assert "'only'" in str(refused.value)
