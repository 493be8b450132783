from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepsaga.engines.functions import FunctionError, NoAnswer
from stepsaga.engines.protocol import Status
from stepsaga.engines.simulator import Simulator
from stepsaga.engines.simulator.clock import VirtualClock
from stepsaga.engines.simulator.integrations import LambdaInvoke
from stepsaga.errors import EngineError, UsageError
from stepsaga.store.memory import MemoryStore
from tests.engines.support import INVOKE, Run, Script, definition, passing, start, task

if TYPE_CHECKING:
    from stepsaga.engines.protocol import Engine, HistoryEvent

TWO = {
    "one": task("one", ResultPath=None, Next="two"),
    "two": task("two", ResultPath=None, TimeoutSeconds=60),
}


def until(run: Run, kind: str, name: str = "") -> HistoryEvent:
    """Let time pass until an event of a type, of a state if one is named."""
    return run.simulator.run_until(
        run.arn,
        lambda event: event.type == kind and (not name or event.details.get("name") == name),
    )


def test_simulator_is_an_engine() -> None:
    """The simulator does what every engine does, for the type checker too."""
    engine: Engine = Simulator({})
    engine.create("M", definition({"a": passing()}))
    assert engine.wait(engine.start("M", 1, name="x")).output == 1


# Names


def test_same_start_again_is_the_same_execution() -> None:
    """While it runs, the same name with the same input is the same execution."""
    run = start(TWO, {"i": 1})
    assert run.simulator.start("Machine", {"i": 1}, name="run") == run.arn
    with pytest.raises(EngineError, match=r"ExecutionAlreadyExists.*another input"):
        run.simulator.start("Machine", {"i": 2}, name="run")
    run.wait()
    with pytest.raises(EngineError, match=r"ExecutionAlreadyExists.*closed"):
        run.simulator.start("Machine", {"i": 1}, name="run")
    assert [function for function, _ in run.script.calls] == ["one", "two"]


def test_name_is_free_after_ninety_days() -> None:
    """Ninety days after its end a name makes a new execution, with another start (rule 4)."""
    run = start(TWO)
    first = run.wait()
    run.simulator.clock.advance(timedelta(days=90) - timedelta(milliseconds=1))
    with pytest.raises(EngineError, match="ExecutionAlreadyExists"):
        run.simulator.start("Machine", None, name="run")
    run.simulator.clock.advance(timedelta(milliseconds=1))
    run.simulator.start("Machine", None, name="run")
    assert run.wait().started == (first.stopped or first.started) + timedelta(days=90)


def test_unknown_machine_and_execution() -> None:
    """An engine that is asked for what is not there says so, and what there is."""
    run = start(TWO)
    with pytest.raises(EngineError, match=r"StateMachineDoesNotExist: 'Mashine'.*Machine"):
        run.simulator.start("Mashine", None, name="x")
    with pytest.raises(EngineError, match="ExecutionDoesNotExist: nothing"):
        run.simulator.describe("nothing")


@pytest.mark.parametrize("value", [object(), float("inf"), {1: {2}}])
def test_input_that_is_no_json(value: Any) -> None:
    """Input that is not JSON starts nothing."""
    with pytest.raises(EngineError, match="InvalidExecutionInput"):
        start(TWO, value)


def test_running_executions_keep_their_definition() -> None:
    """A machine that is replaced changes what starts later, not what runs; nor a redrive."""
    run = start(TWO, script=Script({"two": [FunctionError("E"), 1]}))
    run.simulator.create("Machine", definition({"other": passing(Result="new")}))
    assert run.wait().status is Status.FAILED
    run.simulator.redrive(run.arn)
    assert run.wait().output is None
    assert run.simulator.wait(run.simulator.start("Machine", 1, name="later")).output == "new"


def test_executions_run_side_by_side() -> None:
    """While one execution is waited for, the others go on in their own time."""
    run = start({"w": {"Type": "Wait", "Seconds": 100, "Next": "t"}, "t": task()})
    other = run.simulator.start("Machine", 2, name="other")
    run.wait()
    assert run.simulator.wait(other).stopped == run.simulator.describe(run.arn).stopped


# Ends


