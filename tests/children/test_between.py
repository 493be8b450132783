"""Children and those who act on them at the worst moment: between a look and what it leads to."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.asl import build
from stepsaga.authoring import graph_of
from stepsaga.client.operator import Operator
from stepsaga.engines.children import EngineChildExecutions
from stepsaga.engines.endings import Ending, ending_of
from stepsaga.engines.functions import FunctionError, unknown_error
from stepsaga.engines.protocol import Status
from stepsaga.errors import RequestError
from stepsaga.recovery.children import Children
from stepsaga.recovery.sweep import Sweep
from stepsaga.store.open_sagas import MemoryOpenSagas
from stepsaga.store.slots import moment_of
from tests.children.shop import Sell, SellInTime, SellSideBySide, SellSlowly
from tests.children.world import ORDER, PAID, World

if TYPE_CHECKING:
    from stepsaga.recovery.executions import Execution

LAST_REFUSED = {**ORDER, "trouble": "thank"}
SECONDS = 1 / (24 * 60 * 60)
"""In days."""


def test_a_cancel_reaches_a_child_of_which_a_lane_still_rests() -> None:
    """A lane that was refused waits for the others, perhaps for weeks: nothing is undone yet."""
    world = World((SellSideBySide,))
    order = {"price": 10, "parcel": {"sku": "tea", "trouble": "label"}}
    world.start("SellSideBySide", order)
    world.rest(0.1)
    world.operator.cancel("SellSideBySide", "one", "a wrong order")
    world.rest(0.1)
    assert world.child("ShipSideBySide").error == "SagaCancelled"
    assert world.types("SellSideBySide#one")[-1] == "SagaCompensated"
    assert world.ledger.balances == {}


class Slow(Operator):
    """An operator in whose undo something happens after it was looked whether that is right."""

    def meanwhile(self, do: Any) -> None:
        """What happens."""
        self._do = do

    def _refuse_past(self, *arguments: Any, **more: Any) -> None:
        super()._refuse_past(*arguments, **more)
        self._do()


def test_a_child_that_completes_while_somebody_undoes_it_stays_completed() -> None:
    """Its parent has heard that it is completed, and counts on it."""
    world = World((Sell,), bridge=False)
    held: list[Any] = []
    invoke = world.local.invoke

    def holding(function: str, payload: Any, **more: Any) -> Any:
        call = payload.get("call", payload)
        if call["step"] == "send" and "undoes" not in call and not held:
            held.append((function, payload))
            world.engine.stop(world.child().arn)
            raise unknown_error()
        return invoke(function, payload, **more)

    world.local.invoke = holding  # type: ignore[method-assign]  # a call that takes its time
    arn = world.start()
    world.rest(10 * SECONDS)
    assert world.child().status is Status.ABORTED
    operator = Slow(world.operator.client, world.store, now=world.clock.now)

    def lands() -> None:
        invoke(*held[0])
        world.rest(5 * SECONDS)
        assert ending_of(world.engine.describe(arn)) is Ending.COMPLETED

    operator.meanwhile(lands)
    operator.undo("ShipParcel", world.child().name, "a wrong parcel")
    world.rest()
    assert world.ends_of("ShipParcel") == ["SagaCompleted"]
    assert world.ledger.balances == PAID


def test_the_undo_of_a_completed_child_that_failed_long_ago_is_begun_anew() -> None:
    """Its parent has asked for it, so it is not refused; after that the parent can go on, too."""
    world = World((Sell,))
    world.ledger.broken.add("unlabel")
    arn = world.start(order=LAST_REFUSED)
    world.rest(15)
    world.ledger.broken.clear()
    child = world.child().name
    with pytest.raises(RequestError, match="`stepsaga undo ShipParcel#"):
        world.operator.redrive("ShipParcel", child)
    world.operator.undo("ShipParcel", child, "the carrier is back")
    world.rest(1)
    world.operator.redrive("Sell", "one")
    assert ending_of(world.engine.wait(arn)) is Ending.COMPENSATED
    assert world.ledger.balances == {}


def test_a_parent_names_what_is_stuck_in_the_undoing_of_its_child() -> None:
    """That the child was completed before is no news: the next command is."""
    world = World((Sell,))
    world.ledger.broken.add("unlabel")
    world.start(order=LAST_REFUSED)
    world.rest(1)
    [waited] = world.operator.waits_for("Sell", "one")
    assert waited.stuck is not None
    assert f"`stepsaga redrive {waited.stream}`" in waited.stuck.then


def test_no_child_is_left_by_a_call_that_was_delivered_before_the_deadline_too() -> None:
    """What is refused at the deadline may have been done by the same call a moment earlier."""
    world = World((SellInTime,))
    calls: list[Any] = []
    invoke = world.local.invoke

    def twice(function: str, payload: Any, **more: Any) -> Any:
        if payload.get("step") != "ship" or calls:
            return invoke(function, payload, **more)
        calls.append(payload)
        with suppress(FunctionError):
            invoke(function, payload)
        return invoke(function, payload | {"deadline": -1})

    world.local.invoke = twice  # type: ignore[method-assign]  # two deliveries
    view = world.run("SellInTime")
    assert ending_of(view) is Ending.COMPENSATED
    assert world.ends_of("ShipParcel") == ["SagaCompensated"]
    assert world.ledger.balances == {}


class Released(EngineChildExecutions):
    """What Step Functions tells of executions after a release without a child's saga."""

    def describe(self, arn: str) -> Execution | None:
        """An execution, as `AwsExecutions` has it."""
        found = super().describe(arn)
        return found and replace(found, saga="" if found.saga == "ShipSlowly" else found.saga)

    def find(self, saga: str, name: str) -> Execution | None:
        """An execution, as `AwsChildExecutions` has it."""
        found = super().find(saga, name)
        return found and replace(found, saga=saga)


