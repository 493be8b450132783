"""Going forward from the log: what is stuck behind its point of no return comes to its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import typer

from stepsaga.cli.operating import for_each
from stepsaga.cli.timeline import What, timeline_of
from stepsaga.client import Client
from stepsaga.client.operator import Operator
from stepsaga.engines.endings import Ending
from stepsaga.engines.protocol import Status
from stepsaga.errors import RequestError, UsageError
from stepsaga.graph import WaitNode
from stepsaga.recovery.undo import Run, Undoing
from stepsaga.store.commits import Outcome
from stepsaga.store.front import StoreInFront
from tests.asl.graphs import pivot, saga, step, tail
from tests.recovery.shop import INPUT, Shop

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepsaga.client import SagaStatus
    from stepsaga.graph import SagaGraph
    from stepsaga.store.commits import Commit
    from stepsaga.store.memory import MemoryStore

MOMENT = timedelta(milliseconds=10)
TELL, WRITE = "handlers.notifications:tell", "handlers.notifications:write"


def two_after() -> SagaGraph:
    """A step, a point of no return, and two that are tried again."""
    return saga(
        [
            step("reserve"),
            pivot("pay", probe="handlers.shipping:find"),
            tail("tell"),
            tail("write"),
        ],
        name="Order",
    )


def two_before() -> SagaGraph:
    """Two steps that can be undone, a point of no return, and one that is tried again."""
    return saga(
        [
            step("reserve"),
            step("charge"),
            pivot("pay", probe="handlers.shipping:find"),
            tail("tell"),
        ],
        name="Order",
    )


def operator_of(shop: Shop) -> Operator:
    """An operator called ann."""
    client = Client(shop.engine, shop.store, sagas=["Order"], now=shop.clock.now)
    return Operator(client, shop.store, by="ann", now=shop.clock.now)


def stuck(shop: Shop, handler: str = TELL) -> str:
    """Let a saga get stuck at a handler, and mend that; its execution."""
    shop.broken.add(handler)
    arn = shop.start()
    assert shop.engine.wait(arn).status is Status.FAILED
    assert shop.look(arn) == "stuck forward"
    shop.broken.clear()
    return arn


@pytest.mark.parametrize("handler", [TELL, WRITE])
def test_what_is_stuck_comes_to_the_end_that_it_would_have_had(handler: str) -> None:
    """The same commits in the same slots, the same effects, and one end (rule 16)."""
    shop, whole = Shop(two_after()), Shop(two_after())
    stuck(shop, handler)
    whole.engine.wait(whole.start())
    operator = operator_of(shop)
    operator.forward("Order", "one", "the mail goes again")
    [worker] = shop.undos()
    assert worker.status is Status.SUCCEEDED, worker.cause
    assert operator.client.status("Order", "one").ending is Ending.COMPLETED
    assert shop.world.standing == whole.world.standing
    assert shop.world.done == whole.world.done
    assert shop.events().count("SagaCompleted") == 1
    own = {one.slot: one.events for one in whole.commits()}
    assert {one.slot: one.events for one in shop.commits() if one.slot in own} == own
    assert operator.stuck() == ()


def test_who_has_ended_or_runs_does_not_go_forward() -> None:
    """There is nothing to go on with; nothing is recorded."""
    shop = Shop(two_after())
    arn = shop.start()
    operator = operator_of(shop)
    with pytest.raises(RequestError, match="runs: it goes forward by itself"):
        operator.forward("Order", "one", "now")
    shop.engine.wait(arn)
    with pytest.raises(RequestError, match="is completed: there is nothing to go on with"):
        operator.forward("Order", "one", "again")
    assert "ForwardStarted" not in shop.events()


def test_before_its_pivot_a_saga_does_not_go_forward() -> None:
    """It is for undoing, and that is said with the command (rule 16)."""
    shop = Shop(two_before())
    shop.stopped(MOMENT)
    with pytest.raises(RequestError, match="nothing is recorded of it yet"):
        operator_of(shop).forward("Order", "one", "now")
    shop.engine.settle()
    with pytest.raises(RequestError, match=r"charge is not done: `stepsaga undo Order#one --why"):
        operator_of(shop).forward("Order", "one", "now")


def test_without_a_pivot_a_saga_does_not_go_forward() -> None:
    """Also where all of its steps are done, and only its end is not recorded."""
    shop = Shop(saga([step("reserve"), step("charge")], name="Order"))
    shop.stopped(MOMENT * 3)
    with pytest.raises(RequestError, match="it has no point of no return"):
        operator_of(shop).forward("Order", "one", "now")


def test_what_is_undone_does_not_go_forward() -> None:
    """Neither when it is, nor while it is on the way."""
    shop = Shop(two_before())
    shop.broken.add("handlers.payments:undo_reserve")
    shop.look(shop.stopped(MOMENT * 3))
    operator = operator_of(shop)
    with pytest.raises(RequestError, match="is being undone"):
        operator.forward("Order", "one", "now")
    shop.undos()
    with pytest.raises(RequestError, match="cannot go forward: it is being undone"):
        operator.forward("Order", "one", "now")
    shop.broken.clear()
    shop.engine.wait(operator.redrive("Order", "one"))
    with pytest.raises(RequestError, match="is compensated"):
        operator.forward("Order", "one", "now")


def test_forward_twice_is_once() -> None:
    """While one goes forward, another is refused; afterwards there is nothing left."""
    shop = Shop(two_after())
    stuck(shop)
    operator = operator_of(shop)
    operator.forward("Order", "one", "mended")
    with pytest.raises(RequestError, match="is going forward from its log"):
        operator.forward("Order", "one", "again")
    with pytest.raises(RequestError, match="worked on from its log; nothing stuck"):
        operator.redrive("Order", "one")
    with pytest.raises(RequestError, match="is past its point of no return"):
        operator.undo("Order", "one", "no")
    shop.undos()
    with pytest.raises(RequestError, match="is completed"):
        operator.forward("Order", "one", "again")
    assert len(shop.world.done) == 4


class Beaten(StoreInFront):
    """A store in which somebody else is quicker, whenever something is to be begun."""

    def __init__(self, inner: MemoryStore, quicker: Callable[[], None]) -> None:
        super().__init__(inner)
        self._quicker = quicker

    def append(self, commit: Commit) -> Commit:
        """Put a commit."""
        if commit.outcome is Outcome.BEGUN:
            self._quicker()
        return super().append(commit)


def test_of_two_at_once_one_goes_forward() -> None:
    """Both have looked before either has begun: one generation, one machine, one effect each."""
    shop = Shop(two_after())
    arn = stuck(shop)
    one = operator_of(shop)
    beaten = Beaten(shop.store, lambda: one.forward("Order", "one", "by the quicker"))
    Operator(one.client, beaten, by="bob", now=shop.clock.now).forward("Order", "one", "by bob")
    assert [worker.status for worker in shop.undos()] == [Status.SUCCEEDED]
    assert shop.events().count("ForwardStarted") == 1
    assert shop.events().count("SagaCompleted") == 1
    assert len(shop.world.done) == 4
    assert shop.look(arn) == "well"


def test_whose_machine_was_not_started_is_seen_to() -> None:
    """Who had won it died; whoever looks next starts it."""
    shop = Shop(two_after())
    arn = stuck(shop)
    first = shop.commits()[0]
    run = Run("Order", "one", first.slot.partition("/")[0], arn)
    Undoing(shop.store, shop.clock.now).begin(
        run, fingerprint=first.fingerprint, input=INPUT, why="mended", forward=True
    )
    with pytest.raises(RequestError, match="`stepsaga forward Order#one --why"):
        operator_of(shop).redrive("Order", "one")
    assert [shop.look(arn) for _ in range(2)] == ["going forward"] * 2
    assert [worker.status for worker in shop.undos()] == [Status.SUCCEEDED]
    assert shop.look(arn) == "well"


def test_a_redrive_of_the_saga_itself_has_no_effect_any_more() -> None:
    """Calls of steps behind the pivot are refused once somebody goes forward (rule 15)."""
    shop = Shop(two_after())
    arn = stuck(shop)
    operator = operator_of(shop)
    operator.forward("Order", "one", "mended")
    shop.engine.redrive(arn)  # in the console
    own = shop.engine.wait(arn)
    assert (own.status, own.error) == (Status.FAILED, "Fenced")
    assert "has taken over" in (own.cause or "")
    assert len(shop.world.done) == 2
    assert [worker.status for worker in shop.undos()] == [Status.SUCCEEDED]
    assert len(shop.world.done) == 4
    assert shop.look(arn) == "well"


def test_what_a_redrive_has_under_way_is_waited_for() -> None:
    """It came between the look and the beginning: no call of it is under way beside another."""
    shop = Shop(two_after())
    arn = stuck(shop)
    shop.clock.advance(timedelta(hours=1))

    def redrive() -> None:
        shop.engine.redrive(arn)
        shop.clock.advance(MOMENT)

    operator = operator_of(shop)
    beaten = Beaten(shop.store, redrive)
    Operator(operator.client, beaten, now=shop.clock.now).forward("Order", "one", "mended")
    begun = shop.clock.now()
    [worker] = shop.undos()
    seconds = shop.graph.nodes[2].call.seconds  # type: ignore[union-attr]  # a step
    assert worker.stopped is not None
    assert worker.stopped - begun > timedelta(seconds=seconds)
    assert shop.engine.describe(arn).error == "Fenced"
    assert [name for name, _ in shop.world.given].count("tell") == 1
    assert len(shop.world.done) == 4


def test_an_undo_takes_over_from_who_wrongly_went_forward() -> None:
    """Also where that was never started: what was begun goes the one way only."""
    shop = Shop(two_before())
    arn = shop.stopped(MOMENT * 3)
    shop.engine.settle()
    first = shop.commits()[0]
    run = Run("Order", "one", first.slot.partition("/")[0], arn)
    Undoing(shop.store, shop.clock.now).begin(
        run, fingerprint=first.fingerprint, input=INPUT, why="in error", forward=True
    )
    operator = operator_of(shop)
    operator.undo("Order", "one", "it was stopped")
    assert [worker.status for worker in shop.undos()] == [Status.SUCCEEDED]
    assert operator.client.status("Order", "one").ending is Ending.COMPENSATED


def test_stuck_again_it_says_so_and_goes_on() -> None:
    """It fails in its Task, on the record, with both commands; then it is redriven (rule 18)."""
    shop = Shop(two_after())
    stuck(shop)
    shop.broken.add(WRITE)
    operator = operator_of(shop)
    operator.forward("Order", "one", "mended in part")
    [worker] = shop.undos()
    assert worker.status is Status.FAILED
    [again] = operator.stuck()
    assert (again.steps, again.why) == (("write",), "StepFailed")
    assert "`stepsaga redrive Order#one` goes on" in again.then
    assert "`stepsaga forward Order#one --why ...`" in again.then
    assert operator.redrive("Order", "one") == worker.arn
    assert shop.engine.wait(worker.arn).status is Status.FAILED
    assert [one.slot[-11:] for one in shop.commits() if one.outcome is Outcome.STUCK] == [
        "90000/00000",
        "90001/00000",
        "90001/00001",
    ]
    shop.broken.clear()
    operator.redrive("Order", "one")
    shop.engine.wait(worker.arn)
    assert operator.client.status("Order", "one").ending is Ending.COMPLETED
    assert operator.stuck() == ()
    assert len(shop.world.done) == 4


def test_after_14_days_forward_takes_the_place_of_a_redrive() -> None:
    """Of the saga's own execution, and of who has gone forward; the list and the refusal say so."""
    shop = Shop(two_after())
    stuck(shop)
    shop.clock.advance(timedelta(days=15))
    operator = operator_of(shop)
    [old] = operator.stuck()
    assert old.then == "after the fix `stepsaga forward Order#one --why ...` goes on from its log"
    with pytest.raises(
        RequestError, match=r"cannot be redriven .*14 days.*`stepsaga forward Order"
    ):
        operator.redrive("Order", "one")
    shop.broken.add(WRITE)
    operator.forward("Order", "one", "mended in part")
    shop.undos()
    shop.clock.advance(timedelta(days=15))
    with pytest.raises(RequestError, match="`stepsaga forward Order#one"):
        operator.redrive("Order", "one")
    shop.broken.clear()
    operator.forward("Order", "one", "mended")
    assert [w.status for w in shop.undos()] == [Status.SUCCEEDED, Status.FAILED]
    assert operator.client.status("Order", "one").ending is Ending.COMPLETED


