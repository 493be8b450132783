from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from stepsaga.engines.functions import FunctionError, NoAnswer
from tests.engines.support import Script, definition, passing, result_of, start, task

BIG = "x" * 262_144


# Input and output


@pytest.mark.parametrize(
    ("fields", "output"),
    [
        ({}, {"a": {"b": 1}}),
        ({"InputPath": "$.a"}, {"b": 1}),
        ({"InputPath": None}, {}),
        ({"OutputPath": "$.a"}, {"b": 1}),
        ({"OutputPath": None}, {}),
        ({"ResultPath": None}, {"a": {"b": 1}}),
        ({"Result": 5}, 5),
        ({"Result": None}, None),
        ({"Result": 5, "Parameters": {"x": 1}}, 5),
        ({"Result": 5, "ResultPath": "$.c"}, {"a": {"b": 1}, "c": 5}),
        ({"Result": 5, "ResultPath": "$.a.b"}, {"a": {"b": 5}}),
        ({"InputPath": "$.a", "ResultPath": "$.c"}, {"a": {"b": 1}, "c": {"b": 1}}),
        ({"InputPath": "$.a", "Parameters": {"x.$": "$.b"}}, {"x": 1}),
        ({"Parameters": {"x.$": "$.a.b"}, "ResultPath": "$.c", "OutputPath": "$.c.x"}, 1),
        ({"InputPath": "$$.Execution.Name"}, "run"),
        ({"Parameters": {"n.$": "$$.State.Name"}}, {"n": "only"}),
    ],
)
def test_fields_of_a_pass(fields: dict[str, Any], output: Any) -> None:
    """InputPath, Parameters, ResultPath, OutputPath, in this order; null has its own meanings."""
    assert result_of({"only": passing(**fields)}, {"a": {"b": 1}}) == output


@pytest.mark.parametrize(
    ("fields", "output"),
    [
        ({"ResultSelector": {"r.$": "$.Payload.v"}}, {"r": 7}),
        ({"ResultSelector": {"r.$": "$.Payload.v"}, "ResultPath": "$.t"}, {"i": 1, "t": {"r": 7}}),
        ({"ResultSelector": {"v.$": "$.Payload.v"}, "ResultPath": "$.t", "OutputPath": "$.t.v"}, 7),
        ({"ResultPath": None}, {"i": 1}),
        ({"ResultSelector": {"s.$": "$.StatusCode", "n.$": "$$.State.Name"}}, {"s": 200, "n": "t"}),
    ],
)
def test_fields_of_a_task(fields: dict[str, Any], output: Any) -> None:
    """ResultSelector sees Lambda's whole answer; ResultPath puts that into the raw input."""
    script = Script({"work": [{"v": 7}]})
    assert result_of({"t": task(**fields)}, {"i": 1}, script) == output
    assert script.calls == [("work", {"i": 1})]


def test_answer_of_lambda_invoke() -> None:
    """A function's reply comes in an envelope with exactly the keys that AWS gives it."""
    output = result_of({"t": task()}, 1, Script({"work": ["reply"]}))
    assert output["Payload"] == "reply"
    assert sorted(output) == [
        "ExecutedVersion",
        "Payload",
        "SdkHttpMetadata",
        "SdkResponseMetadata",
        "StatusCode",
    ]


def test_a_function_cannot_change_the_document() -> None:
    """What a function does to its payload afterwards, or to its reply, reaches nobody."""
    reply: dict[str, Any] = {"v": [1]}
    script = Script({"work": [reply]})
    states = {
        "one": task(ResultPath="$.r", ResultSelector={"v.$": "$.Payload.v"}, Next="two"),
        "two": task(ResultPath=None),
    }
    run = start(states, {"i": [1]}, script=script)
    run.simulator.run_until(run.arn, lambda event: event.type == "TaskStateExited")
    script.calls[0][1]["i"].append(2)
    reply["v"].append(2)
    assert run.wait().output == {"i": [1], "r": {"v": [1]}}


