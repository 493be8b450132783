"""Service steps on the deployed local stack: a queue, a bus, a table, and what undoes them."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.client import Client
from stepsaga.engines.endings import Ending
from stepsaga.engines.isolated import isolated
from stepsaga.engines.ministack.deployment import Deployed, Deployment, tools
from stepsaga.engines.ministack.server import MiniStack
from stepsaga.sam.template import SCAFFOLD
from stepsaga.store.commits import Outcome
from tests.e2e.projects import Project
from tests.e2e.targets import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

STACK = "served"
PATIENCE = timedelta(minutes=2)
HANDLERS = '''\
"""What is announced."""

from pydantic import BaseModel

from stepsaga import BusEvent, Participant, Rejected, SagaContext


class Parcel(BaseModel):
    id: str
    grams: int = 100
    fine: bool = True
    tags: list[str] = []


class ParcelSent(BaseModel):
    parcel: str
    key: str


parcel_sent = BusEvent(ParcelSent, source="shop.parcels", bus="Parcels")


def boto3_table(name: str):
    import boto3

    return boto3.resource("dynamodb").Table(name)


participant = Participant(
    resources={"notes": lambda: boto3_table(__import__("os").environ["NOTES"])},
    environment={"NOTES": "${Notes}"},
    policies=[
        {"Effect": "Allow", "Action": ["dynamodb:PutItem"], "Resource": "${Notes.Arn}"},
    ],
)


def _undone(notes: object, what: str, found: object, saga: SagaContext) -> None:
    key = saga.step_idempotency_key
    notes.put_item(Item={"id": f"undo {what} {saga.id}", "found": str(found), "key": key})


def withdraw(post: str | None, saga: SagaContext, notes: object) -> None:
    _undone(notes, "post", post, saga)


def unsay(saga: SagaContext, notes: object) -> None:
    _undone(notes, "say", None, saga)


def unnote(saga: SagaContext, notes: object) -> None:
    _undone(notes, "note", None, saga)


def approve(parcel: Parcel) -> None:
    if not parcel.fine:
        raise Rejected("it is not fine")
'''
SAGAS = '''\
"""A saga whose steps are done by services."""

from handlers import shop
from stepsaga import Action, Input, Queue, Saga, ServiceStep, Step


class Send(Saga):
    parcel = Input(shop.Parcel)
    post = ServiceStep(
        Action.send_message(
            Queue("PostQueue"),
            {
                "parcel": parcel.id,
                "all": parcel,
                "odd": "it's {} \\\\ ${Nothing} $.x",
                "both": [parcel.id, "two"],
                "text": Action.text("{} has {} g", parcel.id, parcel.grams),
                "key": Action.key,
            },
        ),
        compensation=shop.withdraw,
        repeatable=True,
        result=str,
    )
    say = ServiceStep(
        Action.put_event(shop.parcel_sent, {"parcel": parcel.id, "key": Action.key}),
        compensation=shop.unsay,
        repeatable=True,
    )
    note = ServiceStep(
        Action.dynamodb(
            "putItem",
            "Notes",
            Item={"id": {"S": parcel.id}, "grams": {"N": parcel.grams}},
            ConditionExpression="attribute_not_exists(id)",
        ),
        compensation=shop.unnote,
        repeatable=False,
    )
    approve = Step(shop.approve, read_only=True)
'''
RESOURCES = """
Resources:
  PostQueue: {Type: AWS::SQS::Queue}
  Parcels: {Type: AWS::Events::EventBus, Properties: {Name: !Sub "${AWS::StackName}-parcels"}}
  Heard: {Type: AWS::SQS::Queue}
  HeardRule:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Parcels
      EventPattern: {source: [shop.parcels], detail-type: [ParcelSent]}
      Targets: [{Id: queue, Arn: !GetAtt Heard.Arn}]
  MayHear:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Heard]
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {Service: events.amazonaws.com}
            Action: sqs:SendMessage
            Resource: "*"
            Condition: {ArnEquals: {aws:SourceArn: !GetAtt HeardRule.Arn}}
  Notes:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
