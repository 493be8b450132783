from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.engines.functions import FunctionError, NoAnswer
from stepsaga.engines.simulator import Simulator
from stepsaga.engines.simulator.integrations import LAMBDA_INVOKE, LambdaInvoke
from stepsaga.errors import EngineError, TaskTimedOut
from tests.engines.support import definition, passing, task

if TYPE_CHECKING:
    from collections.abc import Callable

HOURS = timedelta(hours=3)
CATCH = [{"ErrorEquals": ["States.ALL"], "Next": "caught", "ResultPath": "$.e"}]


@dataclass
class Desk:
    """A function that is given tokens, and does something when it is called."""

    do: Callable[[Desk, str], Any] = lambda _, __: None
    tokens: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.simulator = Simulator({LAMBDA_INVOKE: LambdaInvoke(self)})

    def invoke(self, function: str, payload: Any) -> Any:
        """Take the token."""
        del function
        self.tokens.append(payload["token"])
        return self.do(self, payload["token"])

    def start(self, **fields: Any) -> str:
        """Start an execution of one Task that waits for its token."""
        parameters = {"FunctionName": "desk", "Payload": {"token.$": "$$.Task.Token"}}
        resource = f"{LAMBDA_INVOKE}.waitForTaskToken"
        ask = task(Resource=resource, Parameters=parameters, Catch=CATCH, **fields)
        self.simulator.create("M", definition({"ask": ask, "caught": passing()}))
        return self.simulator.start("M", {"i": 1}, name="run")

    def submitted(self, arn: str) -> str:
        """Go on until the function has been called; its token."""
        self.simulator.run_until(arn, lambda event: event.type == "TaskSubmitted")
        return self.tokens[-1]

    def types(self, arn: str) -> list[str]:
        """The types of the execution's events."""
        return [event.type for event in self.simulator.history(arn)]


def test_answer_after_hours() -> None:
    """A Task waits for its token's answer, whose output is its result; the reply is recorded."""
    desk = Desk(lambda *_: "on its way")
    arn = desk.start(ResultPath="$.r")
    token = desk.submitted(arn)
    desk.simulator.clock.after(HOURS, lambda: desk.simulator.send_task_success(token, [7]))
    view = desk.simulator.wait(arn)
    assert view.output == {"i": 1, "r": [7]}
    assert view.stopped == view.started + HOURS + timedelta(milliseconds=20)
    assert desk.types(arn)[2:7] == [
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
        "TaskStateExited",
    ]
    scheduled, _, submitted, succeeded = (e.details for e in desk.simulator.history(arn)[2:6])
    assert scheduled["resource"] == "invoke.waitForTaskToken"
    assert '"Payload":"on its way"' in submitted["output"]
    assert succeeded["output"] == "[7]"


def test_answer_during_the_call() -> None:
    """A function may answer its own token; what it returns is not the result."""
    desk = Desk(lambda desk, token: desk.simulator.send_task_success(token, "answer"))
    arn = desk.start()
    assert desk.simulator.wait(arn).output == "answer"
    assert desk.types(arn)[4:6] == ["TaskSubmitted", "TaskSucceeded"]


def test_answer_beats_a_later_error() -> None:
    """A function that fails after its token was answered changes nothing."""

    def answer_and_fail(desk: Desk, token: str) -> None:
        desk.simulator.send_task_success(token, 1)
        raise FunctionError("Late")

    desk = Desk(answer_and_fail)
    assert desk.simulator.wait(desk.start()).output == 1


def test_answer_while_the_function_hangs() -> None:
    """The answer ends the Task also where the function itself never returns."""

    def hang(desk: Desk, token: str) -> None:
        desk.simulator.clock.after(HOURS, lambda: desk.simulator.send_task_success(token, 1))
        raise NoAnswer

    desk = Desk(hang)
    assert desk.simulator.wait(desk.start()).output == 1


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"error": "E", "cause": "c"}, {"Error": "E", "Cause": "c"}),
        ({"error": "E"}, {"Error": "E"}),
        ({}, {"Error": None, "Cause": None}),
    ],
)
def test_failure(given: dict[str, str], told: dict[str, Any]) -> None:
    """A failure that is sent is the Task's; one without a name is caught as AWS catches it."""
    desk = Desk()
    arn = desk.start()
    desk.simulator.send_task_failure(desk.submitted(arn), **given)
    assert desk.simulator.wait(arn).output == {"i": 1, "e": told}
    assert "TaskFailed" in desk.types(arn)


