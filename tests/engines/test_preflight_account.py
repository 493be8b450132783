"""`stepsaga preflight`, of the account: the stack, and what is there already."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import NoCredentialsError

from stepsaga.engines.preflight.account import Account, check_account
from stepsaga.engines.preflight.findings import Finding, State
from stepsaga.store.table import create_table
from stepsaga.testing.stack import local_stack
from tests.engines.projects import Folder, project_in
from tests.engines.releases import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ACCOUNT = "123456789012"
REGION = "eu-central-1"
WHO = f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/ada"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:shop-FulfilOrder"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234"
OURS = {
    "KeySchema": [
        {"AttributeName": "slot", "KeyType": "RANGE"},
        {"AttributeName": "stream_id", "KeyType": "HASH"},
    ],
    "AttributeDefinitions": [
        {"AttributeName": "stream_id", "AttributeType": "S"},
        {"AttributeName": "slot", "AttributeType": "S"},
    ],
}
THEIRS = {
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "N"}],
}


@dataclass
class World:
    """An account in memory; it is every service's client.

    Attributes:
        status: The stack's; empty where there is none.
        owned: What the stack has.
        table: The event table, if there is one.
        machine: Whether there is a machine of the saga's name.
        key: The key's state; empty where there is none.
        outputs: The stack's.
        broken: Operations that fail, and how.
    """

    status: str = ""
    owned: tuple[str, ...] = ()
    table: Mapping[str, Any] | None = None
    machine: bool = False
    key: str = "Enabled"
    outputs: tuple[str, ...] = ("EventTable",)
    broken: dict[str, Exception] = field(default_factory=dict)

    def client(self, service: str) -> World:
        """The client of a service."""
        assert service in {"sts", "cloudformation", "dynamodb", "stepfunctions", "kms"}
        return self

    def get_caller_identity(self) -> Mapping[str, str]:
        """GetCallerIdentity."""
        self._ask("get_caller_identity")
        return {"Account": ACCOUNT, "Arn": WHO}

    def describe_stacks(self, **parameters: Any) -> Mapping[str, Any]:
        """DescribeStacks."""
        self._ask("describe_stacks")
        assert parameters == {"StackName": "shop"}
        if not self.status:
            raise refusal("ValidationError", "Stack with id shop does not exist")
        outputs = [{"OutputKey": name, "OutputValue": "any"} for name in self.outputs]
        return {"Stacks": [{"StackStatus": self.status, "Outputs": outputs}]}

    def list_stack_resources(self, **parameters: Any) -> Mapping[str, Any]:
        """ListStackResources, one on a page."""
        self._ask("list_stack_resources")
        resources = [
            {"PhysicalResourceId": "shop-events", "ResourceStatus": "DELETE_SKIPPED"},
            *({"PhysicalResourceId": one, "ResourceStatus": "X"} for one in self.owned),
        ]
        place = int(parameters.get("NextToken", 0))
        page: dict[str, Any] = {"StackResourceSummaries": resources[place : place + 1]}
        if place + 1 < len(resources):
            page["NextToken"] = str(place + 1)
        return page

    def describe_table(self, **parameters: Any) -> Mapping[str, Any]:
        """DescribeTable."""
        self._ask("describe_table")
        assert parameters == {"TableName": "shop-events"}
        if self.table is None:
            raise refusal("ResourceNotFoundException")
        return {"Table": self.table}

    def describe_state_machine(self, **parameters: Any) -> Mapping[str, Any]:
        """DescribeStateMachine."""
        self._ask("describe_state_machine")
        assert parameters == {"stateMachineArn": MACHINE}
        if not self.machine:
            raise refusal("StateMachineDoesNotExist")
        return {}

    def describe_key(self, **parameters: Any) -> Mapping[str, Any]:
        """DescribeKey."""
        self._ask("describe_key")
        assert parameters == {"KeyId": KEY}
        if not self.key:
            raise refusal("NotFoundException")
        return {"KeyMetadata": {"KeyState": self.key}}

    def _ask(self, operation: str) -> None:
        if operation in self.broken:
            raise self.broken[operation]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A project."""
    return project_in(tmp_path_factory.mktemp("made"))


@pytest.fixture
def check(folder: Folder) -> Callable[..., dict[str, Finding]]:
    """Checks a world; what was found, by check."""

    def checked(world: World, *, region: str = REGION, **parameters: str) -> dict[str, Finding]:
        project = folder.project(parameters={"Stage": "dev", **parameters})
        found = check_account(Account(project, world.client, region))
        assert len({one.check for one in found}) == len(found)
        return {one.check: one for one in found}

    return checked


