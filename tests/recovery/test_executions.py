"""What recovery asks of Step Functions, beside boto3's own model of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from stepsaga.recovery.executions import UNSUCCESSFUL, AwsExecutions
from stepsaga.recovery.reconcile import Reconciler
from stepsaga.store.memory import MemoryStore
from stepsaga.store.open_sagas import OpenSaga

if TYPE_CHECKING:
    from collections.abc import Iterator

START = datetime(2026, 1, 1, 8, 0, 0, 123000, tzinfo=UTC)
MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:shop-Order"
UNDO = "arn:aws:states:eu-west-1:123456789012:stateMachine:shop-Undo"
ARN = "arn:aws:states:eu-west-1:123456789012:execution:shop-Order:one"
TOLD = {
    "executionArn": ARN,
    "stateMachineArn": MACHINE,
    "name": "one",
    "status": "FAILED",
    "startDate": START,
}


@pytest.fixture
def aws() -> Iterator[tuple[Stubber, AwsExecutions]]:
    """What answers in AWS's place, and what asks it."""
    client = boto3.client(
        "stepfunctions",
        "eu-west-1",
        aws_access_key_id="x",
        aws_secret_access_key="y",  # noqa: S106  # nobody's
    )
    with Stubber(client) as stubber:
        yield stubber, AwsExecutions(client, {"Order": MACHINE}, UNDO)
        stubber.assert_no_pending_responses()


def test_an_execution_of_an_alias_is_its_machines(aws: tuple[Stubber, AwsExecutions]) -> None:
    """It says by which version and alias it was started; its saga is found by its machine."""
    stubber, executions = aws
    more = {"stateMachineAliasArn": f"{MACHINE}:live", "stateMachineVersionArn": f"{MACHINE}:3"}
    stubber.add_response("describe_execution", TOLD | more, {"executionArn": ARN})
    found = executions.describe(ARN)
    assert found is not None
    assert (found.saga, found.id, found.started, found.input) == ("Order", "one", START, None)


def test_what_is_not_known_any_more(aws: tuple[Stubber, AwsExecutions]) -> None:
    """An execution of 90 days ago, and the definition of one."""
    stubber, executions = aws
    stubber.add_client_error("describe_execution", "ExecutionDoesNotExist")
    assert executions.describe(ARN) is None
    for code in ("ExecutionDoesNotExist", "StateMachineDoesNotExist"):
        stubber.add_client_error("describe_state_machine_for_execution", code)
        assert executions.fingerprint(ARN) == ""


def test_all_pages_of_all_that_ended_badly_are_listed(aws: tuple[Stubber, AwsExecutions]) -> None:
    """Of each machine, by each status; but not what ended long ago."""
    stubber, executions = aws
    for status in UNSUCCESSFUL:
        asked = {"stateMachineArn": MACHINE, "statusFilter": status, "maxResults": 1000}
        one = {**TOLD, "executionArn": f"{ARN}-{status}", "stopDate": START}
        page = {"executions": [one], "nextToken": "more"}
        stubber.add_response("list_executions", page, asked)
        second = {**one, "executionArn": f"{ARN}-{status}-2"}
        old = {**one, "stopDate": START - timedelta(days=1)}
        last: dict[str, Any] = {"executions": [second, old]}
        stubber.add_response("list_executions", last, {**asked, "nextToken": "more"})
    expected = [f"{ARN}-{status}{end}" for status in UNSUCCESSFUL for end in ("", "-2")]
    assert list(executions.unsuccessful(START)) == expected


def test_an_undo_that_was_started_before_is_no_error(aws: tuple[Stubber, AwsExecutions]) -> None:
    """Its name says which it is."""
    stubber, executions = aws
    stubber.add_client_error("start_execution", "ExecutionAlreadyExists")
    executions.start_undo("Order-one-1", {})


@pytest.mark.parametrize("status", ["RUNNING", "PENDING_REDRIVE"])
def test_what_has_not_ended_is_left_alone(aws: tuple[Stubber, AwsExecutions], status: str) -> None:
    """What is about to be redriven runs, for all that was listed a moment ago."""
    stubber, executions = aws
    stubber.add_response("describe_execution", {**TOLD, "status": status}, {"executionArn": ARN})
    assert Reconciler(MemoryStore(), executions, lambda: START).look(ARN) == "well"


def test_who_runs_is_a_thousand_in_a_request(aws: tuple[Stubber, AwsExecutions]) -> None:
    """By pages, as rows that say nothing of a release; of a machine that was deleted, nobody."""
    stubber, executions = aws
    asked = {"stateMachineArn": MACHINE, "statusFilter": "RUNNING", "maxResults": 1000}
    one = {**TOLD, "status": "RUNNING"}
    page = {"executions": [one], "nextToken": "more"}
    stubber.add_response("list_executions", page, asked)
    stubber.add_response("list_executions", {"executions": [one]}, {**asked, "nextToken": "more"})
    row = OpenSaga("Order", "one", "2026-01-01T08:00:00.123Z", ARN, "")
    assert list(executions.running()) == [row, row]
    for _ in range(4):
        stubber.add_client_error("list_executions", "StateMachineDoesNotExist")
    assert list(executions.running()) == []
    assert list(executions.unsuccessful(START)) == []


def test_an_execution_is_stopped_and_one_that_is_gone_is_no_error(
    aws: tuple[Stubber, AwsExecutions],
) -> None:
    """Error and cause say why."""
    stubber, executions = aws
    asked = {"executionArn": ARN, "error": "DeadlineExceeded", "cause": "it is late"}
    stubber.add_response("stop_execution", {"stopDate": START}, asked)
    stubber.add_client_error("stop_execution", "ExecutionDoesNotExist")
    for _ in range(2):
        executions.stop(ARN, "DeadlineExceeded", "it is late")


def test_an_undo_is_found_by_its_name(aws: tuple[Stubber, AwsExecutions]) -> None:
    """Its ARN follows from the machine's; it is of no saga's machine."""
    stubber, executions = aws
    arn = f"{UNDO.replace(':stateMachine:', ':execution:')}:Order-one-1"
    told = {**TOLD, "executionArn": arn, "stateMachineArn": UNDO, "name": "Order-one-1"}
    stubber.add_response("describe_execution", told, {"executionArn": arn})
    found = executions.undo("Order-one-1")
    assert found is not None
    assert (found.saga, found.status) == ("", "FAILED")
