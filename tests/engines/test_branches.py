from __future__ import annotations

from datetime import timedelta
from heapq import heapreplace
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepsaga.engines.functions import FunctionError, NoAnswer
from stepsaga.engines.simulator import Simulator
from stepsaga.engines.simulator.sagas import plan_of
from stepsaga.errors import EngineError
from stepsaga.store.memory import MemoryStore
from tests.engines.support import Run, Script, definition, passing, result_of, start, task

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.engines.protocol import HistoryEvent

FAIL = {"Type": "Fail", "Error": "E", "Cause": "c"}
ALL = ["States.ALL"]


def wait(seconds: int, **fields: Any) -> dict[str, Any]:
    """A Wait, the last state where it names no next one."""
    flow = {} if "Next" in fields else {"End": True}
    return {"Type": "Wait", "Seconds": seconds, **flow, **fields}


def block(**states: dict[str, Any]) -> dict[str, Any]:
    """States that begin with the first."""
    return {"StartAt": next(iter(states)), "States": states}


def parallel(*branches: Any, **fields: Any) -> dict[str, Any]:
    """A Parallel."""
    flow = {} if "Next" in fields else {"End": True}
    return {"Type": "Parallel", "Branches": list(branches), **flow, **fields}


def mapped(processor: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A Map."""
    flow = {} if "Next" in fields else {"End": True}
    return {"Type": "Map", "ItemProcessor": processor, **flow, **fields}


def seconds_of(run: Run) -> float:
    """What an execution that has ended took."""
    view = run.wait()
    assert view.stopped is not None
    return (view.stopped - view.started).total_seconds()


# Parallel


def test_branches_take_the_time_of_the_longest() -> None:
    """Branches run side by side; the outputs stand in their order, not in that of their ends."""
    states = {
        "p": parallel(
            block(a=wait(20, Next="x"), x=passing(Result="x")),
            block(b=wait(10, Next="y"), y=passing(Result="y")),
        )
    }
    run = start(states, {"i": 1})
    assert seconds_of(run) == 20
    assert run.wait().output == ["x", "y"]
    assert run.types == [
        "ExecutionStarted",
        "ParallelStateEntered",
        "ParallelStateStarted",
        "WaitStateEntered",
        "WaitStateEntered",
        "WaitStateExited",
        "PassStateEntered",
        "PassStateExited",
        "WaitStateExited",
        "PassStateEntered",
        "PassStateExited",
        "ParallelStateSucceeded",
        "ParallelStateExited",
        "ExecutionSucceeded",
    ]


def test_fields_of_a_parallel() -> None:
    """Parameters shape each branch's input, ResultSelector and ResultPath the result."""
    states = {
        "p": parallel(
            block(a=passing()),
            block(b=passing(OutputPath="$.x")),
            InputPath="$.i",
            Parameters={"x.$": "$.n"},
            ResultSelector={"first.$": "$[0]", "second.$": "$[1]"},
            ResultPath="$.r",
            OutputPath="$.r",
        )
    }
    assert result_of(states, {"i": {"n": 1}}) == {"first": {"x": 1}, "second": 1}


def test_branches_do_not_share_their_documents() -> None:
    """What one branch makes of its input, the other does not see."""
    states = {
        "p": parallel(
            block(a=passing(Result=1, ResultPath="$.a")),
            block(b=passing(Result=2, ResultPath="$.b")),
        )
    }
    assert result_of(states, {"i": 0}) == [{"i": 0, "a": 1}, {"i": 0, "b": 2}]


def test_a_branch_that_fails_stops_the_others() -> None:
    """The state fails with the branch's error, at that time; the history tells who was stopped."""
    states = {
        "p": parallel(
            block(a=wait(50)),
            block(b=wait(10, Next="f"), f=FAIL),
            block(c=task()),
            Catch=[{"ErrorEquals": ALL, "Next": "caught", "ResultPath": "$.e"}],
        ),
        "caught": passing(),
    }
    run = start(states, {"i": 1}, script=Script({"work": [NoAnswer()]}))
    assert seconds_of(run) == 10
    assert run.wait().output == {"i": 1, "e": {"Error": "E", "Cause": "c"}}
    assert run.types[-8:-3] == [
        "FailStateEntered",
        "WaitStateAborted",
        "TaskStateAborted",
        "ParallelStateFailed",
        "ParallelStateExited",
    ]


def test_a_task_that_fails_in_a_branch_is_told_to_be_aborted() -> None:
    """The events are those that AWS was seen to write."""
    run = start({"p": parallel(block(t=task()))}, script=Script({"work": [FunctionError("E")]}))
    assert run.wait().error == "E"
    assert run.types[-4:] == [
        "TaskFailed",
        "TaskStateAborted",
        "ParallelStateFailed",
        "ExecutionFailed",
    ]


def test_invocation_of_a_stopped_branch_happens() -> None:
    """A call that is under way when its branch is stopped is made all the same; nobody hears it."""
    states = {
        "p": parallel(
            block(w=wait(0, Next="f"), f=FAIL),
            block(t=task("slow")),
            Catch=[{"ErrorEquals": ALL, "Next": "later"}],
        ),
        "later": wait(1),
    }
    run = start(states, 1)
    assert run.wait().status == "SUCCEEDED"
    assert [name for name, _ in run.script.calls] == ["slow"]
    assert "TaskSucceeded" not in run.types


def test_states_runtime_in_a_branch_ends_the_execution() -> None:
    """What cannot be caught cannot be caught around it either, and is told without more ado."""
    for inner in (
        passing(Parameters={"x.$": "$.missing"}),
        {"Type": "Choice", "Choices": [{"Variable": "$", "IsNull": True, "Next": "z"}]},
    ):
        states = {
            "p": parallel(
                block(a=inner, z=passing()) if inner["Type"] == "Choice" else block(a=inner),
                block(b=wait(5)),
                Retry=[{"ErrorEquals": ALL}],
                Catch=[{"ErrorEquals": ALL, "Next": "caught"}],
            ),
            "caught": passing(),
        }
        run = start(states, {"i": 1})
        assert run.wait().error in ("States.Runtime", "States.NoChoiceMatched")
        assert run.types[-1] == "ExecutionFailed"
        assert "ParallelStateFailed" not in run.types


def test_retry_of_a_parallel_runs_all_branches_again() -> None:
    """A retry begins every branch anew, also those that had succeeded, with the same input."""
    counts = {"e.$": "$$.State"}
    script = Script({"bad": [FunctionError("E"), FunctionError("E"), 1]})
    states = {
        "p": parallel(
            block(g=task("good")),
            block(w=wait(5, Next="b"), b=task("bad", Parameters={
                "FunctionName": "bad", "Payload": counts})),
            Retry=[{"ErrorEquals": ["E"], "IntervalSeconds": 10, "BackoffRate": 1}],
            ResultSelector={"count.$": "$$.State.RetryCount", "name.$": "$$.State.Name"},
        )
    }  # fmt: skip
    run = start(states, {"i": 1}, script=script)
    assert run.wait().output == {"count": 2, "name": "p"}
    assert [name for name, _ in script.calls].count("good") == 3
    states_seen = [payload["e"] for name, payload in script.calls if name == "bad"]
    assert [(one["Name"], one["RetryCount"]) for one in states_seen] == [("b", 0)] * 3
    assert run.types.count("ParallelStateStarted") == 3
    assert "ParallelStateFailed" not in run.types
    assert seconds_of(run) == pytest.approx(35.06)


def test_retry_inside_a_branch_counts_for_itself() -> None:
    """A Task's retries in one branch have nothing to do with the others."""
    state = task("bad", Retry=[{"ErrorEquals": ["E"], "MaxAttempts": 1}])
    script = Script({"bad": [FunctionError("E"), 1]})
    states = {"p": parallel(block(a=state), block(b=task("good")))}
    assert len(result_of(states, 1, script)) == 2
    assert [name for name, _ in script.calls] == ["bad", "good", "bad"]


def test_nested_to_three_levels() -> None:
    """Blocks in blocks in blocks run side by side, and an error goes up until it is caught."""
    inner = parallel(block(c1=wait(30)), block(c2=wait(7, Next="c3"), c3=FAIL))
    middle = mapped(
        block(m=inner),
        ItemsPath="$.items",
        Catch=[{"ErrorEquals": ["E"], "Next": "n", "ResultPath": "$.e"}],
        Next="n",
    )
    outer = parallel(block(b1=middle, n=passing(OutputPath="$.e")), block(b2=wait(9)))
    run = start({"p": outer}, {"items": [1, 2]})
    assert seconds_of(run) == 9
    assert run.wait().output == [{"Error": "E", "Cause": "c"}, {"items": [1, 2]}]
    failed = run.types.index("MapIterationFailed")
    assert run.types[failed - 3 : failed + 6] == [
        "FailStateEntered",
        "WaitStateAborted",
        "ParallelStateFailed",
        "MapIterationFailed",
        "MapIterationAborted",
        "ParallelStateAborted",
        "WaitStateAborted",
        "WaitStateAborted",
        "MapStateFailed",
    ]


# Map


def test_items_run_side_by_side() -> None:
    """A Map runs its block for each item; ItemSelector sees the item, its index and the input."""
    processor = block(w={"Type": "Wait", "SecondsPath": "$.s", "End": True})
    states = {
        "m": mapped(
            processor,
            InputPath="$.in",
            ItemsPath="$.items",
            ItemSelector={
                "s.$": "$$.Map.Item.Value",
                "n.$": "$$.Map.Item.Index",
                "k.$": "$.k",
                "at.$": "$$.State.Name",
            },
            ResultPath="$.r",
            OutputPath="$.r",
        )
    }
    run = start(states, {"in": {"items": [30, 10, 20], "k": "v"}})
    assert seconds_of(run) == 30
    assert run.wait().output == [
        {"s": value, "n": index, "k": "v", "at": "m"} for index, value in enumerate([30, 10, 20])
    ]
    assert run.types[1:7] == [
        "MapStateEntered",
        "MapStateStarted",
        "MapIterationStarted",
        "MapIterationStarted",
        "MapIterationStarted",
        "WaitStateEntered",
    ]
    assert run.history[2].details == {"length": 3}
    ended = [e.details for e in run.history if e.type == "MapIterationSucceeded"]
    assert ended == [{"name": "m", "index": index} for index in (1, 2, 0)]


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({}, 10),
        ({"MaxConcurrency": 0}, 10),
        ({"MaxConcurrency": 1}, 50),
        ({"MaxConcurrency": 2}, 30),
        ({"MaxConcurrencyPath": "$.two"}, 30),
    ],
)
def test_max_concurrency(fields: dict[str, Any], seconds: int) -> None:
    """No more items are under way than MaxConcurrency says."""
    states = {"m": mapped(block(w=wait(10)), ItemsPath="$.items", **fields)}
    run = start(states, {"items": [0] * 5, "two": 2})
    assert seconds_of(run) == seconds


