"""The endings that no catcher sees, each provoked: they end undone, or stuck with what is next."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from stepsaga.asl import build
from stepsaga.engines.protocol import Status
from stepsaga.errors import RequestError
from stepsaga.store.memory import MemoryStore
from tests.asl.graphs import saga, step
from tests.recovery.shop import INPUT, Shop
from tests.recovery.test_operator import operator_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MOMENT = timedelta(milliseconds=10)
ORDER = saga([step("reserve"), step("charge"), step("ship")], name="Order")


def changed(shop: Shop, change: Callable[[dict[str, Any]], None]) -> None:
    """Run another definition than the compiled one: one that meets what should not be."""
    machine = json.loads(shop.definition)
    change(machine)
    shop.engine.create("Order", json.dumps(machine))


def assert_undone(shop: Shop, arn: str) -> None:
    """The reconciler has it undone, once, and its log says so."""
    assert shop.look(arn) == "undoing"
    [undo] = shop.undos()
    assert undo.status is Status.SUCCEEDED, undo.cause
    assert not shop.world.standing
    assert shop.events().count("SagaCompensated") == 1
    assert shop.look(arn) == "well"


def test_the_execution_s_own_timeout() -> None:
    """Time that is up for the whole execution cannot be caught: it is undone from the log."""
    shop = Shop(ORDER, hanging={"charge"})

    def short(machine: dict[str, Any]) -> None:
        machine["TimeoutSeconds"] = 1

    changed(shop, short)
    arn = shop.start()
    assert shop.engine.wait(arn).status is Status.TIMED_OUT
    assert_undone(shop, arn)


def test_an_error_that_nobody_can_catch() -> None:
    """`States.Runtime` ends the execution where it stands: it is undone from the log."""
    shop = Shop(ORDER)

    def missing(machine: dict[str, Any]) -> None:
        machine["States"]["charge"]["Parameters"]["Payload"]["nothing.$"] = "$.nothing"

    changed(shop, missing)
    arn = shop.start()
    assert shop.engine.wait(arn).error == "States.Runtime"
    assert_undone(shop, arn)


def test_two_reconcilers_at_once() -> None:
    """Whoever wins the generation, one undo is started, and everything is undone once."""
    shop = Shop(ORDER)
    arn = shop.stopped(MOMENT * 3)
    operator = operator_of(shop)
    operator.undo("Order", "one", "ann was quicker")
    assert shop.look(arn) == "undoing"
    assert len(shop.undos()) == 1
    assert not shop.world.standing
    with pytest.raises(RequestError, match="is undone already"):
        operator.undo("Order", "one", "bob, too")


def test_a_release_that_has_lost_the_step() -> None:
    """A saga of an earlier release is undone by its own graph, whatever today's saga looks like."""
    shop = Shop(ORDER)
    arn = shop.stopped(MOMENT * 3)
    later = saga([step("reserve"), step("ship")], name="Order")
    compiled = build(later)
    shop.store.put_definition(compiled.fingerprint, compiled.graph)
    assert compiled.fingerprint != shop.compiled.fingerprint
    assert_undone(shop, arn)
    undone = [c.events[0].data["step"] for c in shop.commits() if c.outcome.value == "compensated"]
    assert "charge" in undone


def test_a_compensation_that_is_deployed_no_more() -> None:
    """A handler that is gone is named; once it is there again, the undo goes on."""
    shop = Shop(ORDER)
    arn = shop.stopped(MOMENT * 3)
    gone = shop.stubs._made.pop("handlers.payments:undo_charge")  # a deployment
    shop.look(arn)
    [undo] = shop.undos()
    assert undo.status is Status.FAILED
    assert "charge" in (undo.cause or "")
    shop.stubs._made["handlers.payments:undo_charge"] = gone  # another one
    shop.engine.redrive(undo.arn)
    assert shop.engine.wait(undo.arn).status is Status.SUCCEEDED
    assert not shop.world.standing


def test_nothing_is_recorded_and_nothing_is_left() -> None:
    """An execution that was stopped before its first commit is planned from its input."""
    shop = Shop(ORDER, hanging={"reserve"})
    arn = shop.stopped(MOMENT * 3)
    assert shop.commits() == []
    shop.look(arn)
    shop.undos()
    assert shop.events()[0] == "SagaStarted"
    [started] = {
        str(e.data["input"]) for c in shop.commits() for e in c.events if "input" in e.data
    }
    assert started == str(INPUT)
    shop.land()
    assert not shop.world.standing


class Forgetful(MemoryStore):
    """A store that keeps no graphs."""

    def get_definition(self, fingerprint: str) -> None:
        """Know of none."""


def test_a_graph_that_is_not_kept_is_said() -> None:
    """Without its release's graph nothing can be planned, and nothing is guessed."""
    shop = Shop(ORDER, store=Forgetful())
    arn = shop.stopped(MOMENT * 3)
    assert shop.look(arn) == "unknown"
    with pytest.raises(RequestError, match="the graph of its release is not kept"):
        operator_of(shop).undo("Order", "one", "now")