def test_function_that_fails() -> None:
    """A function that fails before anybody answers fails its Task at once."""

    def fail(_: Desk, __: str) -> None:
        raise FunctionError("E", "c")

    desk = Desk(fail)
    assert desk.simulator.wait(desk.start()).output["e"] == {"Error": "E", "Cause": "c"}
    with pytest.raises(TaskTimedOut):
        desk.simulator.send_task_success(desk.tokens[0], 1)


def test_nobody_answers() -> None:
    """Time goes on to the Task's timeout; the token is worth nothing any more."""
    desk = Desk()
    arn = desk.start(TimeoutSeconds=3600)
    view = desk.simulator.wait(arn)
    assert view.output == {"i": 1, "e": {"Error": "States.Timeout"}}
    assert view.stopped == view.started + timedelta(hours=1)
    assert "TaskTimedOut" in desk.types(arn)
    for send in (
        lambda token: desk.simulator.send_task_success(token, 1),
        desk.simulator.send_task_failure,
        desk.simulator.send_task_heartbeat,
    ):
        with pytest.raises(TaskTimedOut, match="TaskTimedOut"):
            send(desk.tokens[0])


@pytest.mark.parametrize("name", ["States.Timeout", "States.HeartbeatTimeout"])
def test_missed_heartbeat(name: str) -> None:
    """A missed heartbeat is told as States.Timeout, and goes by both of its names."""
    desk = Desk()
    catch = [
        {"ErrorEquals": ["States.TaskFailed"], "Next": "wrong"},
        {"ErrorEquals": [name], "Next": "caught"},
    ]
    parameters = {"FunctionName": "desk", "Payload": {"token.$": "$$.Task.Token"}}
    ask = task(
        Resource=f"{LAMBDA_INVOKE}.waitForTaskToken",
        Parameters=parameters,
        HeartbeatSeconds=60,
        Catch=catch,
    )
    states = {"ask": ask, "caught": passing(), "wrong": passing(Result="wrong")}
    desk.simulator.create("M", definition(states))
    arn = desk.simulator.start("M", 1, name="run")
    view = desk.simulator.wait(arn)
    assert view.output == {"Error": "States.Timeout"}
    assert view.stopped == view.started + timedelta(seconds=60, milliseconds=20)
    assert desk.simulator.history(arn)[2].details["heartbeatInSeconds"] == 60


def test_heartbeats_keep_a_task_alive() -> None:
    """Each heartbeat begins the time anew, but not the Task's own time."""
    desk = Desk()
    arn = desk.start(HeartbeatSecondsPath="$.i", TimeoutSeconds=2)
    token = desk.submitted(arn)
    for step in range(1, 9):
        desk.simulator.clock.after(
            timedelta(milliseconds=900 * step),
            lambda: _beat_if_open(desk, token),
        )
    view = desk.simulator.wait(arn)
    assert view.stopped == view.started + timedelta(seconds=2)


def _beat_if_open(desk: Desk, token: str) -> None:
    if desk.simulator.describe(desk.simulator.execution_arn("M", "run")).stopped is None:
        desk.simulator.send_task_heartbeat(token)


def test_each_attempt_has_its_own_token() -> None:
    """A retry is a new call with a new token; the earlier one is over."""
    desk = Desk()
    arn = desk.start(Retry=[{"ErrorEquals": ["E"]}])
    first = desk.submitted(arn)
    desk.simulator.send_task_failure(first, error="E")
    second = desk.submitted(arn)
    assert first != second
    with pytest.raises(TaskTimedOut):
        desk.simulator.send_task_success(first, 1)
    desk.simulator.send_task_success(second, 2)
    assert desk.simulator.wait(arn).output == 2


def test_token_of_a_stopped_execution() -> None:
    """Who answers a token after the execution was stopped is told so; a redrive has a new one."""
    desk = Desk()
    arn = desk.start()
    token = desk.submitted(arn)
    desk.simulator.stop(arn)
    with pytest.raises(TaskTimedOut):
        desk.simulator.send_task_success(token, 1)
    desk.simulator.redrive(arn)
    desk.simulator.send_task_success(desk.submitted(arn), 2)
    assert desk.simulator.wait(arn).output == 2


def test_answers_that_are_refused() -> None:
    """An unknown token, and an output that is no JSON or too large, are refused by AWS's names."""
    desk = Desk()
    arn = desk.start()
    token = desk.submitted(arn)
    with pytest.raises(EngineError, match="InvalidToken"):
        desk.simulator.send_task_success("nobody's", 1)
    for output in (object(), "x" * 262_144):
        with pytest.raises(EngineError, match="InvalidOutput"):
            desk.simulator.send_task_success(token, output)
    desk.simulator.send_task_success(token, 1)
    with pytest.raises(TaskTimedOut):
        desk.simulator.send_task_success(token, 1)
    assert desk.simulator.wait(arn).output == 1