def test_no_more_than_forty_items_at_once() -> None:
    """An inline Map has at most forty items under way, whatever it is told."""
    for fields in ({}, {"MaxConcurrency": 1000}):
        assert seconds_of(start({"m": mapped(block(w=wait(10)), **fields)}, [0] * 81)) == 30


def test_older_names_of_a_map() -> None:
    """``Iterator`` and ``Parameters`` are what ItemProcessor and ItemSelector were called."""
    state = {
        "Type": "Map",
        "Iterator": block(a=passing()),
        "Parameters": {"v.$": "$$.Map.Item.Value"},
        "End": True,
    }
    assert result_of({"m": state}, [1, 2]) == [{"v": 1}, {"v": 2}]


def test_empty_list() -> None:
    """A Map over nothing gives an empty list."""
    run = start({"m": mapped(block(a=passing()))}, [])
    assert run.wait().output == []
    assert run.types[1:5] == [
        "MapStateEntered",
        "MapStateStarted",
        "MapStateSucceeded",
        "MapStateExited",
    ]


@pytest.mark.parametrize("value", [{"a": 1}, "text", 5, None])
def test_items_that_are_no_list(value: Any) -> None:
    """Only a list has items; anything else is ``States.Runtime``."""
    catch = [{"ErrorEquals": ALL, "Next": "caught"}]
    run = start({"m": mapped(block(a=passing()), Catch=catch), "caught": passing()}, value)
    assert run.wait().error == "States.Runtime"
    assert "must point to array" in str(run.wait().cause)


