"""The event table, what watches it, and what puts each release's graphs into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.names import UNDONE
from stepsaga.sam import rights
from stepsaga.sam.cfn import att, either, ref, sub
from stepsaga.sam.functions import function_logs, lambda_function
from stepsaga.sam.machines import KEPT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepsaga.sam.application import Machine

WATCH: Final = "Watch"
KEEP: Final = "Keep"
CHANGES: Final = "Changes"
ENDS: Final = "Ends"
"""What Watch hears of, by which SAM names what it makes."""
NAMESPACE: Final = "stepsaga"
"""Of the metrics, as `stepsaga.runtime.powertools` has it."""


def event_table() -> dict[str, Any]:
    """The one table of events."""
    # Also what a first deployment leaves that fails: a table that is protected cannot be deleted.
    keep = either("IsProd", "Retain", "Delete")
    return {
        "Type": "AWS::DynamoDB::Table",
        "DeletionPolicy": keep,
        "UpdateReplacePolicy": keep,
        "Properties": {
            "TableName": sub("${AWS::StackName}-events"),
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                {"AttributeName": "stream_id", "AttributeType": "S"},
                {"AttributeName": "slot", "AttributeType": "S"},
            ],
            "KeySchema": [
                {"AttributeName": "stream_id", "KeyType": "HASH"},
                {"AttributeName": "slot", "KeyType": "RANGE"},
            ],
            "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
            "DeletionProtectionEnabled": either("IsProd", then=True, otherwise=False),
            "SSESpecification": key_of_table(),
        },
    }


def key_of_table() -> Any:
    """How a table is encrypted."""
    key = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": ref("KeyArn")}
    return either("HasKey", key)


def read_stream() -> list[Any]:
    """Hearing of what is put into the event table."""
    actions = [f"dynamodb:{one}" for one in ("DescribeStream", "GetRecords", "GetShardIterator")]
    return [
        rights.allow(actions, att("EventTable.StreamArn")),
        rights.allow(["dynamodb:ListStreams"], "*"),
    ]


def watch(machines: Sequence[Machine]) -> dict[str, Any]:
    """What looks at changes of events (rule 31), and at sagas that end as none should (rule 32)."""
    function = lambda_function(
        WATCH,
        "Watches for changed events and failed sagas",
        30,
        256,
        "stepsaga.runtime.watch.handler",
    )
    function["Properties"] |= {
        "Environment": {"Variables": {"STEPSAGA_STACK": ref("AWS::StackName")}},
        "Events": {CHANGES: _changes(), ENDS: unsuccessful(machines, rights.UNDO_ARN)},
    }
    metrics = {"StringEquals": {"cloudwatch:namespace": NAMESPACE}}
    statements = [
        *read_stream(),
        rights.allow(["cloudwatch:PutMetricData"], "*", Condition=metrics),
        *rights.function_basics(WATCH, rights.READ_KEY),
    ]
    return {
        WATCH: function,
        f"{WATCH}Role": rights.role("lambda", statements),
        f"{WATCH}Logs": function_logs(WATCH),
    }


def keep(machines: Sequence[Machine]) -> dict[str, Any]:
    """What puts the compiled graphs of a release into the event table at deployment (rule 9)."""
    function = lambda_function(
        KEEP, "Keeps each release's graphs", 110, 256, "stepsaga.runtime.keep.handler"
    )
    function["Properties"]["Environment"] = {
        "Variables": {"STEPSAGA_EVENT_TABLE": ref("EventTable")}
    }
    statements = [
        *rights.events("PutItem", "GetItem"),
        *rights.function_basics(KEEP, rights.USE_KEY),
    ]
    return {
        KEEP: function,
        f"{KEEP}Role": rights.role("lambda", statements),
        f"{KEEP}Logs": function_logs(KEEP),
        KEPT: {
            "Type": "Custom::StepsagaDefinitions",
            "Properties": {
                "ServiceToken": att(f"{KEEP}.Arn"),
                # Else a function that cannot answer would hold the deployment for an hour.
                "ServiceTimeout": 120,
                "Fingerprints": [machine.fingerprint for machine in machines],
            },
        },
    }


def _changes() -> dict[str, Any]:
    return {
        "Type": "DynamoDB",
        "Properties": {
            "Stream": att("EventTable.StreamArn"),
            "StartingPosition": "TRIM_HORIZON",
            # Events are put and never touched again, so in good times nothing is invoked.
            "FilterCriteria": {"Filters": [{"Pattern": '{"eventName":["MODIFY","REMOVE"]}'}]},
        },
    }


def unsuccessful(machines: Sequence[Machine], *others: str) -> dict[str, Any]:
    """The event that an execution has ended neither completed nor compensated.

    Args:
        machines: The sagas'.
        others: The ARNs of other machines, as texts with substitutions.
    """
    return {
        "Type": "EventBridgeRule",
        "Properties": {
            "Pattern": {
                "source": ["aws.states"],
                "detail-type": ["Step Functions Execution Status Change"],
                "detail": {
                    "stateMachineArn": [*(ref(one.name) for one in machines), *map(sub, others)],
                    # An error that is null is anything but this one, too. A pattern cannot name
                    # null: CloudFormation refuses templates that have one.
                    "$or": [
                        {"status": ["TIMED_OUT", "ABORTED"]},
                        {"status": ["FAILED"], "error": [{"anything-but": [UNDONE]}]},
                        {"status": ["FAILED"], "error": [{"exists": False}]},
                    ],
                },
            }
        },
    }
