"""Business events in the template: rules, a queue, the function that brings them, its rights."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.authoring import graph_of
from stepsaga.errors import DeploymentError
from stepsaga.graph import StepNode
from stepsaga.sam.application import application_of
from stepsaga.sam.cfn import load
from stepsaga.sam.template import SCAFFOLD, render
from tests.asl.graphs import change
from tests.events.shop import SellOnline, SellWithReminder
from tests.sam.cloud import resolved
from tests.sam.iam import allowed, statements
from tests.sam.projects import ROOT, rendered

if TYPE_CHECKING:
    from stepsaga.graph import SagaGraph
    from tests.sam.projects import Small

GRAPHS = [graph_of(SellOnline), graph_of(SellWithReminder)]
NAME = "BusinessEvents"
BUS = """
Resources:
  Payments: {Type: AWS::Events::EventBus, Properties: {Name: payments}}
  Other: {Type: AWS::SQS::Queue}
"""


def moved(graph: SagaGraph, bus: str) -> SagaGraph:
    """A saga whose event is on a bus of its own."""
    [node] = [one for one in graph.nodes if isinstance(one, StepNode) and one.name == "paid"]
    assert node.question is not None
    assert node.question.event is not None
    awaited = node.question.event
    event = replace(awaited, event=replace(awaited.event, bus=bus))
    return change(graph, "paid", question=replace(node.question, event=event))


def made(graphs: list[SagaGraph] = GRAPHS) -> dict[str, Any]:
    """The resources of a project with these sagas."""
    found: dict[str, Any] = resolved(rendered(ROOT, graphs)["Resources"])
    return found


def on_bus(small: Small, bus: str) -> dict[str, Any]:
    """The resources where the event is on a bus."""
    small.write("template.yaml", SCAFFOLD + BUS)
    till = "tests/events/till.py"
    small.write(till, (ROOT / till).read_text(encoding="utf-8"))
    application = application_of(small.root, [moved(GRAPHS[0], bus)])
    found: dict[str, Any] = resolved(load(render(small.root, application))["Resources"])
    return found


def test_a_rule_puts_what_is_waited_for_into_the_queue() -> None:
    """One for each source, by source and detail type; the queue takes from these rules alone."""
    resources = made()
    rule = resources["EventsOfShopPayments"]["Properties"]
    assert rule["EventBusName"] == "default"
    assert rule["EventPattern"] == {
        "source": ["shop.payments"],
        "detail-type": ["PaymentReceived"],
    }
    [target] = rule["Targets"]
    assert target["Arn"] == "<BusinessEventsQueue.Arn>"
    # A rule is there before the queue lets it in.
    assert target["DeadLetterConfig"] == {"Arn": "<DeadLetters.Arn>"}
    [statement] = resources["BusinessEventsQueuePolicy"]["Properties"]["PolicyDocument"][
        "Statement"
    ]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    rules = ["<EventsOfShopPayments.Arn>"]
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": rules}}


def test_a_message_that_fails_holds_up_no_other_and_is_not_lost() -> None:
    """Each is reported by itself, and lies among the dead letters when it has failed for long."""
    resources = made()
    source = resources["BusinessEventsQueueSource"]["Properties"]
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["FunctionName"] == f"{NAME}.Alias"
    queue = resources["BusinessEventsQueue"]["Properties"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == "<DeadLetters.Arn>"
    seconds = resources[NAME]["Properties"]["Timeout"]
    assert queue["VisibilityTimeout"] == 6 * seconds


def test_the_router_is_told_what_is_waited_for() -> None:
    """Once for each kind, whoever waits; with the queue that letters are sent to again."""
    function = made()[NAME]["Properties"]
    variables = function["Environment"]["Variables"]
    assert json.loads(variables["STEPSAGA_EVENTS"]) == [
        ["shop.payments", "PaymentReceived", "tests.events.till:PaymentReceived", [["order_id"]]]
    ]
    assert variables["STEPSAGA_EVENTS_QUEUE"] == "BusinessEventsQueue"
    assert variables["STEPSAGA_DEAD_LETTERS"] == "DeadLetters"
    assert function["Handler"] == "stepsaga.runtime.event_router_entry.handler"


def test_the_router_carries_the_models() -> None:
    """It validates what comes, so that it imports them."""
    application = application_of(ROOT, GRAPHS)
    [function] = [one for one in application.functions if one.name == NAME]
    assert "tests/events/till.py" in {str(one) for one in function.files}


def test_the_router_may_do_what_it_does_and_nothing_else() -> None:
    """Its queue, the dead letters, the Tasks of the sagas that wait, events by put and read."""
    role = statements(made()[f"{NAME}Role"])
    machine = "arn:aws:states:eu-central-1:123456789012:stateMachine:shop-prod-"
    for action, resource in (
        ("sqs:ReceiveMessage", "<BusinessEventsQueue.Arn>"),
        ("sqs:DeleteMessage", "<BusinessEventsQueue.Arn>"),
        ("sqs:SendMessage", "<DeadLetters.Arn>"),
        ("states:SendTaskSuccess", f"{machine}SellOnline"),
        ("states:SendTaskFailure", f"{machine}SellWithReminder"),
        ("dynamodb:PutItem", "<EventTable.Arn>"),
        ("dynamodb:Query", "<EventTable.Arn>"),
    ):
        assert allowed(role, action, resource), action
    for action, resource in (
        ("sqs:SendMessage", "<BusinessEventsQueue.Arn>"),
        ("sqs:ReceiveMessage", "<DeadLetters.Arn>"),
        ("states:SendTaskSuccess", f"{machine}Other"),
        ("states:StartExecution", f"{machine}SellOnline"),
        ("dynamodb:UpdateItem", "<EventTable.Arn>"),
        ("events:PutEvents", "*"),
    ):
        assert not allowed(role, action, resource), action


def test_who_waits_for_nothing_has_none_of_it() -> None:
    """No queue and no dead letters where no saga waits for an event."""
    resources = rendered(ROOT)["Resources"]
    assert not {"BusinessEventsQueue", "DeadLetters", NAME} & resources.keys()


def test_an_event_of_another_bus(small: Small) -> None:
    """Its rule is on that bus, which is a resource of the template."""
    rule = on_bus(small, "Payments")["EventsOfShopPaymentsOnPayments"]["Properties"]
    assert rule["EventBusName"] == "Payments"


@pytest.mark.parametrize(
    ("bus", "words"),
    [("Nowhere", "which is not there"), ("Other", "which is AWS::SQS::Queue")],
)
def test_a_bus_that_is_none(small: Small, bus: str, words: str) -> None:
    """It is refused by name."""
    with pytest.raises(DeploymentError, match=words):
        on_bus(small, bus)
