"""Triggers, deployed: what is heard of, where it goes, and who may do what."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.authoring import graph_of
from stepsaga.errors import DeploymentError
from stepsaga.recovery.starter_entry import FILE
from stepsaga.sam.application import Application, application_of
from stepsaga.sam.cfn import load
from stepsaga.sam.packaging import build
from stepsaga.sam.starter import made_by_sam
from stepsaga.sam.template import SCAFFOLD, render
from tests.sam.cloud import Sam, resolved
from tests.sam.conftest import TARGET
from tests.sam.eventbridge import matches
from tests.sam.iam import allowed, statements

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sam.projects import Small

SHOP = """
from pydantic import BaseModel
from stepsaga import BusEvent

class Customer(BaseModel):
    customer_id: str

class Registered(BaseModel):
    number: int
    plan: str

def customer_of(detail: Registered) -> Customer: ...
def welcome(customer: Customer) -> str: ...

registered = BusEvent(Registered, source="shop.customers", bus="Partners")
signed_up = BusEvent(Customer, source="shop.web", detail_type="SignedUp")
"""
SAGAS = """
from stepsaga import Input, OnEvent, OnQueue, OnRequest, OnSchedule, Saga, Step
from {package} import shop

class Onboard(Saga):
    customer = Input(shop.Customer)
    starts = (
        OnEvent(shop.registered, id="number", input=shop.customer_of, where={{"plan": ["pro"]}}),
        OnEvent(shop.signed_up),
        OnSchedule("rate(1 day)", input=shop.Customer(customer_id="nightly")),
        OnQueue("SignupQueue", id="customer_id"),
        OnRequest("POST", "/signups", id="customer_id"),
        OnRequest("PUT", "/signups", auth="NONE"),
    )
    welcome = Step(shop.welcome, read_only=True)

class Again(Saga):
    customer = Input(shop.Customer)
    starts = ({again},)
    welcome = Step(shop.welcome, read_only=True)
"""
OWN = """
Resources:
  SignupQueue: {Type: AWS::SQS::Queue}
  Partners: {Type: AWS::Events::EventBus, Properties: {Name: partners}}
"""


def project(
    small: Small, *, own: str = OWN, again: str = 'OnQueue("Other")', all_: bool = False
) -> tuple[Application, str]:
    """A project with a saga, or two, that triggers start; what it deploys, and its template."""
    small.participant("shop", SHOP)
    small.write(f"{small.package}/flows.py", SAGAS.format(package=small.package, again=again))
    small.write("template.yaml", SCAFFOLD + own)
    sys.modules.pop(f"{small.package}.flows", None)
    flows = import_module(f"{small.package}.flows")
    sagas = [flows.Onboard, flows.Again] if all_ else [flows.Onboard]
    application = application_of(small.root, map(graph_of, sagas))
    return application, render(small.root, application)


@pytest.fixture
def resources(small: Small) -> dict[str, Any]:
    """The project's resources."""
    found: dict[str, Any] = load(project(small)[1])["Resources"]
    return found


def test_rules_hear_of_events_and_send_them_on_with_the_trigger_s_name(
    resources: dict[str, Any],
) -> None:
    """To one queue, in an envelope; what cannot be delivered is a dead letter."""
    rule = resolved(resources["OnboardOnEventShopCustomersRegisteredOnPartners"])["Properties"]
    assert rule["EventBusName"] == "Partners"
    event = {"source": "shop.customers", "detail-type": "Registered", "detail": {"plan": "pro"}}
    assert matches(rule["EventPattern"], event)
    assert not matches(rule["EventPattern"], {**event, "detail": {"plan": "free"}})
    [target] = rule["Targets"]
    assert target["Arn"] == "<Triggers.Arn>"
    assert target["DeadLetterConfig"] == {"Arn": "<DeadLetters.Arn>"}
    text = target["InputTransformer"]["InputTemplate"]
    envelope = json.loads(text.replace("<aws.events.event.json>", "{}"))
    assert envelope == {"trigger": "OnboardOnEventShopCustomersRegisteredOnPartners", "event": {}}
    [schedule] = [one for name, one in resources.items() if name.startswith("OnboardOnSchedule")]
    assert schedule["Properties"]["ScheduleExpression"] == "rate(1 day)"


def test_only_these_rules_may_send_to_the_queue(resources: dict[str, Any]) -> None:
    """And any rule of the account to the dead letters, which have one policy."""
    [own] = resolved(resources["TriggersPolicy"])["Properties"]["PolicyDocument"]["Statement"]
    rules = own["Condition"]["ArnLike"]["aws:SourceArn"]
    assert len(rules) == 3
    assert all(rule.removeprefix("<").partition(".")[0] in resources for rule in rules)
    [all_] = resolved(resources["DeadLettersPolicy"])["Properties"]["PolicyDocument"]["Statement"]
    assert all_["Condition"]["ArnLike"]["aws:SourceArn"].endswith(":rule/*")


