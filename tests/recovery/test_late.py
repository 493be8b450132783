"""An effect that lands after its step was undone is undone once more (rule 11)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.asl.graphs import look, saga, step
from tests.recovery.shop import Shop

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepsaga.graph import SagaGraph

MOMENT = timedelta(milliseconds=10)
ORDER = saga([step("reserve"), step("charge", retry=None), step("ship")], name="Order")
REFUSED = saga([step("reserve"), step("charge", retry=None), look("check")], name="Order")


class Careless(Shop):
    """A shop whose participants leave no tombstones: what comes late has its effect."""

    def resolve(self, reference: str) -> Callable[..., Any]:
        """The handlers; those that undo forget at once what must not come any more."""
        handler = super().resolve(reference)
        if ":undo_" not in reference:
            return handler

        def forgetful(**given: Any) -> Any:
            found = handler(**given)
            self.world._tombstones.clear()  # that is what is careless
            return found

        forgetful.__signature__ = handler.__signature__  # type: ignore[attr-defined]  # PEP 362
        forgetful.__annotations__ = handler.__annotations__
        return forgetful


def assert_undone_once_more(shop: Shop, arn: str) -> None:
    """Something lands now; after the next look nothing stands, and the log tells it."""
    assert not shop.world.standing
    shop.land()
    assert len(shop.world.standing) == 1
    assert shop.look(arn) == "undoing"
    shop.undos()
    assert not shop.world.standing
    assert shop.look(arn) == "well"
    assert shop.events().count("SagaCompensated") == 1
    late = [one for one in shop.commits() if one.slot.endswith("/late/00001")]
    assert [one.outcome.value for one in late] == ["late", "compensated"]


def test_after_an_undo_from_the_log() -> None:
    """The execution was stopped, everything was undone from the log, and then the charge lands."""
    shop = Careless(ORDER, hanging={"charge"})
    arn = shop.stopped(MOMENT * 5)
    shop.look(arn)
    shop.undos()
    assert_undone_once_more(shop, arn)


@pytest.mark.parametrize("graph", [ORDER, REFUSED])
def test_after_the_saga_s_own_undoing(graph: SagaGraph) -> None:
    """The charge timed out, the saga undid itself, and then the charge lands."""
    shop = Careless(graph, hanging={"charge"})
    arn = shop.start()
    assert shop.engine.wait(arn).error == "SagaCompensated"
    assert shop.look(arn) == "well"
    shop.hanging.clear()
    assert_undone_once_more(shop, arn)


def test_two_that_land_are_both_undone() -> None:
    """Each has a record and an undoing of its own."""
    shop = Careless(ORDER, hanging={"charge"})
    arn = shop.start()
    shop.engine.wait(arn)
    held = list(shop.held)
    for times in (1, 2):
        shop.held = list(held)
        shop.land(MOMENT * times)
        assert shop.look(arn) == "undoing"
        shop.undos()
        assert not shop.world.standing
    undone = [one.slot for one in shop.commits() if one.slot.endswith("/late/00002")]
    assert len(undone) == 2
