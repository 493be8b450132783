"""What was under way when an execution ended, and recorded nothing: it is undone, too."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from stepsaga.engines.protocol import Status
from stepsaga.graph import Datum, InputNode, Origin
from stepsaga.recovery.undo import Undoing
from stepsaga.runtime.journal import event_of
from stepsaga.store.commits import Outcome
from stepsaga.store.front import StoreInFront
from stepsaga.store.saga_events import StepLanded
from tests.language.sagas import AnySaga
from tests.language.test_choices import SAGA
from tests.language.test_lanes import each, step
from tests.language.test_lanes import saga as maps_of
from tests.recovery.stopped import Stopped

if TYPE_CHECKING:
    from stepsaga.store.commits import Commit

MOMENT = timedelta(milliseconds=10)


class DiesAfterSeal(StoreInFront):
    """A store whose user dies after its first seal was put."""

    def append(self, commit: Commit) -> Commit:
        """Put a commit."""
        stored = super().append(commit)
        if stored.outcome is Outcome.SEALED:
            raise KeyboardInterrupt
        return stored


def stopped_on(way: str, limit: int) -> Stopped:
    """A saga that was stopped after the first step of a way had its effect, and no record."""
    values: dict[str, dict[str, Any]] = {name: {} for name in ("s1", "s2", "s3", "s4", "s5")}
    saga = AnySaga(SAGA, {"lines": [], "limit": limit}, values)
    stopped = Stopped(saga, {way: "crashes after"})
    assert stopped.stop(MOMENT * 50).status is Status.ABORTED
    assert len(stopped.world.standing) == 2
    return stopped


WAYS = pytest.mark.parametrize(("way", "limit"), [("s2", 0), ("s3", 4), ("s4", 9)])


@WAYS
def test_whichever_way_was_gone_it_is_undone(way: str, limit: int) -> None:
    """Where no record tells the way, the first step of each is undone: seals tell none (rule 9)."""
    stopped = stopped_on(way, limit)
    assert stopped.undo()
    assert not stopped.world.standing


@WAYS
def test_an_undo_that_died_between_two_seals_seals_the_other_ways(way: str, limit: int) -> None:
    """What the first of them had sealed does not pass for the way that was gone."""
    stopped = stopped_on(way, limit)
    generation = stopped.begin()
    dying = Undoing(DiesAfterSeal(stopped.store), stopped.engine.clock.now)
    with pytest.raises(KeyboardInterrupt):
        dying.proceed(stopped.run, generation)
    assert stopped.undo(generation)
    assert not stopped.world.standing


def test_an_effect_that_landed_behind_a_rejection_is_undone() -> None:
    """Delivered twice, one invocation was refused, and the other had its effect (rule 11)."""
    values: dict[str, dict[str, Any]] = {name: {} for name in ("s1", "s2", "s3", "s4", "s5")}
    stopped = Stopped(AnySaga(SAGA, {"lines": [], "limit": 0}, values), {"s2": "rejected"})
    stopped.stop(MOMENT * 5)
    [rejected] = [one for one in stopped.commits if one.outcome is Outcome.REJECTED]
    assert not [one for one in stopped.commits if one.outcome is Outcome.COMPENSATED]
    stopped.world.act(rejected.commit_id)
    landed = event_of(StepLanded, step="s2", value={})
    slot = f"{rejected.slot}/late/00001"
    stopped.store.append(replace(rejected, slot=slot, outcome=Outcome.LATE, events=(landed,)))
    assert stopped.undo()
    assert not stopped.world.standing


class Box(BaseModel):
    """An item of the input whose own list can be left out."""

    sub: list[int] = [7, 8]


class Boxes(BaseModel):
    """An input whose list can be left out."""

    lines: list[Box] = [Box(), Box(sub=[9])]


@pytest.mark.parametrize(("given", "count"), [({}, 3), ({"lines": [{}]}, 2)])
def test_items_that_their_sender_left_out_are_undone(given: dict[str, Any], count: int) -> None:
    """Lists count with their model's defaults, in the items of other lists, too (rules 9, 20)."""
    inner = each("n", step("s1"), over=Datum(Origin.ITEM, "item_m", ("sub",)))
    saga = maps_of(each("m", inner))
    model = f"{__name__}:Boxes"
    graph = replace(saga.graph, input=InputNode("order", Boxes, Boxes.model_json_schema(), model))
    stopped = Stopped(replace(saga, graph=graph, input=given), {"m.n.s1": "crashes after"})
    assert stopped.stop(MOMENT * 50).status is Status.ABORTED
    assert len(stopped.world.standing) == count
    assert stopped.undo()
    assert not stopped.world.standing
    undone = [one for one in stopped.commits if one.outcome is Outcome.COMPENSATED]
    assert len(undone) == count