def test_execution_timeout() -> None:
    """The execution's time ends it wherever it stands; nothing catches that."""
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "end"}]
    states = {"t": task(Catch=catch), "end": passing()}
    run = start(states, script=Script({"work": [NoAnswer()]}), top={"TimeoutSeconds": 30})
    view = run.wait()
    assert (view.status, view.output, view.error) == (Status.TIMED_OUT, None, None)
    assert view.stopped == view.started + timedelta(seconds=30)
    assert run.types[-2:] == ["TaskStarted", "ExecutionTimedOut"]


def test_no_execution_takes_more_than_a_year() -> None:
    """Without a time of its own an execution has a year."""
    run = start({"w": {"Type": "Wait", "Seconds": 99_999_999, "End": True}})
    view = run.wait()
    assert view.status is Status.TIMED_OUT
    assert view.stopped == view.started + timedelta(days=365)


def test_history_limit() -> None:
    """The 25,000th event is the failure of an execution that goes round for ever (rule 25)."""
    run = start({"a": passing(Next="b"), "b": passing(Next="a")})
    view = run.wait()
    assert (view.status, view.error) == (Status.FAILED, "States.Runtime")
    assert len(run.history) == 25_000
    assert run.types[-1] == "ExecutionFailed"
    with pytest.raises(EngineError, match=r"ExecutionNotRedrivable.*25000"):
        run.simulator.redrive(run.arn)


@pytest.mark.parametrize(
    ("kind", "name", "called", "later"),
    [
        ("TaskStateEntered", "one", [], []),
        ("TaskScheduled", "", [], []),
        ("TaskStarted", "", [], ["one"]),
        ("TaskSucceeded", "", ["one"], ["one"]),
        ("TaskStateExited", "one", ["one"], ["one"]),
        ("TaskStateEntered", "two", ["one"], ["one"]),
    ],
)
def test_stop_wherever_it_stands(kind: str, name: str, called: list[str], later: list[str]) -> None:
    """A stop ends the execution exactly there; only an invocation under way still happens."""
    run = start(TWO)
    until(run, kind, name)
    run.simulator.stop(run.arn, error="Operator", cause="enough")
    view = run.wait()
    assert (view.status, view.error, view.cause) == (Status.ABORTED, "Operator", "enough")
    assert run.types[-2:] == [kind, "ExecutionAborted"]
    assert [function for function, _ in run.script.calls] == called
    run.simulator.settle()
    assert [function for function, _ in run.script.calls] == later
    assert run.types[-1] == "ExecutionAborted"


@pytest.mark.parametrize(
    ("kind", "name", "calls"),
    [
        ("TaskStateEntered", "one", ["one", "two"]),
        ("TaskStarted", "", ["one", "one", "two"]),
        ("TaskSucceeded", "", ["one", "one", "two"]),
        ("TaskStateExited", "one", ["one", "two"]),
        ("TaskStateEntered", "two", ["one", "two"]),
        ("TaskStateExited", "two", ["one", "two"]),
    ],
)
def test_redrive_after_a_stop(kind: str, name: str, calls: list[str]) -> None:
    """A redrive calls again what has not succeeded, and nothing that has."""
    run = start(TWO, {"i": 1})
    until(run, kind, name)
    run.simulator.stop(run.arn)
    run.simulator.redrive(run.arn)
    assert run.wait().output == {"i": 1}
    assert [function for function, _ in run.script.calls] == calls


def test_stop_of_a_wait_and_of_a_retry() -> None:
    """A Wait and a pause between attempts can be stopped, and are gone on with."""
    wait: dict[str, Any] = {"w": {"Type": "Wait", "Seconds": 50, "End": True}}
    run = start(wait)
    until(run, "WaitStateEntered")
    run.simulator.stop(run.arn)
    run.simulator.redrive(run.arn)
    view = run.wait()
    assert view.stopped == view.started + timedelta(seconds=50)
    assert run.types.count("WaitStateEntered") == 1

    state = task(Retry=[{"ErrorEquals": ["E"], "IntervalSeconds": 100}])
    run = start({"t": state}, script=Script({"work": [FunctionError("E"), 1]}))
    until(run, "TaskFailed")
    run.simulator.clock.advance(timedelta(seconds=10))
    run.simulator.stop(run.arn)
    run.simulator.redrive(run.arn)
    assert run.wait().status is Status.SUCCEEDED


