"""A deadline is kept while a saga waits: the sweep stops it, and it is undone from its log."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from stepsaga.engines.protocol import Status
from stepsaga.engines.recovering import EngineExecutions
from stepsaga.recovery.sweep import Sweep
from tests.recovery.shop import Shop
from tests.recovery.waiting import (
    DEADLINE,
    Asks,
    AsksBeside,
    PaysLate,
    Rests,
    RestsAfterPaying,
    RestsFirst,
    late,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepsaga import Saga

SECOND = timedelta(seconds=1)
MARGIN = timedelta(seconds=50)
"""The longest step's time, 30 s here, and what is added for dispatch and start."""


def at_deadline(saga: type[Saga], plus: timedelta) -> tuple[Shop, str]:
    """A saga that was started, and so long after its deadline still runs; its execution."""
    shop = Shop(late(saga))
    arn = shop.start()
    shop.clock.advance(DEADLINE + plus)
    assert shop.engine.describe(arn).status is Status.RUNNING
    return shop, arn


@pytest.mark.parametrize("saga", [Rests, RestsFirst, Asks, AsksBeside])
def test_what_waits_too_long_is_undone(saga: type[Saga]) -> None:
    """Until a time, for an answer, in a lane, before its first record: compensated, once."""
    shop, arn = at_deadline(saga, MARGIN + SECOND)
    assert shop.sweep() == {"undoing": 1}
    view = shop.engine.describe(arn)
    assert (view.status, view.error) == (Status.ABORTED, "DeadlineExceeded")
    assert view.cause == "its deadline of 3600 s passed at 2026-01-01T01:00:00+00:00"
    assert shop.sweep() == {"undoing": 1}
    assert [one.status for one in shop.undos()] == [Status.SUCCEEDED]
    assert not shop.world.standing
    assert shop.events().count("SagaCompensated") == 1
    [begun] = [e.data for c in shop.commits() for e in c.events if e.type == "UndoStarted"]
    assert begun["why"] == "its execution ended: DeadlineExceeded"
    told = shop.commits()
    assert shop.sweep() == {"well": 1}
    assert (shop.commits(), len(shop.undos()), shop.open()) == (told, 1, {})


@pytest.mark.parametrize("saga", [Rests, RestsFirst, Asks])
def test_not_before_every_call_has_ended_that_began_in_time(saga: type[Saga]) -> None:
    """A little over the deadline what began before it may still be running, and may still count."""
    shop, arn = at_deadline(saga, MARGIN)
    assert shop.sweep() == {"well": 1}
    assert shop.engine.describe(arn).status is Status.RUNNING


def test_past_the_point_of_no_return_no_deadline_applies() -> None:
    """It waits, and goes on to its end (rule 16)."""
    shop, arn = at_deadline(RestsAfterPaying, MARGIN + SECOND)
    assert shop.sweep() == {"well": 1}
    assert shop.engine.wait(arn).status is Status.SUCCEEDED
    assert len(shop.world.standing) == 3


def test_a_pivot_in_flight_counts() -> None:
    """Called in time, it is recorded after the deadline: no sweep stops the saga, then or later."""
    shop = Shop(late(PaysLate), hanging={"pay"})
    arn = shop.start()
    shop.clock.advance(DEADLINE + SECOND)
    assert len(shop.held) == 1
    assert shop.sweep() == {"well": 1}
    shop.hanging.clear()
    shop.land()
    for _ in range(3):
        shop.clock.advance(MARGIN)
        assert shop.sweep() == {"well": 1}
    assert shop.engine.wait(arn).status is Status.SUCCEEDED
    assert "SagaCompleted" in shop.events()


def test_a_pivot_that_did_not_happen_in_time_is_undone() -> None:
    """Its first call is lost; the next come too late and are refused: the saga undoes itself."""
    shop = Shop(late(PaysLate), hanging={"pay"})
    arn = shop.start()
    shop.clock.advance(DEADLINE + SECOND)
    shop.hanging.clear()
    assert shop.engine.wait(arn).error == "SagaCompensated"
    assert not shop.world.standing


def test_what_undoes_itself_is_not_stopped() -> None:
    """A compensation that is tried for long runs on, whatever the deadline says."""
    shop = Shop(late(Rests))
    shop.broken |= {"tests.recovery.waiting:ship", "tests.recovery.waiting:release"}
    arn = shop.start()
    shop.clock.advance(timedelta(hours=48, minutes=2))
    assert shop.engine.describe(arn).status is Status.RUNNING
    assert shop.sweep() == {"well": 1}
    assert shop.engine.describe(arn).status is Status.RUNNING


def test_behind_it_stands_the_execution_s_own_time() -> None:
    """Where nobody sweeps, the execution times out where it waits, and is undone from its log."""
    shop = Shop(late(Rests))
    # As compiled it has room for every wait, so that it is never up before one is over.
    definition = {**json.loads(shop.definition), "TimeoutSeconds": 7200}
    shop.engine.create("Rests", json.dumps(definition))
    arn = shop.start()
    assert shop.engine.wait(arn).status is Status.TIMED_OUT
    assert shop.look(arn) == "undoing"
    shop.undos()
    assert not shop.world.standing
    assert shop.events().count("SagaCompensated") == 1


class Meanwhile(EngineExecutions):
    """Executions, of which somebody else stops one at the same moment."""

    other: Callable[[], object] | None = None

    def stop(self, arn: str, error: str, cause: str) -> None:
        """Stop an execution, second."""
        if self.other is not None:
            other, self.other = self.other, None
            other()
        super().stop(arn, error, cause)


def test_two_sweeps_at_once_have_one_effect() -> None:
    """Both see a saga over its time; both stop it, and one undo is begun."""
    shop, arn = at_deadline(Asks, MARGIN + SECOND)
    executions = Meanwhile(shop.engine, {"Asks": shop.compiled.fingerprint})
    executions.other = shop.sweep
    sweep = Sweep(shop.followed, executions, shop.clock.now, shop.functions.open_sagas)
    assert sweep.run() == {"undoing": 1}
    assert shop.engine.describe(arn).error == "DeadlineExceeded"
    assert [one.status for one in shop.undos()] == [Status.SUCCEEDED]
    assert shop.events().count("UndoStarted") == 1
    assert not shop.world.standing
