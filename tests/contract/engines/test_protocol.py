"""What engines do besides running: names, refusals, stop, redrive, descriptions, histories."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.engines.protocol import Status
from stepsaga.errors import (
    EngineError,
    ExecutionExists,
    ExecutionMissing,
    MachineMissing,
    TaskTimedOut,
)
from tests.contract.engines.cases import DESCRIBED, REDRIVE, REFUSED, TOKENS, machine, retry, task
from tests.contract.engines.checking import ENGINES, lacking, stage_of
from tests.contract.engines.scripts import Act, Answers, Fails, Meanwhile, Replies
from tests.contract.engines.state_cases import asking

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stepsaga.engines.protocol import Engine
    from tests.contract.engines.stage import Stage

ONE = machine({"A": task()})
ASKING = machine({"A": asking()})
UNKNOWN_TYPE = "refused-unknown-type"

EACH = [pytest.param(engine, id=engine) for engine in ENGINES]


def play(stage: Stage, name: str, *acts: Act, value: Any = None) -> str:
    """Run one Task that does these acts; the ARN of the execution, which has ended."""
    stage.company.play({"A": acts})
    arn = stage.engine.start(stage.machine(ONE), value, name=name)
    stage.engine.wait(arn)
    return arn


@pytest.mark.parametrize(
    ("engine", "text"),
    [lacking(engine, name, (engine, text)) for engine in ENGINES for name, text in REFUSED.items()],
)
def test_a_bad_definition_is_refused(
    engine: str, text: str, request: pytest.FixtureRequest
) -> None:
    """A definition that no engine could run is refused when it is created."""
    stage = stage_of(engine, request)
    with pytest.raises(EngineError):
        stage.engine.create("bad", text)


@pytest.mark.parametrize("engine", [lacking(one, TOKENS[0], (one,)) for one in ENGINES])
def test_a_token_is_answered_once(engine: str, request: pytest.FixtureRequest) -> None:
    """A token whose Task is over is refused, with an error of its own."""
    stage = stage_of(engine, request)
    stage.company.play({"A": [Answers("first")]})
    arn = stage.engine.start(stage.machine(ASKING), None, name="answered-once")
    assert stage.engine.wait(arn).output == "first"
    token = stage.company.invocations[0].payload["token"]
    with pytest.raises(TaskTimedOut):
        stage.engine.send_task_success(token, "second")
    with pytest.raises(TaskTimedOut):
        stage.engine.send_task_failure(token, error="Late")


@pytest.mark.parametrize("engine", [lacking(one, TOKENS[1], (one,)) for one in ENGINES])
def test_a_token_that_nobody_gave_out(engine: str, request: pytest.FixtureRequest) -> None:
    """What is no token is refused by AWS's name."""
    stage = stage_of(engine, request)
    with pytest.raises(EngineError, match="InvalidToken"):
        stage.engine.send_task_success("nobody's", 1)
    with pytest.raises(EngineError, match="InvalidToken"):
        stage.engine.send_task_heartbeat("nobody's")


@pytest.mark.parametrize("engine", [lacking(one, UNKNOWN_TYPE, (one,)) for one in ENGINES])
def test_a_refusal_has_no_effect_on_others(engine: str, request: pytest.FixtureRequest) -> None:
    """After a definition was refused, good ones are accepted and run."""
    stage = stage_of(engine, request)
    with pytest.raises(EngineError):
        stage.engine.create("worse", REFUSED[UNKNOWN_TYPE])
    fresh = machine({"Fresh": {"Type": "Pass", "Result": "good", "End": True}})
    arn = stage.engine.start(stage.machine(fresh), None, name="after-a-refusal")
    assert stage.engine.wait(arn).output == "good"


@pytest.mark.parametrize("engine", EACH)
def test_a_machine_is_replaced(engine: str, request: pytest.FixtureRequest) -> None:
    """A machine that is created again runs its new definition from then on."""
    stage = stage_of(engine, request)
    outputs = []
    for version in ("first", "second"):
        text = machine({"A": {"Type": "Pass", "Result": version, "End": True}})
        stage.engine.create("replaced", text)
        arn = stage.engine.start("replaced", None, name=f"on-the-{version}")
        outputs.append(stage.engine.wait(arn).output)
    assert outputs == ["first", "second"]


