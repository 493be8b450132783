"""What becomes of a parent and its child, with everything that can go wrong between them."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from stepsaga.engines.endings import Ending, ending_of
from stepsaga.engines.protocol import Status
from stepsaga.errors import RequestError
from tests.children.shop import Bundle, Sell, SellFirst, SellMany, SellSlowly
from tests.children.world import MOMENT, ORDER, PAID, World


def refused(step: str) -> dict[str, Any]:
    """An order whose parcel a step of the child refuses."""
    return {"price": 10, "parcel": {"sku": "tea", "trouble": step}}


LAST_REFUSED = {**ORDER, "trouble": "thank"}
"""An order that the step after the child refuses."""


def test_a_child_completes_and_its_result_is_the_step_s() -> None:
    """The parent goes on with what a step of the child has returned."""
    world = World((Sell,))
    view = world.run()
    assert ending_of(view) is Ending.COMPLETED
    assert view.output["ship"] == {"value": {"text": "label of tea"}}
    assert view.output["thank"] == {"value": "thank you for label of tea"}
    assert world.ledger.balances == PAID
    assert world.child().status is Status.SUCCEEDED


@pytest.mark.parametrize("step", ["pack", "label", "hand_over"])
def test_a_child_that_undoes_itself_is_a_rejection(step: str) -> None:
    """At its first step or later: nothing stands, and its own compensation is not called."""
    world = World((Sell,))
    view = world.run(order=refused(step))
    assert ending_of(view) is Ending.COMPENSATED
    assert world.ledger.balances == {}
    assert world.ends_of("ShipParcel") == ["SagaCompensated"]
    told = [e.data for c in world.commits() for e in c.events if e.type == "StepRejected"]
    assert [one["error"] for one in told] == ["ChildCompensated"]
    assert "stepsaga show ShipParcel#" in told[0]["message"]


def test_a_completed_child_is_undone_with_its_parent() -> None:
    """What fails after it undoes it from its log: everything is taken back, in reverse."""
    world = World((Sell,))
    view = world.run(order=LAST_REFUSED)
    assert ending_of(view) is Ending.COMPENSATED
    assert world.ledger.balances == {}
    assert world.ends_of("ShipParcel") == ["SagaCompleted", "SagaCompensated"]
    undone = [name for name in world.ledger.calls if name.startswith(("un", "fetch", "refund"))]
    assert undone == ["fetch_back", "unlabel", "unpack", "refund"]


def test_input_that_does_not_fit_the_child_is_a_rejection() -> None:
    """Nothing is started, and the parent is undone."""
    world = World((SellFirst,))
    view = world.run("SellFirst", {"price": 10, "parcel": {"fee": "?"}})
    assert ending_of(view) is Ending.COMPENSATED
    assert list(world.engine.executions("ShipParcel")) == []


def test_a_stuck_child_keeps_its_parent_waiting() -> None:
    """The parent's status names it with the next command; redriven, both go on."""
    world = World((Sell,))
    world.ledger.broken |= {"hand_over", "fetch_back"}
    arn = world.start()
    world.rest(1)
    assert world.engine.describe(arn).status is Status.RUNNING
    assert world.child().status is Status.FAILED
    [waited] = world.operator.waits_for("Sell", "one")
    assert waited.stream == f"ShipParcel#{world.child().name}"
    assert waited.stuck is not None
    assert f"stepsaga redrive {waited.stream}" in waited.stuck.then
    world.ledger.broken.clear()
    world.operator.redrive("ShipParcel", world.child().name)
    assert ending_of(world.engine.wait(arn)) is Ending.COMPENSATED
    assert world.ledger.balances == {}
    assert world.operator.waits_for("Sell", "one") == ()


