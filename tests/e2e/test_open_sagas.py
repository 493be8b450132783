"""Which sagas are open, deployed: as the stream of the events says, and what the sweep does."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from sagas.transfers import TransferMoney
from stepsaga.engines.endings import Ending
from stepsaga.recovery.reconcile import UNSEEN
from tests.e2e.test_sagas import PATIENCE
from tests.e2e.test_transfers import LARGE, asked

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepsaga.client import Client
    from stepsaga.store.open_sagas import OpenSaga
    from tests.e2e.targets import Target

MARGIN = 22.0
"""Seconds: a deadline of one, a step of one, and what is added for dispatch and start, 20."""


def eventually(what: str, is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    until = time.monotonic() + PATIENCE.total_seconds()
    while not is_so():
        assert time.monotonic() < until, what
        time.sleep(0.3)


def rows(client: Client, saga_id: str) -> list[OpenSaga]:
    """What the projection says of a saga."""
    return [row for row in client.open_rows(TransferMoney) if row.id == saga_id]


def swept(target: Target) -> dict[str, int]:
    """Sweep now; what was found."""
    reply = target.client_of("lambda").invoke(
        FunctionName=target.deployed.resources["Recovery"], Payload=json.dumps({"do": "sweep"})
    )
    told = reply["Payload"].read().decode()
    assert "FunctionError" not in reply, told
    found: dict[str, int] = json.loads(told)
    return found


def assert_undone(client: Client, saga_id: str) -> None:
    """It ends compensated, once, and is not open any more."""
    eventually(
        "it is not undone",
        lambda: client.status(TransferMoney, saga_id).ending is Ending.COMPENSATED,
    )
    commits = client.store.read(f"TransferMoney#{saga_id}")
    types = [event.type for commit in commits for event in commit.events]
    assert types.count("SagaCompensated") == 1
    assert types.count("UndoStarted") == 1
    eventually("it stays open", lambda: not rows(client, saga_id))


def hurried(value: Any) -> Any:
    """A kept graph whose steps have a second each."""
    if isinstance(value, dict):
        return {key: 1 if key == "seconds" else hurried(one) for key, one in value.items()}
    return [hurried(one) for one in value] if isinstance(value, list) else value


def test_a_question_past_its_deadline_ends_compensated(stack: Target) -> None:
    """The sweep stops it, and has it undone: nobody has answered, and no wait is over.

    Its deadline is 30 hours away, so its row is made to speak of a release that had a second.
    """
    before, client = stack.count_transfers(), stack.sagas()
    saga_id = asked(stack)
    eventually("it is not open", lambda: len(rows(client, saga_id)) == 1)
    [row] = rows(client, saga_id)
    assert row.execution == client.status(TransferMoney, saga_id).execution
    kept = client.store.get_definition(row.fingerprint)
    other = f"{row.fingerprint[:-1]}-"
    store: Any = client.store
    store.put_definition(other, {**hurried(kept), "deadline": 1})
    stack.client_of("dynamodb").update_item(
        TableName=stack.deployed.resources["OpenSagas"],
        Key={"stream_id": {"S": row.stream}, "run": {"S": row.run}},
        UpdateExpression="SET fingerprint = :other",
        ExpressionAttributeValues={":other": {"S": other}},
    )
    swept(stack)
    assert client.status(TransferMoney, saga_id).ending is Ending.RUNNING
    time.sleep(MARGIN)
    assert swept(stack)["undoing"] >= 1
    status = client.status(TransferMoney, saga_id)
    assert (status.status, status.error) == ("ABORTED", "DeadlineExceeded")
    assert_undone(client, saga_id)
    after = stack.count_transfers()
    assert (after.accounts, after.held) == (before.accounts, before.held)


def test_of_a_machine_that_is_deleted_every_saga_ends_compensated(stack: Target) -> None:
    """Its executions are gone with it; the log is enough. Somebody then deploys it again."""
    before, client = stack.count_transfers(), stack.sagas()
    machines, arn = stack.client_of("stepfunctions"), stack.machine_of("TransferMoney")
    saga_id = asked(stack)
    assert stack.count_transfers().held - before.held == LARGE
    eventually("it is not open", lambda: len(rows(client, saga_id)) == 1)
    machine = machines.describe_state_machine(stateMachineArn=arn)
    machines.delete_state_machine(stateMachineArn=arn)
    try:
        assert [one.id for one in client.list() if one.id == saga_id] == [saga_id]
        time.sleep(UNSEEN.total_seconds())
        assert swept(stack)["undoing"] >= 1
        assert_undone(client, saga_id)
    finally:
        given = ("name", "definition", "roleArn", "type")
        machines.create_state_machine(**{name: machine[name] for name in given})
    after = stack.count_transfers()
    assert (after.accounts, after.held) == (before.accounts, before.held)