def test_item_that_fails_stops_the_others() -> None:
    """The first failure fails the Map; items that wait for their turn never begin."""
    script = Script({"work": [1, FunctionError("E", "c")]})
    states = {"m": mapped(block(t=task()), MaxConcurrency=3, Retry=[
        {"ErrorEquals": ["E"], "MaxAttempts": 0}])}  # fmt: skip
    run = start(states, [0] * 5, script=script)
    assert (run.wait().error, len(script.calls)) == ("E", 2)
    # The fourth item has just begun, in the place of the first.
    assert run.types[-8:] == [
        "TaskFailed",
        "MapIterationFailed",
        "TaskStateAborted",
        "MapIterationAborted",
        "TaskStateAborted",
        "MapIterationAborted",
        "MapStateFailed",
        "ExecutionFailed",
    ]
    aborted = [e.details["index"] for e in run.history if e.type == "MapIterationAborted"]
    assert aborted == [2, 3]


def test_item_is_known_to_the_selector_only() -> None:
    """``$$.Map`` is there in ItemSelector, not in the states of the block."""
    inner = passing(Parameters={"x.$": "$$.Map.Item.Index"})
    assert start({"m": mapped(block(a=inner))}, [1]).wait().error == "States.Runtime"


# Limits, stop, redrive


