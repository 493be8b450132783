"""What the role of each participant of this project reaches: what it needs, and nothing else.

Read from the committed template. Every action is tried on every resource, so that a statement which
is missing, too narrow or too wide shows; `test_no_statement_could_be_another` shows that it does.
"""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import pytest

from stepsaga.sam.cfn import load
from tests.participants import ASKS, LINKS, OWN, SAGAS
from tests.sam.cloud import KEY, resolved
from tests.sam.iam import allowed, listed, statements
from tests.sam.projects import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sam.iam import Statement

    Reached = set[tuple[str, str]]

EVENTS: Final = "<EventTable.Arn>"
BUCKET: Final = "<EventBucket.Arn>"
OBJECT: Final = f"{BUCKET}/stepsaga/3f"
SECRET: Final = "<ApprovalLinkKeys.Id>"  # noqa: S105  # a resource
MACHINE: Final = "arn:aws:states:eu-central-1:123456789012:stateMachine:shop-prod-"
APPEND: Final = ("PutItem", "GetItem", "Query")
USE: Final = ("GetItem", "PutItem", "UpdateItem")
DYNAMODB: Final = (
    *("GetItem", "BatchGetItem", "Query", "Scan", "ConditionCheckItem"),
    *("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"),
    *("PartiQLSelect", "PartiQLInsert", "PartiQLUpdate", "PartiQLDelete"),
    *(
        "DescribeTable",
        "UpdateTable",
        "DeleteTable",
        "UpdateTimeToLive",
        "ExportTableToPointInTime",
    ),
)
S3: Final = (
    *("GetObject", "PutObject", "DeleteObject", "PutObjectAcl", "PutObjectTagging"),
    *("GetObjectVersion", "DeleteObjectVersion", "RestoreObject"),
    *("ListBucket", "DeleteBucket", "PutBucketPolicy", "PutLifecycleConfiguration"),
)
STATES: Final = (
    *("SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat"),
    *("StartExecution", "StopExecution", "RedriveExecution", "UpdateStateMachine"),
)
KMS: Final = ("Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "ReEncryptTo")
XRAY: Final = ("PutTraceSegments", "PutTelemetryRecords")
TRIED: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "dynamodb": (
        DYNAMODB,
        (EVENTS, "<EventTable.StreamArn>", *(f"<{one}.Arn>" for one in sorted(OWN.values()))),
    ),
    "s3": (S3, (BUCKET, OBJECT, f"{BUCKET}/elsewhere/3f", "<OtherBucket.Arn>/stepsaga/3f")),
    "states": (STATES, tuple(f"{MACHINE}{one}" for one in (*SAGAS, "TransferMoneyToo"))),
    "lambda": (
        ("InvokeFunction", "UpdateFunctionCode", "UpdateFunctionConfiguration"),
        tuple(f"<{one}.Arn>:live" for one in OWN),
    ),
    "logs": (
        ("CreateLogStream", "PutLogEvents", "DeleteLogStream", "GetLogEvents"),
        tuple(f"<{one}Logs.Arn>" for one in (*OWN, "Keep", "Watch")),
    ),
    "kms": ((*KMS, "CreateGrant", "ScheduleKeyDeletion"), (KEY, f"{KEY}2")),
    "xray": ((*XRAY, "GetTraceSummaries"), ("*",)),
    "secretsmanager": (
        ("GetSecretValue", "PutSecretValue", "DeleteSecret"),
        (SECRET, "<OtherSecret>"),
    ),
    "iam": (("PassRole", "PutRolePolicy"), ("<CarsRole.Arn>",)),
    "sns": (("Publish",), ("<Alarms>",)),
}
"""What is tried: the actions of each service, and on what."""
ANYTHING: Final[Statement] = {"Effect": "Allow", "Action": "*", "Resource": "*"}
"""What an author may ask for, and what no statement but a denial holds against."""


def pairs(service: str, actions: tuple[str, ...], *resources: str) -> Reached:
    """These actions on these resources."""
    return {(f"{service}:{action}", one) for action, one in product(actions, resources)}


def reached(found: list[Statement]) -> Reached:
    """Of all that is tried, what these statements allow."""
    every = (
        (f"{service}:{action}", resource)
        for service, (actions, resources) in TRIED.items()
        for action, resource in product(actions, resources)
    )
    return {(action, resource) for action, resource in every if allowed(found, action, resource)}


