"""The same laws where results are far larger than a document may be (rule 22)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from stepsaga.asl.shares import results_in
from stepsaga.engines.endings import Ending
from stepsaga.engines.faults import CALL_FAULTS
from stepsaga.graph import Origin, data_of, steps_of
from stepsaga.limits import DOCUMENT_BYTES, ENTRY_BYTES, POINTER_BYTES
from tests.language.running import assert_laws, run
from tests.language.sagas import WITHOUT_QUESTIONS, AnySaga, any_sagas

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
SIZES = st.one_of(st.integers(0, 1000), st.sampled_from([10_000, 50_000, 170_000]))


@st.composite
def large_sagas(draw: st.DrawFn) -> AnySaga:
    """A saga whose steps return as much as they like, but for what the definition looks into.

    It asks nothing: an answer is recorded by whoever gives it, and is refused where it is large.
    """
    saga = draw(any_sagas(WITHOUT_QUESTIONS))
    # Pointers to all results must fit beside the input and its copy.
    assume(results_in(saga.graph.nodes) * (POINTER_BYTES + ENTRY_BYTES) < DOCUMENT_BYTES // 2)
    looked = {one.name for one in data_of(saga.graph.nodes) if one.origin is Origin.STEP}
    values: dict[str, dict[str, Any]] = dict(saga.values)
    for node in steps_of(saga.graph.nodes):
        if node.name not in looked:
            values[node.name] = {**saga.values[node.name], "pad": "x" * draw(SIZES)}
    return replace(saga, values=values)


@settings(max_examples=100, deadline=None, suppress_health_check=SLOW)
@given(large_sagas())
def test_no_saga_dies_of_its_results(saga: AnySaga) -> None:
    """It completes, each handler is given what was returned, and input and results fit."""
    done = run(saga, bucket="results")
    assert done.ending is Ending.COMPLETED, (done.view.error, done.view.cause)
    assert_laws(done)
    assert done.reads == 0
    document = json.dumps([done.view.output, saga.input], separators=(",", ":"))
    assert len(document) <= DOCUMENT_BYTES


@settings(max_examples=50, deadline=None, suppress_health_check=SLOW)
@given(large_sagas(), st.data())
def test_large_results_are_all_or_nothing(saga: AnySaga, data: st.DataObject) -> None:
    """Whatever fails on the way to the bucket and behind it, all is done or nothing is left."""
    targets = [one for one in saga.plan.targets if one.handler]
    for _ in range(5):
        target = data.draw(st.sampled_from(targets))
        kinds = [kind for kind in CALL_FAULTS if kind != "rejected"]
        kind, times = data.draw(st.sampled_from(kinds)), data.draw(st.sampled_from([1, 2]))
        done = run(saga, {target.state: [kind] * times}, bucket="results")
        assert_laws(done)