@pytest.mark.parametrize("engine", EACH)
def test_the_same_start_again_is_the_same_execution(
    engine: str, request: pytest.FixtureRequest
) -> None:
    """While an execution runs, its name with its input leads to it, and with another is taken."""
    stage = stage_of(engine, request)
    name = "the-same-again"
    found: list[str] = []

    def again(engine: Engine, _: str) -> None:
        found.append(engine.start(stage.machine(ONE), {"a": 1}, name=name))
        with pytest.raises(ExecutionExists, match="ExecutionAlreadyExists"):
            engine.start(stage.machine(ONE), {"a": 2}, name=name)

    assert [play(stage, name, Meanwhile(again), value={"a": 1})] == found


@pytest.mark.parametrize("engine", EACH)
def test_a_used_name_is_taken(engine: str, request: pytest.FixtureRequest) -> None:
    """The name of an execution that has ended cannot be used again, also with its input."""
    stage = stage_of(engine, request)
    play(stage, "used")
    with pytest.raises(ExecutionExists, match="ExecutionAlreadyExists"):
        stage.engine.start(stage.machine(ONE), None, name="used")


@pytest.mark.parametrize("engine", EACH)
def test_what_is_not_there_is_named(engine: str, request: pytest.FixtureRequest) -> None:
    """A machine or an execution that does not exist is an error under AWS's name for it."""
    stage = stage_of(engine, request)
    for seek in (
        lambda: stage.engine.start("nowhere", None, name="x"),
        lambda: stage.engine.execution_arn("nowhere", "x"),
        lambda: list(stage.engine.executions("nowhere")),
    ):
        with pytest.raises(MachineMissing, match="StateMachineDoesNotExist"):
            seek()
    nobody = f"{play(stage, 'somebody')}-else"
    for ask in (stage.engine.describe, stage.engine.history, stage.engine.stop):
        with pytest.raises(ExecutionMissing, match="ExecutionDoesNotExist"):
            ask(nobody)


@pytest.mark.parametrize("engine", EACH)
def test_descriptions(engine: str, request: pytest.FixtureRequest) -> None:
    """A running execution is described as running, an ended one with its end."""
    stage = stage_of(engine, request)
    seen = []
    look = Meanwhile(lambda engine, arn: seen.append(engine.describe(arn)))
    arn = play(stage, "described", look, value={"ä": [None]})
    view = stage.engine.describe(arn)
    assert [(one.status, one.stopped, one.output) for one in seen] == [(Status.RUNNING, None, None)]
    assert (view.arn, view.name, view.status) == (arn, "described", Status.SUCCEEDED)
    assert (view.machine, view.input) == (stage.machine(ONE), {"ä": [None]})
    assert view.stopped is not None
    assert view.started.tzinfo is not None
    assert view.started <= view.stopped
    assert view.redrives == 0


@pytest.mark.parametrize("engine", EACH)
def test_executions_are_listed(engine: str, request: pytest.FixtureRequest) -> None:
    """A machine's executions are listed, the newest first, and by status; ARNs can be told."""
    stage = stage_of(engine, request)
    text = machine({"A": task()}, Comment="a machine of its own")
    arns = []
    pieces: dict[str, Act] = {"one": Replies(), "two": Fails("Odd"), "three": Replies()}
    for name, act in pieces.items():
        stage.company.play({"A": [act]})
        arns.append(stage.engine.start(stage.machine(text), None, name=name))
        stage.engine.wait(arns[-1])
        assert stage.engine.execution_arn(stage.machine(text), name) == arns[-1]
    found = list(stage.engine.executions(stage.machine(text)))
    assert [view.arn for view in found] == arns[::-1]
    assert [view.status for view in found] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    assert all(view.stopped and view.started <= view.stopped for view in found)
    [failed] = stage.engine.executions(stage.machine(text), Status.FAILED)
    assert (failed.arn, failed.name) == (arns[1], "two")
    assert list(stage.engine.executions(stage.machine(text), Status.RUNNING)) == []


@pytest.mark.parametrize("engine", [lacking(one, DESCRIBED[1], (one,)) for one in ENGINES])
def test_a_failed_execution_has_no_output(engine: str, request: pytest.FixtureRequest) -> None:
    """What failed has an error and a cause, and no output."""
    stage = stage_of(engine, request)
    view = stage.engine.describe(play(stage, "described-failed", Fails("Odd")))
    assert (view.status, view.error, view.output) == (Status.FAILED, "Odd", None)


