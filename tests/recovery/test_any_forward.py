"""Going forward from the log: wherever any saga is stuck behind its pivot, it comes to its end."""

from __future__ import annotations

import json
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepsaga.graph import Role, steps_of
from stepsaga.store.commits import Outcome
from tests.language.faults import kinds_of
from tests.language.running import UNMENDED
from tests.language.sagas import AnySaga, any_sagas
from tests.recovery.stopped import Stopped

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
Sagas = settings(max_examples=150, deadline=None, suppress_health_check=SLOW)
MOMENT = timedelta(milliseconds=10)


def stuck_somewhere(saga: AnySaga, whole: Stopped, data: st.DataObject) -> Stopped:
    """The saga, stopped at some moment, or where a step behind its pivot fails until mended."""
    final = {node.name for node in steps_of(saga.graph.nodes) if node.role is Role.RETRIABLE}
    targets = [one for one in saga.plan.targets if one.state.rpartition(".")[2] in final]
    faults = {}
    target = data.draw(st.sampled_from([None, *targets]))
    if target is not None:
        kinds = [one for one in kinds_of(target) if one != "lands late"]
        faults[target.state] = [data.draw(st.sampled_from(kinds))] * UNMENDED
    stuck = Stopped(saga, faults)
    view = whole.engine.describe(whole.arn)
    assert view.stopped is not None
    steps = int((view.stopped - view.started) / MOMENT)
    # Until the last steps at least: what is before the pivot is for undoing.
    moments = st.integers(0, steps) | st.integers(max(steps - 8, 0), steps)
    stuck.stop(None if faults else MOMENT * data.draw(moments))
    return stuck


def results(stopped: Stopped) -> dict[str, list[object]]:
    """What steps have recorded, by slot."""
    return {
        one.slot: [(event.type, event.data) for event in one.events if event.type != "SagaStarted"]
        for one in stopped.commits
        if one.outcome is Outcome.RESULT
    }


def told(stopped: Stopped) -> set[str]:
    """What handlers were given."""
    return {json.dumps(one, sort_keys=True, default=str) for one in stopped.world.given}


@Sagas
@given(saga=any_sagas(forward=True), data=st.data())
def test_stuck_anywhere_it_ends_as_if_nothing_had_failed(
    saga: AnySaga, data: st.DataObject
) -> None:
    """The same results in the same slots, the same effects, one end (rules 9 and 16)."""
    whole = Stopped(saga)
    whole.stop(None)
    stuck = stuck_somewhere(saga, whole, data)
    types = [event.type for one in stuck.commits for event in one.events]
    if "SagaCompleted" in types:
        return
    pivot = next(node for node in saga.graph.nodes if getattr(node, "role", "") is Role.PIVOT)
    at = f"{stuck.run.run}/{pivot.slot[0]:05d}"  # type: ignore[union-attr]  # a step
    if not stuck.go_forward():
        assert at not in results(stuck)
        return
    assert results(stuck) == results(whole)
    assert stuck.world.standing == whole.world.standing
    assert not stuck.world.undone
    assert told(stuck) <= told(whole)
    ends = [event.type for one in stuck.commits for event in one.events]
    assert ends.count("SagaCompleted") == 1
