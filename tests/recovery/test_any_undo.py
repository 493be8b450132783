"""Undo from the log: wherever any saga is stopped, and whatever has gone wrong, nothing is left."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepsaga.graph import Role, steps_of
from stepsaga.testing.answering import Manner
from tests.language.faults import is_behind, kinds_of
from tests.language.sagas import AnySaga, any_sagas
from tests.recovery.stopped import Stopped

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
Sagas = settings(max_examples=100, deadline=None, suppress_health_check=SLOW)


def is_final(stopped: Stopped) -> bool:
    """Whether the point of no return was passed, or may have been."""
    roles = {node.name: node.role for node in steps_of(stopped.saga.graph.nodes)}
    done = {
        event.data["step"]
        for commit in stopped.commits
        for event in commit.events
        if event.type == "StepCompleted"
    }
    return any(roles[step] in {Role.PIVOT, Role.RETRIABLE} for step in done)


def stopped_somewhere(saga: AnySaga, data: st.DataObject) -> Stopped:
    """The saga, with something that goes wrong or without, stopped at some moment of its run."""
    targets = [one for one in saga.plan.targets if not is_behind(one)]
    faults = {}
    if data.draw(st.booleans()):
        target = data.draw(st.sampled_from(targets))
        kinds = [kind for kind in kinds_of(target) if kind != "lands late"]
        faults = {target.name: data.draw(st.sampled_from(kinds))}
    manners = {name: data.draw(st.sampled_from(Manner)) for name in saga.manners}
    saga = replace(saga, manners=manners)
    whole = Stopped(saga, faults)
    view = whole.stop(None)
    assert view.stopped is not None
    steps = int((view.stopped - view.started) / timedelta(milliseconds=10))
    after = timedelta(milliseconds=10) * data.draw(st.integers(0, steps))
    stopped = Stopped(saga, faults)
    stopped.stop(after)
    return stopped


@pytest.mark.parametrize("children", [0, 1])
@Sagas
@given(data=st.data())
def test_stopped_anywhere_nothing_is_left(children: int, data: st.DataObject) -> None:
    """A run that was stopped is undone from its events and its kept graph alone (rule 9)."""
    saga = data.draw(any_sagas(children=children))
    stopped = stopped_somewhere(saga, data)
    undone = stopped.undo()
    if undone:
        for world in stopped.worlds:
            assert not world.standing
            assert len(set(world.undone)) == len(world.undone)
        assert stopped.ends == 1  # also where it was stopped after it had recorded its end
        assert stopped.commits[0].events[0].type == "SagaStarted"
    else:
        assert is_final(stopped) or any(
            node.role is Role.RETRIABLE for node in steps_of(saga.graph.nodes)
        )
