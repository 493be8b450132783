"""What the account says of a deployment: who asks, the stack, and what is there already."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from stepsaga.asl.names import EVENT_TABLE
from stepsaga.engines.paging import pages
from stepsaga.engines.preflight.findings import State, fine, problem, unknown
from stepsaga.errors import EngineError
from stepsaga.sam.config import FILE as CONFIG
from stepsaga.sam.table import event_table
from stepsaga.store.failures import code_of, failure_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from stepsaga.engines.preflight.findings import Finding
    from stepsaga.engines.preflight.project import Project

TABLE: Final = "AWS::DynamoDB::Table"
MACHINE: Final = "AWS::StepFunctions::StateMachine"
_GONE: Final = frozenset({"DELETE_COMPLETE", "DELETE_SKIPPED"})
_NEW: Final = frozenset({"", "REVIEW_IN_PROGRESS"})
"""States in which ``sam deploy`` creates the stack: there is none, or only a change set of one."""
_DELETE_FIRST: Final = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"})


@dataclass(frozen=True)
class Account:
    """Where it is to be deployed.

    Attributes:
        project: What is deployed.
        clients: Makes boto3 clients, by service.
        region: The Region; empty where none is set.
    """

    project: Project
    clients: Callable[[str], Any]
    region: str

    @property
    def stack(self) -> str:
        """The stack's name."""
        return self.project.environment.stack

    @cached_property
    def caller(self) -> Mapping[str, str]:
        """Who asks: ``Account`` and ``Arn``."""
        reply: Mapping[str, str] = self.clients("sts").get_caller_identity()
        return reply

    @cached_property
    def described(self) -> Mapping[str, Any]:
        """The stack as DescribeStacks tells it; empty where there is none."""
        try:
            reply = self.clients("cloudformation").describe_stacks(StackName=self.stack)
        except ClientError as error:
            if code_of(error) == "ValidationError" and "does not exist" in str(error):
                return {}
            raise
        stack: Mapping[str, Any] = reply["Stacks"][0]
        return stack

    @property
    def status(self) -> str:
        """The stack's state; empty where there is none."""
        return str(self.described.get("StackStatus", ""))

    @cached_property
    def owned(self) -> frozenset[str]:
        """The names and ARNs of what the stack has."""
        if self.status in _NEW:
            return frozenset()
        listed = pages(
            f"the resources of stack {self.stack!r}",
            self.clients("cloudformation").list_stack_resources,
            "NextToken",
            StackName=self.stack,
        )
        return frozenset(
            one.get("PhysicalResourceId", "")
            for page in listed
            for one in page["StackResourceSummaries"]
            if one["ResourceStatus"] not in _GONE
        )


def check_account(account: Account) -> list[Finding]:
    """All that the account can tell. Where nobody can ask it, only why."""
    found = [*region(account), *caller(account)] if account.region else [*region(account)]
    if any(one.state is State.PROBLEM for one in found):
        return found
    for name, check in CHECKS.items():
        try:
            found += check(account)
        except (ClientError, BotoCoreError) as error:
            found.append(_unasked(name, failure_of(error).text))
        except EngineError as error:
            found.append(_unasked(name, str(error)))
    return found


def region(account: Account) -> Iterator[Finding]:
    """A Region is set."""
    if account.region:
        yield fine("region", account.region)
    else:
        yield problem(
            "region",
            "no AWS Region is set",
            f"set region in {account.project.section}, AWS_DEFAULT_REGION, or a Region in the AWS"
            " profile",
        )


def caller(account: Account) -> Iterator[Finding]:
    """Somebody is known to AWS by these credentials."""
    try:
        who = account.caller
    except (ClientError, BotoCoreError) as error:
        yield refused(account.project, error)
    else:
        yield fine("credentials", f"account {who['Account']}, as {who['Arn']}")


def refused(project: Project, error: ClientError | BotoCoreError) -> Finding:
    """AWS cannot be asked, and why."""
    way = f"set profile in {project.section}, or AWS_PROFILE; --offline asks no account"
    return problem("credentials", failure_of(error).text, way)


def stack_state(account: Account) -> Iterator[Finding]:
    """The stack can be created or updated."""
    name, status = account.stack, account.status
    if status in _NEW:
        yield fine("stack", f"{name} will be created")
    elif status == "UPDATE_ROLLBACK_FAILED":
        yield problem(
            "stack",
            f"{name} is {status}: it cannot be updated",
            f"aws cloudformation continue-update-rollback --stack-name {name}",
        )
    elif status in _DELETE_FIRST:
        yield problem(
            "stack",
            f"{name} is {status}: it can only be deleted",
            f"aws cloudformation delete-stack --stack-name {name}, then deploy",
        )
    elif status.endswith("_IN_PROGRESS"):
        way = f"wait until it is done: aws cloudformation describe-stacks --stack-name {name}"
        yield problem("stack", f"{name} is {status}", way)
    elif EVENT_TABLE not in {one["OutputKey"] for one in account.described.get("Outputs", ())}:
        yield problem(
            "stack",
            f"{name} is there already, and is none of stepsaga's: it has no output {EVENT_TABLE}; a"
            " deployment would replace all that it has",
            f"take another stack_name in {CONFIG}",
        )
    else:
        yield fine("stack", f"{name} is {status}, and will be updated")


