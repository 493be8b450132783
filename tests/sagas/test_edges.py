"""What attackers of the first release found: each was a saga that ended as it must not."""

from __future__ import annotations

import json

import pytest

from stepsaga.engines.endings import Ending
from stepsaga.errors import UsageError
from stepsaga.limits import DOCUMENT_BYTES
from stepsaga.testing.runner import SagaRun, SagaRunner
from tests.sagas.edges import Book, LateLook, LookFirst, UndoFirst


def test_bad_input_is_found_before_anything_is_done() -> None:
    """Input that only a step after the pivot would take is validated by the first call (rule 2)."""
    book = Book()
    run = SagaRunner(resources={"book": book}).run(LateLook, {"n": "many"})
    assert run.ending is Ending.COMPENSATED
    assert run.undone == book.standing() == []
    assert "parcel.n: Input should be a valid integer" in run.cause
    assert [event.type for event in run.events][:2] == ["SagaStarted", "StepRejected"]


def test_input_that_doubles_as_text_is_recorded_without_it() -> None:
    """Where the input does not fit into the record of the end, the end is recorded all the same."""
    quotes = {"n": 1, "blob": ['"'] * 32_500}
    assert len(json.dumps(quotes, separators=(",", ":"))) < DOCUMENT_BYTES
    run = SagaRunner().run(LookFirst, quotes)
    assert run.ending is Ending.COMPENSATED
    assert [commit.outcome.value for commit in run.commits] == ["rejected", "ended"]


@pytest.mark.parametrize("size", [170_000, 250_000, 260_000, 262_000])
def test_input_near_the_limit_ends_with_nothing_done(size: int) -> None:
    """Input over the runtime's limit, or that of a call, undoes nothing and ends (rule 22)."""
    book = Book()
    run = SagaRunner(resources={"book": book}).run(UndoFirst, {"n": 1, "blob": "x" * size})
    assert run.ending is Ending.COMPENSATED
    assert run.undone == book.standing() == []
    assert run.commits[-1].outcome.value == "ended"


def test_input_over_the_limit_is_refused_by_step_functions() -> None:
    """What Step Functions itself does not take starts no saga, and says so."""
    with pytest.raises(UsageError, match="262144"):
        SagaRunner().run(UndoFirst, {"n": 1, "blob": "x" * 263_000})


def doubtful(fail: dict[str, str]) -> tuple[SagaRun, list[str]]:
    """Run LateLook with faults; what stands afterwards."""
    book = Book()
    return SagaRunner(resources={"book": book}).run(LateLook, {"n": 7}, fail=fail), book.standing()


def test_a_pivot_that_was_found_leaves_no_failure_behind() -> None:
    """A completed saga's document holds results only, also where its pivot was in doubt."""
    run, standing = doubtful({"send": "times out after"})
    assert run.ending is Ending.COMPLETED
    assert standing == ["first", "ship", "thank 7"]
    output = json.loads(run.history[-1].details["output"])
    assert output == {
        "first": {"value": "begun"},
        "send": {"value": "found"},
        "last": {"value": None},
    }


def test_a_probe_whose_reply_is_lost_is_not_asked_again() -> None:
    """The seal has decided: the saga is undone, whatever the probe would say by now (rule 17)."""
    run, standing = doubtful({"send": "times out before", "verify send": "reply lost"})
    assert run.ending is Ending.STUCK  # no reply ever comes back, and it says so
    assert run.error == "Lambda.Unknown"
    book = Book()
    fail = {"send": "times out before", "verify send": ["reply lost"]}
    run = SagaRunner(resources={"book": book}).run(LateLook, {"n": 7}, fail=fail)
    assert run.ending is Ending.COMPENSATED
    assert book.standing() == []
    assert standing == ["first"]


def test_a_last_step_that_is_recorded_completes_the_saga() -> None:
    """A lost reply does not undo what the log says is completed (rule 16)."""
    book = Book()
    fail = {"second": "reply lost"}
    run = SagaRunner(resources={"book": book}).run(UndoFirst, {"n": 1}, fail=fail)
    assert run.ending is Ending.COMPLETED
    assert book.standing() == ["first", "second"]
    assert [event.type for event in run.events].count("SagaCompleted") == 1


def test_a_late_effect_is_told() -> None:
    """Where a participant leaves no tombstone, an effect can stand after its undoing (rule 11)."""
    book = Book()
    fail = {"second": ["lands late"] * 3}
    run = SagaRunner(resources={"book": book}).run(UndoFirst, {"n": 1}, fail=fail)
    assert run.ending is Ending.COMPENSATED
    assert book.standing() == run.left == ["second"]


def test_the_graph_of_each_run_is_kept() -> None:
    """Every commit's fingerprint leads to the graph under which it was written (rule 9)."""
    runner = SagaRunner()
    run = runner.run(UndoFirst, {"n": 1})
    for commit in run.commits:
        kept = runner.store.get_definition(commit.fingerprint)
        assert kept is not None
        assert [node["name"] for node in kept["nodes"]] == ["first", "second"]