def test_after_14_days_undo_takes_the_place_of_a_redrive_before_the_pivot() -> None:
    """Where compensations are stuck, the refusal and the list name it."""
    shop = Shop(two_before())
    shop.broken.add("handlers.payments:undo_reserve")
    shop.look(shop.stopped(MOMENT * 3))
    shop.undos()
    shop.clock.advance(timedelta(days=15))
    operator = operator_of(shop)
    [old] = operator.stuck()
    assert "`stepsaga undo Order#one --why ...` undoes it" in old.then
    with pytest.raises(RequestError, match=r"cannot be redriven .*`stepsaga undo Order#one"):
        operator.redrive("Order", "one")


def in_doubt() -> Shop:
    """A saga whose execution ended in its pivot, and whose probe is broken."""
    shop = Shop(two_after())
    shop.lost.add("handlers.shipping:pay")
    shop.broken.add("handlers.shipping:find")
    shop.engine.wait(shop.start())
    shop.lost.clear()
    shop.broken.clear()
    return shop


def test_a_pivot_in_doubt_that_has_happened_is_gone_forward_from() -> None:
    """Its probe is asked first (rule 17)."""
    shop = in_doubt()
    operator = operator_of(shop)
    operator.forward("Order", "one", "the probe is mended")
    assert [worker.status for worker in shop.undos()] == [Status.SUCCEEDED]
    assert operator.client.status("Order", "one").ending is Ending.COMPLETED
    assert len(shop.world.standing) == 4