def test_context_object() -> None:
    """``$$`` tells execution, state and machine; ``RedriveCount`` is not there before a redrive."""
    context = result_of({"only": passing(Parameters={"c.$": "$$"})}, {"in": 1})["c"]
    assert context["Execution"] == {
        "Id": "arn:aws:states:us-east-1:000000000000:execution:Machine:run",
        "Input": {"in": 1},
        "Name": "run",
        "RoleArn": "arn:aws:iam::000000000000:role/simulator",
        "StartTime": "2026-01-01T00:00:00.000Z",
    }
    assert context["State"] == {
        "EnteredTime": "2026-01-01T00:00:00.000Z",
        "Name": "only",
        "RetryCount": 0,
    }
    assert context["StateMachine"]["Name"] == "Machine"


@pytest.mark.parametrize("value", [5, None, [], "text", {"reserve": 1}, True])
def test_first_reply_replaces_any_input(value: Any) -> None:
    """With ResultPath ``$`` the input may be anything; below ``$`` only an object (rule 19)."""
    fields: dict[str, Any] = {"ResultSelector": {"reserve": {"value.$": "$.Payload"}}}
    output = result_of({"reserve": task(**fields)}, value, Script({"work": [1]}))
    assert output == {"reserve": {"value": 1}}
    view = start({"reserve": task(**fields, ResultPath="$.reserve")}, value).wait()
    assert (view.error == "States.Runtime") is not isinstance(value, dict)


# Errors


@pytest.mark.parametrize(
    "state",
    [
        task(InputPath="$.missing"),
        task(OutputPath="$.Payload.missing"),
        task(ResultSelector={"x.$": "$.Payload.missing"}),
        task(ResultPath="$.a.b.c"),
        task(Parameters={"FunctionName": "work", "Payload": {"x.$": "$.missing"}}),
        task(Parameters={"FunctionName": "work", "Payload": {"x.$": "$$.Execution.RedriveCount"}}),
        task(Parameters={"FunctionName": "work", "Payload": {"x.$": "States.ArrayLength($)"}}),
        task(TimeoutSecondsPath="$.missing"),
        task(TimeoutSecondsPath="$.text"),
        task(TimeoutSecondsPath="$.zero"),
    ],
)
def test_states_runtime_is_never_caught(state: dict[str, Any]) -> None:
    """A missing path or a bad function is ``States.Runtime``: neither retried nor caught."""
    state |= {
        "Retry": [{"ErrorEquals": ["States.ALL"]}],
        "Catch": [
            {"ErrorEquals": ["States.Runtime"], "Next": "caught"},
            {"ErrorEquals": ["States.ALL"], "Next": "caught"},
        ],
    }
    run = start({"t": state, "caught": passing()}, {"a": {"b": 1}, "text": "x", "zero": 0})
    view = run.wait()
    assert (view.status, view.error) == ("FAILED", "States.Runtime")
    assert view.cause is not None
    assert "the state 't' (entered at the event id #2)" in view.cause
    assert run.types.count("TaskStarted") <= 1


def test_cause_names_path_field_and_input() -> None:
    """The cause of a missing path is worded as AWS words it."""
    view = start({"only": passing(Parameters={"x.$": "$.y"})}, {"a": 1}).wait()
    assert view.cause == (
        "An error occurred while executing the state 'only' (entered at the event id #2). The"
        " JSONPath '$.y' specified for the field 'Parameters.x.$' could not be found in the input"
        " '{\"a\":1}'"
    )


