"""The table of open sagas, and the function that follows the event table to keep it (rule 30)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stepsaga.recovery.following_entry import HEARD, REPORTS
from stepsaga.runtime.values import compact
from stepsaga.sam import children, rights
from stepsaga.sam.cfn import NO_VALUE, att, either, ref, sub
from stepsaga.sam.functions import function_logs, lambda_function
from stepsaga.sam.recovery import KEPT, TABLE, environment, looking
from stepsaga.sam.table import key_of_table, read_stream

if TYPE_CHECKING:
    from stepsaga.sam.application import Application

FOLLOWING: Final = "Following"
COMMITS: Final = "Commits"
"""What the function hears of, by which SAM names what it makes."""
NOT_FOLLOWED: Final = "NotFollowed"
"""The queue that says which commits could not be followed: a shard, and sequence numbers."""


def following(application: Application) -> dict[str, Any]:
    """The table, the function, and the queue for what it cannot do."""
    function = lambda_function(
        FOLLOWING,
        "Follows the events: which sagas are open, and what lands late",
        60,
        256,
        "stepsaga.recovery.following_entry.handler",
    )
    reports = {REPORTS: either("IsLocal", ref(NO_VALUE), "1")}
    function["Properties"] |= {
        "Environment": {"Variables": {**environment(application), **reports}},
        "Events": {COMMITS: _commits()},
    }
    statements = [
        *read_stream(),
        *looking(),
        rights.allow(["sqs:SendMessage"], att(f"{NOT_FOLLOWED}.Arn")),
        *children.telling(application.functions),
        *rights.function_basics(FOLLOWING, rights.USE_KEY, via=("dynamodb", "s3")),
    ]
    return {
        TABLE: _table(),
        FOLLOWING: function | KEPT,
        f"{FOLLOWING}Role": rights.role("lambda", statements) | KEPT,
        f"{FOLLOWING}Logs": function_logs(FOLLOWING),
        NOT_FOLLOWED: {
            "Type": "AWS::SQS::Queue",
            "Properties": {"MessageRetentionPeriod": 14 * 24 * 3600, "SqsManagedSseEnabled": True},
        },
    }


def _table() -> dict[str, Any]:
    """On demand, and without a stream: rows are added, marked, and removed."""
    return {
        "Type": "AWS::DynamoDB::Table",
        **KEPT,
        "Properties": {
            "TableName": sub("${AWS::StackName}-open-sagas"),
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                {"AttributeName": "stream_id", "AttributeType": "S"},
                {"AttributeName": "run", "AttributeType": "S"},
            ],
            "KeySchema": [
                {"AttributeName": "stream_id", "KeyType": "HASH"},
                {"AttributeName": "run", "KeyType": "RANGE"},
            ],
            "SSESpecification": key_of_table(),
        },
    }


def _commits() -> dict[str, Any]:
    image = {"outcome": {"S": list(HEARD)}}
    pattern = {"eventName": ["INSERT"], "dynamodb": {"NewImage": image}}
    return {
        "Type": "DynamoDB",
        "Properties": {
            "Stream": att("EventTable.StreamArn"),
            "StartingPosition": "TRIM_HORIZON",
            "FilterCriteria": {"Filters": [{"Pattern": compact(pattern).decode()}]},
            "BatchSize": 100,
            # Two halves, until what cannot be followed stands alone; that goes to the queue, the
            # rest goes on. The sweep finds what was left out.
            "BisectBatchOnFunctionError": True,
            "MaximumRetryAttempts": 20,
            "DestinationConfig": {
                "OnFailure": {"Type": "SQS", "Destination": att(f"{NOT_FOLLOWED}.Arn")}
            },
            # MiniStack takes such a reply for a success: what had failed would be lost.
            "FunctionResponseTypes": either("IsLocal", ref(NO_VALUE), ["ReportBatchItemFailures"]),
        },
    }
