"""What a template makes of service steps: substitutions, rights, and what is refused."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.authoring import graph_of
from stepsaga.errors import DeploymentError
from stepsaga.sam.application import application_of
from stepsaga.sam.cfn import load
from stepsaga.sam.functions import LAYER_LOCK
from stepsaga.sam.template import SCAFFOLD, render
from tests.sam.cloud import resolved
from tests.sam.iam import allowed, statements
from tests.sam.projects import ROOT
from tests.services import sagas

if TYPE_CHECKING:
    from pathlib import Path

RESOURCES = {
    "Parcels": "{Type: AWS::SQS::Queue}",
    "News": "{Type: AWS::SNS::Topic}",
    "Notes": "{Type: AWS::DynamoDB::Table}",
    "Billing": "{Type: AWS::Serverless::StateMachine}",
    "Carrier": "{Type: AWS::Events::Connection}",
    "Archive": "{Type: AWS::S3::Bucket}",
}
GRAPHS = [
    graph_of(one) for one in (sagas.Announce, sagas.Once, sagas.Forward, sagas.Pivot, sagas.Lanes)
]
MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:shop-prod"


def template(root: Path, **changed: str) -> dict[str, Any]:
    """The resources of a template for the sagas, with these of its own."""
    shop = root / "tests/services/shop.py"
    shop.parent.mkdir(parents=True)
    shutil.copyfile(ROOT / "tests/services/shop.py", shop)
    (root / LAYER_LOCK).parent.mkdir()
    shutil.copyfile(ROOT / LAYER_LOCK, root / LAYER_LOCK)
    own = {**RESOURCES, **changed}
    lines = [f"  {name}: {text}" for name, text in own.items() if text]
    (root / "template.yaml").write_text("\n".join([SCAFFOLD, "Resources:", *lines, ""]))
    made = load(render(root, application_of(root, GRAPHS)))["Resources"]
    found: dict[str, Any] = resolved(made)
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The template's resources."""
    return template(tmp_path_factory.mktemp("services"))


def test_a_definition_is_told_what_its_actions_work_on(made: dict[str, Any]) -> None:
    """A reference is a queue's URL, a topic's or a machine's ARN; connections go by theirs."""
    told = {
        name: made[f"{name}Machine"]["Properties"]["DefinitionSubstitutions"]
        for name in ("Announce", "Once", "Forward", "Pivot", "Lanes")
    }
    assert told["Announce"]["Parcels"] == "Parcels"
    assert told["Once"]["News"] == "News"
    assert told["Pivot"]["Billing"] == "Billing"
    assert told["Lanes"]["Carrier"] == "<Carrier.Arn>"
    assert "default" not in told["Forward"]
    assert told["Forward"]["ServiceStepsLive"] == "ServiceSteps.Alias"


def test_a_machine_may_do_its_actions_and_nothing_else(made: dict[str, Any]) -> None:
    """Each action has one right on one resource, and no machine has that of another."""
    bus = "arn:aws:events:eu-central-1:123456789012:event-bus"
    rights = [
        ("Announce", "sqs:SendMessage", "<Parcels.Arn>"),
        ("Once", "sns:Publish", "News"),
        ("Forward", "events:PutEvents", f"{bus}/default"),
        ("Forward", "dynamodb:PutItem", "<Notes.Arn>"),
        ("Pivot", "states:StartExecution", "Billing"),
        ("Lanes", "states:InvokeHTTPEndpoint", f"{MACHINE}-Lanes"),
        ("Lanes", "events:RetrieveConnectionCredentials", "<Carrier.Arn>"),
        ("Lanes", "secretsmanager:GetSecretValue", "<Carrier.SecretArn>"),
        ("Lanes", "s3:GetObject", "<Archive.Arn>/*"),
    ]
    for saga, action, resource in rights:
        for other in ("Announce", "Once", "Forward", "Pivot"):
            given = statements(made[f"{other}MachineRole"])
            assert allowed(given, action, resource) is (other == saga), (saga, other, action)
    lanes = statements(made["LanesMachineRole"])
    assert all(allowed(lanes, *one[1:]) for one in rights if one[0] == "Lanes")
    [call] = [one for one in lanes if "states:InvokeHTTPEndpoint" in one.get("Action", ())]
    assert call["Condition"] == {
        "StringEquals": {"states:HTTPMethod": "POST"},
        "StringLike": {"states:HTTPEndpoint": "https://carrier.example/*"},
    }
    assert not allowed(statements(made["ShopRole"]), "sqs:SendMessage", "<Parcels.Arn>")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"Parcels": ""}, "sqs:sendMessage on Parcels, which is not there"),
        ({"Parcels": "{Type: AWS::SNS::Topic}"}, "Parcels, which is AWS::SNS::Topic: declare"),
        (
            {"Parcels": "{Type: AWS::SQS::Queue, Properties: {FifoQueue: true}}"},
            "is a FIFO one: give group",
        ),
        ({"Billing": "{Type: AWS::SQS::Queue}"}, "Type AWS::Serverless::StateMachine or"),
        ({"Archive": ""}, "policies speak of Archive: there is no such resource"),
    ],
)
def test_what_actions_work_on_is_there(tmp_path: Path, changed: dict[str, str], words: str) -> None:
    """An action on what is not there, or on something else, is refused by name."""
    with pytest.raises(DeploymentError, match=words):
        template(tmp_path, **changed)