def test_an_empty_account(check: Callable[..., dict[str, Finding]]) -> None:
    """Nothing is there: all will be created, and rights are not known."""
    found = check(World())
    assert {name: one.text for name, one in found.items()} == {
        "region": REGION,
        "credentials": f"account {ACCOUNT}, as {WHO}",
        "stack": "shop will be created",
        "event table": "shop-events will be created",
        "machines": "no other has the name of one of the stack's",
        "key": "none is given: DynamoDB encrypts with its own",
        "rights": f"whether {WHO} may deploy is not checked",
    }
    states = {name: one.state for name, one in found.items()}
    assert states.pop("rights") is State.UNKNOWN
    assert set(states.values()) == {State.OK}


def test_a_stack_that_is_there(check: Callable[..., dict[str, Finding]]) -> None:
    """The stack's own table and machine are no problem."""
    world = World("UPDATE_COMPLETE", ("x", "shop-events", MACHINE), OURS, machine=True)
    found = check(world)
    assert found["stack"].text == "shop is UPDATE_COMPLETE, and will be updated"
    assert found["event table"].text == "shop-events is the stack's"
    assert not [one for one in found.values() if one.state is State.PROBLEM]


def test_no_region(check: Callable[..., dict[str, Finding]]) -> None:
    """Without a Region nobody is asked, and it says where to set one."""
    found = check(World(), region="")
    assert found.keys() == {"region"}
    assert found["region"].state is State.PROBLEM
    assert found["region"].text == "no AWS Region is set"
    assert found["region"].hint.startswith("set region in [dev.deploy.parameters] of samconfig")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (NoCredentialsError(), "no AWS credentials"),
        (refusal("ExpiredToken"), "AWS refuses these credentials (ExpiredToken"),
    ],
)
def test_no_credentials(
    check: Callable[..., dict[str, Finding]], error: Exception, text: str
) -> None:
    """Without credentials nothing else is asked, and it says how to give some."""
    found = check(World(broken={"get_caller_identity": error}))
    assert found.keys() == {"region", "credentials"}
    assert found["credentials"].state is State.PROBLEM
    assert found["credentials"].text.startswith(text)
    assert found["credentials"].hint == (
        "set profile in [dev.deploy.parameters] of samconfig.toml, or AWS_PROFILE; --offline asks"
        " no account"
    )


@pytest.mark.parametrize(
    ("status", "text", "hint"),
    [
        (
            "ROLLBACK_COMPLETE",
            "shop is ROLLBACK_COMPLETE: it can only be deleted",
            "aws cloudformation delete-stack --stack-name shop, then deploy",
        ),
        (
            "UPDATE_ROLLBACK_FAILED",
            "shop is UPDATE_ROLLBACK_FAILED: it cannot be updated",
            "aws cloudformation continue-update-rollback --stack-name shop",
        ),
        (
            "UPDATE_IN_PROGRESS",
            "shop is UPDATE_IN_PROGRESS",
            "wait until it is done: aws cloudformation describe-stacks --stack-name shop",
        ),
    ],
)
def test_a_stack_that_cannot_be_updated(
    check: Callable[..., dict[str, Finding]], status: str, text: str, hint: str
) -> None:
    """Each state says what to do first."""
    found = check(World(status))["stack"]
    assert (found.state, found.text, found.hint) == (State.PROBLEM, text, hint)


@pytest.mark.parametrize("status", ["REVIEW_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"])
def test_a_stack_that_can_be(check: Callable[..., dict[str, Finding]], status: str) -> None:
    """Neither a change set that was never carried out nor a release taken back is a problem."""
    assert check(World(status))["stack"].state is State.OK


def test_somebody_elses_stack(check: Callable[..., dict[str, Finding]]) -> None:
    """A stack of that name that is none of stepsaga's would lose all it has."""
    found = check(World("CREATE_COMPLETE", outputs=("Url",)))["stack"]
    assert found.text.startswith("shop is there already, and is none of stepsaga's")
    assert found.hint == "take another stack_name in samconfig.toml"


@pytest.mark.parametrize("status", ["", "UPDATE_COMPLETE"])
def test_a_table_with_another_key(check: Callable[..., dict[str, Finding]], status: str) -> None:
    """It names the table, both keys, and the way out, whether or not there is a stack."""
    found = check(World(status, table=THEIRS))["event table"]
    assert found.state is State.PROBLEM
    assert found.text == (
        "shop-events is there already, with the key id (HASH N); events need stream_id (HASH S),"
        " slot (RANGE S)"
    )
    assert found.hint == (
        "take another stack_name in samconfig.toml, or export shop-events and delete it"
    )


@pytest.mark.parametrize("status", ["", "UPDATE_COMPLETE", "REVIEW_IN_PROGRESS"])
def test_a_table_that_an_earlier_stack_left(
    check: Callable[..., dict[str, Finding]], status: str
) -> None:
    """Ours, but not the stack's: CloudFormation would fail, and it says how to bring it in."""
    found = check(World(status, table=OURS))["event table"]
    assert found.state is State.PROBLEM
    assert found.text == (
        "table shop-events is there already, and stack shop does not have it: CloudFormation would"
        " fail with 'already exists'"
    )
    assert imported(found) == [
        {
            "ResourceType": "AWS::DynamoDB::Table",
            "LogicalResourceId": "EventTable",
            "ResourceIdentifier": {"TableName": "shop-events"},
        }
    ]


