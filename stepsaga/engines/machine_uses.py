"""Who names a function's version from a stack's state machines: definitions, and open executions.

An execution counts as open as long as it can go on: it runs, or it was closed in the last 14 days
with something left to do, and so can be redriven, on the definition that it began with. That is
read by DescribeStateMachineForExecution. An emulator that answers it with the machine's present
definition (MiniStack does) hides what its older executions name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import ClientError

from stepsaga.asl.names import UNDONE
from stepsaga.engines.explained import explained
from stepsaga.engines.paging import pages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from stepsaga.engines.naming import Named, Names, Uses

REDRIVABLE: Final = timedelta(days=14, hours=1)
"""After its close, with an hour for clocks that differ.
https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html"""
MACHINE: Final = "AWS::StepFunctions::StateMachine"
MACHINE_VERSION: Final = "AWS::StepFunctions::StateMachineVersion"
_OPEN: Final = frozenset({"RUNNING", "PENDING_REDRIVE"})
_FAILED: Final = "FAILED"
_SUCCEEDED: Final = "SUCCEEDED"


class MachinesClient(Protocol):
    """What is used of ``boto3.client("stepfunctions")``."""

    def list_state_machines(self, **parameters: Any) -> Mapping[str, Any]:
        """ListStateMachines."""
        ...

    def describe_state_machine(self, **parameters: Any) -> Mapping[str, Any]:
        """DescribeStateMachine."""
        ...

    def list_state_machine_versions(self, **parameters: Any) -> Mapping[str, Any]:
        """ListStateMachineVersions."""
        ...

    def list_state_machine_aliases(self, **parameters: Any) -> Mapping[str, Any]:
        """ListStateMachineAliases."""
        ...

    def describe_state_machine_alias(self, **parameters: Any) -> Mapping[str, Any]:
        """DescribeStateMachineAlias."""
        ...

    def list_executions(self, **parameters: Any) -> Mapping[str, Any]:
        """ListExecutions."""
        ...

    def describe_execution(self, **parameters: Any) -> Mapping[str, Any]:
        """DescribeExecution."""
        ...

    def describe_state_machine_for_execution(self, **parameters: Any) -> Mapping[str, Any]:
        """DescribeStateMachineForExecution."""
        ...


class OwnersClient(Protocol):
    """What is used of ``boto3.client("cloudformation")``."""

    def describe_stack_resources(self, **parameters: Any) -> Mapping[str, Any]:
        """DescribeStackResources."""
        ...


@dataclass(frozen=True, slots=True)
class Leftover:
    """What a stack has left behind, that nothing uses, and that is not deleted here.

    Attributes:
        what: ``machine shop-OldSaga, which …``.
        command: What deletes it.
    """

    what: str
    command: str


class MachineUses:
    """Notes what a stack's machines name. Every method raises as `explained` does.

    Args:
        machines: A client of Step Functions.
        owners: One of CloudFormation.
        names: Finds versions in definitions.
        uses: Where to note them.
        now: The time, aware.
    """

    def __init__(
        self,
        machines: MachinesClient,
        owners: OwnersClient,
        *,
        names: Names,
        uses: Uses,
        now: datetime,
    ) -> None:
        self._client = machines
        self._owners = owners
        self._names = names
        self._uses = uses
        self._now = now

    def note(self, stack: str, resources: Sequence[Mapping[str, Any]]) -> list[Leftover]:
        """Note what the machines of a stack name, and those of its earlier releases.

        Args:
            stack: The stack's name.
            resources: Its resources, as ListStackResources tells them.

        Returns:
            Machines, and versions of machines, that nothing needs any more.
        """
        own, released = _physical(resources, MACHINE), _physical(resources, MACHINE_VERSION)
        leftovers = []
        for arn in own:
            leftovers += self._note_machine(arn, released)
            self._note_executions(arn)
        for arn in self._retained(stack, own):
            spare = self._note_machine(arn, released)
            leftovers += spare if self._note_executions(arn) else [_retired(arn)]
        return leftovers

    # Machines

    def _retained(self, stack: str, own: frozenset[str]) -> list[str]:
        """Machines of earlier releases: called like the stack's, and in no stack any more."""
        listed = pages("the list of machines", self._client.list_state_machines, "nextToken")
        found = [
            one["stateMachineArn"]
            for page in listed
            for one in page["stateMachines"]
            if one["name"].startswith(f"{stack}-") and one["stateMachineArn"] not in own
        ]
        return [arn for arn in found if self._owner(arn) in ("", stack)]

    def _owner(self, arn: str) -> str:
        """The stack that has a machine: those of ``shop-dev`` are called like those of ``shop``."""
        with explained(f"the stack of machine {_name(arn)}"):
            try:
                reply = self._owners.describe_stack_resources(PhysicalResourceId=arn)
            except ClientError as error:
                if "does not exist" in str(error):
                    return ""
                raise
        owners = (
            one["StackName"] for one in reply["StackResources"] if one["PhysicalResourceId"] == arn
        )
        return str(next(owners, ""))

    def _note_machine(self, arn: str, released: frozenset[str]) -> list[Leftover]:
        """Note what a machine's definitions name; return those of its versions that can go."""
        self._uses.note(self._defined(arn), f"machine {_name(arn)}")
        listed = [
            one["stateMachineVersionArn"]
            for page in pages(
                f"the versions of machine {_name(arn)}",
                self._client.list_state_machine_versions,
                "nextToken",
                stateMachineArn=arn,
            )
            for one in page["stateMachineVersions"]
        ]
        routed = self._routed(arn)
        for version in dict.fromkeys([*listed, *routed]):
            self._uses.note(self._defined(version), f"machine {_name(version)}")
        newest = max(listed, key=_number_of, default="")
        spare = set(listed) - routed - released - {newest}
        return [_spare(version) for version in sorted(spare, key=_number_of)]

    def _routed(self, arn: str) -> set[str]:
        """The versions to which a machine's aliases point."""
        aliases = [
            one["stateMachineAliasArn"]
            for page in pages(
                f"the aliases of machine {_name(arn)}",
                self._client.list_state_machine_aliases,
                "nextToken",
                stateMachineArn=arn,
            )
            for one in page["stateMachineAliases"]
        ]
        routed: set[str] = set()
        for alias in aliases:
            with explained(f"alias {_name(alias)}"):
                reply = self._client.describe_state_machine_alias(stateMachineAliasArn=alias)
            routed |= {one["stateMachineVersionArn"] for one in reply["routingConfiguration"]}
        return routed

    def _defined(self, arn: str) -> Named:
        with explained(f"machine {_name(arn)}"):
            reply = self._client.describe_state_machine(stateMachineArn=arn)
        return self._names.named(reply["definition"])

    # Executions

    def _note_executions(self, arn: str) -> int:
        """Note what the open executions of a machine name; return how many there are.

        All of them in one list: what changes its status between two lists could be in neither.
        """
        by_version: dict[str, Named] = {}
        count = 0
        for one in self._listed(arn):
            if not self._is_open(one):
                continue
            count += 1
            version = one.get("stateMachineVersionArn")
            named = by_version.get(version) if version else None
            if named is None:
                named = self._of_execution(one["executionArn"])
                if version:  # which never changes
                    by_version[version] = named
            self._uses.note(named, "open execution", counted=True)
        return count

    def _listed(self, arn: str) -> Iterator[Mapping[str, Any]]:
        for page in pages(
            f"the executions of machine {_name(arn)}",
            self._client.list_executions,
            "nextToken",
            stateMachineArn=arn,
            maxResults=1000,
        ):
            yield from page["executions"]

    def _is_open(self, execution: Mapping[str, Any]) -> bool:
        """Whether it runs, or can be redriven with something left to do."""
        status, stopped = execution["status"], execution.get("stopDate")
        if status in _OPEN or status == _SUCCEEDED:
            return status in _OPEN
        if stopped is not None and self._now - stopped > REDRIVABLE:
            return False
        # Only what failed can have been undone: who stops an execution may give it any error.
        return status != _FAILED or self._error(execution["executionArn"]) != UNDONE

    def _error(self, arn: str) -> str | None:
        with explained(f"execution {arn}"):
            reply = self._client.describe_execution(executionArn=arn)
        # It may have been redriven since it was listed.
        return reply.get("error") if reply["status"] == _FAILED else None

    def _of_execution(self, arn: str) -> Named:
        with explained(f"the definition of execution {arn}"):
            reply = self._client.describe_state_machine_for_execution(executionArn=arn)
        return self._names.named(reply["definition"])


def _physical(resources: Sequence[Mapping[str, Any]], kind: str) -> frozenset[str]:
    return frozenset(one["PhysicalResourceId"] for one in resources if one["ResourceType"] == kind)


def _retired(arn: str) -> Leftover:
    command = f"aws stepfunctions delete-state-machine --state-machine-arn {arn}"
    return Leftover(f"machine {_name(arn)}, which is in no stack: no execution is open", command)


def _spare(version: str) -> Leftover:
    command = (
        f"aws stepfunctions delete-state-machine-version --state-machine-version-arn {version}"
    )
    return Leftover(f"machine version {_name(version)}, to which no alias points", command)


def _name(arn: str) -> str:
    """A machine's name, with its version or alias: what follows ``stateMachine:`` in its ARN."""
    return arn.partition(":stateMachine:")[2] or arn


def _number_of(version_arn: str) -> int:
    number = version_arn.rpartition(":")[2]
    return int(number) if number.isdigit() else 0