def test_wait_whose_time_is_up_at_a_redrive() -> None:
    """A Wait that was stopped keeps its end; if that is past, it is over at once."""
    run = start({"w": {"Type": "Wait", "Seconds": 50, "End": True}})
    until(run, "WaitStateEntered")
    run.simulator.stop(run.arn)
    run.simulator.clock.advance(timedelta(days=2))
    run.simulator.redrive(run.arn)
    view = run.wait()
    assert view.stopped == view.started + timedelta(days=2)


def test_stopping_a_closed_execution_changes_nothing() -> None:
    """A stop that comes too late is no error, and no event."""
    run = start(TWO)
    before = run.wait()
    run.simulator.stop(run.arn)
    assert run.simulator.describe(run.arn) == before
    assert run.types[-1] == "ExecutionSucceeded"


# Redrive


def test_redrive_goes_on_at_the_failed_task() -> None:
    """A failed Task is scheduled again, not entered again; retries begin anew (rule 12)."""
    state = task(
        "two",
        Parameters={"FunctionName": "two", "Payload": {"e.$": "$$.Execution", "s.$": "$$.State"}},
        Retry=[{"ErrorEquals": ["E"], "MaxAttempts": 1}],
        ResultPath=None,
    )
    script = Script({"two": [FunctionError("E")] * 3 + [1]})
    run = start({"one": task("one", ResultPath=None, Next="two"), "two": state}, script=script)
    assert run.wait().error == "E"
    run.simulator.clock.advance(timedelta(hours=1))
    run.simulator.redrive(run.arn)
    assert run.simulator.describe(run.arn).status is Status.RUNNING
    view = run.wait()
    assert (view.status, view.redrives, view.error) == (Status.SUCCEEDED, 1, None)
    payloads = [payload for function, payload in script.calls if function == "two"]
    assert [payload["s"]["RetryCount"] for payload in payloads] == [0, 1, 0, 1]
    assert len({payload["s"]["EnteredTime"] for payload in payloads}) == 1
    assert [payload["e"].get("RedriveCount") for payload in payloads] == [None, None, 1, 1]
    assert payloads[2]["e"]["RedriveTime"] == "2026-01-01T01:00:01.060Z"
    assert payloads[2]["e"]["StartTime"] == payloads[0]["e"]["StartTime"]
    redriven = run.types.index("ExecutionRedriven")
    assert run.history[redriven].details == {"redriveCount": 1}
    assert run.types[redriven + 1] == "TaskScheduled"
    assert [function for function, _ in script.calls].count("one") == 1
    # One and two, a retry, the redrive, and its retry.
    assert run.simulator.transitions(run.arn) == 5


def test_redrive_of_a_fail_fails_again() -> None:
    """A Fail is entered again and fails again: nothing useful comes of it."""
    run = start({"f": {"Type": "Fail", "Error": "SagaCompensated"}})
    run.wait()
    run.simulator.redrive(run.arn)
    assert run.wait().error == "SagaCompensated"
    assert run.types[-3:] == ["ExecutionRedriven", "FailStateEntered", "ExecutionFailed"]


def test_redrive_begins_the_executions_time_anew() -> None:
    """A redriven execution has its whole ``TimeoutSeconds`` again."""
    script = Script({"work": [NoAnswer()]})
    run = start({"t": task()}, script=script, top={"TimeoutSeconds": 30})
    run.wait()
    run.simulator.redrive(run.arn)
    view = run.wait()
    assert (view.status, view.redrives) == (Status.TIMED_OUT, 1)
    assert view.stopped == view.started + timedelta(seconds=60)


def test_redrive_that_is_refused() -> None:
    """What runs, has succeeded, or was closed over 14 days ago cannot be redriven."""
    run = start(TWO, script=Script({"two": [FunctionError("E"), 1]}))
    with pytest.raises(EngineError, match=r"ExecutionNotRedrivable.*RUNNING"):
        run.simulator.redrive(run.arn)
    run.wait()
    run.simulator.clock.advance(timedelta(days=14, milliseconds=1))
    with pytest.raises(EngineError, match=r"ExecutionNotRedrivable.*14 days"):
        run.simulator.redrive(run.arn)
    good = run.simulator.start("Machine", None, name="good")
    run.simulator.wait(good)
    with pytest.raises(EngineError, match=r"ExecutionNotRedrivable.*SUCCEEDED"):
        run.simulator.redrive(good)


