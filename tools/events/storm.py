"""Sagas that all wait, their events all at once, and a router that dies now and then."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stepsaga.engines.protocol import Status
from stepsaga.errors import ExecutionMissing
from stepsaga.runtime.event_stream import taken_in
from tools.events.place import SAGA

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tools.events.place import Place

AT_ONCE: Final = 6
"""Threads that start sagas, and look at them."""


@dataclass(frozen=True, slots=True)
class Report:
    """What has come of it.

    Attributes:
        sagas: How many waited.
        resumed: How many have ended, by how.
        taken: How many have taken exactly one event, and that their own.
        wrong: Those of which anything else is true.
        deaths: How often the router's process died.
        letters: Dead letters.
        waited: Seconds until all waited.
        brought: Seconds from the first event until all had ended.
    """

    sagas: int
    resumed: Counter[str]
    taken: int
    wrong: tuple[str, ...]
    deaths: int
    letters: int
    waited: float
    brought: float


def blow(  # noqa: PLR0913  # all but the place and the number are options by name
    place: Place,
    number: int,
    *,
    mark: str,
    dies: float = 0,
    most: int = 1_000_000,
    patience: float = 600,
    say: Callable[[str], None] = lambda _: None,
) -> Report:
    """Let sagas wait, and bring them all their events at once, every second one twice.

    Args:
        place: The stack.
        number: How many sagas.
        mark: What their ids begin with.
        dies: The chance of each thing that the router does to be its last.
        most: How often it dies at most.
        patience: For how many seconds they may need for it.
        say: Is told what happens.
    """
    ids = [f"{mark}-{one}" for one in range(number)]
    engine = place.sagas.engine
    began = time.monotonic()
    say(f"{number} sagas are started, and wait")

    def start(one: str) -> None:
        engine.start(SAGA, {"id": one}, name=one)
        while not place.held(one).waiting:
            time.sleep(0.2)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done, _ in enumerate(pool.map(start, ids), 1):
            if done % 50 == 0:
                say(f"{done} sagas wait")
    waited = time.monotonic() - began
    say("their events come, all at once")
    place.let_router_die(dies, most)
    before, began = place.deaths, time.monotonic()
    place.pay(ids)
    left = set(ids)
    while left and time.monotonic() < began + patience:
        time.sleep(1)
        left -= set(_ended(place, sorted(left)))
        say(f"{number - len(left)} sagas were resumed")
    brought = time.monotonic() - began
    place.let_router_die(0, 0)
    say("every second event comes once more")
    for one in ids[::2]:
        if place.held(one).arrived:
            place.deliver_again(one)
    while place.lying_in(place.queue) and time.monotonic() < began + 2 * patience:
        time.sleep(0.5)
    return _judge(place, ids, place.deaths - before, waited, brought)


def _ended(place: Place, ids: Sequence[str]) -> list[str]:
    engine = place.sagas.engine

    def is_over(one: str) -> bool:
        try:
            found = engine.describe(engine.execution_arn(SAGA, one))
        except ExecutionMissing:
            return False
        return found.status is not Status.RUNNING

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [one for one, over in zip(ids, pool.map(is_over, ids), strict=True) if over]


def _judge(place: Place, ids: Sequence[str], deaths: int, waited: float, brought: float) -> Report:
    engine = place.sagas.engine
    resumed: Counter[str] = Counter()
    wrong = []
    for one in ids:
        view = engine.describe(engine.execution_arn(SAGA, one))
        resumed[view.status.value] += 1
        arrived = [event.id for event in place.held(one).arrived]
        taken = [found for commit in place.commits(one) if (found := taken_in(commit))]
        output = view.output if isinstance(view.output, dict) else {}
        own = (output.get("paid") or {}).get("value", {}).get("order_id") == one
        if len(arrived) != 1 or taken != arrived or not own:
            wrong.append(f"{one}: {view.status.value}, arrived {arrived}, taken {taken}")
    letters = place.lying_in(place.deployed.resources["DeadLetters"])
    return Report(
        len(ids), resumed, len(ids) - len(wrong), tuple(wrong), deaths, letters, waited, brought
    )
