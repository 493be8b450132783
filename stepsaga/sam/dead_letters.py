"""The queue of dead letters, and the alarm on what lies there: made where something uses it."""

from __future__ import annotations

from typing import Any, Final

from stepsaga.runtime.dead_letters import DEAD_LETTERS as VARIABLE
from stepsaga.sam import rights
from stepsaga.sam.alarms import TOPIC
from stepsaga.sam.cfn import att, ref, sub

DEAD_LETTERS: Final = "DeadLetters"
"""The queue's logical id."""
RETENTION: Final = 14 * 24 * 3600
"""Seconds: as long as SQS keeps anything."""


def dead_letters() -> dict[str, Any]:
    """The queue, who may put something there besides functions of ours, and its alarm.

    A queue has one policy: rules of EventBridge put there what they cannot deliver, and SQS itself
    needs no right for what a queue's `redrive` moves.
    """
    rules = sub("arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/*")
    return {
        DEAD_LETTERS: {
            "Type": "AWS::SQS::Queue",
            "Properties": {"MessageRetentionPeriod": RETENTION, "SqsManagedSseEnabled": True},
        },
        f"{DEAD_LETTERS}Policy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [ref(DEAD_LETTERS)],
                "PolicyDocument": by_rules(DEAD_LETTERS, rules),
            },
        },
        "DeadLettersWaiting": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmDescription": sub(
                    "${AWS::StackName}: what could not be done lies in DeadLetters, and says why:"
                    " mend it, and run `stepsaga replay-dead-letters`"
                ),
                "Namespace": "AWS/SQS",
                "MetricName": "ApproximateNumberOfMessagesVisible",
                "Dimensions": [{"Name": "QueueName", "Value": att(f"{DEAD_LETTERS}.QueueName")}],
                "Statistic": "Maximum",
                "Period": 60,
                "EvaluationPeriods": 1,
                "Threshold": 0,
                "ComparisonOperator": "GreaterThanThreshold",
                "TreatMissingData": "notBreaching",
                "AlarmActions": [ref(TOPIC)],
            },
        },
    }


def outputs() -> dict[str, Any]:
    """Where the queue is, for `stepsaga replay-dead-letters`."""
    return {
        DEAD_LETTERS: {
            "Description": "What could not be done, and why: stepsaga replay-dead-letters",
            "Value": ref(DEAD_LETTERS),
        }
    }


def by_rules(queue: str, rules: Any) -> dict[str, Any]:
    """A queue's policy by which rules of EventBridge may send to it.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sqs-permissions

    Args:
        queue: Its logical id.
        rules: Their ARNs; ``*`` stands for anything.
    """
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": att(f"{queue}.Arn"),
        "Condition": {"ArnLike": {"aws:SourceArn": rules}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def environment() -> dict[str, Any]:
    """How a function finds the queue: `stepsaga.runtime.dead_letters.SqsDeadLetters`."""
    return {VARIABLE: ref(DEAD_LETTERS)}


def may_send() -> dict[str, Any]:
    """The right to put letters there."""
    return rights.allow(["sqs:SendMessage"], att(f"{DEAD_LETTERS}.Arn"))


def redrive(receives: int) -> dict[str, Any]:
    """The ``RedrivePolicy`` of a queue whose messages get there after so many attempts."""
    return {"deadLetterTargetArn": att(f"{DEAD_LETTERS}.Arn"), "maxReceiveCount": receives}
