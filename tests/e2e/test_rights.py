"""What roles may, and what happens when events are touched: IAM enforced, on the deployed stack."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from sagas.orders import FulfilOrder
from tests.e2e.test_sagas import ended, new_id, order
from tests.participants import ASKS, OWN, SAGAS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.targets import Target

KEY = {"stream_id": {"S": "FulfilOrder#somebody"}, "slot": {"S": "00001"}}
PATIENCE_SECONDS = 60


class Intruder:
    """Somebody who has got hold of a participant's role."""

    def __init__(self, stack: Target, participant: str) -> None:
        self._stack = stack
        role = stack.deployed.resources[f"{participant}Role"]
        arn = stack.client_of("iam").get_role(RoleName=role)["Role"]["Arn"]
        reply = stack.client_of("sts").assume_role(RoleArn=arn, RoleSessionName="intruder")
        self._keys = {
            "aws_access_key_id": reply["Credentials"]["AccessKeyId"],
            "aws_secret_access_key": reply["Credentials"]["SecretAccessKey"],
            "aws_session_token": reply["Credentials"]["SessionToken"],
        }

    def client(self, service: str) -> Any:
        """A client with the role's rights."""
        return self._stack.client_of(service, **self._keys)


def refused(attempt: Callable[[], Any]) -> None:
    """An attempt is denied by IAM, and by nothing else."""
    with pytest.raises(ClientError) as caught:
        attempt()
    assert caught.value.response["Error"]["Code"] in {"AccessDenied", "AccessDeniedException"}


def permitted(attempt: Callable[[], Any]) -> None:
    """IAM allows an attempt; that a condition did not hold comes after that."""
    try:
        attempt()
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise


def allowed(target: Target, participant: str, action: str, resource: str) -> bool:
    """Whether IAM's own simulator says that a participant's role may do something."""
    iam, role = target.client_of("iam"), target.deployed.resources[f"{participant}Role"]
    reply = iam.simulate_principal_policy(
        PolicySourceArn=iam.get_role(RoleName=role)["Role"]["Arn"],
        ActionNames=[action],
        ResourceArns=[resource],
    )
    [result] = reply["EvaluationResults"]
    return bool(result["EvalDecision"] == "allowed")


@pytest.mark.parametrize("participant", OWN)
def test_events_cannot_be_changed(stack: Target, participant: str) -> None:
    """Rule 31: with a participant's role an event can be put, read and listed, and nothing else."""
    dynamodb, table = Intruder(stack, participant).client("dynamodb"), stack.events
    item = {**KEY, "slot": {"S": new_id("own")}}
    dynamodb.put_item(TableName=table, Item=item)
    dynamodb.get_item(TableName=table, Key=item)
    dynamodb.query(
        TableName=table,
        KeyConditionExpression="stream_id = :s",
        ExpressionAttributeValues={":s": KEY["stream_id"]},
    )
    values = {":x": {"S": "x"}}
    update = {"UpdateExpression": "SET outcome = :x", "ExpressionAttributeValues": values}
    delete = {"DeleteRequest": {"Key": item}}
    statement = f"DELETE FROM \"{table}\" WHERE stream_id='x' AND slot='y'"  # noqa: S608  # on purpose
    for attempt in (
        lambda: dynamodb.update_item(TableName=table, Key=item, **update),
        lambda: dynamodb.delete_item(TableName=table, Key=item),
        lambda: dynamodb.batch_write_item(RequestItems={table: [delete]}),
        lambda: dynamodb.transact_write_items(
            TransactItems=[{"Delete": {"TableName": table, "Key": item}}]
        ),
        lambda: dynamodb.execute_statement(Statement=statement),
        lambda: dynamodb.scan(TableName=table),
        lambda: dynamodb.delete_table(TableName=table),
    ):
        refused(attempt)


@pytest.mark.parametrize("participant", OWN)
def test_tables_of_others_are_out_of_reach(stack: Target, participant: str) -> None:
    """A participant gets, puts and updates items of its own table, and of no other one's."""
    dynamodb, item = Intruder(stack, participant).client("dynamodb"), {"id": {"S": "intruder"}}
    for owner, table in OWN.items():
        name = stack.deployed.resources[table]
        # Of what is not there: where IAM allows it, nothing is written even so.
        there = {"TableName": name, "ConditionExpression": "attribute_exists(id)"}
        judged = permitted if owner == participant else refused
        judged(partial(dynamodb.get_item, TableName=name, Key=item))
        judged(partial(dynamodb.put_item, Item=item, **there))
        judged(partial(dynamodb.update_item, Key=item, **there))
        delete = {name: [{"DeleteRequest": {"Key": item}}]}
        for attempt in (
            partial(dynamodb.delete_item, TableName=name, Key=item),
            partial(dynamodb.batch_write_item, RequestItems=delete),
            partial(dynamodb.scan, TableName=name),
            partial(dynamodb.delete_table, TableName=name),
        ):
            refused(attempt)


@pytest.fixture(scope="module")
def foreign(ministack: Target) -> str:
    """A bucket that is not the stack's."""
    s3, name = ministack.client_of("s3"), new_id("foreign")
    place = {"LocationConstraint": s3.meta.region_name}
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=place)
    return name


