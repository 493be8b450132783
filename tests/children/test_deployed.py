"""What is deployed for children: the function, its rights, and what it asks of Step Functions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from stepsaga.errors import DeploymentError
from stepsaga.graph import ChildSaga, steps_of
from stepsaga.recovery.children_entry import AwsChildExecutions
from stepsaga.recovery.deployed import deployed
from stepsaga.runtime.answers import StepFunctionsAnswers
from stepsaga.sam.application import application_of
from stepsaga.sam.cfn import load
from stepsaga.sam.template import SCAFFOLD, render
from tests.asl.graphs import change
from tests.sam.cloud import resolved
from tests.sam.conftest import small as small  # noqa: PLC0414  # a fixture
from tests.sam.iam import allowed, statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.graph import SagaGraph
    from tests.sam.projects import Small

CHILDREN = "stepsaga.runtime.children"
STATES = "arn:aws:states:eu-central-1:123456789012"
MACHINES = "arn:aws:states:eu-west-1:123456789012:stateMachine:shop-"
MACHINE = f"{MACHINES}Ship"
UNDO = "arn:aws:states:eu-west-1:123456789012:stateMachine:shop-Undo"
ARN = "arn:aws:states:eu-west-1:123456789012:execution:shop-Ship:one"


def family(small: Small) -> tuple[SagaGraph, SagaGraph]:
    """A saga that starts another, and that one."""
    till = small.participant("till")
    child = replace(small.graph(till), name="Ship")
    parent = small.graph(till, CHILDREN)
    starts = ChildSaga("Ship", child.reference, child.input.name, graph=child)
    node = next(one for one in steps_of(parent.nodes) if one.name == "step1")
    assert node.compensation is not None
    back = replace(node.compensation, call=replace(node.compensation.call, waits=60))
    call = replace(node.call, waits=60)
    return change(parent, "step1", call=call, compensation=back, child=starts), child


def template(small: Small) -> dict[str, Any]:
    """The template of both."""
    small.write("template.yaml", SCAFFOLD)
    content: dict[str, Any] = load(render(small.root, application_of(small.root, family(small))))
    return content


def test_the_function_knows_where_sagas_are(small: Small) -> None:
    """By their names: it would need the machines that need it; in prod by their aliases."""
    made = resolved(template(small)["Resources"])["Children"]["Properties"]
    variables = made["Environment"]["Variables"]
    assert made["Handler"] == "stepsaga.recovery.children_entry.handler"
    assert variables["STEPSAGA_PARTICIPANT"] == CHILDREN
    assert variables["STEPSAGA_MACHINES"] == f"{STATES}:stateMachine:shop-prod-"
    assert variables["STEPSAGA_SAGAS"] == "Ship,Trade"
    assert variables["STEPSAGA_UNDO"] == f"{STATES}:stateMachine:shop-prod-Undo"
    assert variables["STEPSAGA_ALIAS"] == ":live"


def test_the_function_may_start_children_and_nothing_else(small: Small) -> None:
    """Children are started, stopped and looked at; parents are told; nobody else may do that."""
    made = template(small)["Resources"]
    function = statements(resolved(made["ChildrenRole"]))
    child, parent = (
        f"{STATES}:stateMachine:shop-prod-Ship",
        f"{STATES}:stateMachine:shop-prod-Trade",
    )
    undo = f"{STATES}:stateMachine:shop-prod-Undo"
    run = f"{STATES}:execution:shop-prod-Ship:one"
    for action, resource in (
        ("states:StartExecution", child),
        ("states:StartExecution", f"{child}:live"),
        ("states:StartExecution", undo),
        ("states:StopExecution", run),
        ("states:DescribeExecution", run),
        ("states:DescribeExecution", f"{STATES}:execution:shop-prod-Undo:Ship-one-1"),
        ("states:DescribeExecution", f"{STATES}:execution:shop-prod-Former:one"),
        ("states:SendTaskSuccess", parent),
        ("states:SendTaskFailure", parent),
        ("states:SendTaskSuccess", undo),
    ):
        assert allowed(function, action, resource), (action, resource)
        assert not allowed(statements(resolved(made["TillRole"])), action, resource)
    for action, resource in (
        ("states:StartExecution", parent),
        ("states:StopExecution", f"{STATES}:execution:shop-prod-Trade:one"),
        ("states:SendTaskSuccess", child),
        ("states:RedriveExecution", run),
        ("dynamodb:DeleteItem", "<EventTable.Arn>"),
    ):
        assert not allowed(function, action, resource), (action, resource)


@pytest.mark.parametrize("who", ["Recovery", "Following"])
def test_who_tells_parents_may_put_what_a_child_has_returned(small: Small, who: str) -> None:
    """Whoever hears of the end: a document with less room than the child's has only a pointer."""
    made = resolved(template(small)["Resources"])
    function = statements(made[f"{who}Role"])
    told = f"{STATES}:stateMachine:shop-prod-Trade"
    assert allowed(function, "states:SendTaskFailure", told)
    assert allowed(function, "s3:PutObject", "<EventBucket.Arn>/stepsaga/some")
    variables = made[who]["Properties"]["Environment"]["Variables"]
    assert variables["STEPSAGA_EVENT_BUCKET"] == "EventBucket"


