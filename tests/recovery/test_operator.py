"""What an operator does: cancel, undo, redrive, resolve, and see what is stuck."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.client import Client
from stepsaga.client.operator import Operator
from stepsaga.engines.endings import Ending
from stepsaga.engines.protocol import Status
from stepsaga.errors import RequestError, StepFailedForGood
from stepsaga.recovery.undo import Run, Undoing
from stepsaga.store.slots import iso
from tests.asl.graphs import look, pivot, saga, step, tail
from tests.recovery.shop import Shop

if TYPE_CHECKING:
    from stepsaga.graph import SagaGraph

MOMENT = timedelta(milliseconds=10)


def three() -> SagaGraph:
    """Three steps that can be undone."""
    return saga([step("reserve"), step("charge"), step("ship")], name="Order")


def past_pivot() -> SagaGraph:
    """A step, a point of no return, and one that is tried again."""
    return saga(
        [step("reserve"), pivot("pay", probe="handlers.shipping:find"), tail("tell")], name="Order"
    )


def refused_last() -> SagaGraph:
    """Two steps that can be undone, and a look that can fail."""
    return saga([step("reserve"), step("charge"), look("check")], name="Order")


def operator_of(shop: Shop) -> Operator:
    """An operator called ann."""
    client = Client(shop.engine, shop.store, sagas=["Order"], now=shop.clock.now)
    return Operator(client, shop.store, by="ann", now=shop.clock.now)


def stuck_shop() -> tuple[Shop, str]:
    """A saga whose compensation fails for good, looked at by the reconciler; its execution."""
    shop = Shop(refused_last())
    shop.broken |= {"handlers.payments:check", "handlers.payments:undo_charge"}
    arn = shop.start()
    shop.engine.wait(arn)
    shop.look(arn)
    return shop, arn


def told(shop: Shop, kind: str) -> list[Any]:
    """The data of the events of one type."""
    return [e.data for c in shop.commits() for e in c.events if e.type == kind]


def test_a_cancelled_saga_is_undone() -> None:
    """It is stopped, and compensated; who cancelled it and why is on the record."""
    shop = Shop(three())
    arn = shop.start()
    operator = operator_of(shop)
    shop.clock.after(MOMENT * 3, lambda: operator.cancel("Order", "one", "out of stock"))
    shop.engine.wait(arn)
    shop.undos()
    assert not shop.world.standing
    assert operator.client.status("Order", "one").ending is Ending.COMPENSATED
    [begun] = told(shop, "UndoStarted")
    assert (begun["by"], begun["why"]) == ("ann", "cancelled by ann: out of stock")


def test_past_the_pivot_a_cancel_is_refused() -> None:
    """Nothing is stopped: the saga goes on, and whoever asked is told why."""
    shop = Shop(past_pivot())
    shop.broken.add("handlers.notifications:tell")
    arn = shop.start()
    operator, said = operator_of(shop), []

    def cancel() -> None:
        try:
            operator.cancel("Order", "one", "too late")
        except RequestError as error:
            said.append(str(error))
            shop.broken.clear()

    shop.clock.after(MOMENT * 50, cancel)
    shop.engine.wait(arn)
    assert operator.client.status("Order", "one").ending is Ending.COMPLETED
    assert "past its point of no return, 'pay'" in said[0]


def test_a_completed_saga_is_undone_when_somebody_asks() -> None:
    """Everything is taken back, in reverse, and the log tells both ends."""
    shop = Shop(three())
    arn = shop.start()
    shop.engine.wait(arn)
    operator = operator_of(shop)
    operator.undo("Order", "one", "a wrong order")
    shop.undos()
    assert not shop.world.standing
    ends = [one for one in shop.events() if one in {"SagaCompleted", "SagaCompensated"}]
    assert ends == ["SagaCompleted", "SagaCompensated"]
    with pytest.raises(RequestError, match="is undone already"):
        operator.undo("Order", "one", "again")


def test_what_runs_is_cancelled_not_undone() -> None:
    """An undo beside a running execution would race with it."""
    shop = Shop(three())
    shop.start()
    with pytest.raises(RequestError, match="stepsaga cancel Order#one"):
        operator_of(shop).undo("Order", "one", "now")


def test_what_is_stuck_is_listed_and_redriven() -> None:
    """The list says what is left, why, and the command; after the fix that command works."""
    shop, _ = stuck_shop()
    operator = operator_of(shop)
    [stuck] = operator.stuck()
    assert (stuck.status.id, stuck.steps) == ("one", ("charge",))
    assert "stepsaga redrive Order#one" in stuck.then
    shop.broken.clear()
    arn = operator.redrive("Order", "one")
    shop.engine.wait(arn)
    assert operator.stuck() == ()
    assert not shop.world.standing


def test_a_stuck_undo_is_redriven_itself() -> None:
    """Where an undo from the log is stuck, it is that which goes on."""
    shop = Shop(three())
    shop.broken.add("handlers.payments:undo_reserve")
    shop.look(shop.stopped(MOMENT * 3))
    shop.undos()
    operator = operator_of(shop)
    [stuck] = operator.stuck()
    assert stuck.steps == ("reserve",)
    shop.broken.clear()
    shop.engine.wait(operator.redrive("Order", "one"))
    assert not shop.world.standing
    assert operator.stuck() == ()


def test_an_undo_that_failed_is_followed_by_another() -> None:
    """After 14 days nothing is redriven any more: a new undo takes over, and the old one is out."""
    shop = Shop(three())
    shop.broken.add("handlers.payments:undo_reserve")
    shop.look(shop.stopped(MOMENT * 3))
    [failed] = shop.undos()
    operator = operator_of(shop)
    shop.broken.clear()
    operator.undo("Order", "one", "mended")
    assert [one.status for one in shop.undos()] == [Status.SUCCEEDED, failed.status]
    assert not shop.world.standing
    assert operator.client.status("Order", "one").ending is Ending.COMPENSATED
    assert [begun["generation"] for begun in told(shop, "UndoStarted")] == [1, 2]


def test_what_turns_out_final_goes_on_and_is_not_undone_again() -> None:
    """A stop met a pivot that happened after all: the saga itself is redriven, not its undo."""
    shop = Shop(past_pivot())
    shop.hanging.add("pay")
    shop.look(shop.stopped(MOMENT * 50))
    shop.land()
    shop.hanging.clear()
    [undo] = shop.undos()
    assert undo.status is Status.FAILED
    operator = operator_of(shop)
    [stuck] = operator.stuck()
    assert stuck.steps == ("pay",)
    assert "stepsaga redrive Order#one" in stuck.then
    assert "point of no return" in stuck.then
    shop.engine.wait(operator.redrive("Order", "one"))
    assert operator.client.status("Order", "one").ending is Ending.COMPLETED
    assert operator.stuck() == ()
    ends = [one for one in shop.events() if one in {"SagaCompleted", "SagaCompensated"}]
    assert ends == ["SagaCompleted"]


def test_what_was_done_by_hand_is_closed_on_the_record() -> None:
    """A person's word takes the compensation's place, and says whose it is."""
    shop, _ = stuck_shop()
    operator = operator_of(shop)
    assert operator.resolve("Order", "one", "charge", "refunded in the bank's portal") == 1
    shop.engine.wait(operator.redrive("Order", "one"))
    assert operator.client.status("Order", "one").ending is Ending.COMPENSATED
    [resolved] = told(shop, "StepResolved")
    assert resolved == {"step": "charge", "why": "refunded in the bank's portal", "by": "ann"}
    assert len(shop.world.standing) == 1  # the charge, which was refunded outside
    with pytest.raises(RequestError, match="'charge' does not wait to be undone"):
        operator.resolve("Order", "one", "charge", "again")


def test_nothing_stuck_is_nothing_to_redrive() -> None:
    """A saga that runs, or ended well, is left alone."""
    shop = Shop(three())
    arn = shop.start()
    operator = operator_of(shop)
    with pytest.raises(RequestError, match="is not stuck"):
        operator.redrive("Order", "one")
    shop.engine.wait(arn)
    with pytest.raises(RequestError, match="is not stuck"):
        operator.redrive("Order", "one")
    assert operator.stuck() == ()


def in_doubt_shop() -> tuple[Shop, str]:
    """A saga that died in its point of no return, whose probe is broken; looked at, and stuck."""
    shop = Shop(past_pivot())
    shop.lost.add("handlers.shipping:pay")
    shop.broken.add("handlers.shipping:find")
    arn = shop.start()
    assert shop.engine.wait(arn).status is Status.FAILED
    assert shop.look(arn) == "undoing"
    assert [one.status for one in shop.undos()] == [Status.FAILED]
    assert len(shop.world.standing) == 2
    return shop, arn


def test_what_turns_out_to_be_past_the_pivot_goes_forward() -> None:
    """The undo asks the probe; where it has happened, a redrive of the saga itself goes on."""
    shop, arn = in_doubt_shop()
    operator = operator_of(shop)
    shop.broken.clear()
    shop.lost.clear()
    shop.engine.wait(operator.redrive("Order", "one"))
    assert shop.look(arn) == "stuck forward"
    [stuck] = operator.stuck()
    assert "stepsaga redrive Order#one" in stuck.then
    shop.broken.add("handlers.notifications:tell")
    shop.engine.wait(operator.redrive("Order", "one"))
    assert shop.look(arn) == "stuck forward"
    assert [one.why[:17] for one in operator.stuck()] == ["StepFailed: tell:"]
    shop.broken.clear()
    assert operator.redrive("Order", "one") == arn
    view = shop.engine.wait(arn)
    assert view.status is Status.SUCCEEDED, view.cause
    assert operator.client.status("Order", "one").ending is Ending.COMPLETED
    assert len(shop.world.standing) == 3
    assert shop.look(arn) == "well"
    assert operator.stuck() == ()


def test_what_was_completed_while_it_was_stopped_can_be_undone() -> None:
    """The undo that left it as it was is over: who asks begins another."""
    shop = Shop(three())
    shop.look(shop.stopped(MOMENT * 5))
    shop.undos()
    operator = operator_of(shop)
    assert operator.client.status("Order", "one").ending is Ending.COMPLETED
    operator.undo("Order", "one", "a wrong order")
    shop.undos()
    assert not shop.world.standing
    assert operator.client.status("Order", "one").ending is Ending.COMPENSATED


def half_undone_shop() -> Shop:
    """A completed saga whose undoing has failed."""
    shop = Shop(three())
    shop.engine.wait(shop.start())
    shop.broken.add("handlers.payments:undo_charge")
    operator_of(shop).undo("Order", "one", "a wrong order")
    shop.undos()
    shop.broken.clear()
    return shop


def test_the_stuck_undo_of_a_completed_saga_is_listed_and_redriven() -> None:
    """That its own execution has ended well hides nothing."""
    shop = half_undone_shop()
    operator = operator_of(shop)
    [stuck] = operator.stuck("Order")
    assert (stuck.status.id, stuck.steps) == ("one", ("charge",))
    shop.engine.wait(operator.redrive("Order", "one"))
    assert not shop.world.standing
    assert operator.stuck() == ()


def test_an_undo_takes_over_from_one_that_failed() -> None:
    """Also where that is past redriving; of the two only the later is listed (rule 15)."""
    shop = half_undone_shop()
    operator = operator_of(shop)
    operator.undo("Order", "one", "the first is older than 14 days")
    with pytest.raises(RequestError, match="is being undone"):
        operator.undo("Order", "one", "again")
    assert operator.stuck() == ()
    assert {one.status for one in shop.undos()} == {Status.FAILED, Status.SUCCEEDED}
    assert not shop.world.standing
    assert operator.stuck() == ()


def test_who_takes_over_waits_for_calls_of_who_was_before() -> None:
    """However long ago the saga itself has ended, no two compensations run side by side."""
    shop = half_undone_shop()
    shop.clock.advance(timedelta(hours=1))
    taken = shop.clock.now()
    operator_of(shop).undo("Order", "one", "the first is slow")
    shop.undos()
    [last] = [one for one in shop.commits() if one.slot.endswith("/95002")]
    longest = max(node.call.seconds for node in shop.graph.nodes)  # type: ignore[union-attr]  # steps
    assert last.recorded_at > iso(taken + timedelta(seconds=longest))


def test_of_two_undos_the_earlier_is_out() -> None:
    """Redriven in the console, it seals nothing and ends nothing: of one saga there is one end."""
    shop = half_undone_shop()
    [first] = shop.undos()
    operator_of(shop).undo("Order", "one", "the first is older than 14 days")
    shop.engine.redrive(first.arn)
    again = shop.engine.wait(first.arn)
    assert again.status is Status.FAILED
    assert "generation 2 has taken over from 1" in (again.cause or "")
    with pytest.raises(StepFailedForGood, match="generation 2 has taken over from 1"):
        Undoing(shop.store, shop.clock.now).end(run_in(first.input["undo"]), 1)
    shop.undos()
    assert shop.events().count("SagaCompensated") == 1


def run_in(undo: Any) -> Run:
    """The run that an undo is for."""
    return Run(undo["saga"], undo["id"], undo["run"], undo["execution"])


def test_cancelled_before_anything_is_recorded() -> None:
    """Only Step Functions knows its release then, so the reconciler undoes it."""
    shop = Shop(three())
    arn = shop.start()
    operator = operator_of(shop)
    shop.clock.after(MOMENT, lambda: operator.cancel("Order", "one", "out of stock"))
    view = shop.engine.wait(arn)
    assert (view.status, view.error) == (Status.ABORTED, "SagaCancelled")
    assert shop.look(arn) == "undoing"
    shop.undos()
    assert operator.client.status("Order", "one").ending is Ending.COMPENSATED


def test_nothing_is_resolved_that_nobody_undoes() -> None:
    """By the record of an undoing that never was, what stands would never be undone."""
    shop = Shop(three())
    arn = shop.start()
    operator, said = operator_of(shop), []

    def resolve() -> None:
        with pytest.raises(RequestError, match="is not being undone") as caught:
            operator.resolve("Order", "one", "reserve", "by mistake")
        said.append(caught)

    shop.clock.after(MOMENT * 4, resolve)
    shop.engine.wait(arn)
    resolve()
    assert len(said) == 2
    assert "StepResolved" not in shop.events()


def test_a_saga_is_undone_whose_execution_is_gone() -> None:
    """After 90 days, or with its machine: its stream tells what an undo needs."""
    shop = Shop(three())
    shop.stopped(MOMENT * 3)
    later = Shop(three(), world=shop.world, store=shop.store)
    operator = operator_of(later)
    operator.undo("Order", "one", "its machine was deleted")
    assert [one.status for one in later.undos()] == [Status.SUCCEEDED]
    assert not shop.world.standing
    assert operator.client.status("Order", "one").ending is Ending.COMPENSATED