def test_a_child_that_is_stuck_when_its_parent_is_undone() -> None:
    """The parent's compensation waits until somebody has mended the child's undoing."""
    world = World((Sell,))
    world.ledger.broken.add("unlabel")
    arn = world.start(order=LAST_REFUSED)
    world.rest(1)
    assert world.engine.describe(arn).status is Status.RUNNING
    [waited] = world.operator.waits_for("Sell", "one")
    assert waited.stuck is not None
    assert waited.stuck.steps == ("label",)
    assert f"stepsaga redrive {waited.stream}" in waited.stuck.then
    world.ledger.broken.clear()
    world.operator.redrive("ShipParcel", world.child().name)
    assert ending_of(world.engine.wait(arn)) is Ending.COMPENSATED
    assert world.ledger.balances == {}


@pytest.mark.parametrize("moments", range(1, 24))
def test_a_parent_that_is_stopped_takes_its_child_along(moments: int) -> None:
    """Wherever it is stopped, and wherever the child is: all is undone, or all is done."""
    world = World((Sell,))
    arn = world.start()
    world.after(MOMENT * moments, lambda: world.engine.stop(arn))
    world.engine.wait(arn)
    world.rest()
    if world.types().count("SagaCompleted"):
        assert world.ledger.balances == PAID
    else:
        assert world.types().count("SagaCompensated") == 1
        assert world.ledger.balances == {}


@pytest.mark.parametrize("moments", range(1, 24))
def test_a_child_that_is_stopped_is_undone_and_rejects(moments: int) -> None:
    """Its parent hears of it as of any rejection; past its end nothing happens."""
    world = World((Sell,))
    arn = world.start()

    def stop() -> None:
        for one in world.engine.executions("ShipParcel"):
            world.engine.stop(one.arn)

    world.after(MOMENT * moments, stop)
    view = world.engine.wait(arn)
    world.rest()
    assert ending_of(view) in {Ending.COMPLETED, Ending.COMPENSATED}
    assert world.ledger.balances == (PAID if ending_of(view) is Ending.COMPLETED else {})


def test_a_cancelled_child_rejects() -> None:
    """Who cancels a child has its parent undone, too."""
    world = World((Sell,))
    arn = world.start()
    world.after(
        MOMENT * 7,
        lambda: world.operator.cancel("ShipParcel", world.child().name, "a wrong parcel"),
    )
    assert ending_of(world.engine.wait(arn)) is Ending.COMPENSATED
    world.rest()
    assert world.ledger.balances == {}


def test_a_cancelled_parent_cancels_its_child() -> None:
    """A child that would run for days is stopped under the error that says so, and undone."""
    world = World((SellSlowly,))
    arn = world.start("SellSlowly")
    cancel = partial(world.operator.cancel, "SellSlowly", "one", "a wrong order")
    world.after(timedelta(hours=1), cancel)
    world.engine.wait(arn)
    world.rest(1)
    assert world.child("ShipSlowly").error == "SagaCancelled"
    assert world.ledger.balances == {}
    assert world.types("SellSlowly#one").count("SagaCompensated") == 1


def test_a_parent_waits_for_so_long_and_then_undoes_its_child() -> None:
    """A child that is not heard of is stopped and undone when the parent's time is up."""
    world = World((Sell,), hears=False)
    arn = world.start()
    world.rest(14)  # it waits for as long as the child can take at worst, too
    world.ends.children = world.children
    assert world.engine.describe(arn).status is Status.RUNNING
    assert ending_of(world.engine.wait(arn)) is Ending.COMPENSATED
    world.rest()
    assert world.ledger.balances == {}
    assert "StepSealed" in world.types()


@pytest.mark.parametrize("step", ["ship", "undo ship"])
def test_a_call_that_is_delivered_twice_is_one(step: str) -> None:
    """One child, one undo, whatever is sent twice."""
    world = World((Sell,), twice={step})
    view = world.run(order=LAST_REFUSED)
    assert ending_of(view) is Ending.COMPENSATED
    assert world.ledger.balances == {}
    assert len(list(world.engine.executions("ShipParcel"))) == 1
    assert len(list(world.engine.executions("Undo"))) == 1


