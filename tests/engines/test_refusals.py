from __future__ import annotations

import json
from typing import Any

import pytest

from stepsaga.engines.simulator import Simulator
from stepsaga.errors import EngineError, UsageError
from stepsaga.store.memory import MemoryStore
from tests.engines.support import Script, definition, passing, task

PUT = "arn:aws:states:::dynamodb:putItem"
CONDITION = "attribute_not_exists(slot)"


def create(text: str, name: str = "Machine") -> None:
    """Create a machine from a text as it stands."""
    simulator = Simulator.for_sagas({}, store=MemoryStore(), functions=Script())
    simulator.create(name, text)


def wait(**fields: Any) -> dict[str, Any]:
    """A Wait that ends."""
    return {"Type": "Wait", "End": True, **fields}


def put(**parameters: Any) -> dict[str, Any]:
    """A record."""
    return {"Type": "Task", "Resource": PUT, "End": True, "Parameters": parameters}


def waiting(**fields: Any) -> dict[str, Any]:
    """A Task that waits for its token."""
    return task(Resource="arn:aws:states:::lambda:invoke.waitForTaskToken", **fields)


@pytest.mark.parametrize(
    ("state", "names"),
    [
        ({"Type": "Nonsense", "End": True}, "Nonsense"),
        ({"End": True}, "Type"),
        (5, "object"),
        (passing(Assign={"x": 1}), "Assign"),
        (passing(Output="{% 1 %}"), "Output"),
        (passing(QueryLanguage="JSONata"), "QueryLanguage"),
        (passing(Retry=[]), "Retry"),
        (passing(TimeoutSeconds=1), "TimeoutSeconds"),
        (task(Arguments={}), "Arguments"),
        (task(HeartbeatSeconds=5), "HeartbeatSeconds"),
        (task(Credentials={}), "Credentials"),
        (task(Resource="arn:aws:states:::sqs:sendMessage"), "sqs:sendMessage"),
        (put(Item={}) | {"Resource": f"{PUT}.waitForTaskToken"}, "waitForTaskToken"),
        (waiting(HeartbeatSeconds=30, TimeoutSeconds=30), "HeartbeatSeconds"),
        (waiting(HeartbeatSeconds=0), "HeartbeatSeconds"),
        (waiting(HeartbeatSeconds=1, HeartbeatSecondsPath="$.x"), "HeartbeatSecondsPath"),
        (task(Resource="arn:aws:lambda:us-east-1:0:function:f"), "function:f"),
        (task(Parameters={"FunctionName": "f", "InvocationType": "Event"}), "InvocationType"),
        (task(Parameters={"FunctionName": "f", "LogType.$": "$"}), "LogType"),
        (task(Parameters={"Payload": 1}), "FunctionName"),
        (task(Parameters=[]), "Parameters"),
        (
            task(Parameters={"FunctionName": "f", "Payload": {"x.$": "States.Nope()"}}),
            "States.Nope",
        ),
        (task(Parameters={"FunctionName": "f", "Payload": {"x.$": "$var"}}), "variable"),
        (task(ResultPath="$.a[*]"), "$.a[*]"),
        (task(ResultPath="$$.x"), "$$.x"),
        (task(ResultPath=5), "ResultPath"),
        (task(InputPath="States.UUID()"), "InputPath"),
        (task(TimeoutSeconds=0), "TimeoutSeconds"),
        (task(TimeoutSeconds=True), "TimeoutSeconds"),
        (task(TimeoutSeconds=1, TimeoutSecondsPath="$.t"), "TimeoutSecondsPath"),
        (task(Retry={}), "Retry"),
        (task(Retry=[{"ErrorEquals": []}]), "ErrorEquals"),
        (task(Retry=[{"ErrorEquals": ["E"], "IntervalSeconds": 0}]), "IntervalSeconds"),
        (task(Retry=[{"ErrorEquals": ["E"], "MaxAttempts": -1}]), "MaxAttempts"),
        (task(Retry=[{"ErrorEquals": ["E"], "BackoffRate": 0.5}]), "BackoffRate"),
        (task(Retry=[{"ErrorEquals": ["E"], "MaxDelaySeconds": 31_622_401}]), "MaxDelaySeconds"),
        (task(Retry=[{"ErrorEquals": ["E"], "JitterStrategy": "SOME"}]), "JitterStrategy"),
        (task(Retry=[{"ErrorEquals": ["E"], "Next": "x"}]), "Next"),
        (task(Retry=[{"ErrorEquals": ["States.ALL", "E"]}]), "States.ALL"),
        (task(Retry=[{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["E"]}]), "States.ALL"),
        (task(Catch=[{"ErrorEquals": ["E"]}]), "Next"),
        (task(Catch=[{"ErrorEquals": ["E"], "Next": "only", "Output": 1}]), "Output"),
        (task(Catch=[{"ErrorEquals": ["E"], "Next": "nowhere"}]), "nowhere"),
        (
            task(
                Catch=[
                    {"ErrorEquals": ["States.ALL"], "Next": "only"},
                    {"ErrorEquals": ["E"], "Next": "only"},
                ]
            ),
            "States.ALL",
        ),
        (passing(Next="nowhere"), "nowhere"),
        (passing(Next="only", End=True), "Next"),
        ({"Type": "Pass"}, "Next or End"),
        ({"Type": "Pass", "End": False}, "End"),
        (wait(), "Seconds"),
        (wait(Seconds=1, Timestamp="2026-01-01T00:00:00Z"), "Seconds"),
        (wait(Seconds=-1), "Seconds"),
        (wait(Seconds="{% 1 %}"), "Seconds"),
        (wait(SecondsPath=1), "SecondsPath"),
        (wait(Timestamp="2026-01-01"), "Timestamp"),
        (wait(Timestamp="2026-13-01T00:00:00Z"), "Timestamp"),
        ({"Type": "Succeed", "End": True}, "End"),
        ({"Type": "Fail", "Error": "E", "ErrorPath": "$.e"}, "ErrorPath"),
        ({"Type": "Fail", "Error": 5}, "Error"),
        ({"Type": "Fail", "CausePath": "States.Array(1)"}, "States.Array"),
        ({"Type": "Fail", "Next": "only"}, "Next"),
        (put(Item={}, TableName="t"), "ConditionExpression"),
        (put(TableName="t", ConditionExpression=CONDITION), "Item"),
        (put(Item={}, ConditionExpression=CONDITION, ReturnValues="ALL_OLD"), "ReturnValues"),
    ],
)
def test_state_that_is_refused(state: Any, names: str) -> None:
    """What the simulator does not know is refused when a machine is created, by name and state."""
    with pytest.raises(EngineError) as refused:
        create(definition({"only": state}))
    assert names in str(refused.value)
    assert "'only'" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("{", "no JSON"),
        ("[]", "object"),
        ('{"StartAt": "a", "States": {"a": 1, "a": 2}}', "'a' twice"),
        ('{"StartAt": "a", "States": {}}', "States"),
        ('{"States": {"a": {"Type": "Succeed"}}}', "StartAt"),
        ('{"StartAt": "b", "States": {"a": {"Type": "Succeed"}}}', "'b'"),
        (definition({"a": passing(Result=float("nan"))}), "NaN"),
        (definition({"a": passing(), "b": passing()}), "'b' cannot be reached"),
        (definition({"a": passing()}, QueryLanguage="JSONata"), "QueryLanguage"),
        (definition({"a": passing()}, Version="2.0"), "Version"),
        (definition({"a": passing()}, TimeoutSeconds=0), "TimeoutSeconds"),
        (definition({"a": passing()}, Assign={}), "Assign"),
        (definition({"a" * 81: passing()}), "80"),
        (definition({"": passing()}), "80"),
        (definition({"a": passing()}, Comment="x" * 1_048_576), "1048576"),
    ],
)
def test_definition_that_is_refused(text: str, names: str) -> None:
    """What is no definition, or over a limit, is refused with what is wrong."""
    with pytest.raises(EngineError) as refused:
        create(text)
    assert names in str(refused.value)