def test_what_was_to_be_undone_in_vain_ends_once_it_has_gone_forward() -> None:
    """Somebody asked to undo even what is completed; the pivot had happened, so it was not."""
    shop = in_doubt()
    operator = operator_of(shop)
    operator.undo("Order", "one", "it looks dead")
    assert [worker.status for worker in shop.undos()] == [Status.FAILED]
    operator.forward("Order", "one", "it has happened")
    shop.undos()
    assert [shop.look(shop.engine.execution_arn("Order", "one")) for _ in range(3)] == ["well"] * 3
    assert shop.events().count("ForwardStarted") == 1
    assert operator.stuck() == ()


def test_a_pivot_that_did_not_happen_is_for_undoing() -> None:
    """The probe has sealed it; what was before it is undone by who is asked to (rule 17)."""
    shop = Shop(two_after())
    shop.hanging.add("pay")
    arn = shop.start()
    shop.clock.after(timedelta(seconds=30), lambda: shop.engine.stop(arn))
    shop.engine.wait(arn)
    shop.hanging.clear()
    shop.held.clear()
    operator = operator_of(shop)
    operator.forward("Order", "one", "it may have happened")
    [worker] = shop.undos()
    assert worker.status is Status.FAILED
    assert "it is not past its point of no return" in (worker.cause or "")
    [told] = operator.stuck()
    assert told.then == "`stepsaga undo Order#one --why ...` undoes it"
    operator.undo("Order", "one", "it did not happen")
    assert shop.undos()[0].status is Status.SUCCEEDED
    assert operator.client.status("Order", "one").ending is Ending.COMPENSATED
    assert not shop.world.standing


