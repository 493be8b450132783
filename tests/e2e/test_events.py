"""Business events on a deployed stack: EventBridge, a queue, and the router that brings them."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from stepsaga.engines.endings import Ending
from stepsaga.engines.isolated import isolated
from stepsaga.engines.ministack.deployment import tools
from stepsaga.engines.ministack.server import MiniStack
from stepsaga.runtime.event_stream import taken_in
from tests.e2e.projects import until
from tests.e2e.targets import ROOT
from tools.events.place import BIN, NAME, SAGA, STACK, Place, write_project
from tools.events.storm import blow

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = timedelta(minutes=2)
SAGAS = 40


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A project whose saga waits for an event, on a stack of its own."""
    root = tmp_path_factory.mktemp("events") / "project"
    write_project(root)
    python, _ = tools(ROOT)
    with MiniStack(python, wait_scale=0) as server, isolated(server.settings()):
        yield Place.of(root, server)


def completed(place: Place, order: str) -> dict[str, Any]:
    """The event that a saga was resumed by."""
    assert place.sagas.wait(SAGA, order, timeout=PATIENCE).ending is Ending.COMPLETED
    arn = place.sagas.engine.execution_arn(SAGA, order)
    value: dict[str, Any] = place.sagas.engine.describe(arn).output["paid"]["value"]
    return value


def test_an_event_before_during_after_and_twice(place: Place) -> None:
    """It resumes its saga whenever it comes; what comes after that is kept, and changes nothing."""
    before, during = (f"{when}-{uuid4().hex[:6]}" for when in ("before", "during"))
    place.pay([before], amount=1)
    until(lambda: place.held(before).arrived)
    engine = place.sagas.engine
    for one in (before, during):
        engine.start(SAGA, {"id": one}, name=one)
    until(lambda: place.held(during).waiting)
    place.pay([during], amount=2)
    assert completed(place, before) == {"order_id": before, "amount": 1}
    assert completed(place, during) == {"order_id": during, "amount": 2}
    taken = [taken_in(commit) for commit in place.commits(during)]
    place.deliver_again(during)
    place.pay([during], amount=3)
    until(lambda: len(place.held(during).arrived) > 1 and not place.lying_in(place.queue))
    assert len(place.held(during).arrived) == 2
    assert [taken_in(commit) for commit in place.commits(during)] == taken
    command = [str(BIN / "stepsaga"), "event", NAME, during, "--stack", STACK]
    told = subprocess.run(  # noqa: S603  # ours
        command, cwd=place.root, env=place.server.environment(), check=True, capture_output=True
    )
    assert told.stdout.decode().count("came") == 2
    assert f"took  {SAGA}#{during}" in told.stdout.decode()


@pytest.mark.timeout(600)
def test_many_at_once_are_each_resumed_exactly_once(place: Place) -> None:
    """All wait, all their events come at once, and the router dies at random: nothing is lost."""
    report = blow(place, SAGAS, mark=f"many-{uuid4().hex[:6]}", dies=0.02, most=4, patience=300)
    assert report.wrong == ()
    assert report.taken == report.resumed["SUCCEEDED"] == SAGAS
    # Invocations that run at the same time have counted the same deaths.
    assert report.deaths >= 1
    assert report.letters == 0


def test_what_is_no_event_lies_among_the_dead_letters_with_the_reason(place: Place) -> None:
    """The letter says why, and has the body that can be sent again; others are not held up."""
    order = f"bad-{uuid4().hex[:6]}"
    place.deliver({"id": f"id-{order}", "detail": {"order_id": order}})
    found: list[dict[str, Any]] = []

    def arrives() -> bool:
        found.extend(place.dead_letters())
        return bool(found)

    until(arrives)
    [letter] = found
    attributes = {name: one["StringValue"] for name, one in letter["MessageAttributes"].items()}
    assert attributes["reason"].startswith("NoSuchEvent: ")
    assert "amount" in attributes["reason"]
    assert attributes["queue"] == place.queue
    assert attributes["what"] == "event PaymentReceived"
    assert order in letter["Body"]
    assert place.held(order).arrived == ()