def needed(name: str) -> Reached:
    """What a participant needs for its handlers, its events, its large results, and its logs."""
    return (
        pairs("dynamodb", APPEND, EVENTS)
        | pairs("dynamodb", USE, f"<{OWN[name]}.Arn>")
        | pairs("s3", ("GetObject", "PutObject"), OBJECT)
        | pairs("states", ("SendTaskSuccess",), *(f"{MACHINE}{one}" for one in ASKS.get(name, ())))
        | pairs("secretsmanager", ("GetSecretValue",) * (name in LINKS), SECRET)
        | pairs("logs", ("CreateLogStream", "PutLogEvents"), f"<{name}Logs.Arn>")
        | pairs("kms", KMS, KEY)
        | pairs("xray", XRAY, "*")
    )


def kept_from_all() -> Reached:
    """What no participant reaches, whatever its author has asked for (rule 31)."""
    changes = tuple(one for one in DYNAMODB if one not in APPEND)
    others = tuple(one for one in S3 if one not in ("GetObject", "PutObject"))
    return pairs("dynamodb", changes, EVENTS) | pairs(
        "s3", others, BUCKET, OBJECT, f"{BUCKET}/elsewhere/3f"
    )


def permissions(found: list[Statement]) -> list[Statement]:
    """The statements that allow."""
    return [one for one in found if one["Effect"] == "Allow"]


@cache
def committed() -> dict[str, Any]:
    """The resources of the committed template."""
    resources: dict[str, Any] = load((ROOT / "template.yaml").read_text("utf-8"))["Resources"]
    return resources


def role(name: str) -> list[Statement]:
    """The statements of a participant's role, as the stack has them."""
    return statements(resolved(committed()[f"{name}Role"], key=KEY))


def others(found: list[Statement]) -> Iterator[tuple[str, list[Statement]]]:
    """The statements, with one that is missing, narrower or wider; and what is other about it."""
    for place, one in enumerate(found):
        told = f"{one['Effect']} {one.get('Action', one.get('NotAction'))}"
        yield f"without {told}", [*found[:place], *found[place + 1 :]]
        for change, statement in changed(one):
            yield f"{change}: {told}", [*found[:place], statement, *found[place + 1 :]]


def changed(statement: Statement) -> Iterator[tuple[str, Statement]]:
    """A statement that says less, or more, in one word."""
    for field in ("Action", "NotAction", "Resource"):
        words = listed(statement.get(field, []))
        for word in words if len(words) > 1 else ():
            less = deepcopy(statement)
            less[field] = [other for other in words if other != word]
            yield f"no {word}", less
        service = words[0].partition(":")[0] if words and field != "Resource" else ""
        wider = [f"{service}:*"] if service else ["*"]
        if words and words != wider:
            yield f"{field} {wider}", {**deepcopy(statement), field: wider}
        if field == "Resource":
            for word in words:
                if word.endswith("/stepsaga/*"):
                    yield "any prefix", {**deepcopy(statement), field: f"{BUCKET}/*"}
                if word.startswith(MACHINE):
                    yield "any saga", {**deepcopy(statement), field: f"{MACHINE}*"}


def test_these_are_all_participants() -> None:
    """Each function that runs handlers is one of these, with a role of its own."""
    functions = {
        name
        for name, one in committed().items()
        if one["Type"] == "AWS::Serverless::Function"
        and "STEPSAGA_PARTICIPANT" in str(one["Properties"])
    }
    # What ours may is in tests of their own.
    assert functions == {*OWN, "BusinessEvents", "Children", "ServiceSteps"}
    assert all(
        committed()[name]["Properties"]["Role"].value == f"{name}Role.Arn" for name in functions
    )


@pytest.mark.parametrize("name", OWN)
def test_a_participant_reaches_what_it_needs(name: str) -> None:
    """Its own table, events, large results, logs, its sagas' questions; and nothing of others.

    It is allowed no more than that, and would not be if nothing was denied.
    """
    assert reached(role(name)) == reached(permissions(role(name))) == needed(name)


@pytest.mark.parametrize("name", OWN)
def test_what_is_denied_is_denied_whatever_is_asked_for(name: str) -> None:
    """Rights on everything change no event and no stored result (rule 31)."""
    assert reached([ANYTHING]) - reached([*role(name), ANYTHING]) == kept_from_all()


@pytest.mark.parametrize("name", OWN)
def test_no_statement_could_be_another(name: str) -> None:
    """Without one of its statements, or with a wider or narrower one, a role is noticed above."""
    found = role(name)
    for told, other in others(found):
        seen = [
            reached(permissions(other)) != needed(name),
            reached(other) != needed(name),
            reached([ANYTHING]) - reached([*other, ANYTHING]) != kept_from_all(),
        ]
        assert any(seen), told