def test_who_tells_parents_knows_the_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its variable; without one it only reads."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    names = ("EVENT_TABLE", "OPEN_SAGAS", "MACHINES", "SAGAS", "UNDO")
    variables = {f"STEPSAGA_{name}": name.lower() for name in names}
    for more, bucket in (({}, ""), ({"STEPSAGA_EVENT_BUCKET": "results"}, "results")):
        objects = deployed(variables | more).store.objects
        assert objects is not None
        assert objects.bucket == bucket


def test_a_child_outside_of_the_project_is_refused(small: Small) -> None:
    """It would be started, and is not there."""
    parent, _ = family(small)
    with pytest.raises(DeploymentError, match="Trade starts Ship, which is not among"):
        application_of(small.root, [parent])


@pytest.fixture
def aws() -> Iterator[tuple[Stubber, AwsChildExecutions, Any]]:
    """What answers in AWS's place, and what asks it."""
    client = boto3.client(
        "stepfunctions",
        "eu-west-1",
        aws_access_key_id="x",
        aws_secret_access_key="y",  # noqa: S106  # nobody's
    )
    with Stubber(client) as stubber:
        yield stubber, AwsChildExecutions(client, MACHINES, ["Ship"], UNDO, ":live"), client
        stubber.assert_no_pending_responses()


def test_a_start_says_whether_it_runs(aws: tuple[Stubber, AwsChildExecutions, Any]) -> None:
    """By the alias, under its name; of one that was there before its log tells."""
    stubber, executions, _ = aws
    sent = {"stateMachineArn": f"{MACHINE}:live", "name": "one", "input": '{"a":1}'}
    started = {"executionArn": ARN, "startDate": 1}
    stubber.add_response("start_execution", started, sent)
    assert executions.start("Ship", "one", {"a": 1})
    stubber.add_client_error("start_execution", "ExecutionAlreadyExists", expected_params=sent)
    assert not executions.start("Ship", "one", {"a": 1})


def test_a_child_is_found_whose_saga_no_release_has(
    aws: tuple[Stubber, AwsChildExecutions, Any],
) -> None:
    """Its parent is undone later: by the name of its machine, which is retained."""
    stubber, executions, _ = aws
    arn = ARN.replace("shop-Ship", "shop-Former")
    found = {
        "executionArn": arn,
        "stateMachineArn": f"{MACHINES}Former",
        "name": "one",
        "status": "RUNNING",
        "startDate": 1,
    }
    stubber.add_response("describe_execution", found, {"executionArn": arn})
    execution = executions.find("Former", "one")
    assert execution is not None
    assert (execution.saga, execution.id) == ("Former", "one")
    stubber.add_client_error("describe_execution", "ExecutionDoesNotExist")
    assert executions.find("Former", "one") is None


def test_a_stop_of_what_is_gone_is_none(aws: tuple[Stubber, AwsChildExecutions, Any]) -> None:
    """It is stopped under the error that says why; what is forgotten is not missed."""
    stubber, executions, _ = aws
    sent = {"executionArn": ARN, "error": "SagaCancelled", "cause": "so"}
    stubber.add_response("stop_execution", {"stopDate": 1}, sent)
    executions.stop(ARN, "SagaCancelled", "so")
    stubber.add_client_error("stop_execution", "ExecutionDoesNotExist")
    executions.stop(ARN, "SagaCancelled", "so")


def test_a_task_that_waits_no_more_is_told_in_vain(
    aws: tuple[Stubber, AwsChildExecutions, Any],
) -> None:
    """A failure is sent as a success is: where nothing waits, nothing happens."""
    stubber, _, client = aws
    sent = {"taskToken": "t", "error": "Rejected", "cause": "so"}
    stubber.add_response("send_task_failure", {}, sent)
    stubber.add_client_error("send_task_failure", "TaskTimedOut", expected_params=sent)
    answers = StepFunctionsAnswers(lambda: client)
    answers.failure("t", "Rejected", "so")
    answers.failure("t", "Rejected", "so")
