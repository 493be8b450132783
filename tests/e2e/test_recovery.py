"""Executions that end where they stand, deployed: what they began is undone from the log."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sagas.transfers import TransferMoney
from stepsaga.engines.endings import Ending
from tests.e2e.test_sagas import PATIENCE
from tests.e2e.test_transfers import LARGE, asked

if TYPE_CHECKING:
    from tests.e2e.targets import Target


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