@pytest.mark.parametrize("name", ["", "x" * 81, "a b", "a:b", "a/b", "a*", "a\n", "a$", "a{"])
def test_name_that_is_refused(name: str) -> None:
    """Names of machines and executions follow Step Functions' rules."""
    with pytest.raises(EngineError, match="InvalidName"):
        create(definition({"a": passing()}), name)
    simulator = Simulator.for_sagas(
        {"Machine": definition({"a": passing()})}, store=MemoryStore(), functions=Script()
    )
    with pytest.raises(EngineError, match="InvalidName"):
        simulator.start("Machine", None, name=name)


def test_names_that_are_allowed() -> None:
    """Eighty characters, dots, dashes and letters of any script are a name."""
    for name in ("x" * 80, "a.b-c_d", "Größe", "订单"):
        create(definition({"a": passing()}), name)


def test_unknown_substitution_is_refused() -> None:
    """A ``${...}`` that the text itself does not explain is refused by name."""
    text = definition({"a": task("${Nobody}")})
    with pytest.raises(EngineError, match=r"\$\{Nobody\}"):
        Simulator.for_sagas({"M": text}, store=MemoryStore())


def test_faults_for_functions_of_ones_own_are_refused() -> None:
    """Faults are made inside the runtime; with other functions there is none."""
    text = definition({"a": task("f")})
    with pytest.raises(UsageError, match="functions"):
        Simulator.for_sagas(
            {"M": text}, store=MemoryStore(), functions=Script(), faults={"a": "raises"}
        )


def test_all_known_fields_are_accepted() -> None:
    """Every field that the simulator knows is accepted where it belongs."""
    states = {
        "task": task(
            Comment="c",
            InputPath="$",
            OutputPath="$",
            ResultSelector={},
            ResultPath="$",
            TimeoutSeconds=1,
            Retry=[{"ErrorEquals": ["E"], "MaxDelaySeconds": 1, "JitterStrategy": "NONE"}],
            Catch=[{"ErrorEquals": ["States.ALL"], "Next": "wait", "Comment": "c"}],
            Next="wait",
        ),
        "wait": {
            "Type": "Wait",
            "Seconds": 1,
            "InputPath": None,
            "OutputPath": None,
            "Next": "put",
        },
        "put": put(Item={}, TableName="t", ConditionExpression=CONDITION),
    }
    create(json.dumps({"StartAt": "task", "Version": "1.0", "Comment": "", "States": states}))
