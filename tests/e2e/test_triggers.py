"""Triggers, deployed, with IAM enforced: delivered twice, refused and mended, killed anywhere."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.session import Session

from stepsaga.client import Client
from stepsaga.engines.endings import Ending
from stepsaga.engines.isolated import isolated
from stepsaga.engines.ministack.deployment import Deployed, tools
from stepsaga.engines.ministack.server import MiniStack
from stepsaga.sam.template import SCAFFOLD
from tests.e2e.projects import STACK, Project, until
from tests.e2e.targets import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = timedelta(minutes=2)
MANY = 30
KILLS = 5
HANDLERS = '''\
"""What is signed up; a process ends at a random moment as long as a file says so."""

import os
import random
import threading
import time
from pathlib import Path

from pydantic import BaseModel

from stepsaga import BusEvent

KILLS = Path("{kills}")
PLANS = Path("{plans}")


def end_some_time() -> None:
    while True:
        time.sleep(random.uniform(0.005, 0.06))
        if KILLS.exists() and os.environ.get("STEPSAGA_DEAD_LETTERS"):
            with KILLS.with_suffix(".log").open("a") as log:
                log.write("killed\\n")
            os._exit(1)


threading.Thread(target=end_some_time, daemon=True).start()


class Customer(BaseModel):
    customer_id: str
    plan: str


class Registered(BaseModel):
    number: int
    plan: str


def customer_of(detail: Registered) -> Customer:
    if detail.plan not in PLANS.read_text():
        raise LookupError(detail.plan)
    return Customer(customer_id=str(detail.number), plan=detail.plan)


registered = BusEvent(Registered, source="shop.customers", bus="Partners")


def welcome(customer: Customer) -> str:
    return customer.plan
'''
SAGAS = '''\
"""A saga that all kinds of triggers start."""

from handlers import shop
from stepsaga import Input, OnEvent, OnQueue, OnRequest, OnSchedule, Saga, Step


class Onboard(Saga):
    customer = Input(shop.Customer)
    starts = (
        OnEvent(
            shop.registered,
            id="number",
            input=shop.customer_of,
            where={"plan": [{"anything-but": "none"}]},
        ),
        OnSchedule("cron(0 6 1 1 ? *)", input=shop.Customer(customer_id="yearly", plan="pro")),
        OnQueue("SignupQueue", id="customer_id"),
        OnRequest("POST", "/signups", id="customer_id"),
    )
    welcome = Step(shop.welcome, read_only=True)
'''
RESOURCES = """
Resources:
  SignupQueue: {Type: AWS::SQS::Queue}
  Partners: {Type: AWS::Events::EventBus, Properties: {Name: !Sub "${AWS::StackName}-partners"}}
"""


@dataclass(frozen=True)
class Front:
    """The deployed project."""

    project: Project
    deployed: Deployed
    kills: Path
    plans: Path

    def publish(self, *details: Any) -> None:
        """Put events on the bus."""
        entry = {
            "EventBusName": self.deployed.resources["Partners"],
            "Source": "shop.customers",
            "DetailType": "Registered",
        }
        entries = [{**entry, "Detail": json.dumps(one)} for one in details]
        for number in range(0, len(entries), 10):
            reply = self.client("events").put_events(Entries=entries[number : number + 10])
            assert not reply["FailedEntryCount"]

    def put(self, queue: str, *bodies: Any) -> None:
        """Put messages into a queue."""
        for body in bodies:
            text = body if isinstance(body, str) else json.dumps(body)
            url = self.deployed.resources[queue]
            self.client("sqs").send_message(QueueUrl=url, MessageBody=text)

    def ask(self, body: Any, *, sign: bool = True) -> tuple[int, Any]:
        """A request, signed; its answer."""
        settings = self.project.server.settings()
        api = self.deployed.resources["StartApi"]
        url = f"{settings['AWS_ENDPOINT_URL']}/restapis/{api}/live/_user_request_/signups"
        request = AWSRequest("POST", url, data=json.dumps(body).encode())
        request.headers["Content-Type"] = "application/json"
        if sign:
            keys = Session().get_credentials()
            SigV4Auth(keys, "execute-api", settings["AWS_DEFAULT_REGION"]).add_auth(request)
        sent = urllib.request.Request(  # noqa: S310  # the local stack
            url, data=request.data, headers=dict(request.headers.items()), method="POST"
        )
        try:
            with urllib.request.urlopen(sent, timeout=30) as reply:  # noqa: S310  # as above
                return reply.status, json.loads(reply.read())
        except HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def client(self, service: str) -> Any:
        """A boto3 client."""
        return self.project.server.client(service)

    def started(self, saga_id: str) -> bool:
        """Wait until a saga is there; True, when it is completed."""
        told = Client.of_stack(STACK).wait("Onboard", saga_id, timeout=PATIENCE, started=True)
        return told.ending is Ending.COMPLETED

    def ids(self) -> list[str]:
        """Of all executions that there are."""
        machine = self.deployed.resources["OnboardMachine"]
        pages = self.client("stepfunctions").get_paginator("list_executions")
        found = pages.paginate(stateMachineArn=machine)
        return sorted(one["name"] for page in found for one in page["executions"])

    def waiting(self, queue: str) -> int:
        """How many messages a queue holds, those in flight included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = self.deployed.resources[queue]
        found = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return sum(int(found["Attributes"][name]) for name in names)

    @property
    def killed(self) -> int:
        """How many processes have ended so far."""
        log = self.kills.with_suffix(".log")
        return log.read_text().count("killed") if log.exists() else 0

    def settled(self) -> None:
        """Wait until all messages are taken."""
        until(lambda: not (self.waiting("Triggers") or self.waiting("SignupQueue")))


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """The project, on a stack of its own."""
    folder = tmp_path_factory.mktemp("triggers")
    kills, plans = folder / "kills", folder / "plans"
    plans.write_text("pro")
    python, _ = tools(ROOT)
    with MiniStack(python, wait_scale=0) as server, isolated(server.settings()):
        files = {
            "handlers/shop.py": HANDLERS.format(kills=kills, plans=plans),
            "sagas/onboard.py": SAGAS,
            "template.yaml": SCAFFOLD + RESOURCES,
        }
        project = Project.made(folder / "project", server, files)
        yield Front(project, project.release(1), kills, plans)


