"""Whose calls are let through, once somebody works on a run from its log (rules 15 and 16)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.errors import Fenced
from stepsaga.recovery.undo import Run, Undoing
from tests.runtime.calls import ARN, RUN, Shop, call

if TYPE_CHECKING:
    from stepsaga.store import Commit

PAID = {"id": "order-1"}


def begun(shop: Shop, *, forward: bool) -> int:
    """Let somebody begin to work on the run."""
    return Undoing(shop.store, lambda: shop.now).begin(
        Run("FulfilOrder", "order-1", RUN, ARN),
        fingerprint="f1",
        input=PAID,
        why="",
        forward=forward,
    )


def retriable(**changes: Any) -> dict[str, Any]:
    """A call of a step behind the pivot, whose execution was redriven."""
    return call("retriable", redrives=1, **changes)


def from_log(generation: int, **changes: Any) -> dict[str, Any]:
    """A call of who goes forward: it has no input."""
    payload = call("retriable", generation=generation, **changes)
    del payload["execution"]["Input"]
    return payload


def test_who_goes_forward_takes_over_from_a_redriven_execution() -> None:
    """Its handler is not called, and it hears why."""
    shop = Shop()
    assert shop.handle(retriable(), lambda: 1) == 1
    begun(shop, forward=True)
    with pytest.raises(Fenced, match="generation 1, which works from the log, has taken over"):
        shop.handle(retriable(slot=[3]), lambda: 1)
    assert shop.at(3) is None


def test_an_undo_that_could_not_be_leaves_a_redriven_execution_alone() -> None:
    """What was found to be behind the point of no return its own execution may still finish."""
    shop = Shop()
    begun(shop, forward=False)
    assert shop.handle(retriable(), lambda: 1) == 1


@pytest.mark.parametrize("forward", [True, False])
def test_the_pivot_of_a_redriven_execution_is_taken_over(*, forward: bool) -> None:
    """Its probe may be asked at that moment; where the pivot is done, its call only says so."""
    shop = Shop()
    shop.handle(call("pivot"), lambda: 1)
    begun(shop, forward=forward)
    assert shop.handle(call("pivot", redrives=1)) == 1
    with pytest.raises(Fenced, match="generation 1, which works from the log, has taken over"):
        shop.handle(call("pivot", redrives=1, slot=[3]), lambda: 1)
    assert shop.at(3) is None


def test_of_two_that_go_forward_the_later_does() -> None:
    """The calls of the earlier are refused, whatever was done of it."""
    shop = Shop()
    begun(shop, forward=True)
    assert shop.handle(from_log(1), lambda: 1) == 1
    begun(shop, forward=True)
    with pytest.raises(Fenced):
        shop.handle(from_log(1, slot=[3]), lambda: 1)
    assert shop.handle(from_log(2, slot=[3]), lambda: 2) == 2


def test_who_goes_forward_adopts_what_is_there() -> None:
    """Its first attempt is not the step's first: it looks before it calls (rule 7)."""
    shop = Shop()
    shop.handle(retriable(), lambda: 1)
    begun(shop, forward=True)
    assert shop.handle(from_log(1), lambda: pytest.fail("called again")) == 1


def test_who_goes_forward_reads_what_its_call_does_not_carry() -> None:
    """The input from the beginning, results from the stream, as many of a map's as it is told."""
    shop, heard = Shop(), dict[str, Any]()
    for slot in ([1], [4, 1000000, 1], [4, 1000002, 1]):
        shop.handle(call(slot=slot), lambda slot=slot: slot)

    def handler(order: Any, one: Any, some: Any, none: Any) -> None:
        heard.update(order=order, one=one, some=some, none=none)

    begun(shop, forward=True)
    reads = {"one": [1], "some": [4, "*", 1], "none": [7, "*", 1]}
    shop.handle(from_log(1, reads=reads, shapes={"some": 4, "none": None}), handler)
    lanes = [[4, 1000000, 1], None, [4, 1000002, 1], None]
    assert heard == {"order": PAID, "one": [1], "some": lanes, "none": None}


def test_a_call_that_was_not_redriven_costs_no_read() -> None:
    """Nobody can have begun: an execution that runs is left alone."""
    shop = Shop()
    begun(shop, forward=True)
    read: list[Commit] = []
    shop.store.read = lambda *given: iter(read) if not given else pytest.fail("read")  # type: ignore[method-assign]
    assert shop.handle(call("retriable"), lambda: 1) == 1
