"""Alarms: on what should never happen (rules 31, 32), and on throttling.

A card that is declined is neither: a participant's errors are exceptions of its function, and ring
nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.undo import FUNCTION as RECOVERY
from stepsaga.asl.undo import NAME as UNDO
from stepsaga.recovery.starter_entry import FUNCTION as STARTER
from stepsaga.runtime.approval_entry import SERVICE, metric
from stepsaga.runtime.approval_requests import FAILED
from stepsaga.runtime.approval_tokens import FORGED
from stepsaga.sam.approval_links import FUNCTION as APPROVAL_LINKS
from stepsaga.sam.approval_links import linked
from stepsaga.sam.cfn import att, ref, sub
from stepsaga.sam.following import FOLLOWING, NOT_FOLLOWED
from stepsaga.sam.machines import failed
from stepsaga.sam.table import NAMESPACE, WATCH

if TYPE_CHECKING:
    from stepsaga.sam.application import Application, Machine

TOPIC: Final = "Alarms"
MANY_FORGED: Final = 50
"""A link that is cut by a mail program is opened a few times; who makes links up tries more."""
_Dimensions = dict[str, Any]


def alarms(application: Application) -> dict[str, Any]:
    """The topic that alarms are sent to, and all alarms."""
    found: dict[str, Any] = {TOPIC: {"Type": "AWS::SNS::Topic"}, **_of_the_table(), **_of_undos()}
    for machine in application.machines:
        found |= _of_a_saga(machine)
    if application.starting:
        found["StarterFailing"] = _alarm(
            "Starter fails: sagas are started late, until messages are dead letters",
            "AWS/Lambda",
            "Errors",
            {"FunctionName": ref(STARTER)},
        )
    if linked(application.functions):
        found |= _of_links()
    for function in application.functions:
        found[f"{function.name}Throttled"] = _alarm(
            f"invocations of {function.module} are throttled; steps are tried again",
            "AWS/Lambda",
            "Throttles",
            {"FunctionName": ref(function.name)},
        )
    return found


def _of_the_table() -> dict[str, Any]:
    table = {"TableName": ref("EventTable")}
    return {
        "EventsChanged": _alarm(
            "an event of the event table was changed or removed: events are written once."
            " The log of Watch names it",
            NAMESPACE,
            "EventsChanged",
            _stack(),
        ),
        "WatchFailing": _alarm(
            "Watch fails: nobody looks for changed events and failed sagas meanwhile",
            "AWS/Lambda",
            "Errors",
            {"FunctionName": ref(WATCH)},
        ),
        "EventTableWritesThrottled": _alarm(
            "the event table refuses writes for now; steps are tried again",
            "AWS/DynamoDB",
            "WriteThrottleEvents",
            table,
        ),
        "EventTableReadsThrottled": _alarm(
            "the event table refuses reads for now; steps are tried again",
            "AWS/DynamoDB",
            "ReadThrottleEvents",
            table,
        ),
    }


def _of_undos() -> dict[str, Any]:
    return {
        "UndoFailed": _alarm(
            "an undo from the log does not go on: `stepsaga stuck` says what is left",
            NAMESPACE,
            "SagasFailed",
            {**_stack(), "Saga": UNDO},
        ),
        "UndoThrottled": _alarm(
            "transitions of undos from the log are throttled: sagas are undone late",
            "AWS/States",
            "ExecutionThrottled",
            {"StateMachineArn": ref(f"{UNDO}Machine")},
        ),
        "RecoveryFailing": _alarm(
            "Recovery fails: nobody undoes what ends badly meanwhile",
            "AWS/Lambda",
            "Errors",
            {"FunctionName": ref(RECOVERY)},
        ),
        "FollowingFailing": _alarm(
            "Following fails: until it works again, what lands late waits for the next sweep",
            "AWS/Lambda",
            "Errors",
            {"FunctionName": ref(FOLLOWING)},
        ),
        "FollowingLate": _alarm(
            "Following is five minutes behind the events",
            "AWS/Lambda",
            "IteratorAge",
            {"FunctionName": ref(FOLLOWING)},
            most=300_000,
        ),
        "CommitsNotFollowed": _alarm(
            "commits could not be followed, and were passed over; the queue NotFollowed names them."
            " Sweeps find the sagas; whoever waits for their ends is not told",
            "AWS/SQS",
            "ApproximateNumberOfMessagesVisible",
            {"QueueName": att(f"{NOT_FOLLOWED}.QueueName")},
            most=0,
        ),
    }


def _of_links() -> dict[str, Any]:
    forged = _alarm(
        f"somebody tries approval links that are none: {MANY_FORGED} or more in five minutes."
        " Nothing was changed by them",
        NAMESPACE,
        metric(FORGED),
        {**_stack(), "service": SERVICE},
    )
    forged["Properties"] |= {"Period": 300, "Threshold": MANY_FORGED}
    return {
        "ApprovalLinksForged": forged,
        "ApprovalLinksUnreachable": _alarm(
            "the function behind approval links cannot reach the events, its keys or Step"
            " Functions: who presses is told to try again",
            NAMESPACE,
            metric(FAILED),
            {**_stack(), "service": SERVICE},
        ),
        "ApprovalLinksFailing": _alarm(
            "the function behind approval links fails: nobody can approve or reject by them",
            "AWS/Lambda",
            "Errors",
            {"FunctionName": ref(APPROVAL_LINKS)},
        ),
    }


def _of_a_saga(machine: Machine) -> dict[str, Any]:
    name, saga, arn = machine.name, machine.saga, {"StateMachineArn": ref(machine.name)}
    return {
        failed(machine): _alarm(
            f"a {saga} ended neither completed nor compensated; the log of Watch names it",
            NAMESPACE,
            "SagasFailed",
            {**_stack(), "Saga": saga},
        ),
        # Watch hears of ends by events that are best effort; these two metrics are not.
        f"{name}TimedOut": _alarm(
            f"a {saga} ran out of time where it stood: nothing of it is undone by that",
            "AWS/States",
            "ExecutionsTimedOut",
            arn,
        ),
        f"{name}Aborted": _alarm(
            f"a {saga} was stopped where it stood: nothing of it is undone by that",
            "AWS/States",
            "ExecutionsAborted",
            arn,
        ),
        f"{name}Throttled": _alarm(
            f"transitions of {saga} are throttled: sagas are late",
            "AWS/States",
            "ExecutionThrottled",
            arn,
        ),
    }


def _stack() -> _Dimensions:
    return {"Stack": ref("AWS::StackName")}


def _alarm(
    text: str, namespace: str, metric: str, dimensions: _Dimensions, *, most: int | None = None
) -> dict[str, Any]:
    """An alarm on anything that is counted, or on a measure that is above ``most``."""
    counted = {
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    }
    measured = {
        **counted,
        "Statistic": "Maximum",
        "Threshold": most,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmDescription": sub(f"${{AWS::StackName}}: {text}"),
            "Namespace": namespace,
            "MetricName": metric,
            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
            **(counted if most is None else measured),
            "TreatMissingData": "notBreaching",
            "AlarmActions": [ref(TOPIC)],
        },
    }