@pytest.mark.parametrize("order", [ORDER, LAST_REFUSED, refused("label")])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_lost_reply_is_found_again(times: int, order: Any) -> None:
    """A retry finds the child that is there, and settles from its log (rule 28)."""
    world = World((Sell,), unheard={"ship": times})
    view = world.run(order=order)
    assert len(list(world.engine.executions("ShipParcel"))) == 1
    # The last attempt finds the end, and tells it before its own reply is lost.
    whole = order is ORDER
    assert ending_of(view) is (Ending.COMPLETED if whole else Ending.COMPENSATED)
    assert world.ledger.balances == (PAID if whole else {})


def test_an_undo_whose_end_nobody_told_is_found_by_a_redrive() -> None:
    """The parent is stuck in its compensation when that has waited for so long; then it goes on."""
    world = World((Sell,))
    world.ledger.broken.add("unlabel")
    arn = world.start(order=LAST_REFUSED)
    world.rest(1)
    world.ends.children = None
    world.ledger.broken.clear()
    world.operator.redrive("ShipParcel", world.child().name)
    assert ending_of(world.engine.wait(arn)) is Ending.STUCK
    world.rest(0.01)
    assert world.operator.stuck("Sell")[0].steps == ("ship",)
    world.operator.redrive("Sell", "one")
    assert ending_of(world.engine.wait(arn)) is Ending.COMPENSATED
    assert world.ledger.balances == {}


@pytest.mark.parametrize(
    ("when", "mark"),
    [
        ("before", "Sell#one 2026-01-01T00:00:00.000Z/00002/token"),
        ("after", "Sell#one 2026-01-01T00:00:00.000Z/00002/token"),
        ("before", "parent#ShipParcel"),
        ("after", "parent#ShipParcel"),
    ],
)
@pytest.mark.parametrize("times", [1, 3])
def test_the_function_dies_at_a_write(when: str, mark: str, times: int) -> None:
    """Once: the retry starts the child. In all attempts: nothing ran, and that is found out."""
    world = World((Sell,))
    getattr(world.deadly, when).extend([mark] * times)
    view = world.run()
    if times == 1:
        assert ending_of(view) is Ending.COMPLETED
        assert world.ledger.balances == PAID
    else:
        assert ending_of(view) is Ending.COMPENSATED
        assert world.ledger.balances == {}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("times", [1, 3])
def test_the_function_dies_around_the_start(when: str, times: int) -> None:
    """Whether the child was started nobody says: its name and its log do (rule 28)."""
    world = World((Sell,))
    setattr(world.starting, when, times)
    view = world.run()
    # The last attempt dies after it has started the child, which tells its end all the same.
    whole = times == 1 or when == "after"
    assert ending_of(view) is (Ending.COMPLETED if whole else Ending.COMPENSATED)
    assert world.ledger.balances == (PAID if whole else {})
    assert len(list(world.engine.executions("ShipParcel"))) == whole


def test_nobody_starts_a_child_after_its_undoing() -> None:
    """An invocation that comes after the compensation finds what that has left (rule 28)."""
    world = World((Sell,))
    world.starting.before = 3
    world.unheard = {}
    calls: list[Any] = []
    original = world.local.invoke

    def noting(function: str, payload: Any, **more: Any) -> Any:
        calls.append((function, payload))
        return original(function, payload, **more)

    world.local.invoke = noting  # type: ignore[method-assign]  # it notes
    assert ending_of(world.run()) is Ending.COMPENSATED
    late = [one for one in calls if one[1].get("child") and "undoes" not in one[1]][-1]
    state = late[1]["state"] | {"RetryCount": 5}
    with pytest.raises(Exception, match="Fenced"):
        original(late[0], {**late[1], "state": state})
    assert list(world.engine.executions("ShipParcel")) == []