def test_result_that_is_too_large() -> None:
    """Outputs that are too large together are States.DataLimitExceeded, which can be caught."""
    big = passing(Parameters={"x": "x" * 200_000})
    state = parallel(block(a=big), block(b=big), Catch=[
        {"ErrorEquals": ["States.DataLimitExceeded"], "Next": "caught", "ResultPath": None}
    ])  # fmt: skip
    assert result_of({"p": state, "caught": passing()}, 1) == 1


def test_time_of_the_execution_ends_all_branches() -> None:
    """Where the execution's time is up, branches and items are over, too."""
    states = {"p": parallel(block(a=wait(50)), block(m=mapped(block(w=wait(60)))))}
    run = start(states, [1], top={"TimeoutSeconds": 30})
    view = run.wait()
    assert (view.status, seconds_of(run)) == ("TIMED_OUT", 30)
    run.simulator.settle()
    assert run.simulator.clock.now() == view.stopped
    assert run.types[-1] == "ExecutionTimedOut"


def test_history_limit_counts_all_branches() -> None:
    """Branches that go round for ever fill one history, which ends with its 25,000th event."""
    loop = block(a=wait(1, Next="b"), b=passing(Next="a"))
    other = block(c=wait(1, Next="d"), d=passing(Next="c"))
    run = start({"p": parallel(loop, other)})
    assert run.wait().error == "States.Runtime"
    assert len(run.history) == 25_000


