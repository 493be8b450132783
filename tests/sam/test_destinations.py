"""Questions without a handler: the function that sends them, where to, and its rights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.errors import DeploymentError
from stepsaga.graph import Channel, Destination, Question, Role
from stepsaga.sam.application import application_of
from stepsaga.sam.cfn import load
from stepsaga.sam.packaging import build
from stepsaga.sam.template import SCAFFOLD, render
from tests.asl.graphs import change
from tests.sam.cloud import resolved
from tests.sam.conftest import TARGET
from tests.sam.iam import allowed, statements
from tests.sam.test_packaging import files

if TYPE_CHECKING:
    from pathlib import Path

    from stepsaga.graph import SagaGraph
    from tests.sam.projects import Small

SENDER = "stepsaga.runtime.question_messages"
NAME = "QuestionMessages"
RESOURCES = """
Resources:
  ReviewQueue: {Type: AWS::SQS::Queue}
  OtherQueue: {Type: AWS::SQS::Queue}
  Pickups: {Type: AWS::SNS::Topic}
  Requests: {Type: AWS::Events::EventBus, Properties: {Name: requests}}
"""
TO = {
    "step0": Destination(Channel.QUEUE, "ReviewQueue"),
    "step1": Destination(Channel.TOPIC, "Pickups"),
    "step2": Destination(Channel.BUS, "Requests"),
    "step3": Destination(Channel.BUS, "default"),
}


def asking(small: Small, to: dict[str, Destination] = TO) -> SagaGraph:
    """A saga with a step of a participant's after questions by message."""
    graph = small.graph(*[SENDER] * len(to), small.participant("till"))
    for step, destination in to.items():
        question = Question(60, to=destination)
        asks = {"role": Role.READ_ONLY, "read_only": True, "question": question}
        graph = change(graph, step, compensation=None, **asks)
    return graph


def template(small: Small, to: dict[str, Destination] = TO, own: str = RESOURCES) -> dict[str, Any]:
    """The template of that saga."""
    small.write("template.yaml", SCAFFOLD + own)
    application = application_of(small.root, [asking(small, to)])
    content: dict[str, Any] = load(render(small.root, application))
    return content


def test_the_sender_knows_where_to_send(small: Small) -> None:
    """A reference is a queue's URL, a topic's ARN, a bus's name: its variables are references."""
    function = resolved(template(small)["Resources"][NAME])
    variables = function["Properties"]["Environment"]["Variables"]
    assert {name: value for name, value in variables.items() if "_TO_" in name} == {
        "STEPSAGA_TO_ReviewQueue": "ReviewQueue",
        "STEPSAGA_TO_Pickups": "Pickups",
        "STEPSAGA_TO_Requests": "Requests",
        "STEPSAGA_TO_default": "default",
    }
    assert variables["STEPSAGA_PARTICIPANT"] == SENDER


def test_the_sender_may_send_there_and_nowhere_else(small: Small) -> None:
    """Each destination has one right for one action; the participants get none of them."""
    made = template(small)["Resources"]
    sender = statements(resolved(made[f"{NAME}Role"]))
    bus = "arn:aws:events:eu-central-1:123456789012:event-bus"
    for action, resource in (
        ("sqs:SendMessage", "<ReviewQueue.Arn>"),
        ("sns:Publish", "Pickups"),
        ("events:PutEvents", "<Requests.Arn>"),
        ("events:PutEvents", f"{bus}/default"),
    ):
        assert allowed(sender, action, resource), action
        assert not allowed(statements(resolved(made["TillRole"])), action, resource)
    for action, resource in (
        ("sqs:SendMessage", "<OtherQueue.Arn>"),
        ("sqs:ReceiveMessage", "<ReviewQueue.Arn>"),
        ("sns:Subscribe", "Pickups"),
        ("events:PutEvents", f"{bus}/other"),
    ):
        assert not allowed(sender, action, resource), action


def test_the_sender_may_tell_an_answer_to_its_sagas(small: Small) -> None:
    """A question that is answered before it is sent again is told so (rule 26)."""
    sender = statements(resolved(template(small)["Resources"][f"{NAME}Role"]))
    machine = "arn:aws:states:eu-central-1:123456789012:stateMachine:shop-prod-Trade"
    assert allowed(sender, "states:SendTaskSuccess", machine)
    assert not allowed(sender, "states:SendTaskSuccess", f"{machine}Other")


def test_the_sender_s_code_is_in_the_layer(small: Small, tmp_path: Path) -> None:
    """Its archive is not empty, which Lambda would refuse, and carries nothing twice."""
    application = application_of(small.root, [asking(small)])
    build(small.root, application, NAME, tmp_path / "out", TARGET)
    assert files(tmp_path / "out") == ["README"]


@pytest.mark.parametrize(
    ("to", "words"),
    [
        (Destination(Channel.QUEUE, "Nowhere"), r"Queue\('Nowhere'\), which is not there"),
        (
            Destination(Channel.QUEUE, "Pickups"),
            r"Queue\('Pickups'\), which is AWS::SNS::Topic: declare .* Type AWS::SQS::Queue",
        ),
        (Destination(Channel.TOPIC, "ReviewQueue"), "which is AWS::SQS::Queue"),
        (Destination(Channel.BUS, "ReviewQueue"), "which is AWS::SQS::Queue"),
    ],
)
def test_a_destination_that_is_none(small: Small, to: Destination, words: str) -> None:
    """A question to what is not there, or to something else, is refused by name."""
    with pytest.raises(DeploymentError, match=words):
        template(small, {"step0": to})