@pytest.mark.parametrize("order", [ORDER, LAST_REFUSED, refused("hand_over")])
def test_an_end_that_is_told_often_is_one(order: Any) -> None:
    """Heard twice, and again when all is over: one effect, no error."""
    world = World((Sell,))
    view = world.run(order=order)
    before, paid = world.commits(), world.ledger.balances
    child = f"ShipParcel#{world.child().name}"
    for commit in world.commits(child):
        world.children.heard(commit)
        world.children.heard(commit)
    assert world.commits() == before
    assert world.ledger.balances == paid
    assert world.engine.describe(view.arn) == view


@pytest.mark.parametrize("order", [ORDER, LAST_REFUSED, refused("hand_over")])
def test_an_end_that_is_told_late_is_heard(order: Any) -> None:
    """The parent waits, and goes on when somebody tells it."""
    world = World((Sell,), hears=False)
    arn = world.start(order=order)
    for _ in range(2):
        world.rest(1)
        assert world.engine.describe(arn).status is Status.RUNNING
        world.children.settle(f"ShipParcel#{world.child().name}")
        world.rest(0.001)
        if order is not LAST_REFUSED:
            break
    view = world.engine.wait(arn)
    assert ending_of(view) is (Ending.COMPLETED if order is ORDER else Ending.COMPENSATED)
    assert world.ledger.balances == (PAID if order is ORDER else {})


def test_an_end_that_nobody_told_is_found_by_a_redrive() -> None:
    """A parent that was stopped and is redriven looks at its child's log, and goes on."""
    world = World((Sell,), hears=False, bridge=False)
    arn = world.start()
    world.rest(1)
    world.engine.stop(arn)
    world.engine.redrive(arn)
    assert ending_of(world.engine.wait(arn)) is Ending.COMPLETED
    assert world.ledger.balances == PAID
    assert len(list(world.engine.executions("ShipParcel"))) == 1


@pytest.mark.parametrize("moments", range(1, 16))
def test_a_parent_that_is_redriven_while_its_child_runs(moments: int) -> None:
    """It waits for the same child again, under its new token."""
    world = World((Sell,), bridge=False)
    arn = world.start()

    def redrive() -> None:
        if world.engine.describe(arn).status is Status.RUNNING:
            world.engine.stop(arn)
            world.engine.redrive(arn)

    world.after(MOMENT * moments, redrive)
    world.rest(30)
    assert ending_of(world.engine.describe(arn)) is Ending.COMPLETED
    assert world.ledger.balances == PAID
    assert len(list(world.engine.executions("ShipParcel"))) == 1


def test_a_completed_parent_is_undone_with_its_child() -> None:
    """`stepsaga undo` of the parent undoes both; a second one is refused."""
    world = World((Sell,))
    world.run()
    assert world.ledger.balances == PAID
    world.operator.undo("Sell", "one", "a wrong order")
    world.rest()
    assert world.ledger.balances == {}
    assert world.types().count("SagaCompensated") == 1
    with pytest.raises(RequestError, match="is undone already"):
        world.operator.undo("Sell", "one", "again")


def test_a_completed_child_is_not_undone_by_itself() -> None:
    """Its parent counts on it: the refusal names the command for that."""
    world = World((Sell,))
    world.run()
    child = world.child().name
    with pytest.raises(RequestError, match=r"a child of Sell#one.*`stepsaga undo Sell#one"):
        world.operator.undo("ShipParcel", child, "a wrong parcel")
    assert world.ledger.balances == PAID


def test_an_undo_that_is_begun_twice_undoes_once() -> None:
    """While the first undo waits for the child, the parent is stopped and undone from its log."""
    world = World((Sell,))
    world.ledger.broken.add("unlabel")
    arn = world.start(order=LAST_REFUSED)
    world.rest(1)
    world.engine.stop(arn)
    world.rest(1)
    world.ledger.broken.clear()
    world.operator.redrive("ShipParcel", world.child().name)
    world.rest()
    assert world.ledger.balances == {}
    assert world.types().count("SagaCompensated") == 1
    assert world.ledger.calls.count("refund") == 1


