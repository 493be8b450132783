"""How business events come to the function that brings them to sagas: rules, and a queue."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from stepsaga.errors import DeploymentError
from stepsaga.runtime.bus_event import DEFAULT_BUS
from stepsaga.runtime.event_router_entry import EVENTS, QUEUE, events_text
from stepsaga.sam import dead_letters, rights
from stepsaga.sam.alarms import TOPIC
from stepsaga.sam.asked import MOST_ENVIRONMENT
from stepsaga.sam.cfn import NO_VALUE, att, either, ref, sub
from stepsaga.sam.functions import More

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stepsaga.sam.application import Application, Function

HANDLER: Final = "stepsaga.runtime.event_router_entry.handler"
QUEUE_ID: Final = "BusinessEventsQueue"
"""The queue's logical id."""
RECEIVES: Final = 20
"""After so many attempts an event goes to the dead letters: some hours, as long as nothing else."""
OTHER_BYTES: Final = 1200
"""For the function's other variables, and the names of all."""
_BUS: Final = "AWS::Events::EventBus"


def routers(application: Application) -> list[Function]:
    """The function that brings events, where there are any."""
    return [one for one in application.functions if one.routes]


def more_of(function: Function) -> More:
    """What that function has besides what participants have; nothing for any other.

    Raises:
        DeploymentError: Its variables cannot say what all sagas wait for.
    """
    if not function.routes:
        return More()
    text = events_text(function.routes)
    if len(text.encode()) + OTHER_BYTES > MOST_ENVIRONMENT:
        raise DeploymentError(
            f"the {len(function.routes)} kinds of events that sagas wait for may not fit the"
            f" {MOST_ENVIRONMENT:,} bytes of variables of the function {function.name}: give them"
            " shorter names, or split the sagas into two projects"
        )
    environment = {EVENTS: text, QUEUE: ref(QUEUE_ID), **dead_letters.environment()}
    received = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    statements = [
        rights.allow(received, att(f"{QUEUE_ID}.Arn")),
        dead_letters.may_send(),
        *_telling(function),
    ]
    return More(HANDLER, environment, statements)


def _telling(function: Function) -> list[Any]:
    """Telling Tasks which event came, and that one does not fit; see `rights.answers`."""
    named = [f"{rights.STATES}:stateMachine:{rights.machine_name(one)}" for one in function.answers]
    tell = ["states:SendTaskSuccess", "states:SendTaskFailure"]
    return [
        rights.allow(tell[1:], [sub(one) for one in named]),
        # To MiniStack a token is of no machine: it asks whether all may be told.
        either("IsLocal", rights.allow(tell, "*"), ref(NO_VALUE)),
    ]


def events(application: Application) -> dict[str, Any]:
    """The queue, the rules that fill it, and what has the function take from it."""
    found: dict[str, Any] = {}
    for function in routers(application):
        rules = _rules(function)
        found |= {
            QUEUE_ID: _queue(function),
            f"{QUEUE_ID}Policy": _policy(list(rules)),
            "BusinessEventsLate": _late(),
            **rules,
            f"{QUEUE_ID}Source": {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {
                    "EventSourceArn": att(f"{QUEUE_ID}.Arn"),
                    "FunctionName": ref(f"{function.name}.Alias"),
                    "BatchSize": 10,
                    "FunctionResponseTypes": ["ReportBatchItemFailures"],
                },
            },
        }
    return found


def _queue(function: Function) -> dict[str, Any]:
    return {
        "Type": "AWS::SQS::Queue",
        "Properties": {
            "MessageRetentionPeriod": dead_letters.RETENTION,
            "SqsManagedSseEnabled": True,
            # Six times the function's: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
            # On the local stage processes are killed on purpose, and nobody wants to wait for that.
            "VisibilityTimeout": either("IsLocal", 4, 6 * function.seconds),
            "RedrivePolicy": dead_letters.redrive(RECEIVES),
        },
    }


def _late() -> dict[str, Any]:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmDescription": sub(
                "${AWS::StackName}: business events wait to be brought to sagas for 15 minutes and"
                " more; the log of BusinessEvents says why"
            ),
            "Namespace": "AWS/SQS",
            "MetricName": "ApproximateAgeOfOldestMessage",
            "Dimensions": [{"Name": "QueueName", "Value": att(f"{QUEUE_ID}.QueueName")}],
            "Statistic": "Maximum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 900,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": [ref(TOPIC)],
        },
    }


def _policy(rules: list[str]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": att(f"{QUEUE_ID}.Arn"),
        "Condition": {"ArnEquals": {"aws:SourceArn": [att(f"{rule}.Arn") for rule in rules]}},
    }
    return {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {
            "Queues": [ref(QUEUE_ID)],
            "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        },
    }


def _rules(function: Function) -> dict[str, Any]:
    """A rule for each source on each bus."""
    names: dict[tuple[str, str], list[str]] = {}
    for routed, bus in zip(function.routes, function.buses, strict=True):
        names.setdefault((bus, routed.source), []).append(routed.name)
    return {
        _rule_id(bus, source): {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "Description": f"What sagas wait for of {source}",
                "EventBusName": bus if bus == DEFAULT_BUS else ref(bus),
                "EventPattern": {"source": [source], "detail-type": detail_types},
                "Targets": [
                    {
                        "Id": QUEUE_ID,
                        "Arn": att(f"{QUEUE_ID}.Arn"),
                        # Else EventBridge drops what it cannot deliver.
                        "DeadLetterConfig": {"Arn": att(f"{dead_letters.DEAD_LETTERS}.Arn")},
                    }
                ],
            },
        }
        for (bus, source), detail_types in sorted(names.items())
    }


def _rule_id(bus: str, source: str) -> str:
    """Two sources that differ in other characters only are refused as two resources of one name."""
    words = re.findall(r"[A-Za-z0-9]+", source)
    of = "".join(word[0].upper() + word[1:] for word in words)
    return f"EventsOf{of}{'' if bus == DEFAULT_BUS else f'On{bus}'}"


def check_buses(file: str, own: Mapping[str, Any], application: Application) -> None:
    """Refuse events of a bus that is not there.

    Raises:
        DeploymentError: Names it, and what stands there.
    """
    for function in routers(application):
        for bus in function.buses:
            resource = own["Resources"].get(bus)
            found = resource.get("Type") if isinstance(resource, dict) else None
            if bus != DEFAULT_BUS and found != _BUS:
                what = f"is {found}" if found else "is not there"
                raise DeploymentError(
                    f"{file}: sagas wait for events of the bus {bus!r}, which {what}: declare the"
                    f" resource {bus} with the Type {_BUS}"
                )