def test_stop_ends_all_branches_exactly_there() -> None:
    """A stop in one branch lets nothing more happen in another."""
    states = {"p": parallel(block(a=wait(5, Next="t"), t=task("one")), block(u=task("two")))}
    run = start(states)

    def wanted(event: HistoryEvent) -> bool:
        return event.type == "TaskStarted"

    run.simulator.run_until(run.arn, wanted)
    run.simulator.stop(run.arn)
    assert run.types[-2:] == ["TaskStarted", "ExecutionAborted"]
    run.simulator.clock.advance(timedelta(minutes=1))
    assert [name for name, _ in run.script.calls] == ["two"]
    assert run.types[-1] == "ExecutionAborted"


def test_redrive_goes_on_in_the_branches_that_did_not_succeed() -> None:
    """A redrive does again what failed or was stopped, at any depth, and nothing else."""
    script = Script({"bad": [FunctionError("E"), 4]})
    states = {
        "p": parallel(
            block(g=task("good", ResultSelector={"v.$": "$.Payload"})),
            block(w=wait(10, Next="m"), m=mapped(
                block(i=task("item", ResultPath=None, Next="q"),
                      q=parallel(block(b=task("bad", ResultSelector={"v.$": "$.Payload"})))),
                ItemsPath="$.items")),
            block(l=wait(60)),
        )
    }  # fmt: skip
    run = start(states, {"items": [1]}, script=script)
    assert run.wait().error == "E"
    run.simulator.redrive(run.arn)
    view = run.wait()
    assert view.output == [{"v": None}, [[{"v": 4}]], {"items": [1]}]
    assert [name for name, _ in script.calls] == ["good", "item", "bad", "bad"]
    assert seconds_of(run) == 60
    again = run.types.index("ExecutionRedriven")
    assert run.types[again + 1] == "TaskScheduled"
    assert run.types.count("MapIterationStarted") == 1


def test_redrive_after_a_result_that_was_too_large() -> None:
    """Where all branches had succeeded, a redrive runs all of them again."""
    script = Script({"work": ["x" * 200_000, "x" * 200_000, 1]})
    branch = task(ResultSelector={"v.$": "$.Payload"})
    run = start({"p": parallel(block(a=branch), block(b=branch))}, script=script)
    assert run.wait().error == "States.DataLimitExceeded"
    run.simulator.redrive(run.arn)
    assert run.wait().output == [{"v": 1}, {"v": 1}]
    assert len(script.calls) == 4


def test_same_machine_gives_the_same_history() -> None:
    """Branches take turns in an order that depends on nothing but the definition."""

    def types() -> list[tuple[str, Any]]:
        inner = parallel(block(a=task()), block(b=task()))
        states = {"m": mapped(block(p=inner), MaxConcurrency=2)}
        run = start(states, [1, 2, 3])
        run.wait()
        return [(event.type, event.time) for event in run.history]

    assert types() == types()


def test_plan_knows_the_tasks_in_blocks() -> None:
    """Tasks in branches and items can have faults, and their handlers' modules are found."""
    payload = {"handler": "handlers.payments:charge"}
    charge = task(Parameters={"FunctionName": "f", "Payload": payload})
    inner = mapped(block(charge=charge))
    plan = plan_of({"M": definition({"p": parallel(block(m=inner), block(t=task()))})})
    assert [target.state for target in plan.targets] == ["charge", "t"]
    assert plan.participants == ("handlers.payments",)


