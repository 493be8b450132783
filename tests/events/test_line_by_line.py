"""The wait and the router, killed and overtaken at every line: each is resumed exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.runtime.event_stream import taken_in
from stepsaga.store.commits import Outcome
from tests.events.world import Line, World, die

if TYPE_CHECKING:
    from collections.abc import Callable

VALUE = {"value": {"order_id": "order-1", "amount": 10, "note": ""}}
MOST = 40
"""More moments than anybody has."""


def moments(act: Callable[[World, Line], object]) -> range:
    """No moment of an act, and every one: with the other one before it, and without."""
    counts = []
    for before in ("wait", "route", ""):
        world, line = World(), Line()
        if before:
            getattr(world, before)()
        act(world, line)
        counts.append(line.count)
    assert max(counts) < MOST
    return range(max(counts) + 1)


WAITS = moments(lambda world, line: world.wait(line))
ROUTES = moments(lambda world, line: world.route(line))


def assert_resumed(world: World, attempts: int) -> None:
    """The slot holds the event; the Task that waits now was told it, and nobody anything else."""
    assert world.slot is not None
    assert world.slot.outcome is Outcome.RESULT
    assert taken_in(world.slot) == "event-1"
    assert {str(told) for _, told in world.told} == {str(VALUE)}
    assert f"token-{attempts - 1}" in {token for token, _ in world.told}


def recover(world: World, *, waited: bool, routed: bool) -> None:
    """Step Functions tries again what was killed, and SQS delivers again what was not done."""
    attempts = 1 if waited else 2
    if not waited:
        assert world.wait(attempt=1)
    if not routed:
        assert world.route()
    assert_resumed(world, attempts)
    assert world.route()
    assert_resumed(world, attempts)


@pytest.mark.parametrize("dies", WAITS)
def test_a_wait_that_is_overtaken_and_killed_at_any_line_is_resumed(dies: int) -> None:
    """The event comes between any two lines of the wait; both of them die at any line."""
    for moment in WAITS:
        for router_dies in ROUTES:
            world, routed = World(), [False]

            def comes(
                world: World = world, routed: list[bool] = routed, at: int = router_dies
            ) -> None:
                routed[0] = world.route(Line((at, die)))

            waited = world.wait(Line((moment, comes), (dies, die)))
            recover(world, waited=waited, routed=routed[0])


@pytest.mark.parametrize("dies", ROUTES)
def test_a_router_that_is_overtaken_and_killed_at_any_line_loses_nothing(dies: int) -> None:
    """The wait begins between any two lines of the router; both of them die at any line."""
    for moment in ROUTES:
        for wait_dies in WAITS:
            world, waited = World(), [False]

            def begins(
                world: World = world, waited: list[bool] = waited, at: int = wait_dies
            ) -> None:
                waited[0] = world.wait(Line((at, die)))

            routed = world.route(Line((moment, begins), (dies, die)))
            recover(world, waited=waited[0], routed=routed)


@pytest.mark.parametrize("dies", ROUTES)
def test_time_that_is_up_and_an_event_agree(dies: int) -> None:
    """Whatever order they come in: one of the two counts, and stays what it is."""
    for moment in ROUTES:
        world = World()
        assert world.wait()

        def is_up(world: World = world) -> None:
            world.decide()

        if not world.route(Line((moment, is_up), (dies, die))):
            assert world.route()
        assert world.decide()
        first = world.slot
        assert first is not None
        in_time = taken_in(first) == "event-1"
        assert in_time or first.outcome is Outcome.REJECTED
        assert in_time or world.told == []
        assert world.route(id="event-2")
        assert world.slot == first


def test_two_events_at_once_are_for_two_waits() -> None:
    """One comes between any two lines of the other: one is taken, the next wait takes the other."""
    for moment in ROUTES:
        world = World()
        assert world.wait()

        def comes(world: World = world) -> None:
            world.route(id="event-2")

        line = Line((moment, comes))
        assert world.route(line)
        if not 0 < moment <= line.count:
            continue
        assert {token for token, _ in world.told} == {"token-0"}
        assert world.wait(slot=[3], token="token-next")  # noqa: S106  # opens nothing
        later = world.store.get("FulfilOrder#order-1", "2026-11-21T08:00:00.000Z/00003")
        assert {taken_in(world.slot), taken_in(later)} == {"event-1", "event-2"}


def test_what_was_decided_before_is_not_told_as_an_event() -> None:
    """A saga that is being undone, or was answered by hand, is told nothing; the event is kept."""
    for outcome in ("sealed", "answered"):
        world = World()
        assert world.wait()
        told: dict[str, Any] = {"outcome": outcome}
        world.put(**told)
        stored = world.slot
        assert world.route()
        assert world.slot == stored
        assert world.told == []
