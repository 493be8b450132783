"""The reconciler, and the machine that undoes: what the catch path cannot see ends well."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from stepsaga.engines.protocol import Status
from stepsaga.engines.recovering import EngineExecutions
from stepsaga.errors import CommitUnreadable
from stepsaga.recovery.log import Log
from stepsaga.recovery.reconcile import Reconciler
from stepsaga.recovery.sweep import Sweep
from stepsaga.store.commits import Outcome
from stepsaga.store.front import StoreInFront
from stepsaga.store.open_sagas import MemoryOpenSagas
from stepsaga.store.slots import iso
from tests.asl.graphs import look, pivot, saga, step, tail
from tests.recovery.shop import Shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.graph import SagaGraph
    from stepsaga.recovery.executions import Execution
    from stepsaga.store.commits import Commit

SECOND = timedelta(seconds=1)
MOMENT = timedelta(milliseconds=10)


def three() -> SagaGraph:
    """Three steps that can be undone."""
    return saga([step("reserve"), step("charge"), step("ship")], name="Order")


def past_pivot() -> SagaGraph:
    """A step, a point of no return with a probe, and one that is tried again."""
    return saga(
        [step("reserve"), pivot("pay", probe="handlers.shop:find"), tail("tell")], name="Order"
    )


@pytest.mark.parametrize("moments", range(9))
def test_stopped_in_any_state_it_is_undone(moments: int) -> None:
    """Wherever an execution is stopped, the reconciler has it undone, once (rules 9 and 15)."""
    shop = Shop(three())
    arn = shop.stopped(MOMENT * moments)
    found = shop.look(arn)
    if shop.engine.describe(arn).status is Status.SUCCEEDED:
        assert (found, shop.undos()) == ("well", [])
        return
    assert found == "undoing"
    [undo] = shop.undos()
    assert undo.status is Status.SUCCEEDED, undo.cause
    ends = [one for one in shop.events() if one in {"SagaCompleted", "SagaCompensated"}]
    assert len(ends) == 1
    assert bool(shop.world.standing) is (ends == ["SagaCompleted"])
    assert shop.events()[0] == "SagaStarted"


def test_looking_again_changes_nothing() -> None:
    """The reconciler can run any number of times, before the undo has ended and after it."""
    shop = Shop(three())
    arn = shop.stopped(MOMENT * 3)
    assert [shop.look(arn) for _ in range(3)] == ["undoing"] * 3
    assert len(shop.undos()) == 1
    told = shop.commits()
    assert [shop.look(arn) for _ in range(2)] == ["well"] * 2
    assert (len(shop.undos()), shop.commits()) == (1, told)


def test_it_waits_until_nothing_can_run_any_more() -> None:
    """What was under way when the execution ended is given its time before anything is sealed."""
    shop = Shop(three())
    arn = shop.stopped(MOMENT * 3)
    stopped = shop.engine.describe(arn).stopped
    shop.look(arn)
    shop.undos()
    sealed = [c.recorded_at for c in shop.commits() if c.outcome.value in ("sealed", "compensated")]
    longest = max(node.call.seconds for node in shop.graph.nodes)  # type: ignore[union-attr]  # steps
    assert stopped is not None
    assert min(sealed) >= (stopped + timedelta(seconds=longest)).isoformat()[:19]


def test_a_reconciler_that_died_half_way_is_finished_by_the_next() -> None:
    """Won, and not started: whoever looks next starts the undo that was won."""
    shop = Shop(three())
    arn = shop.stopped(MOMENT * 3)
    start = shop.recovery._reconciler._executions.start_undo  # its death
    shop.recovery._reconciler._executions.start_undo = _dies  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        shop.look(arn)
    assert shop.undos() == []
    shop.recovery._reconciler._executions.start_undo = start  # type: ignore[method-assign]
    assert shop.look(arn) == "undoing"
    assert [one.status for one in shop.undos()] == [Status.SUCCEEDED]
    assert not shop.world.standing


def _dies(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_past_the_point_of_no_return_nothing_is_undone() -> None:
    """A saga that fails behind its pivot is stuck forward, on the record, with what is next."""
    shop = Shop(past_pivot())
    shop.broken.add("handlers.notifications:tell")
    arn = shop.start()
    view = shop.engine.wait(arn)
    assert view.status is Status.FAILED
    assert shop.look(arn) == "stuck forward"
    assert shop.undos() == []
    assert len(shop.world.standing) == 2
    [stuck] = [e.data for c in shop.commits() for e in c.events if e.type == "SagaStuck"]
    assert "stepsaga redrive Order#one" in stuck["then"]


def test_a_compensation_that_fails_for_good_is_stuck_and_then_redriven() -> None:
    """Recorded once, nothing is started; after the fix a redrive goes on (rule 18)."""
    shop = Shop(saga([step("reserve"), step("charge"), look("check")], name="Order"))
    shop.broken |= {"handlers.payments:check", "handlers.payments:undo_charge"}
    arn = shop.start()
    assert shop.engine.wait(arn).status is Status.FAILED
    assert [shop.look(arn), shop.look(arn)] == ["stuck", "stuck"]
    assert shop.undos() == []
    [stuck] = [e.data for c in shop.commits() for e in c.events if e.type == "SagaStuck"]
    assert stuck["steps"] == ["charge"]
    shop.broken.clear()
    shop.engine.redrive(arn)
    assert shop.engine.wait(arn).error == "SagaCompensated"
    assert shop.look(arn) == "well"
    assert not shop.world.standing


def test_an_undo_that_is_stuck_is_redriven() -> None:
    """A compensation that fails in an undo from the log fails it in its Task, where it goes on."""
    shop = Shop(three())
    shop.broken.add("handlers.payments:undo_reserve")
    arn = shop.stopped(MOMENT * 3)
    shop.look(arn)
    [undo] = shop.undos()
    assert undo.status is Status.FAILED
    assert "reserve (StepFailed) could not be undone" in (undo.cause or "")
    assert len(shop.world.standing) == 1
    shop.broken.clear()
    shop.engine.redrive(undo.arn)
    assert shop.engine.wait(undo.arn).status is Status.SUCCEEDED
    assert not shop.world.standing
    assert shop.look(arn) == "well"


@pytest.mark.parametrize("moments", [1, 3])
def test_who_lost_may_not_undo_any_more(moments: int) -> None:
    """A redrive of the saga's own execution is refused once an undo has begun (rule 15)."""
    shop = Shop(three())
    arn = shop.stopped(MOMENT * moments)
    shop.look(arn)
    shop.undos()
    told = shop.commits()
    shop.engine.redrive(arn)
    view = shop.engine.wait(arn)
    assert view.error == "Fenced"
    assert not shop.world.standing
    assert shop.commits() == told