def test_a_table_that_a_failed_deployment_left(check: Callable[..., dict[str, Finding]]) -> None:
    """An empty table of a first deployment that failed is protected, and can go: it says how."""
    hint = check(World(table=OURS))["event table"].hint
    assert hint.startswith("if aws dynamodb scan --table-name shop-events --max-items 1 shows no")
    first, then, last = (
        hint.find(words)
        for words in (
            "update-table --table-name shop-events --no-deletion-protection-enabled",
            "delete-table --table-name shop-events, then deploy; else",
            "take another stack_name",
        )
    )
    assert 0 < first < then < last


def imported(found: Finding) -> Any:
    """What the command of a hint imports."""
    assert "create-change-set --change-set-type IMPORT --stack-name shop" in found.hint
    return json.loads(found.hint.partition("--resources-to-import '")[2].partition("'")[0])


def test_a_table_that_somebody_deleted(check: Callable[..., dict[str, Finding]]) -> None:
    """The stack has it, and it is not there: an update would not make it anew."""
    found = check(World("UPDATE_COMPLETE", ("shop-events",)))["event table"]
    assert found.text == (
        "stack shop has shop-events among its resources, and the table is not there"
    )


def test_a_machine_that_an_earlier_stack_left(check: Callable[..., dict[str, Finding]]) -> None:
    """A retained machine takes the name; it says how to bring it in."""
    found = check(World(machine=True))["machines"]
    assert found.text.startswith("state machine shop-FulfilOrder is there already, and stack shop")
    assert imported(found) == [
        {
            "ResourceType": "AWS::StepFunctions::StateMachine",
            "LogicalResourceId": "FulfilOrderMachine",
            "ResourceIdentifier": {"Arn": MACHINE},
        }
    ]


OF_KEY = "KeyArn in [dev.deploy.parameters] of samconfig.toml"


@pytest.mark.parametrize(
    ("arn", "state", "text"),
    [
        ("1234", "", f"{OF_KEY}: 1234 is no ARN of a KMS key"),
        (KEY.replace("key/", "alias/"), "", f"{OF_KEY}: {KEY.replace('key/', 'alias/')} is no ARN"),
        (KEY.replace(REGION, "us-east-1"), "", f"{OF_KEY}: the key is in us-east-1, and the table"),
        (KEY, "", f"{OF_KEY}: there is no key {KEY}"),
        (KEY, "PendingDeletion", f"{OF_KEY}: the key {KEY} is PendingDeletion"),
    ],
)
def test_a_key_that_cannot_be_used(
    check: Callable[..., dict[str, Finding]], arn: str, state: str, text: str
) -> None:
    """No key, an alias, another Region's, a missing one, one that is off."""
    found = check(World(key=state), KeyArn=arn)["key"]
    assert found.state is State.PROBLEM
    assert found.text.startswith(text)
    assert found.hint


def test_a_key_that_can_be_used(check: Callable[..., dict[str, Finding]]) -> None:
    """A key that is there and enabled."""
    assert check(World(), KeyArn=KEY)["key"].text == f"{KEY} is enabled"


@pytest.mark.parametrize(
    ("operation", "checks"),
    [
        ("describe_stacks", {"stack", "event table", "machines"}),
        ("list_stack_resources", {"event table", "machines"}),
        ("describe_table", {"event table"}),
        ("describe_state_machine", {"machines"}),
        ("describe_key", {"key"}),
    ],
)
def test_what_cannot_be_looked_at_is_not_known(
    check: Callable[..., dict[str, Finding]], operation: str, checks: set[str]
) -> None:
    """A right that lacks is neither fine nor a problem, and hides no other check."""
    broken: dict[str, Exception] = {operation: refusal("AccessDenied")}
    world = World("UPDATE_COMPLETE", table=OURS, broken=broken)
    found = check(world, KeyArn=KEY)
    lacking = {name for name, one in found.items() if "could not be looked at" in one.text}
    assert lacking == checks
    assert {found[name].state for name in checks} == {State.UNKNOWN}
    assert "AccessDenied" in found[min(checks)].text


def test_as_services_answer(folder: Folder) -> None:
    """On moto: what is missing is taken as missing, by the names that services give it."""
    with local_stack() as local:
        account = Account(folder.project(parameters={"Stage": "dev"}), local.client, REGION)
        found = {one.check: one for one in check_account(account)}
        assert {one.state for one in found.values()} == {State.OK, State.UNKNOWN}
        create_table(boto3.client("dynamodb"), "shop-events")
        account = Account(account.project, local.client, REGION)
        found = {one.check: one for one in check_account(account)}
        assert [name for name, one in found.items() if one.state is State.PROBLEM] == [
            "event table"
        ]