def test_invocation_of_a_stopped_execution_comes_before_its_redrive() -> None:
    """An invocation that outlives a stop happens, and its reply reaches nobody."""
    run = start({"t": task(ResultSelector={"v.$": "$.Payload"})}, script=Script({"work": [1, 2]}))
    until(run, "TaskStarted")
    run.simulator.stop(run.arn)
    run.simulator.redrive(run.arn)
    assert run.wait().output == {"v": 2}
    assert run.types.count("TaskSucceeded") == 1


# Time


def test_run_until_what_never_happens() -> None:
    """Waiting for an event that does not come ends with the execution, and says so."""
    run = start(TWO)
    with pytest.raises(EngineError, match="SUCCEEDED"):
        until(run, "TaskFailed")
    with pytest.raises(EngineError, match="SUCCEEDED"):
        until(run, "TaskStarted")


def test_run_until_finds_the_end() -> None:
    """The event that closes an execution can be waited for, too."""
    run = start(TWO)
    assert until(run, "ExecutionSucceeded").id == len(run.history)


def test_a_functions_own_error_is_not_hidden() -> None:
    """What is neither an answer nor a function's failure is a mistake of the test: it comes out."""
    run = start({"t": task()}, script=Script({"work": [ZeroDivisionError()]}))
    with pytest.raises(ZeroDivisionError):
        run.wait()


def test_time_limits_that_were_kept_leave_no_trace() -> None:
    """Once everything is done there is nothing left to do: no time limit is left over."""
    run = start(TWO)
    view = run.wait()
    run.simulator.settle()
    assert run.simulator.clock.now() == view.stopped


def test_answer_that_comes_at_once() -> None:
    """A call without latency answers an execution that stands still meanwhile."""
    simulator = Simulator({INVOKE: LambdaInvoke(Script({"work": [7]}))}, latency=timedelta(0))
    simulator.create("M", definition({"t": task(ResultSelector={"v.$": "$.Payload"})}))
    arn = simulator.start("M", 1, name="x")
    simulator.run_until(arn, lambda event: event.type == "TaskStarted")
    view = simulator.wait(arn)
    assert (view.output, view.stopped) == ({"v": 7}, view.started)


def test_jitter_comes_from_the_seed() -> None:
    """Full jitter spreads the pauses; the same seed gives the same ones."""

    def ended(seed: int) -> datetime | None:
        retry = {"ErrorEquals": ["E"], "IntervalSeconds": 1000, "JitterStrategy": "FULL"}
        script = Script({"work": [FunctionError("E")]})
        return start({"t": task(Retry=[retry])}, script=script, seed=seed).wait().stopped

    assert ended(1) == ended(1)
    assert len({ended(seed) for seed in range(5)}) == 5


def test_start_time_is_the_callers() -> None:
    """Virtual time begins where it is told to, in UTC, in whole milliseconds."""
    begin = datetime(2026, 11, 21, 9, 0, 0, 123_999, timezone(timedelta(hours=1)))
    simulator = Simulator.for_sagas(
        {"M": definition({"a": passing()})}, store=MemoryStore(), start_time=begin
    )
    view = simulator.wait(simulator.start("M", 1, name="x"))
    assert view.started == datetime(2026, 11, 21, 8, 0, 0, 123_000, UTC)
    with pytest.raises(UsageError, match="time zone"):
        VirtualClock(datetime(2026, 1, 1))  # noqa: DTZ001 -- what is refused


@given(st.lists(st.integers(0, 1000), max_size=20), st.sets(st.integers(0, 19)))
def test_clock_keeps_the_order(delays: list[int], cancelled: set[int]) -> None:
    """Things happen in order of time, then of asking; what was cancelled does not happen."""
    clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))
    happened: list[tuple[int, int]] = []
    timers = [
        clock.after(timedelta(seconds=delay), partial(happened.append, (delay, index)))
        for index, delay in enumerate(delays)
    ]
    for index in cancelled & set(range(len(timers))):
        timers[index].cancel()
    clock.advance(timedelta(seconds=500))
    assert all(delay <= 500 for delay, _ in happened)
    clock.advance(timedelta(seconds=500))
    wanted = [(delay, index) for index, delay in enumerate(delays) if index not in cancelled]
    assert happened == sorted(wanted)
    assert clock.now() == datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=1000)
