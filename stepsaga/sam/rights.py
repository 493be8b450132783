"""IAM: roles with the rights that one function or one machine needs, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.undo import NAME as UNDO
from stepsaga.limits import OBJECT_PREFIX
from stepsaga.sam.bucket import BUCKET
from stepsaga.sam.cfn import att, either, ref, sub

if TYPE_CHECKING:
    from collections.abc import Sequence

Statement = dict[str, Any]

USE_KEY: Final = ("Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey*", "ReEncrypt*")
READ_KEY: Final = ("Decrypt", "DescribeKey")

STATES: Final = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}"
"""What the ARNs of machines and of executions begin with."""
UNDO_ARN: Final = f"{STATES}:stateMachine:${{AWS::StackName}}-{UNDO}"
"""The machine that undoes. By its name: its function needs to know it, too."""


def role(service: str, statements: Sequence[Any]) -> dict[str, Any]:
    """A role that a service takes, with an inline policy: it lives and dies with the role."""
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "Policies": [
                {
                    "PolicyName": "stepsaga",
                    "PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)},
                }
            ],
        },
    }


def allow(actions: Sequence[str], resource: Any, **more: Any) -> Statement:
    """A statement that allows."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


def function_basics(
    name: str, key: Sequence[str], *, via: Sequence[str] = ("dynamodb",)
) -> list[Any]:
    """What every function needs: its own log group, traces, and so much of the table's key."""
    return [
        allow(["logs:CreateLogStream", "logs:PutLogEvents"], att(f"{name}Logs.Arn")),
        allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*"),
        use_of_key(key, via=via),
    ]


def events(*actions: str) -> list[Any]:
    """So much of the event table, and nothing else whatever other statements say (rule 31).

    What is there is never changed by that: IAM knows no right to put only where nothing is, and
    whoever puts over something is seen by `stepsaga.runtime.watch`.
    """
    table, named = att("EventTable.Arn"), [f"dynamodb:{action}" for action in actions]
    return [allow(named, table), {"Effect": "Deny", "NotAction": named, "Resource": table}]


def objects() -> list[Any]:
    """Put and get what is too large for a document or an item, and nothing else in that bucket.

    IAM knows no right to put only where nothing is. A key is its content's SHA-256, which every
    reader compares: what was put over is seen, and never taken for a result.
    """
    bucket, named = att(f"{BUCKET}.Arn"), ["s3:GetObject", "s3:PutObject"]
    return [
        allow(named, sub(f"${{{BUCKET}.Arn}}/{OBJECT_PREFIX}*")),
        {"Effect": "Deny", "NotAction": named, "Resource": [bucket, sub(f"${{{BUCKET}.Arn}}/*")]},
    ]


def answers(sagas: Sequence[str]) -> list[Any]:
    """Telling a Task of these sagas what was answered, where a question is asked again (rule 26).

    By the machines' names: by reference, a function's role would need the machine that needs it.
    """
    if not sagas:
        return []
    prefix = f"{STATES}:stateMachine:"
    machines = [sub(f"{prefix}{machine_name(saga)}") for saga in sagas]
    return [allow(["states:SendTaskSuccess"], machines)]


def machine_name(saga: str) -> str:
    """The name of a saga's machine, with a substitution."""
    return f"${{AWS::StackName}}-{saga}"


def machine(functions: Sequence[str], *, records: bool) -> list[Any]:
    """What a state machine calls.

    All versions of its functions: an execution that began before a deployment goes on calling the
    version that it was deployed with, under the role as it is then.
    """
    statements = [
        allow(["lambda:InvokeFunction"], [sub(f"${{{name}.Arn}}:*") for name in functions])
    ]
    if records:
        statements += [*events("PutItem"), use_of_key(USE_KEY)]
    return [*statements, *machine_basics()]


def distributed(saga: str) -> list[Any]:
    """What a machine with a distributed map does: it starts itself for each item, and uses S3.

    https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
    """
    name = machine_name(saga)
    executions = [sub(f"{STATES}:execution:{name}{kind}:*") for kind in ("", "/*")]
    run = ["states:DescribeExecution", "states:StopExecution", "states:RedriveExecution"]
    files = ["s3:GetObject", "s3:PutObject", "s3:ListMultipartUploadParts"]
    return [
        allow(["states:StartExecution"], [sub(f"{STATES}:stateMachine:{name}")]),
        allow(run, executions),
        allow([*files, "s3:AbortMultipartUpload"], sub(f"${{{BUCKET}.Arn}}/{OBJECT_PREFIX}*")),
        use_of_key(USE_KEY, via=("s3",)),
    ]


def machine_basics() -> list[Any]:
    """What every machine needs: delivering logs and traces, which know no resources."""
    return list(_MACHINE_BASICS)


def use_of_key(actions: Sequence[str], *, via: Sequence[str] = ("dynamodb",)) -> Any:
    """The key of what is kept, through the services that keep it alone, where there is one.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
    """
    services = [sub(f"{service}.${{AWS::Region}}.amazonaws.com") for service in via]
    condition = {"StringEquals": {"kms:ViaService": services}}
    statement = allow([f"kms:{action}" for action in actions], ref("KeyArn"), Condition=condition)
    return either("HasKey", statement)


# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html: these know no resources.
_LOG_DELIVERY: Final = (
    "logs:CreateLogDelivery",
    "logs:CreateLogStream",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutLogEvents",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
)
_TRACES: Final = (
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
)
_MACHINE_BASICS: Final = (allow(_LOG_DELIVERY, "*"), allow(_TRACES, "*"))