"""


@dataclass(frozen=True)
class Served:
    """The deployed project."""

    server: MiniStack
    deployed: Deployed

    def next(self, queue: str) -> dict[str, Any]:
        """Take the next message of a queue."""
        sqs, url = self.server.client("sqs"), self.deployed.resources[queue]
        until = time.monotonic() + PATIENCE.total_seconds()
        while time.monotonic() < until:
            for one in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", []):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
                body: dict[str, Any] = json.loads(one["Body"])
                return body
        raise AssertionError(f"nothing arrives at {queue}")

    def note(self, key: str) -> dict[str, Any] | None:
        """An item of the table."""
        found = self.server.client("dynamodb").get_item(
            TableName=self.deployed.resources["Notes"], Key={"id": {"S": key}}
        )
        item: dict[str, Any] | None = found.get("Item")
        return item


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The project, on a stack of its own."""
    root = tmp_path_factory.mktemp("served") / "project"
    python, sam = tools(ROOT)
    with MiniStack(python, wait_scale=0) as server, isolated(server.settings()):
        files = {"handlers/shop.py": HANDLERS, "sagas/send.py": SAGAS}
        project = Project.made(root, server, {**files, "template.yaml": SCAFFOLD + RESOURCES})
        (root / "requirements").mkdir()
        shutil.copyfile(ROOT / "requirements/layer.lock", root / "requirements/layer.lock")
        for command in ("compile", "template"):
            project.run(command)
        deployed = Deployment(root, server, python=python, sam=sam).deploy(stack=STACK)
        yield Served(server, deployed)


def test_services_are_called_and_recorded(served: Served) -> None:
    """Message, event and item arrive as they were written, and the log tells of each."""
    client = Client.of_stack(STACK)
    client.engine.start("Send", {"id": "one", "tags": ["a"]}, name="one")
    assert client.wait("Send", "one", timeout=PATIENCE).ending is Ending.COMPLETED
    sent = served.next("PostQueue")
    key = sent.pop("key")
    assert sent == {
        "parcel": "one",
        "all": {"id": "one", "grams": 100, "fine": True, "tags": ["a"]},
        "odd": "it's {} \\ ${Nothing} $.x",
        "both": ["one", "two"],
        "text": "one has 100 g",
    }
    heard = served.next("Heard")["detail"]
    assert heard["parcel"] == "one"
    assert len({key, heard["key"]}) == 2
    assert served.note("one") == {"id": {"S": "one"}, "grams": {"N": "100"}}
    commits = list(client.store.read("Send#one"))
    assert [one.outcome for one in commits] == [Outcome.RESULT] * 4
    told = [event.data.get("step") for one in commits for event in one.events]
    assert [step for step in told if step] == ["post", "say", "note", "approve"]
    assert commits[0].commit_id == key


def test_what_services_did_is_undone_with_its_key(served: Served) -> None:
    """A rejection later on undoes all three, each with the result and the key that it was sent."""
    client = Client.of_stack(STACK)
    client.engine.start("Send", {"id": "two", "fine": False}, name="two")
    assert client.wait("Send", "two", timeout=PATIENCE).ending is Ending.COMPENSATED
    key = served.next("PostQueue")["key"]
    post = served.note("undo post two")
    assert post is not None
    assert post["key"] == {"S": key}
    assert len(post["found"]["S"]) > len("None")
    assert served.note("undo say two")
    assert served.note("undo note two")


def test_an_action_that_fails_is_in_doubt_and_undone(served: Served) -> None:
    """A condition that does not hold fails the action: it is not tried again, and undone."""
    table = served.deployed.resources["Notes"]
    served.server.client("dynamodb").put_item(TableName=table, Item={"id": {"S": "three"}})
    client = Client.of_stack(STACK)
    client.engine.start("Send", {"id": "three"}, name="three")
    assert client.wait("Send", "three", timeout=PATIENCE).ending is Ending.COMPENSATED
    commits = {one.slot.rpartition("/")[2]: one for one in client.store.read("Send#three")}
    assert commits["00003"].outcome is Outcome.SEALED
    note = served.note("undo note three")
    assert note is not None
    assert note["found"] == {"S": "None"}