def test_each_way_in_starts_one_saga_however_often_it_comes(front: Front) -> None:
    """An event, a message and a request, each twice; the API says the same again."""
    for _ in range(2):
        front.publish({"number": 7, "plan": "pro"}, {"number": 8, "plan": "none"})
        front.put("SignupQueue", {"customer_id": "ada", "plan": "pro"})
        assert front.ask({"customer_id": "eve", "plan": "pro"}) == (
            202,
            {"saga": "Onboard", "id": "eve"},
        )
    assert all(front.started(one) for one in ("7", "ada", "eve"))
    front.settled()
    assert front.ids() == ["7", "ada", "eve"]
    assert front.waiting("DeadLetters") == 0


def test_a_scheduled_time_starts_one_saga(front: Front) -> None:
    """The clock is not waited for: the message that its rule sends is put into the queue, twice."""
    [key] = [name for name in front.deployed.resources if name.startswith("OnboardOnSchedule")]
    rule = front.client("events").describe_rule(Name=front.deployed.resources[key])
    assert rule["ScheduleExpression"] == "cron(0 6 1 1 ? *)"
    before = front.ids()
    event = {"id": "e", "time": "2027-01-01T06:00:00Z", "detail": {}}
    front.put("Triggers", *[{"trigger": key, "event": event}] * 2)
    until(lambda: len(front.ids()) > len(before))
    front.settled()
    [made] = set(front.ids()) - set(before)
    assert made.startswith("2027-01-01T06-00-00Z-")
    assert front.started(made)


def test_bad_requests_are_told_why(front: Front) -> None:
    """The fields; a conflict; and nobody starts anything without the right to."""
    assert front.ask({"customer_id": "bob"}) == (
        400,
        {
            "error": "the body does not fit",
            "fields": [{"field": "plan", "problem": "Field required"}],
        },
    )
    assert front.ask({"customer_id": "dan", "plan": "pro"})[0] == 202
    assert front.ask({"customer_id": "dan", "plan": "free"})[0] == 409
    assert front.ask({"customer_id": "bob", "plan": "pro"}, sign=False)[0] == 403
    assert "bob" not in front.ids()


def test_what_was_refused_starts_after_the_fix(front: Front) -> None:
    """It lies there with its reason; the command sends it again, and it starts, once."""
    front.publish({"number": 20, "plan": "gold"})
    front.put("SignupQueue", {"customer_id": "max"}, "{")
    until(lambda: front.waiting("DeadLetters") == 3)
    words = ("replay-dead-letters", "--stack", STACK)
    shown = front.project.run(*words, "-n")
    assert "InputInvalid: Onboard: handlers.shop:customer_of raised" in shown
    assert "TriggerUnknown: a message of SignupQueue is no JSON" in shown
    front.plans.write_text("pro gold")
    assert "sent 1 letter" in front.project.run(*words, "--yes", "--what", "event shop.customers")
    assert front.started("20")
    front.project.run(*words, "--yes")
    front.settled()
    until(lambda: front.waiting("DeadLetters") == 2)  # what is not mended comes back


def test_a_starter_that_is_killed_anywhere_loses_nothing(front: Front) -> None:
    """Processes end at random moments while messages come; each saga is started, and once."""
    sqs = front.client("sqs")
    for queue in ("Triggers", "SignupQueue"):
        # On AWS a message is hidden for minutes after a failure; here nobody waits.
        url = front.deployed.resources[queue]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    before = set(front.ids())
    front.kills.touch()
    front.publish(*({"number": 1000 + one, "plan": "pro"} for one in range(MANY)))
    front.put("SignupQueue", *({"customer_id": f"k-{n}", "plan": "pro"} for n in range(MANY)))
    until(lambda: front.killed >= KILLS)
    front.kills.unlink()
    wanted = {str(1000 + one) for one in range(MANY)} | {f"k-{one}" for one in range(MANY)}
    until(lambda: set(front.ids()) - before >= wanted)
    front.settled()
    assert set(front.ids()) - before == wanted
    assert len(front.ids()) == len(set(front.ids()))
