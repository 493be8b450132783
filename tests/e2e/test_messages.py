"""Questions that go out by SQS, SNS and EventBridge, deployed, with IAM enforced."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.client import Client
from stepsaga.engines.endings import Ending
from stepsaga.engines.isolated import isolated
from stepsaga.engines.ministack.deployment import Deployed, Deployment, tools
from stepsaga.engines.ministack.server import MiniStack
from stepsaga.sam.template import SCAFFOLD
from tests.e2e.targets import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

BIN = Path(sys.executable).parent
STACK = "posted"
PATIENCE = timedelta(minutes=2)
HANDLERS = '''\
"""What is bought."""

from pydantic import BaseModel


class Purchase(BaseModel):
    sku: str
    note: str = "private"


def order(purchase: Purchase) -> str:
    return purchase.sku
'''
SAGAS = '''\
"""A saga that asks by all three ways."""

from datetime import timedelta

from handlers import shop
from stepsaga import Approval, Bus, Callback, Input, Queue, Saga, Step, Topic

DAY = timedelta(days=1)


class Post(Saga):
    purchase = Input(shop.Purchase)
    review = Approval(Queue("ReviewQueue"), takes={"sku": purchase.sku}, timeout=DAY)
    pickup = Callback(Topic("Pickups"), answer=str, timeout=DAY)
    notice = Approval(Bus("Requests"), timeout=DAY)
    order = Step(shop.order, read_only=True)
'''
RESOURCES = """
Resources:
  ReviewQueue: {Type: AWS::SQS::Queue}
  Pickups: {Type: AWS::SNS::Topic}
  PickupQueue: {Type: AWS::SQS::Queue}
  PickupSubscription:
    Type: AWS::SNS::Subscription
    Properties:
      Protocol: sqs
      TopicArn: !Ref Pickups
      Endpoint: !GetAtt PickupQueue.Arn
      RawMessageDelivery: true
  Requests: {Type: AWS::Events::EventBus, Properties: {Name: !Sub "${AWS::StackName}-requests"}}
  NoticeQueue: {Type: AWS::SQS::Queue}
  NoticeRule:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Requests
      EventPattern: {source: [stepsaga], detail-type: [Question], detail: {saga: [Post]}}
      Targets: [{Id: queue, Arn: !GetAtt NoticeQueue.Arn}]
  MayDeliver:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref PickupQueue, !Ref NoticeQueue]
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {Service: [sns.amazonaws.com, events.amazonaws.com]}
            Action: sqs:SendMessage
            Resource: "*"
            Condition: {ArnEquals: {aws:SourceArn: [!Ref Pickups, !GetAtt NoticeRule.Arn]}}
"""
QUEUES = {"review": "ReviewQueue", "pickup": "PickupQueue", "notice": "NoticeQueue"}
ANSWERS = {
    "review": ["--approve", "--by", "eve"],
    "pickup": ["--value", '"Friday"'],
    "notice": ["--approve"],
}


@dataclass(frozen=True)
class Posted:
    """The deployed project."""

    root: Path
    server: MiniStack
    deployed: Deployed

    def answer(self, message: dict[str, Any], *words: str) -> None:
        """Answer, as somebody does who knows nothing but the message."""
        asked = [message["saga"], message["id"], message["step"]]
        run(self.root, self.server, "answer", *asked, *words, "--stack", STACK)

    def next(self, step: str) -> dict[str, Any]:
        """Take the next message of the queue that a question's messages arrive at."""
        queue = self.deployed.resources[QUEUES[step]]
        sqs = self.server.client("sqs")
        until = time.monotonic() + PATIENCE.total_seconds()
        while time.monotonic() < until:
            found = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", [])
            for one in found:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=one["ReceiptHandle"])
                body: dict[str, Any] = json.loads(one["Body"])
                return body.get("detail", body)  # type: ignore[no-any-return]  # JSON
        told = Client.of_stack(STACK).store.read("Post#one")
        events = [(event.type, event.data) for commit in told for event in commit.events]
        raise AssertionError(f"nothing arrives of {step}: {events}")


def run(root: Path, server: MiniStack, *words: str) -> None:
    """Run a command of stepsaga's in the project."""
    command = [str(BIN / "stepsaga"), *words]
    subprocess.run(command, cwd=root, env=server.environment(), check=True)  # noqa: S603  # ours


@pytest.fixture(scope="module")
def posted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Posted]:
    """The project, on a stack of its own."""
    root = tmp_path_factory.mktemp("posted") / "project"
    files = {
        "handlers/__init__.py": "",
        "handlers/shop.py": HANDLERS,
        "sagas/__init__.py": "",
        "sagas/post.py": SAGAS,
        "Makefile": f"build-%:\n\t@{BIN}/stepsaga build $* --into $(ARTIFACTS_DIR)\n",
        "template.yaml": SCAFFOLD + RESOURCES,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "requirements").mkdir()
    shutil.copyfile(ROOT / "requirements/layer.lock", root / "requirements/layer.lock")
    python, sam = tools(ROOT)
    with MiniStack(python) as server, isolated(server.settings()):
        run(root, server, "compile")
        run(root, server, "template")
        deployed = Deployment(root, server, python=python, sam=sam).deploy(stack=STACK)
        yield Posted(root, server, deployed)


def test_each_message_arrives_and_its_answer_resumes(posted: Posted) -> None:
    """What takes names arrives, the token does not, and whoever answers names saga, id and step."""
    client = Client.of_stack(STACK)
    client.engine.start("Post", {"sku": "tea"}, name="one")
    data = {"review": {"sku": "tea"}, "pickup": {}, "notice": {}}
    for step, answer in ANSWERS.items():
        message = posted.next(step)
        assert set(message) == {"saga", "id", "step", "key", "data"}
        told = (message["saga"], message["id"], message["step"], message["data"])
        assert told == ("Post", "one", step, data[step])
        posted.answer(message, *answer)
    assert client.wait("Post", "one", timeout=PATIENCE).ending is Ending.COMPLETED