Tree = int | tuple[str, list[Any]]
TREES: st.SearchStrategy[Tree] = st.recursive(
    st.integers(0, 9),
    lambda inner: st.tuples(
        st.sampled_from(["one after the other", "side by side"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=12,
)


def duration(tree: Tree) -> int:
    """What waits that are nested like this take."""
    if isinstance(tree, int):
        return tree
    how, parts = tree
    return (sum if how == "one after the other" else max)(duration(part) for part in parts)


def states_of(tree: Tree, names: Iterator[int]) -> dict[str, Any]:
    """A block that waits like this."""
    if isinstance(tree, int):
        return block(**{f"s{next(names)}": wait(tree)})
    how, parts = tree
    groups = [[part] for part in parts] if how == "one after the other" else [parts]
    made = [parallel(*(states_of(part, names) for part in group)) for group in groups]
    labels = [f"s{next(names)}" for _ in made]
    for state, after in zip(made, labels[1:], strict=False):
        del state["End"]
        state["Next"] = after
    return block(**dict(zip(labels, made, strict=True)))


@given(TREES)
def test_time_of_any_nesting(tree: Tree) -> None:
    """However blocks are nested, what is side by side takes the time of the longest part."""
    assert seconds_of(start(states_of(tree, count())["States"])) == duration(tree)


@given(st.lists(st.integers(0, 9), max_size=12), st.integers(1, 5))
def test_time_of_any_map(items: list[int], most: int) -> None:
    """With MaxConcurrency each item begins when the first of those before it has made room."""
    processor = block(w={"Type": "Wait", "SecondsPath": "$", "End": True})
    free = [0] * most
    for item in items:
        heapreplace(free, free[0] + item)
    run = start({"m": mapped(processor, MaxConcurrency=most)}, items)
    assert seconds_of(run) == max(free)
    assert run.wait().output == items


# Refusals


@pytest.mark.parametrize(
    ("state", "names"),
    [
        (parallel(), "Branches"),
        (parallel(5), "object"),
        (parallel(block(a=passing(Next="only"))), "'only'"),
        (parallel(block(a=passing(), b=passing())), "'b' cannot be reached"),
        (parallel({"StartAt": "x", "States": {"a": passing()}}), "'x'"),
        (parallel(block(only=passing())), "twice"),
        (parallel(block(a=passing()), block(a=passing())), "twice"),
        (parallel(block(a={"Type": "Nonsense"})), "Nonsense"),
        (parallel({**block(a=passing()), "QueryLanguage": "JSONata"}), "QueryLanguage"),
        (parallel(block(a=passing()), Arguments={}), "Arguments"),
        (parallel(block(a=passing()), MaxConcurrency=1), "MaxConcurrency"),
        (parallel(block(a=passing()), Catch=[{"ErrorEquals": ["E"], "Next": "a"}]), "'a'"),
        (mapped({}), "States"),
        (mapped(block(a=passing()), Iterator=block(b=passing())), "Iterator"),
        ({"Type": "Map", "End": True}, "ItemProcessor"),
        (mapped(block(a=passing()), Parameters={}, ItemSelector={}), "Parameters"),
        (mapped(block(a=passing()), MaxConcurrency=-1), "MaxConcurrency"),
        (mapped(block(a=passing()), MaxConcurrency=1, MaxConcurrencyPath="$"), "beside"),
        (mapped(block(a=passing()), ItemReader={}), "ItemReader"),
        (mapped(block(a=passing()), ToleratedFailureCount=1), "ToleratedFailureCount"),
        (mapped({**block(a=passing()), "ProcessorConfig": {"Mode": "DISTRIBUTED"}}), "DISTRIBUTED"),
        (mapped({**block(a=passing()), "ProcessorConfig": {"Mode": "INLINE", "X": 1}}), "X"),
        (mapped(block(a=passing()), ItemsPath="States.Array(1)"), "ItemsPath"),
        (mapped(block(a=parallel(block(b=passing(), c=passing())))), "'c' cannot be reached"),
    ],
)
def test_block_that_is_refused(state: dict[str, Any], names: str) -> None:
    """What the simulator does not know is refused by name, however deep it stands."""
    simulator = Simulator.for_sagas({}, store=MemoryStore(), functions=Script())
    with pytest.raises(EngineError) as refused:
        simulator.create("Machine", definition({"only": state}))
    assert names in str(refused.value)


def test_inline_mode_is_accepted() -> None:
    """The mode may be named."""
    processor = {**block(a=passing()), "ProcessorConfig": {"Mode": "INLINE"}}
    assert result_of({"m": mapped(processor)}, [1]) == [1]