@pytest.mark.parametrize("trouble", ["", "thank"])
@pytest.mark.parametrize("by_air", [False, True])
@pytest.mark.parametrize("item", ["", "pack", "label"])
def test_children_in_lanes(trouble: str, item: str, *, by_air: bool) -> None:
    """In items of a map, in a branch beside others, and in a choice: all or nothing."""
    world = World((SellMany,))
    parcels = [{"sku": f"p{n}", "trouble": item if n == 1 else ""} for n in range(3)]
    order = {**ORDER, "parcels": parcels, "by_air": by_air, "trouble": trouble}
    view = world.run("SellMany", order)
    if trouble or item:
        assert ending_of(view) is Ending.COMPENSATED
        assert world.ledger.balances == {}
        return
    assert ending_of(view) is Ending.COMPLETED
    count = 4 + by_air
    ship = {"packer": count, "carrier": 5 * count, "courier": 2 * count}
    assert world.ledger.balances == {"customer": -(12 + 8 * count), "shop": 10, "post": 2, **ship}


@pytest.mark.parametrize("moments", range(2, 60, 3))
def test_children_in_lanes_of_a_parent_that_is_stopped(moments: int) -> None:
    """Undone from its log, the children of all lanes are, too."""
    world = World((SellMany,))
    order = {**ORDER, "parcels": [{"sku": "a"}, {"sku": "b"}], "by_air": True}
    arn = world.start("SellMany", order)
    world.after(MOMENT * moments, lambda: world.engine.stop(arn))
    world.engine.wait(arn)
    world.rest()
    if "SagaCompleted" not in world.types("SellMany#one"):
        assert world.ledger.balances == {}
        assert world.types("SellMany#one").count("SagaCompensated") == 1


@pytest.mark.parametrize("trouble", ["", "thank"])
def test_a_child_of_a_child(trouble: str) -> None:
    """What is undone at the top is undone at the bottom."""
    world = World((Bundle,))
    view = world.run("Bundle", {**ORDER, "trouble": trouble})
    if trouble:
        assert ending_of(view) is Ending.COMPENSATED
        assert world.ledger.balances == {}
    else:
        assert view.output["sell"] == {"value": {"text": "label of tea"}}
        assert world.ledger.balances == {**PAID, "customer": -20, "post": 2}


@pytest.mark.parametrize("moments", range(1, 40, 2))
def test_a_stop_at_the_top_reaches_the_bottom(moments: int) -> None:
    """Cancelled while its grandchild runs, all three are undone."""
    world = World((Bundle,))
    arn = world.start("Bundle")
    world.after(MOMENT * moments, lambda: world.engine.stop(arn))
    world.engine.wait(arn)
    world.rest()
    if "SagaCompleted" not in world.types("Bundle#one"):
        assert world.ledger.balances == {}
        assert world.types("Bundle#one").count("SagaCompensated") == 1


def test_a_result_that_is_large_goes_to_the_bucket() -> None:
    """The parent's document has as much of a child's result as of any step's: a pointer."""
    world = World((Sell,))
    order = {"price": 10, "parcel": {"sku": "x" * 60_000}}
    view = world.run(order=order)
    assert ending_of(view) is Ending.COMPLETED
    assert set(view.output["ship"]["value"]) == {"$stored"}
    assert world.ledger.balances == PAID


def test_tokens_do_not_show() -> None:
    """What people are shown of the events of a child does not tell how to answer its parent."""
    world = World((Sell,))
    world.run()
    [token] = [
        event.data["token"]
        for commit in world.commits()
        for event in commit.events
        if event.type == "ChildAwaited"
    ]
    child = [str(one) for one in world.commits(f"ShipParcel#{world.child().name}")]
    assert token not in " ".join(child)