@pytest.mark.parametrize("engine", EACH)
def test_histories(engine: str, request: pytest.FixtureRequest) -> None:
    """Events are numbered from 1, in order of time, and hold what Step Functions' hold."""
    stage = stage_of(engine, request)
    history = stage.engine.history(play(stage, "told", Fails("Odd"), value={"a": 1}))
    assert [event.id for event in history] == list(range(1, len(history) + 1))
    assert all(before.time <= after.time for before, after in pairwise(history))
    by_type = {event.type: event.details for event in history}
    assert json.loads(by_type["ExecutionStarted"]["input"]) == {"a": 1}
    assert json.loads(by_type["TaskStateEntered"]["input"]) == {"a": 1}
    for failed in (by_type["TaskFailed"], by_type["ExecutionFailed"]):
        assert failed["error"] == "Odd"
        assert json.loads(failed["cause"])["errorMessage"] == "as the script says"


@pytest.mark.parametrize("engine", [lacking(one, DESCRIBED[0], (one,)) for one in ENGINES])
def test_histories_tell_what_was_scheduled(engine: str, request: pytest.FixtureRequest) -> None:
    """The event of a Task that is scheduled tells what is called, how, and for how long."""
    stage = stage_of(engine, request)
    history = stage.engine.history(play(stage, "scheduled"))
    [scheduled] = [event.details for event in history if event.type == "TaskScheduled"]
    assert (scheduled["resourceType"], scheduled["resource"]) == ("lambda", "invoke")
    assert scheduled["timeoutInSeconds"] == 30
    assert json.loads(scheduled["parameters"])["FunctionName"] == "shop"


@pytest.mark.parametrize("engine", EACH)
def test_a_stopped_execution_is_aborted(engine: str, request: pytest.FixtureRequest) -> None:
    """A stop ends an execution where it stands: no state follows, nothing is caught."""
    stage = stage_of(engine, request)
    stage.company.play({"A": [Meanwhile(lambda engine, arn: engine.stop(arn))]})
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "C"}]
    states = {"A": task(Next="B", Catch=catch), "B": task(), "C": task()}
    arn = stage.engine.start(stage.machine(machine(states)), None, name="stopped")
    assert stage.engine.wait(arn).status is Status.ABORTED
    assert [call.state for call in stage.company.invocations] == ["A"]
    told = [event.type for event in stage.engine.history(arn)]
    assert "ExecutionAborted" in told
    assert [kind for kind in told if kind.endswith("StateEntered")] == ["TaskStateEntered"]


@pytest.mark.parametrize("engine", [lacking(one, REDRIVE[0], (one,)) for one in ENGINES])
def test_a_redrive_goes_on_where_it_failed(engine: str, request: pytest.FixtureRequest) -> None:
    """A redrive begins at the state that failed, with its input, and counts attempts anew."""
    stage = stage_of(engine, request)
    acts: Mapping[str, Sequence[Act]] = {"B": [Fails("Odd"), Fails("Odd"), Replies("mended")]}
    stage.company.play(acts)
    again = [retry("Odd", MaxAttempts=1)]
    states = {"A": task(Next="B"), "B": task(Retry=again)}
    arn = stage.engine.start(stage.machine(machine(states)), None, name="redriven")
    stage.engine.wait(arn)
    stage.engine.redrive(arn)
    view = stage.engine.wait(arn)
    assert (view.status, view.output, view.redrives) == (
        "SUCCEEDED",
        {"got": {"value": "mended"}},
        1,
    )
    seen = [(call.state, call.attempt) for call in stage.company.invocations]
    assert seen == [("A", 0), ("B", 0), ("B", 1), ("B", 0)]


@pytest.mark.parametrize("engine", [lacking(one, REDRIVE[1], (one,)) for one in ENGINES])
def test_a_redrive_is_told_to_functions(engine: str, request: pytest.FixtureRequest) -> None:
    """Rule 7: RedriveCount is absent before a redrive, and then there."""
    stage = stage_of(engine, request)
    arn = play(stage, "redrive-told", Fails("Odd"), Replies())
    stage.engine.redrive(arn)
    stage.engine.wait(arn)
    told = [call.payload["execution"].get("RedriveCount") for call in stage.company.invocations]
    assert told == [None, 1]