def test_it_goes_forward_without_its_machine_and_in_a_later_release() -> None:
    """The log and the kept graph are enough: slots and keys are those of the old release."""
    shop = Shop(two_after())
    stuck(shop)
    later = saga(
        [pivot("pay", probe="handlers.shipping:find"), tail("write"), tail("call"), tail("tell")],
        name="Order",
    )
    now = Shop(later, world=shop.world, store=shop.store)
    now.stubs = shop.stubs  # the handlers are there yet
    operator = operator_of(now)
    operator.forward("Order", "one", "its machine was deleted")
    assert [worker.status for worker in now.undos()] == [Status.SUCCEEDED]
    assert operator.client.status("Order", "one").ending is Ending.COMPLETED
    slots = [one.slot.rpartition("/")[2] for one in shop.commits() if one.outcome == "result"]
    assert slots == ["00001", "00002", "00003", "00004"]


def test_a_wait_goes_on_from_where_it_began() -> None:
    """From the commit before it, not anew, and not at once."""
    graph = two_after()
    reserve, pay, tell, write = graph.nodes
    pause = WaitNode("pause", seconds=3600)
    shop = Shop(replace(graph, nodes=(reserve, pay, tell, pause, write)))
    arn = shop.start()
    shop.clock.after(timedelta(minutes=20), lambda: shop.engine.stop(arn))
    shop.engine.wait(arn)
    assert len(shop.world.done) == 3
    began = shop.engine.describe(arn).started
    operator_of(shop).forward("Order", "one", "it was stopped by mistake")
    [worker] = shop.undos()
    assert worker.status is Status.SUCCEEDED, worker.cause
    assert worker.stopped is not None
    assert timedelta(hours=1) <= worker.stopped - began < timedelta(hours=1, seconds=2)