def test_catchers_are_asked_in_order_after_all_retries() -> None:
    """The first catcher that matches takes the error, which is put into the raw input."""
    state = task(
        InputPath="$.i",
        Retry=[{"ErrorEquals": ["Declined"], "MaxAttempts": 2, "IntervalSeconds": 5}],
        Catch=[
            {"ErrorEquals": ["Other"], "Next": "wrong"},
            {"ErrorEquals": ["Declined"], "ResultPath": "$.failure", "Next": "right"},
            {"ErrorEquals": ["States.ALL"], "Next": "wrong"},
        ],
    )
    script = Script({"work": [FunctionError("Declined", "because")]})
    run = start({"t": state, "wrong": passing(), "right": passing()}, {"i": 1}, script=script)
    view = run.wait()
    assert view.output == {"i": 1, "failure": {"Error": "Declined", "Cause": "because"}}
    assert len(script.calls) == 3
    # The pauses are 5 and 10 seconds; each call takes 20 ms.
    assert view.stopped is not None
    assert view.stopped - view.started == timedelta(seconds=15, milliseconds=60)
    assert run.simulator.transitions(run.arn) == 4


def test_catcher_without_result_path() -> None:
    """By default the error object replaces the document, with null it is dropped."""
    for path, output in [({}, {"Error": "E", "Cause": "c"}), ({"ResultPath": None}, {"i": 1})]:
        catch = [{"ErrorEquals": ["States.ALL"], "Next": "end", **path}]
        script = Script({"work": [FunctionError("E", "c")]})
        assert result_of({"t": task(Catch=catch), "end": passing()}, {"i": 1}, script) == output


def test_uncaught_error_fails_the_execution_in_its_task() -> None:
    """Without a catcher the execution fails with the error, and without an exit (rule 12)."""
    run = start({"t": task()}, script=Script({"work": [FunctionError("E", "c")]}))
    view = run.wait()
    assert (view.status, view.error, view.cause) == ("FAILED", "E", "c")
    assert run.types == [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskFailed",
        "ExecutionFailed",
    ]


def test_retry_count_is_in_the_context() -> None:
    """``$$.State.RetryCount`` counts the retries of one visit, EnteredTime stays (rule 7)."""
    state = task(
        Parameters={"FunctionName": "work", "Payload": {"s.$": "$$.State"}},
        Retry=[{"ErrorEquals": ["E"]}],
        ResultPath=None,
        Next="again",
    )
    again = {key: value for key, value in state.items() if key != "Next"} | {"End": True}
    script = Script({"work": [FunctionError("E"), FunctionError("E"), 1]})
    start({"t": state, "again": again}, {}, script=script).wait()
    states = [payload["s"] for _, payload in script.calls]
    assert [state["RetryCount"] for state in states] == [0, 1, 2, 0]
    assert [state["EnteredTime"] for state in states[:3]] == ["2026-01-01T00:00:00.000Z"] * 3
    assert states[3]["Name"] == "again"


@pytest.mark.parametrize(
    ("fields", "seconds"), [({"TimeoutSeconds": 7}, 7), ({"TimeoutSecondsPath": "$.t"}, 9)]
)
def test_timeout_of_a_task(fields: dict[str, Any], seconds: int) -> None:
    """A function that does not answer ends with ``States.Timeout``, which has no cause."""
    catch = [
        {"ErrorEquals": ["States.TaskFailed"], "Next": "wrong"},
        {"ErrorEquals": ["States.Timeout"], "Next": "end"},
    ]
    states = {"t": task(**fields, Catch=catch), "wrong": passing(), "end": passing()}
    run = start(states, {"t": 9}, script=Script({"work": [NoAnswer()]}))
    view = run.wait()
    assert view.output == {"Error": "States.Timeout"}
    assert view.stopped == view.started + timedelta(seconds=seconds)
    (event,) = [event for event in run.history if event.type == "TaskTimedOut"]
    assert event.details == {
        "resourceType": "lambda",
        "resource": "invoke",
        "error": "States.Timeout",
    }


