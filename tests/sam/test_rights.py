"""What the generated roles allow: all that is called, and nothing more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings

from stepsaga.authoring import graph_of
from stepsaga.graph import Question, Role
from stepsaga.sam.application import _machine, application_of
from stepsaga.sam.cfn import load
from stepsaga.sam.machines import saga as machine_resources
from stepsaga.sam.template import render
from tests.asl.graphs import change
from tests.asl.strategies import sagas
from tests.questions.office import Buy
from tests.sam.cloud import KEY, resolved
from tests.sam.iam import allowed, listed, statements
from tests.sam.projects import SHAPES, rendered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stepsaga.graph import SagaGraph
    from tests.sam.iam import Statement
    from tests.sam.projects import Small

EVENTS = "<EventTable.Arn>"
OBJECT = "<EventBucket.Arn>/stepsaga/3f"
ASKING = graph_of(Buy)
BASICS = {"logs", "xray", "kms"}
"""Services that every role may use for its own ends."""
CHANGES = [
    "UpdateItem",
    "DeleteItem",
    "BatchWriteItem",
    "PartiQLInsert",
    "PartiQLUpdate",
    "PartiQLDelete",
    "DeleteTable",
    "UpdateTable",
    "UpdateTimeToLive",
]


def role(template: dict[str, Any], name: str, key: str = KEY) -> list[Statement]:
    """The statements of a role, as the stack has them."""
    return statements(resolved(template["Resources"][f"{name}Role"], key=key))


def calls(machine: dict[str, Any], text: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What a definition calls: IAM's action, and the resource that it is called on."""
    given = machine["Properties"]["DefinitionSubstitutions"]
    for state in text["States"].values():
        if state["Type"] != "Task":
            continue
        _, _, service = state["Resource"].partition(":::")
        parameters = state["Parameters"]
        if service.removesuffix(".waitForTaskToken") == "lambda:invoke":
            function, _, kind = given[parameters["FunctionName"][2:-1]].value.partition(".")
            qualifier = "live" if kind == "Alias" else "7"
            yield "lambda:InvokeFunction", f"<{function}.Arn>:{qualifier}"
        else:
            assert service == "dynamodb:putItem"
            table = given[parameters["TableName"][2:-1]].value
            yield "dynamodb:PutItem", f"<{table}.Arn>"


def check_machine(graph: SagaGraph) -> None:
    """Hold the role of a saga's machine against the calls in its definition, both ways."""
    machine = _machine(graph)
    made = machine_resources(machine)
    found = statements(resolved(made[f"{machine.name}Role"], key=KEY))
    needed = set(calls(made[machine.name], definition(graph)))
    for action, resource in needed:
        assert allowed(found, action, resource), (action, resource)
        assert not allowed(found, action, resource.replace("<", "<Other"))
    permitted = {
        (action, resource)
        for one in found
        if one["Effect"] == "Allow"
        for action in listed(one["Action"])
        if action.partition(":")[0] not in BASICS
        for resource in listed(one["Resource"])
    }
    used = {
        (action, resource.rpartition(":")[0] + ":*" if "lambda" in action else resource)
        for action, resource in needed
    }
    assert permitted == used
    assert not any(allowed(found, f"dynamodb:{change}", EVENTS) for change in CHANGES)
    # Without a record there is nothing that the key is for.
    encrypts = any("kms" in action for one in found for action in listed(one.get("Action", [])))
    assert encrypts == any(action == "dynamodb:PutItem" for action, _ in needed)


def definition(graph: SagaGraph) -> dict[str, Any]:
    """A graph's state machine."""
    text: dict[str, Any] = json.loads(_machine(graph).text)
    return text


@pytest.mark.parametrize("graph", SHAPES["all"], ids=lambda graph: graph.name)
def test_a_machine_may_do_what_it_does(graph: SagaGraph) -> None:
    """A machine's role allows each call of its definition, and no call that is not there."""
    check_machine(graph)


def test_a_machine_that_asks_may_do_what_it_does() -> None:
    """Waiting for a token is a call like any other, and so is what decides without an answer."""
    check_machine(ASKING)


def test_who_asks_may_answer(small: Small) -> None:
    """A participant with questions may tell the Tasks of those sagas what was answered; no other.

    And no participant may start, stop or redrive anything.
    """
    till, box = small.participant("till"), small.participant("box")
    asks = {"role": Role.READ_ONLY, "read_only": True, "question": Question(60)}
    graph = change(small.graph(till, box), "step0", compensation=None, **asks)
    template = load(render(small.root, application_of(small.root, [graph])))
    machine = "arn:aws:states:eu-central-1:123456789012:stateMachine:shop-prod-Trade"
    found = role(template, "Till")
    assert allowed(found, "states:SendTaskSuccess", machine)
    assert not allowed(found, "states:SendTaskSuccess", f"{machine}Other")
    for action in ("SendTaskFailure", "StartExecution", "StopExecution", "RedriveExecution"):
        assert not allowed(found, f"states:{action}", machine)
    assert not allowed(role(template, "Box"), "states:SendTaskSuccess", machine)


