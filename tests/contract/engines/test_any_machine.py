"""Machines that nobody thought of: two engines make the same of them.

Step Functions Local, whose time is real, is not asked: what the machines wait would take an hour,
and which of two timeouts comes first would depend on the computer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.engines.cases import Case, catch, machine, retry, task
from tests.contract.engines.checking import compared
from tests.contract.engines.lacks import LACKS
from tests.contract.engines.scripts import Act, Fails, Hangs, Replies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.contract.engines.stage import Stage

NAMES = ("Odd", "Other", "States.Timeout", "States.TaskFailed")
ACTS: st.SearchStrategy[Act] = st.sampled_from(
    [Replies(None), Replies([1]), Fails("Odd"), Fails("Other"), Hangs()]
)
PATHS = st.sampled_from(["$", None, "$.a", "$.a.b", "$.got"])


def matchers() -> st.SearchStrategy[list[list[str]]]:
    """Lists of names for retriers or catchers; ``States.ALL`` stands alone and last."""
    some = st.lists(
        st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True), max_size=2
    )
    last = st.sampled_from([[], [["States.ALL"]]])
    return st.tuples(some, last).map(lambda both: both[0] + both[1])


@st.composite
def tasks(draw: st.DrawFn, targets: Sequence[str]) -> dict[str, Any]:
    """A Task with retriers and catchers, which goes on to one of these states, or ends."""
    retriers = [
        retry(*names, MaxAttempts=draw(st.integers(0, 2)), IntervalSeconds=draw(st.integers(1, 3)))
        for names in draw(matchers())
    ]
    fields: dict[str, Any] = {"ResultPath": draw(PATHS), "TimeoutSeconds": draw(st.integers(1, 9))}
    if retriers:
        fields["Retry"] = retriers
    if targets:
        fields["Next"] = targets[0]
        fields["Catch"] = [
            catch(*names, to=draw(st.sampled_from(targets)), ResultPath=draw(PATHS))
            for names in draw(matchers())
        ]
    return task(**{name: value for name, value in fields.items() if value != []})


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A machine of one to three Tasks in a row, with time for all of them or for some."""
    names = ["A", "B", "C"][: draw(st.integers(1, 3))]
    states = {name: draw(tasks(names[index + 1 :])) for index, name in enumerate(names)}
    script: Mapping[str, Sequence[Act]] = {
        name: draw(st.lists(ACTS, min_size=1, max_size=4)) for name in names
    }
    seconds = draw(st.sampled_from([12, 10_000]))
    return Case("any", machine(states, TimeoutSeconds=seconds), script, {"got": {}})


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(case=cases())
def test_any_machine_of_tasks_runs_the_same(case: Case, simulator: Stage, moto: Stage) -> None:
    """Whatever Tasks retry and catch, and whatever happens: the engines agree on all of it."""
    named = Case(f"any-{len(moto.seen)}", case.definition, case.script, case.input)
    ours, theirs = compared(named, simulator, moto, LACKS[:1])
    assert ours == theirs