def test_timeout_counts_for_each_attempt() -> None:
    """``TimeoutSeconds`` begins anew with every attempt."""
    state = task(TimeoutSeconds=10, Retry=[{"ErrorEquals": ["States.Timeout"], "MaxAttempts": 1}])
    view = start({"t": state}, script=Script({"work": [NoAnswer()]})).wait()
    assert view.error == "States.Timeout"
    assert view.stopped == view.started + timedelta(seconds=21)


# Sizes


@pytest.mark.parametrize(
    ("state", "answers"),
    [
        (task(), [BIG]),
        (task(Parameters={"FunctionName": "work", "Payload": {"a.$": "$", "b.$": "$"}}), [1]),
        (task(ResultPath="$.b", ResultSelector={"p.$": "$.Payload"}), ["x" * 100_000]),
    ],
)
def test_data_limit_of_a_task(state: dict[str, Any], answers: list[Any]) -> None:
    """Over 262,144 bytes of input, result or document is caught by its own name only (rule 22)."""
    value = {"i": "é" * 85_000}
    all_of_them = [{"ErrorEquals": ["States.ALL"], "Next": "end"}]
    named = [{"ErrorEquals": ["States.DataLimitExceeded"], "Next": "end", "ResultPath": None}]
    for catch, status in [(all_of_them, "FAILED"), (named + all_of_them, "SUCCEEDED")]:
        states = {"t": state | {"Catch": catch}, "end": passing()}
        view = start(states, value, script=Script({"work": answers})).wait()
        assert view.status == status
        assert status == "SUCCEEDED" or view.error == "States.DataLimitExceeded"


def test_data_limit_of_a_pass_ends_the_execution() -> None:
    """A Pass whose document is too large fails the execution: a Pass has no catchers."""
    state = passing(Parameters={"a.$": "$", "b.$": "$"})
    view = start({"p": state}, "x" * 200_000).wait()
    assert (view.status, view.error) == ("FAILED", "States.DataLimitExceeded")


def test_limit_is_in_bytes() -> None:
    """Exactly 262,144 bytes of UTF-8 are allowed, quotes included; one more is not."""
    states = {"p": passing()}
    assert start(states, "é" * 131_071).wait().status == "SUCCEEDED"
    with pytest.raises(Exception, match="262144 bytes"):
        start(states, "é" * 131_071 + "x")


def test_caught_error_that_makes_the_document_too_large() -> None:
    """A document that the caught error makes too large ends the execution: nothing catches that."""
    catch = [
        {"ErrorEquals": ["States.DataLimitExceeded"], "Next": "end"},
        {"ErrorEquals": ["States.ALL"], "Next": "end", "ResultPath": "$.failure"},
    ]
    script = Script({"work": [FunctionError("E", "c" * 30_000)]})
    state = task(Parameters={"FunctionName": "work"}, Catch=catch)
    view = start({"t": state, "end": passing()}, {"i": "x" * 250_000}, script=script).wait()
    assert (view.status, view.error) == ("FAILED", "States.DataLimitExceeded")


# The other states


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"Seconds": 0}, 0),
        ({"Seconds": 90}, 90),
        ({"SecondsPath": "$.n"}, 30),
        ({"Timestamp": "2026-01-01T01:00:00Z"}, 3600),
        ({"Timestamp": "2025-01-01T01:00:00Z"}, 0),
        ({"TimestampPath": "$.at"}, 60),
    ],
)
def test_wait(fields: dict[str, Any], seconds: int) -> None:
    """A Wait takes virtual time only, and hands its input on."""
    value = {"n": 30, "at": "2026-01-01T02:01:00+02:00"}
    run = start({"w": {"Type": "Wait", **fields, "End": True}}, value)
    view = run.wait()
    assert view.output == value
    assert view.stopped == view.started + timedelta(seconds=seconds)
    assert run.types[1:3] == ["WaitStateEntered", "WaitStateExited"]