@pytest.mark.parametrize("days", [1, 5])
def test_a_child_is_undone_whose_saga_no_release_has_any_more(days: int) -> None:
    """It runs, or is completed, when its parent is undone; only its link tells whose it is."""
    world = World((SellSlowly,), bridge=False)
    executions = Released(world.engine, world.fingerprints)
    known = Children(world.ends, executions, world.answers, world.clock.now)
    world.starting.known = world.ends.children = known
    arn = world.start("SellSlowly")
    world.rest(days)
    if days == 1:
        world.engine.stop(arn)
        world.look(arn)
    else:
        world.operator.undo("SellSlowly", "one", "a wrong order")
    world.rest(1)
    assert world.types("SellSlowly#one")[-1] == "SagaCompensated"
    assert world.ledger.balances == {}


@pytest.mark.parametrize("stops", [False, True])
@pytest.mark.parametrize("order", [ORDER, LAST_REFUSED])
def test_a_sweep_tells_what_nobody_followed(order: Any, *, stops: bool) -> None:
    """The child was started and ended between two sweeps, and has no row; its parent waits."""
    world = World((Sell,), hears=False)
    executions = EngineChildExecutions(world.engine, world.fingerprints)
    open_sagas = MemoryOpenSagas()
    sweep = Sweep(world.store, executions, world.clock.now, open_sagas, world.children)
    arn = world.start(order=order)
    for number in range(6):
        world.rest(300 * SECONDS)
        if stops and number == 1:
            world.engine.stop(arn)  # its undo from the log waits then
            world.look(arn)
        sweep.run()
    world.rest(300 * SECONDS)
    whole = order is ORDER and not stops
    assert world.types()[-1] == ("SagaCompleted" if whole else "SagaCompensated")
    assert world.ledger.balances == (PAID if whole else {})


def test_a_deadline_that_passes_while_a_child_is_waited_for_reaches_the_child() -> None:
    """The sweep stops the parent, whose undoing has the child undone as soon as that can be.

    A deadline that is shorter than the wait for a child is refused by a check; it passes where what
    came before was redriven late. Here a copy of the release is in a hurry.
    """
    world = World((SellInTime,))
    world.ledger.broken |= {"hand_over", "fetch_back"}
    executions = EngineChildExecutions(world.engine, world.fingerprints)
    open_sagas = MemoryOpenSagas()
    sweep = Sweep(world.store, executions, world.clock.now, open_sagas, world.children)
    arn = world.start("SellInTime")
    world.rest(4.9)
    sweep.run()
    hurried = build(replace(graph_of(SellInTime), deadline=5 * 24 * 60 * 60))
    world.store.put_definition(hurried.fingerprint, hurried.graph)
    [row] = open_sagas.rows()
    open_sagas.remove(row.stream, row.run)
    open_sagas.add(replace(row, fingerprint=hurried.fingerprint))
    sweep.run()
    assert world.engine.describe(arn).status is Status.RUNNING, "it has time left"
    world.rest(0.2)
    sweep.run()
    assert world.engine.describe(arn).error == "DeadlineExceeded"
    world.rest(1)
    [waited] = world.operator.waits_for("SellInTime", "one")
    assert waited.stuck is not None
    world.ledger.broken.clear()
    world.operator.redrive("ShipParcel", world.child().name)
    world.rest()
    assert world.types("SellInTime#one")[-1] == "SagaCompensated"
    assert world.ledger.balances == {}


def test_a_child_step_is_not_resolved_in_its_parent() -> None:
    """Its Task waits to be told, and would wait on: what is left is resolved in the child."""
    world = World((Sell,))
    world.ledger.broken.add("unlabel")
    world.start(order=LAST_REFUSED)
    world.rest(1)
    world.engine.stop(world.engine.execution_arn("Sell", "one"))
    world.look(world.engine.execution_arn("Sell", "one"))
    world.rest(1)
    with pytest.raises(RequestError, match="'ship' is a saga of its own, ShipParcel"):
        world.operator.resolve("Sell", "one", "ship", "by hand")
    name = world.child().name
    assert world.operator.resolve("ShipParcel", name, "label", "thrown away by hand") == 1
    world.operator.redrive("ShipParcel", name)
    world.rest()
    assert world.types()[-1] == "SagaCompensated"


def test_the_undo_of_a_child_that_is_gone_waits_for_calls_that_nobody_knows_of() -> None:
    """Rule 4: its last commit may be hours old, and what it called a moment ago may still run."""
    world = World((SellSlowly,), bridge=False)
    world.start("SellSlowly")
    world.rest(1)
    name = world.child("ShipSlowly").name

    class Gone(EngineChildExecutions):
        def find(self, saga: str, name: str) -> Execution | None:
            """Its machine was deleted a moment ago."""

    executions = Gone(world.engine, world.fingerprints)
    children = Children(world.store, executions, world.answers, world.clock.now)
    assert children.undo("ShipSlowly", name, "its parent is undone")
    [undo] = world.engine.executions("Undo")
    after = world.engine.describe(undo.arn).input["undo"]["after"]
    assert moment_of(after) > world.clock.now()
