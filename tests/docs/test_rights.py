"""The rights that the README says a deployer needs, held against what CloudFormation calls."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from tests.sam.cloud import Sam

ROOT = Path(__file__).parents[2]
ACTION = re.compile(r"(?:([a-z0-9]+):)?([A-Z*][A-Za-z*]*)")
UNUSED = (
    # Of functions: networks, file systems, code signing, concurrency, keys, gradual aliases.
    *("ec2:*", "elasticfilesystem:*", "s3files:*", "codedeploy:*", "kms:GenerateDataKey"),
    # Of roles: managed policies, boundaries, other services' own roles.
    *("iam:AttachRolePolicy", "iam:DetachRolePolicy", "iam:*PermissionsBoundary"),
    "iam:CreateServiceLinkedRole",
    # Of tables: replicas, imports, exports, their items, expiry, policies, insights.
    *("dynamodb:*Item", "dynamodb:*Replica", "dynamodb:ImportTable", "dynamodb:Query"),
    *("dynamodb:Scan", "dynamodb:UpdateTimeToLive", "dynamodb:PutResourcePolicy"),
    *("dynamodb:DeleteResourcePolicy", "dynamodb:UpdateContributorInsights"),
    *("dynamodb:*ableKinesisStreamingDestination", "kinesis:*"),
    "dynamodb:UpdateKinesisStreamingDestination",
    # Of log groups: keys, delivery to elsewhere, policies, indexes.
    *("firehose:*", "logs:*ssociateKmsKey", "logs:CreateLogDelivery", "logs:*LogStream*"),
    *("logs:PutLogEvents", "logs:PutResourcePolicy", "logs:DeleteResourcePolicy"),
    *("logs:PutDataProtectionPolicy", "logs:DeleteDataProtectionPolicy", "logs:*BearerToken*"),
    "s3tables:*",  # for the tables of a bucket's metadata
    "secretsmanager:*Replicat*",  # to other Regions
    *("logs:PutIndexPolicy", "logs:DeleteIndexPolicy", "logs:PutLogGroupDeletionProtection"),
)
"""What is called for properties only that no generated resource has."""
EXACT = {"iam", "dynamodb", "events", "cloudwatch", "sns"}
"""The services of which the README names no action that CloudFormation does not call."""


def told() -> set[str]:
    """The actions in the README's table, its first column."""
    table = (
        (ROOT / "README.md").read_text().partition("| rights on | for |")[2].partition("\n\n")[0]
    )
    found: set[str] = set()
    for row in table.splitlines()[2:]:
        service = ""
        for text in re.findall(r"`([^`]+)`", row.split("|")[1]):
            match = ACTION.fullmatch(text)
            if match and (service := match[1] or service):
                found.add(f"{service}:{match[2]}")
    return found


@pytest.fixture(scope="module")
def called() -> set[str]:
    """What CloudFormation calls, by its own schemas, for the types of the template in prod."""
    with Sam() as sam:
        resources = sam.translate((ROOT / "template.yaml").read_text(), "prod")
    found: set[str] = set()
    for kind in {one["Type"] for one in resources.values()}:
        if not kind.startswith("Custom::"):
            schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-central-1", kind).schema
            for name, handler in schema["handlers"].items():
                found |= set(handler["permissions"]) if name != "list" else set()
    assert len(found) > 100
    return found


def covered(action: str, patterns: set[str] | tuple[str, ...]) -> bool:
    """Whether one of the patterns is of this action."""
    return any(fnmatchcase(action, pattern) for pattern in patterns)


def test_a_deployer_with_these_rights_can_deploy(called: set[str]) -> None:
    """Each call that CloudFormation makes for a resource of ours is in the table, or for others."""
    needed = {action for action in called if not covered(action, UNUSED)}
    assert sorted(action for action in needed if not covered(action, told())) == []


def test_the_table_names_no_right_that_is_not_needed(called: set[str]) -> None:
    """A right that nothing of ours calls for is not asked for, nor taken for unneeded in vain."""
    named = {action for action in told() if action.partition(":")[0] in EXACT}
    assert [one for one in sorted(named) if not any(covered(a, (one,)) for a in called)] == []
    assert [one for one in UNUSED if not any(covered(a, (one,)) for a in called)] == []