@pytest.mark.parametrize(
    "fields", [{"SecondsPath": "$.no"}, {"SecondsPath": "$.t"}, {"TimestampPath": "$.t"}]
)
def test_wait_for_what_is_no_time(fields: dict[str, Any]) -> None:
    """A Wait for what is not there, or is no time, is ``States.Runtime``."""
    view = start({"w": {"Type": "Wait", **fields, "End": True}}, {"t": "2026-01-01"}).wait()
    assert view.error == "States.Runtime"


def test_succeed_selects_its_output() -> None:
    """A Succeed ends the execution with what its paths select."""
    states = {"s": {"Type": "Succeed", "InputPath": "$.a", "OutputPath": "$.b"}}
    run = start(states, {"a": {"b": 1}})
    assert run.wait().output == 1
    assert run.types == [
        "ExecutionStarted",
        "SucceedStateEntered",
        "SucceedStateExited",
        "ExecutionSucceeded",
    ]


@pytest.mark.parametrize(
    ("fields", "error", "cause"),
    [
        ({}, None, None),
        ({"Error": "E", "Cause": "c"}, "E", "c"),
        ({"ErrorPath": "$.e", "CausePath": "States.JsonToString($)"}, "Late", '{"e":"Late"}'),
        ({"Error": "E", "CausePath": "States.Format('{}!', $.e)"}, "E", "Late!"),
    ],
)
def test_fail(fields: dict[str, Any], error: str | None, cause: str | None) -> None:
    """A Fail ends with the error and the cause that it names, or computes."""
    run = start({"f": {"Type": "Fail", **fields}}, {"e": "Late"})
    view = run.wait()
    assert (view.status, view.error, view.cause) == ("FAILED", error, cause)
    assert run.types == ["ExecutionStarted", "FailStateEntered", "ExecutionFailed"]


@pytest.mark.parametrize("path", ["$.missing", "$.n", "States.Hash($.n, 'MD4')"])
def test_fail_with_a_cause_that_is_none(path: str) -> None:
    """A cause that is missing, or no string, is ``States.Runtime``."""
    view = start({"f": {"Type": "Fail", "CausePath": path}}, {"n": 1}).wait()
    assert view.error == "States.Runtime"


def test_history_of_a_task() -> None:
    """A Task's events have the keys that AWS gives them."""
    run = start({"t": task(TimeoutSeconds=5)}, {"i": 1}, script=Script({"work": [2]}))
    run.wait()
    entered, scheduled, started, succeeded, exited = (event.details for event in run.history[1:6])
    whole = {"truncated": False}
    assert entered == {"name": "t", "input": '{"i":1}', "inputDetails": whole}
    names = {"resourceType": "lambda", "resource": "invoke"}
    assert scheduled == {
        **names,
        "region": "us-east-1",
        "parameters": '{"FunctionName":"work","Payload":{"i":1}}',
        "timeoutInSeconds": 5,
    }
    assert started == names
    assert json.loads(succeeded["output"])["Payload"] == 2
    assert exited == {"name": "t", "output": succeeded["output"], "outputDetails": whole}
    assert [event.id for event in run.history] == list(range(1, 8))


def test_qualifier_is_part_of_the_name() -> None:
    """A ``Qualifier`` calls the version or alias of that name."""
    script = Script({"work:live": [1]})
    state = task(Parameters={"FunctionName": "work", "Qualifier": "live"})
    assert result_of({"t": state}, 5, script)["Payload"] == 1
    assert script.calls == [("work:live", {})]


def test_reply_that_is_no_json() -> None:
    """A function whose reply is not JSON fails as Lambda says it."""
    for reply in (float("nan"), {1, 2}):
        view = start({"t": task()}, script=Script({"work": [reply]})).wait()
        assert view.error == "Runtime.MarshalError"


def test_definition_reads_itself() -> None:
    """The helper writes what the simulator reads: a machine that begins at its first state."""
    assert json.loads(definition({"a": passing()}))["StartAt"] == "a"