@settings(deadline=None)
@given(sagas())
def test_any_machine_may_do_what_it_does(graph: SagaGraph) -> None:
    """The same for any sequence of steps."""
    check_machine(graph)


@pytest.fixture
def template(reference: Path) -> dict[str, Any]:
    """The template with all sagas."""
    return rendered(reference, SHAPES["all"])


@pytest.mark.parametrize("name", ["Keep", "Watch", "FulfilOrderMachine"])
def test_nobody_else_reaches_objects(template: dict[str, Any], name: str) -> None:
    """Only what runs handlers has to do with their results."""
    found = role(template, name)
    assert not any(allowed(found, f"s3:{action}", OBJECT) for action in ("GetObject", "PutObject"))


@pytest.mark.parametrize(
    ("prod", "key", "encryption"),
    [
        (True, "", {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}),
        (
            False,
            KEY,
            {
                "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY},
                "BucketKeyEnabled": True,
            },
        ),
    ],
)
def test_the_bucket_is_private(
    template: dict[str, Any], *, prod: bool, key: str, encryption: dict[str, Any]
) -> None:
    """It is closed to the public and encrypted, has no lifecycle, and outlives a stack in prod."""
    bucket = resolved(template["Resources"]["EventBucket"], prod=prod, key=key)
    kept = "Retain" if prod else "Delete"
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == (kept, kept)
    assert bucket["Properties"] == {
        "PublicAccessBlockConfiguration": {
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        },
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "BucketEncryption": {"ServerSideEncryptionConfiguration": [encryption]},
    }


def test_the_bucket_is_reached_by_tls_only(template: dict[str, Any]) -> None:
    """Whoever comes without TLS is denied everything in it."""
    policy = resolved(template["Resources"]["EventBucketPolicy"])
    assert policy["Properties"]["Bucket"] == "EventBucket"
    assert policy["Properties"]["PolicyDocument"]["Statement"] == [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": ["<EventBucket.Arn>", "<EventBucket.Arn>/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ]


def services(found: list[Statement]) -> set[str]:
    """All actions that a role allows, without those of logs and traces."""
    actions = {a for one in found if one["Effect"] == "Allow" for a in listed(one["Action"])}
    return {action for action in actions if action.partition(":")[0] not in ("logs", "xray")}


def test_keep_puts_definitions(template: dict[str, Any]) -> None:
    """What keeps the graphs may put and get, and change nothing."""
    found = role(template, "Keep", key="")
    assert services(found) == {"dynamodb:PutItem", "dynamodb:GetItem"}
    assert not any(allowed(found, f"dynamodb:{change}", EVENTS) for change in CHANGES)
    assert not allowed(found, "dynamodb:PutItem", "<StockTable.Arn>")


def test_watch_only_looks(template: dict[str, Any]) -> None:
    """What watches reads the stream and counts, and reaches no table."""
    found = role(template, "Watch", key="")
    assert services(found) == {
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
        "cloudwatch:PutMetricData",
    }
    assert allowed(found, "dynamodb:GetRecords", "<EventTable.StreamArn>")
    [metrics] = [one for one in found if one.get("Action") == ["cloudwatch:PutMetricData"]]
    assert metrics["Condition"] == {"StringEquals": {"cloudwatch:namespace": "stepsaga"}}
    assert services(role(template, "Watch")) - services(found) == {
        "kms:Decrypt",
        "kms:DescribeKey",
    }


@pytest.mark.parametrize("name", ["Inventory", "Keep", "Watch", "FulfilOrderMachine"])
def test_the_key_is_used_by_what_keeps_events(template: dict[str, Any], name: str) -> None:
    """A role uses the key through DynamoDB, participants through S3 too; or there is none."""
    [key] = [one for one in role(template, name) if "kms:Decrypt" in one.get("Action", ())]
    assert key["Resource"] == KEY
    services = ["dynamodb", "s3"] if name == "Inventory" else ["dynamodb"]
    via = {"kms:ViaService": [f"{service}.eu-central-1.amazonaws.com" for service in services]}
    assert key["Condition"] == {"StringEquals": via}
    assert not [one for one in role(template, name, key="") if "kms" in str(one)]


def test_who_takes_a_role(template: dict[str, Any]) -> None:
    """A function's role is taken by Lambda, a machine's by Step Functions, and by nobody else."""
    for name, resource in template["Resources"].items():
        if resource["Type"] != "AWS::IAM::Role":
            continue
        [trust] = resource["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        service = "states" if name.endswith("MachineRole") else "lambda"
        assert trust["Principal"] == {"Service": f"{service}.amazonaws.com"}


def test_application_is_by_name(reference: Path) -> None:
    """Functions and machines come in one order, in whatever order the sagas are found."""
    there = application_of(reference, SHAPES["all"])
    back = application_of(reference, list(reversed(SHAPES["all"])))
    assert there == back