def test_messages_are_taken_each_on_its_own(resources: dict[str, Any]) -> None:
    """Of our queue and the author's; ours hides a message longer than the function may run."""
    starter = resolved(resources["Starter"])["Properties"]
    sources = [one["Properties"] for one in starter["Events"].values() if one["Type"] == "SQS"]
    assert [one["Queue"] for one in sources] == ["<Triggers.Arn>", "<SignupQueue.Arn>"]
    assert all(one["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for one in sources)
    queue = resolved(resources["Triggers"])["Properties"]
    assert queue["VisibilityTimeout"] >= 6 * starter["Timeout"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == "<DeadLetters.Arn>"
    # An author's queue may hide messages for 30 seconds, and Lambda must take it.
    assert starter["Timeout"] <= 30
    variables = starter["Environment"]["Variables"]
    assert variables["STEPSAGA_FROM_SignupQueue"] == "SignupQueue"
    assert variables["STEPSAGA_DEAD_LETTERS"] == "DeadLetters"
    assert variables["STEPSAGA_ALIAS"] == ":live"


def test_the_starter_may_start_look_and_report_and_nothing_else(
    resources: dict[str, Any],
) -> None:
    """It writes no event: the table's are written by those whose they are."""
    role = resolved(resources["StarterRole"])
    found = statements(role)
    machine = "arn:aws:states:eu-central-1:123456789012:stateMachine:shop-prod-Onboard"
    assert allowed(found, "states:StartExecution", machine)
    assert allowed(found, "states:StartExecution", f"{machine}:live")
    assert not allowed(found, "states:StartExecution", f"{machine}Other")
    assert not allowed(found, "states:StopExecution", machine)
    assert allowed(found, "dynamodb:Query", "<EventTable.Arn>")
    for action in ("PutItem", "UpdateItem", "DeleteItem", "Scan"):
        assert not allowed(found, f"dynamodb:{action}", "<EventTable.Arn>")
    assert allowed(found, "sqs:ReceiveMessage", "<SignupQueue.Arn>")
    assert not allowed(found, "sqs:ReceiveMessage", "<DeadLetters.Arn>")
    assert allowed(found, "sqs:SendMessage", "<DeadLetters.Arn>")
    assert not allowed(found, "sqs:SendMessage", "<SignupQueue.Arn>")


def test_sam_makes_of_it_what_is_meant(small: Small, sam: Sam) -> None:
    """Routes are called by who may, unless they say else; the names of what SAM makes are known."""
    application, text = project(small)
    made = sam.translate(text)
    api = made["StartApi"]["Properties"]["Body"]
    assert set(api["paths"]["/signups"]) == {"post", "put"}
    post, put = (api["paths"]["/signups"][method] for method in ("post", "put"))
    assert post["security"] == [{"AWS_IAM": []}]
    assert put["security"] == [{"NONE": []}]
    assert "credentials" not in post["x-amazon-apigateway-integration"]
    assert application.starting
    assert set(made_by_sam(application.starting)) <= set(made)
    mine = {name for name in made if name.startswith(("Starter", "StartApi"))}
    hashed = {name for name in mine if name.startswith("StartApiDeployment")}
    written = {"Starter", "StarterRole", "StarterLogs", "StarterFailing", "StartApi"}
    assert mine - written - hashed == set(made_by_sam(application.starting))
    assert made["StarterFromTriggers"]["Type"] == "AWS::Lambda::EventSourceMapping"


def test_the_function_carries_its_triggers_and_models(small: Small, tmp_path: Path) -> None:
    """All triggers in one file, and the modules of models and functions, nothing else."""
    application, _ = project(small)
    build(small.root, application, "Starter", tmp_path / "out", TARGET)
    told = json.loads((tmp_path / "out" / FILE).read_text())
    assert len(told) == 6
    assert (tmp_path / "out" / small.package / "shop.py").exists()
    assert not (tmp_path / "out" / small.package / "flows.py").exists()


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (OWN.replace("SignupQueue", "Queue"), "needs SignupQueue, which is not there"),
        (OWN.replace("AWS::Events::EventBus", "AWS::SQS::Queue"), "Partners, which is AWS::SQS"),
        (
            OWN.replace("::Queue}", "::Queue, Properties: {VisibilityTimeout: 20}}"),
            "SignupQueue hides a message for 20 s",
        ),
        (f"{OWN}  Triggers: {{Type: AWS::SQS::Queue}}\n", "Triggers stands beside"),
        (f"{OWN}  StarterFromTriggers: {{Type: AWS::SQS::Queue}}\n", "is what SAM calls"),
    ],
)
def test_what_does_not_go_together_is_refused(small: Small, own: str, said: str) -> None:
    """A queue or a bus that is not there, and names that are taken."""
    with pytest.raises(DeploymentError, match=said):
        project(small, own=own)


@pytest.mark.parametrize("again", ['OnQueue("SignupQueue")', 'OnRequest("PUT", "/signups")'])
def test_a_queue_or_a_route_starts_one_saga(small: Small, again: str) -> None:
    """Each message is for one: nobody could say which."""
    with pytest.raises(DeploymentError, match="started by the same"):
        project(small, again=again, all_=True)


def test_without_triggers_there_is_nothing_of_it(application: Application) -> None:
    """Neither a function nor a queue: who uses no triggers pays nothing."""
    assert application.starting is None