def table(account: Account) -> Iterator[Finding]:
    """The event table is the stack's, or is not there yet."""
    name = f"{account.stack}-events"
    try:
        found = account.clients("dynamodb").describe_table(TableName=name)["Table"]
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        yield _absent_table(account, name)
        return
    ours, theirs = _schema(event_table()["Properties"]), _schema(found)
    if ours != theirs:
        yield problem(
            "event table",
            f"{name} is there already, with the key {_key(theirs)}; events need {_key(ours)}",
            f"take another stack_name in {CONFIG}, or export {name} and delete it",
        )
    elif name in account.owned:
        yield fine("event table", f"{name} is the stack's")
    else:
        identifier = (TABLE, "TableName", name)
        found = _retained(account, "event table", f"table {name}", EVENT_TABLE, identifier)
        yield replace(found, hint=f"{_left_empty(name)}; else {found.hint}")


def machines(account: Account) -> Iterator[Finding]:
    """No state machine has a name that a saga's is to have, but the stack's own."""
    found = []
    partition = account.caller["Arn"].split(":")[1]
    place = f"arn:{partition}:states:{account.region}:{account.caller['Account']}:stateMachine"
    for machine in account.project.application.machines:
        arn = f"{place}:{account.stack}-{machine.saga}"
        if arn not in account.owned and _exists(account.clients("stepfunctions"), arn):
            thing = f"state machine {account.stack}-{machine.saga}"
            identifier = (MACHINE, "Arn", arn)
            found.append(_retained(account, "machines", thing, machine.name, identifier))
    yield from found or [fine("machines", "no other has the name of one of the stack's")]


def key(account: Account) -> Iterator[Finding]:
    """The key for the event table can be used."""
    arn = account.project.environment.parameters.get("KeyArn", "")
    if not arn:
        yield fine("key", "none is given: DynamoDB encrypts with its own")
        return
    place = f"KeyArn in {account.project.section}"
    service, where, *_ = [*arn.split(":")[2:4], "", ""]
    if service != "kms" or ":key/" not in arn:
        way = "give the ARN of a key, arn:aws:kms:...:key/..., not of an alias"
        yield problem("key", f"{place}: {arn} is no ARN of a KMS key", way)
        return
    if where != account.region:
        text = f"{place}: the key is in {where}, and the table would be in {account.region}"
        yield problem("key", text, "give a key of the same Region")
        return
    try:
        state = account.clients("kms").describe_key(KeyId=arn)["KeyMetadata"]["KeyState"]
    except ClientError as error:
        if code_of(error) != "NotFoundException":
            raise
        yield problem("key", f"{place}: there is no key {arn}", "give the ARN of one that exists")
        return
    if state == "Enabled":
        yield fine("key", f"{arn} is enabled")
    else:
        way = "enable it, cancel its deletion, or give another"
        yield problem("key", f"{place}: the key {arn} is {state}", way)


def rights(account: Account) -> Iterator[Finding]:
    """Whether the caller may do all that a deployment does, only the deployment tells."""
    yield unknown(
        "rights",
        f"whether {account.caller['Arn']} may deploy is not checked",
        "the README lists what a deployment needs; CloudFormation names what is missing",
    )


CHECKS: Final[Mapping[str, Callable[[Account], Iterator[Finding]]]] = {
    "stack": stack_state,
    "event table": table,
    "machines": machines,
    "key": key,
    "rights": rights,
}


def _unasked(check: str, why: str) -> Finding:
    return unknown(check, f"could not be looked at: {why}")


def _absent_table(account: Account, name: str) -> Finding:
    if name in account.owned:
        return problem(
            "event table",
            f"stack {account.stack} has {name} among its resources, and the table is not there",
            "restore it from a backup under its name, or delete the stack and deploy it anew",
        )
    return fine("event table", f"{name} will be created")


def _left_empty(name: str) -> str:
    """The way out where a first deployment has failed: the table is kept, being protected."""
    return (
        f"if aws dynamodb scan --table-name {name} --max-items 1 shows no item, a deployment that"
        f" failed has left it: aws dynamodb update-table --table-name {name}"
        f" --no-deletion-protection-enabled, aws dynamodb delete-table --table-name {name}, then"
        " deploy"
    )


def _retained(
    account: Account, check: str, thing: str, logical: str, identifier: tuple[str, str, str]
) -> Finding:
    """It is as it should be, and not the stack's: an earlier stack has left it."""
    kind, name, value = identifier
    imported = [
        {
            "ResourceType": kind,
            "LogicalResourceId": logical,
            "ResourceIdentifier": {name: value},
        }
    ]
    return problem(
        check,
        f"{thing} is there already, and stack {account.stack} does not have it: CloudFormation"
        " would fail with 'already exists'",
        f"take another stack_name in {CONFIG}, or bring it in: aws cloudformation"
        f" create-change-set --change-set-type IMPORT --stack-name {account.stack}"
        " --change-set-name import --template-body file://import.yaml --resources-to-import"
        f" '{json.dumps(imported)}', where import.yaml has what the stack has, and {logical} with a"
        " DeletionPolicy; then execute-change-set, and deploy",
    )


def _exists(client: Any, arn: str) -> bool:
    try:
        client.describe_state_machine(stateMachineArn=arn)
    except ClientError as error:
        if code_of(error) != "StateMachineDoesNotExist":
            raise
        return False
    return True


def _schema(described: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """A table's key: each attribute's name, role and type."""
    types = {
        one["AttributeName"]: one["AttributeType"] for one in described["AttributeDefinitions"]
    }
    parts = [
        (one["AttributeName"], one["KeyType"], types.get(one["AttributeName"], "?"))
        for one in described["KeySchema"]
    ]
    return sorted(parts, key=lambda part: part[1])


def _key(schema: list[tuple[str, str, str]]) -> str:
    return ", ".join(f"{name} ({role} {kind})" for name, role, kind in schema)