@pytest.mark.parametrize("participant", OWN)
def test_large_results_are_all_of_the_bucket(stack: Target, participant: str, foreign: str) -> None:
    """With a participant's role large results are put and got, and nothing else in any bucket."""
    s3, bucket = Intruder(stack, participant).client("s3"), stack.bucket
    own = {"Bucket": bucket, "Key": f"stepsaga/{new_id('x')}"}
    permitted(partial(s3.put_object, **own, Body=b"1"))
    permitted(partial(s3.get_object, **own))
    for elsewhere in ({**own, "Key": "elsewhere/x"}, {**own, "Bucket": foreign}):
        stack.client_of("s3").put_object(**elsewhere, Body=b"1")
        refused(partial(s3.put_object, **elsewhere, Body=b"2"))
        refused(partial(s3.get_object, **elsewhere))
    for attempt in (
        partial(s3.delete_object, **own),
        partial(s3.put_object_tagging, **own, Tagging={"TagSet": []}),
        partial(s3.list_objects_v2, Bucket=bucket),
        partial(s3.delete_bucket_policy, Bucket=bucket),
        partial(s3.delete_bucket, Bucket=bucket),
    ):
        refused(attempt)


@pytest.mark.parametrize("participant", OWN)
def test_who_asks_may_answer(target: Target, participant: str) -> None:
    """A participant may tell the Tasks of those sagas what was answered in which it asks; no other.

    IAM is asked, and not Step Functions: to MiniStack a token is of no machine, and who may answer
    for one machine is refused, too.
    """
    for saga in SAGAS:
        machine = target.machine_of(saga)
        for action in ("SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat", "StartExecution"):
            may = action == "SendTaskSuccess" and saga in ASKS.get(participant, ())
            assert allowed(target, participant, f"states:{action}", machine) is may
            assert not allowed(target, participant, f"states:{action}", f"{machine}Too")


@pytest.mark.parametrize("participant", OWN)
def test_sagas_are_not_started_by_participants(stack: Target, participant: str) -> None:
    """A participant's role neither starts, stops nor answers a saga, nor calls another one."""
    intruder = Intruder(stack, participant)
    states, functions = intruder.client("stepfunctions"), intruder.client("lambda")
    refused(lambda: states.start_execution(stateMachineArn=stack.machine, name="x", input="{}"))
    arn = stack.machine.replace(":stateMachine:", ":execution:") + ":x"
    refused(lambda: states.stop_execution(executionArn=arn))
    refused(lambda: states.send_task_failure(taskToken="x", error="x"))
    if participant not in ASKS:
        refused(lambda: states.send_task_success(taskToken="x", output="1"))
    other = next(name for name in OWN if name != participant)
    refused(lambda: functions.invoke(FunctionName=stack.deployed.resources[other]))


def test_an_overwritten_event_rings(stack: Target) -> None:
    """Rule 31: IAM cannot deny a put over a slot that is taken; the alarm on it rings."""
    dynamodb = Intruder(stack, "Payments").client("dynamodb")
    item = {**KEY, "slot": {"S": new_id("overwritten")}}
    assert state_of(stack, "EventsChanged") != "ALARM"
    dynamodb.put_item(TableName=stack.events, Item=item)
    dynamodb.put_item(TableName=stack.events, Item={**item, "outcome": {"S": "forged"}})
    rings(stack, "EventsChanged")
    told(stack, item["slot"]["S"])


def test_a_declined_card_rings_nothing_and_a_stopped_saga_does(stack: Target) -> None:
    """Rule 32: SagaCompensated is no incident; an execution that was stopped is one."""
    declined, stopped = new_id("declined"), new_id("stopped")
    ended(stack, order("tok_empty", total=5_000), declined)
    stack.go_wrong(stopped, charge="hangs after")
    started = FulfilOrder.start(order(), id=stopped, client=stack.sagas())
    stack.client_of("stepfunctions").stop_execution(executionArn=started.execution)
    told(stack, stopped)
    rings(stack, "FulfilOrderMachineFailed")
    assert declined not in log_of(stack)


def state_of(stack: Target, alarm: str) -> str:
    """An alarm's state."""
    name = stack.deployed.resources[alarm]
    [found] = stack.client_of("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return str(found["StateValue"])


def rings(stack: Target, alarm: str) -> None:
    """An alarm rings within some time."""
    end = time.monotonic() + PATIENCE_SECONDS
    while state_of(stack, alarm) != "ALARM":
        assert time.monotonic() < end, f"{alarm} does not ring"
        time.sleep(0.2)


def told(stack: Target, text: str) -> None:
    """Watch tells of something within some time."""
    end = time.monotonic() + PATIENCE_SECONDS
    while text not in log_of(stack):
        assert time.monotonic() < end, f"Watch says nothing of {text}"
        time.sleep(0.2)


def log_of(stack: Target) -> str:
    """What Watch has told."""
    logs = stack.client_of("logs")
    group = stack.deployed.resources["WatchLogs"]
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
    return "\n".join(event["message"] for page in pages for event in page["events"])


def test_children_are_started_by_one_function_and_nobody_else(stack: Target) -> None:
    """Children may start, stop and look at rentals, and tell trips; it may do nothing else.

    Whose token it is MiniStack does not know: there, and only there, any may be told.
    """
    trip, rental = stack.machine_of("BookTrip"), stack.machine_of("RentCar")
    of_rental = f"{rental.replace(':stateMachine:', ':execution:')}:x"
    of_trip = f"{trip.replace(':stateMachine:', ':execution:')}:x"
    for action, resource, may in (
        ("StartExecution", rental, True),
        ("StartExecution", trip, False),
        ("StopExecution", of_rental, True),
        ("StopExecution", of_trip, False),
        ("DescribeExecution", of_rental, True),
        ("SendTaskSuccess", trip, True),
        ("SendTaskFailure", trip, True),
        ("RedriveExecution", of_rental, False),
        ("DeleteStateMachine", rental, False),
    ):
        assert allowed(stack, "Children", f"states:{action}", resource) is may, (action, resource)
        assert not allowed(stack, "Cars", f"states:{action}", resource), (action, resource)
