"""Executions that end where they stand, deployed: what they began is undone from the log."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

import pytest

from sagas.orders import FulfilOrder
from sagas.transfers import TransferMoney
from sagas.trips import BookTrip
from stepsaga.client.operator import Operator
from stepsaga.engines.endings import Ending
from stepsaga.errors import RequestError
from tests.cli.shell import stepsaga
from tests.e2e.test_sagas import PATIENCE, assert_conserved, new_id, order
from tests.e2e.test_transfers import LARGE, asked
from tests.e2e.test_trips import trip

if TYPE_CHECKING:
    from stepsaga import Saga
    from tests.e2e.targets import Target


def stuck(target: Target, saga: type[Saga], value: Any, saga_id: str, step: str) -> None:
    """Let a saga get stuck at a step behind its point of no return, be told so, and mended."""
    client = target.sagas()
    target.go_wrong(saga_id, **{step: "unreadable"})
    saga.start(value, id=saga_id, client=client)
    assert client.wait(saga, saga_id, timeout=PATIENCE).ending is Ending.STUCK
    stream, until = f"{saga.__name__}#{saga_id}", time.monotonic() + PATIENCE.total_seconds()
    while not (told := [one for one in types(target, stream) if one == "SagaStuck"]):
        assert time.monotonic() < until, "nobody tells that it is stuck"
        time.sleep(0.5)
    assert len(told) == 1
    target.go_wrong(saga_id)


def types(target: Target, stream: str) -> list[str]:
    """The types of a stream's events, in the order of their slots."""
    return [event.type for commit in target.sagas().store.read(stream) for event in commit.events]


def forward(target: Target, stream: str) -> None:
    """Let it go on by the command, and wait until it is completed."""
    said = stepsaga(
        *("forward", stream, "--why", "mended", "--stack", target.deployed.stack),
        env=target.variables,
    )
    assert said.code == 0, said.err
    saga, _, saga_id = stream.partition("#")
    until = time.monotonic() + PATIENCE.total_seconds()
    while target.sagas().status(saga, saga_id).ending is not Ending.COMPLETED:
        assert time.monotonic() < until, "it does not come to its end"
        time.sleep(0.5)


def test_an_order_that_is_stuck_behind_its_pivot_goes_forward(stack: Target) -> None:
    """Where nothing can be redriven, its log is enough: each effect once, one end."""
    before, saga_id = stack.count(), new_id("forward")
    stuck(stack, FulfilOrder, order(), saga_id, "thank")
    operator = Operator(stack.sagas(), cast("Any", stack.sagas().store))
    with pytest.raises(RequestError, match=f"`stepsaga forward FulfilOrder#{saga_id} --why"):
        operator.redrive("FulfilOrder", saga_id)
    forward(stack, f"FulfilOrder#{saga_id}")
    after = stack.count()
    assert_conserved(before, after)
    assert (after.parcels, after.messages) == (before.parcels + 1, before.messages + 1)
    assert types(stack, f"FulfilOrder#{saga_id}").count("SagaCompleted") == 1
    assert "FulfilOrder" not in {
        one.status.saga for one in operator.stuck() if one.status.id == saga_id
    }


def test_a_trip_that_is_stuck_in_a_lane_goes_forward(stack: Target) -> None:
    """Its definition looks at the input, it ends with a fork: the end is recorded behind that."""
    before, saga_id = stack.count_trips(), new_id("forward-trip")
    stuck(stack, BookTrip, trip(), saga_id, "tell.partner")
    forward(stack, f"BookTrip#{saga_id}")
    after = stack.count_trips()
    told = (after.tickets, after.reports, after.messages)
    assert told == (before.tickets + 3, before.reports + 1, before.messages + 1)
    found = types(stack, f"BookTrip#{saga_id}")
    assert (found.count("SagaCompleted"), found.count("InputChecked")) == (1, 1)


def test_a_stopped_saga_is_undone_from_its_log(target: Target) -> None:
    """An operator's stop is heard of, and the money goes back, to the cent."""
    before = target.count_transfers()
    saga_id, client = asked(target), target.sagas()
    status = client.status(TransferMoney, saga_id)
    assert target.count_transfers().held - before.held == LARGE
    client.engine.stop(status.execution)
    until = time.monotonic() + PATIENCE.total_seconds()
    while client.status(TransferMoney, saga_id).ending is not Ending.COMPENSATED:
        assert time.monotonic() < until, "it is not undone"
        time.sleep(0.5)
    after = target.count_transfers()
    assert (after.accounts, after.held) == (before.accounts, before.held)
    events = [
        event.type
        for commit in client.store.read(f"TransferMoney#{saga_id}")
        for event in commit.events
    ]
    assert events.count("SagaCompensated") == 1
    assert "UndoStarted" in events