def test_what_only_goes_forward_is_not_sealed_by_hand() -> None:
    """Sealed, it could never be done any more, and the saga would never end."""
    shop = Shop(two_after())
    stuck(shop)
    operator = operator_of(shop)
    with pytest.raises(RequestError, match="is past its point of no return, 'pay'"):
        operator.resolve("Order", "one", "tell", "never", happened=False)
    assert "StepSealed" not in shop.events()


def test_past_the_point_of_no_return_nothing_is_closed_by_hand() -> None:
    """By the record of an undoing that never was, it could go neither forward nor back."""
    shop = Shop(two_after())
    stuck(shop)
    operator = operator_of(shop)
    with pytest.raises(RequestError, match="is past its point of no return, 'pay'"):
        operator.resolve("Order", "one", "reserve", "given back by phone")
    assert "StepCompensated" not in shop.events()
    operator.forward("Order", "one", "mended")
    assert [worker.status for worker in shop.undos()] == [Status.SUCCEEDED]


def test_a_redrive_of_the_saga_itself_does_not_call_its_pivot_any_more() -> None:
    """Its probe may be asked at that moment, and an effect behind its back could not be undone."""
    shop = Shop(two_after(), hanging={"pay"})
    arn = shop.start()
    shop.clock.after(timedelta(seconds=3), lambda: shop.engine.stop(arn))
    shop.engine.wait(arn)
    shop.hanging.clear()
    shop.clock.advance(timedelta(hours=1))
    operator_of(shop).forward("Order", "one", "it may have happened")
    shop.engine.redrive(arn)  # in the console
    assert shop.engine.wait(arn).error == "Fenced"
    assert [name for name, _ in shop.world.given] == ["reserve"]
    assert "not past its point of no return" in (shop.undos()[0].cause or "")


def test_many_go_on_at_once_by_the_reason_that_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """What is not for going forward is said, and does not keep the others."""
    shop = Shop(two_before())
    shop.broken.add(TELL)
    for name in ("one", "two"):
        shop.look(shop.engine.wait(shop.start(name)).arn)
    shop.broken = {"handlers.payments:charge", "handlers.payments:undo_reserve"}
    shop.look(shop.engine.wait(shop.start("three")).arn)
    shop.broken.clear()
    operator = operator_of(shop)

    def forward(one: SagaStatus) -> None:
        operator.forward(one.saga, one.id, "mended")

    with pytest.raises(typer.Exit):
        for_each(operator, None, "StepFailed", None, forward)
    said = capsys.readouterr()
    assert sorted(said.out.splitlines()) == [
        "2 of 3 go on",
        "Order one  goes on",
        "Order two  goes on",
    ]
    assert "Order three" in said.err
    assert [worker.status for worker in shop.undos()] == [Status.SUCCEEDED] * 2
    for_each(operator, "Order#three", None, None, lambda one: operator.redrive(one.saga, one.id))
    with pytest.raises(UsageError, match="which"):
        for_each(operator, None, None, None, forward)


def test_the_timeline_shows_who_went_forward_and_why() -> None:
    """Beside what the steps did, in the order in which it happened."""
    shop = Shop(two_after())
    stuck(shop)
    operator_of(shop).forward("Order", "one", "the mail goes again")
    shop.undos()
    told = timeline_of("Order#one", shop.commits()[0].slot.partition("/")[0], shop.commits())
    whats = [row.what for row in told.rows]
    assert told.ending is Ending.COMPLETED
    assert whats.index(What.STUCK) < whats.index(What.FORWARD) < len(whats) - 1
    [row] = [row for row in told.rows if row.what is What.FORWARD]
    assert row.detail == "from the log by ann: the mail goes again"