def test_what_was_completed_by_a_call_under_way_stays() -> None:
    """Stopped while its last step ran, and that step has recorded its result: it is completed."""
    shop = Shop(three())
    arn = shop.stopped(MOMENT * 5)
    assert shop.look(arn) == "undoing"
    [undo] = shop.undos()
    assert undo.status is Status.SUCCEEDED
    assert len(shop.world.standing) == 3
    assert "SagaCompensated" not in shop.events()
    assert shop.look(arn) == "well"
    assert len(shop.undos()) == 1


class Unreadable(StoreInFront):
    """A store that cannot read one stream."""

    def read(self, stream_id: str, prefix: str = "") -> Iterator[Commit]:
        """The commits of a stream."""
        if stream_id == "Order#two":
            raise CommitUnreadable(stream_id)
        return super().read(stream_id, prefix)


class Outrun(StoreInFront):
    """A store to whose user somebody else is always ahead in beginning an undo."""

    def append(self, commit: Commit) -> Commit:
        """Put a commit."""
        if commit.outcome is Outcome.BEGUN:
            told = commit.events[-1]
            other = replace(told, data={**told.data, "why": "by hand", "by": "ann"})
            super().append(replace(commit, events=(*commit.events[:-1], other)))
        return super().append(commit)


class Nameless(EngineExecutions):
    """Executions of machines that are none of a deployment's."""

    def describe(self, arn: str) -> Execution | None:
        """An execution, without its saga."""
        found = super().describe(arn)
        return found and replace(found, saga="")


def executions_of(shop: Shop) -> EngineExecutions:
    """What recovery sees of a shop's executions."""
    return EngineExecutions(shop.engine, {"Order": shop.compiled.fingerprint})


def test_one_saga_does_not_keep_the_others_from_being_undone() -> None:
    """A sweep looks at all, and raises afterwards what one of them has raised."""
    shop = Shop(three())
    for name in ("one", "two", "three"):
        shop.stopped(MOMENT * 3, name)
    unreadable = Unreadable(shop.store)
    sweep = Sweep(unreadable, executions_of(shop), shop.clock.now, MemoryOpenSagas())
    with pytest.raises(CommitUnreadable):
        sweep.run()
    assert len(shop.undos()) == 2
    assert shop.recovery.handle({"do": "sweep"}) == {"undoing": 1, "well": 2}
    assert len(shop.undos()) == 3
    assert not shop.world.standing


def test_who_is_outrun_lets_the_winners_undo_go_on() -> None:
    """Of two that begin at once, for different reasons, one has won; both start that (rule 15)."""
    shop = Shop(three())
    arn = shop.stopped(MOMENT * 3)
    reconciler = Reconciler(Outrun(shop.store), executions_of(shop), shop.clock.now)
    assert reconciler.look(arn) == "undoing"
    assert [one.status for one in shop.undos()] == [Status.SUCCEEDED]
    assert shop.events().count("UndoStarted") == 1
    assert not shop.world.standing


def test_what_is_not_seen_to_be_stopped_is_waited_for() -> None:
    """DescribeExecution is eventually consistent: time counts from now then."""
    shop = Shop(three())
    arn = shop.stopped(MOMENT * 3)
    shop.clock.advance(timedelta(hours=1))
    now = shop.clock.now()
    seen = executions_of(shop).describe(arn)
    assert seen is not None
    log = Log(iso(seen.started), shop.commits())
    reconciler = Reconciler(shop.store, executions_of(shop), shop.clock.now)
    reconciler.undo(replace(seen, stopped=None), log, "it was cancelled")
    shop.undos()
    undone = [one.recorded_at for one in shop.commits() if one.outcome is Outcome.COMPENSATED]
    assert min(undone) >= iso(now + SECOND * 20)


def test_of_a_machine_that_it_does_not_know_it_undoes_nothing() -> None:
    """Without its saga's name there is no stream, and none is made up."""
    shop = Shop(three())
    arn = shop.stopped(MOMENT * 3)
    executions = Nameless(shop.engine, {"Order": shop.compiled.fingerprint})
    assert Reconciler(shop.store, executions, shop.clock.now).look(arn) == "unknown"
    assert not list(shop.store.read("#one"))
