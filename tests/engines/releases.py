"""A stack after some releases, in memory: what CloudFormation, Lambda and Step Functions tell."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from stepsaga.engines.versions import Clients

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=100)
ACCOUNT = "eu-central-1:123456789012"


def function_arn(name: str, qualifier: str = "") -> str:
    """A function's ARN, with a version or an alias."""
    return f"arn:aws:lambda:{ACCOUNT}:function:{name}" + (f":{qualifier}" if qualifier else "")


def machine_arn(name: str) -> str:
    """A machine's ARN."""
    return f"arn:aws:states:{ACCOUNT}:stateMachine:{name}"


def definition(*versions: tuple[str, str]) -> str:
    """A definition whose tasks call these versions of functions."""
    tasks = {
        f"step {n}": {"Type": "Task", "Parameters": {"FunctionName": function_arn(*version)}}
        for n, version in enumerate(versions)
    }
    return json.dumps({"StartAt": "step 0", "States": tasks})


def refusal(code: str, text: str = "as AWS says") -> ClientError:
    """An error as AWS sends it."""
    reply = {
        "Error": {"Code": code, "Message": text},
        "ResponseMetadata": {"HTTPStatusCode": 400},
    }
    return ClientError(reply, "Operation")


@dataclass
class Function:
    """A function: when each version was published, and where its aliases point."""

    versions: dict[int, datetime]
    aliases: dict[str, dict[str, float]] = field(default_factory=dict)
    participant: bool = True


@dataclass
class Execution:
    """An execution, and the definition that it began with."""

    status: str
    definition: str
    stopped: datetime | None = None
    error: str | None = None
    version: int | None = None


@dataclass
class Machine:
    """A machine, its versions, and where its aliases point."""

    definition: str
    versions: dict[int, str] = field(default_factory=dict)
    aliases: dict[str, list[int]] = field(default_factory=dict)
    executions: list[Execution] = field(default_factory=list)
    stack: str = "shop"
    """The stack that has it; none: it was retained."""


@dataclass
class Cloud:
    """An account with the stack ``shop``. All three clients are this object.

    Attributes:
        functions, machines: By name.
        owned: The versions of functions that are the stack's own resources.
        status: The stack's.
        page: How many entries a page of a list has.
        broken: Operations that fail, and how.
        before: Called with each operation's name before it is answered.
        asked: The operations that were called.
        deleted: What was deleted: function and qualifier.
    """

    functions: dict[str, Function] = field(default_factory=dict)
    machines: dict[str, Machine] = field(default_factory=dict)
    owned: list[tuple[str, int]] = field(default_factory=list)
    status: str = "UPDATE_COMPLETE"
    updated: datetime = LONG_AGO
    page: int = 2
    broken: dict[str, Exception] = field(default_factory=dict)
    before: Callable[[str], object] = len
    asked: list[str] = field(default_factory=list)
    deleted: list[tuple[str, str | None]] = field(default_factory=list)

    @property
    def clients(self) -> Clients:
        """The services."""
        return Clients(self, self, self)

    # CloudFormation

    def describe_stacks(self, **parameters: Any) -> Mapping[str, Any]:
        """DescribeStacks."""
        self._ask("describe_stacks")
        assert parameters == {"StackName": "shop"}
        return {"Stacks": [{"StackStatus": self.status, "LastUpdatedTime": self.updated}]}

    def list_stack_resources(self, **parameters: Any) -> Mapping[str, Any]:
        """ListStackResources."""
        self._ask("list_stack_resources")
        found = [("AWS::Lambda::Function", name) for name in self.functions]
        found += [
            ("AWS::Lambda::Version", function_arn(name, str(number))) for name, number in self.owned
        ]
        for name, machine in self.machines.items():
            if machine.stack == "shop":
                found.append(("AWS::StepFunctions::StateMachine", machine_arn(name)))
        listed = [
            {
                "ResourceType": kind,
                "PhysicalResourceId": physical,
                "ResourceStatus": "UPDATE_COMPLETE",
            }
            for kind, physical in found
        ]
        gone = {"ResourceType": "AWS::Lambda::Function", "ResourceStatus": "DELETE_COMPLETE"}
        listed.append({**gone, "PhysicalResourceId": "shop-Gone"})
        return self._page("StackResourceSummaries", listed, "NextToken", parameters)

    def describe_stack_resources(self, **parameters: Any) -> Mapping[str, Any]:
        """DescribeStackResources."""
        self._ask("describe_stack_resources")
        arn = parameters["PhysicalResourceId"]
        stack = self._machine(arn).stack
        if not stack:
            raise refusal("ValidationError", f"Stack for {arn} does not exist")
        return {"StackResources": [{"PhysicalResourceId": arn, "StackName": stack}]}

    # Lambda

    def list_versions_by_function(self, **parameters: Any) -> Mapping[str, Any]:
        """ListVersionsByFunction."""
        self._ask("list_versions_by_function")
        function = self.functions[parameters["FunctionName"]]
        variables = {"STEPSAGA_PARTICIPANT": "handlers.x"} if function.participant else {}
        moments = {"$LATEST": NOW, **{str(n): moment for n, moment in function.versions.items()}}
        listed = [
            {
                "Version": number,
                "Description": f"release {number}",
                "LastModified": f"{moment:%Y-%m-%dT%H:%M:%S.000+0000}",
                "Environment": {"Variables": variables},
            }
            for number, moment in moments.items()
        ]
        return self._page("Versions", listed, "Marker", parameters, "NextMarker")

    def list_aliases(self, **parameters: Any) -> Mapping[str, Any]:
        """ListAliases."""
        self._ask("list_aliases")
        listed = []
        for name, weights in self.functions[parameters["FunctionName"]].aliases.items():
            first, *others = weights
            alias: dict[str, Any] = {"Name": name, "FunctionVersion": first}
            if others:
                weighted = {one: weights[one] for one in others}
                alias["RoutingConfig"] = {"AdditionalVersionWeights": weighted}
            listed.append(alias)
        return self._page("Aliases", listed, "Marker", parameters, "NextMarker")

    def delete_function(self, **parameters: Any) -> Mapping[str, Any]:
        """DeleteFunction."""
        self._ask("delete_function")
        name, qualifier = parameters["FunctionName"], parameters.get("Qualifier")
        assert qualifier is not None, "this would have deleted the function"
        function = self.functions[name]
        if int(qualifier) not in function.versions:
            raise refusal("ResourceNotFoundException")
        if any(qualifier in weights for weights in function.aliases.values()):
            raise refusal("ResourceConflictException", f"Unable to delete version {qualifier}")
        del function.versions[int(qualifier)]
        self.deleted.append((name, qualifier))
        return {}

    # Step Functions

    def list_state_machines(self, **parameters: Any) -> Mapping[str, Any]:
        """ListStateMachines."""
        self._ask("list_state_machines")
        listed = [{"name": name, "stateMachineArn": machine_arn(name)} for name in self.machines]
        return self._page("stateMachines", listed, "nextToken", parameters)

    def describe_state_machine(self, **parameters: Any) -> Mapping[str, Any]:
        """DescribeStateMachine."""
        self._ask("describe_state_machine")
        arn = parameters["stateMachineArn"]
        machine, qualifier = self._machine(arn), _qualifier(arn)
        text = machine.versions[int(qualifier)] if qualifier else machine.definition
        return {"stateMachineArn": arn, "definition": text}

    def list_state_machine_versions(self, **parameters: Any) -> Mapping[str, Any]:
        """ListStateMachineVersions."""
        self._ask("list_state_machine_versions")
        arn = parameters["stateMachineArn"]
        versions = self._machine(arn).versions
        listed = [{"stateMachineVersionArn": f"{arn}:{number}"} for number in versions]
        return self._page("stateMachineVersions", listed, "nextToken", parameters)

    def list_state_machine_aliases(self, **parameters: Any) -> Mapping[str, Any]:
        """ListStateMachineAliases."""
        self._ask("list_state_machine_aliases")
        arn = parameters["stateMachineArn"]
        aliases = self._machine(arn).aliases
        listed = [{"stateMachineAliasArn": f"{arn}:{name}"} for name in aliases]
        return self._page("stateMachineAliases", listed, "nextToken", parameters)

    def describe_state_machine_alias(self, **parameters: Any) -> Mapping[str, Any]:
        """DescribeStateMachineAlias."""
        self._ask("describe_state_machine_alias")
        arn = parameters["stateMachineAliasArn"]
        numbers = self._machine(arn).aliases[_qualifier(arn)]
        bare = arn.rpartition(":")[0]
        routes = [{"stateMachineVersionArn": f"{bare}:{number}"} for number in numbers]
        return {"routingConfiguration": routes}

    def list_executions(self, **parameters: Any) -> Mapping[str, Any]:
        """ListExecutions."""
        self._ask("list_executions")
        arn = parameters["stateMachineArn"]
        listed = []
        for number, one in enumerate(self._machine(arn).executions):
            found: dict[str, Any] = {
                "executionArn": f"{arn.replace(':stateMachine:', ':execution:')}:{number}",
                "status": one.status,
            }
            if one.stopped is not None:
                found["stopDate"] = one.stopped
            if one.version is not None:
                found["stateMachineVersionArn"] = f"{arn}:{one.version}"
            listed.append(found)
        return self._page("executions", listed, "nextToken", parameters)

    def describe_execution(self, **parameters: Any) -> Mapping[str, Any]:
        """DescribeExecution."""
        self._ask("describe_execution")
        one = self._execution(parameters["executionArn"])
        return {"status": one.status, **({"error": one.error} if one.error else {})}

    def describe_state_machine_for_execution(self, **parameters: Any) -> Mapping[str, Any]:
        """DescribeStateMachineForExecution."""
        self._ask("describe_state_machine_for_execution")
        return {"definition": self._execution(parameters["executionArn"]).definition}

    # Inside

    def _ask(self, operation: str) -> None:
        self.before(operation)
        self.asked.append(operation)
        if operation in self.broken:
            raise self.broken[operation]

    def _page(
        self,
        key: str,
        listed: Iterable[Any],
        token: str,
        parameters: Mapping[str, Any],
        next_token: str = "",
    ) -> Mapping[str, Any]:
        everything = list(listed)
        begin = int(parameters.get(token, 0))
        page: dict[str, Any] = {key: everything[begin : begin + self.page]}
        if begin + self.page < len(everything):
            page[next_token or token] = str(begin + self.page)
        return page

    def _machine(self, arn: str) -> Machine:
        return self.machines[arn.split(":")[6]]

    def _execution(self, arn: str) -> Execution:
        *_, machine, number = arn.split(":")
        return self.machines[machine].executions[int(number)]


def _qualifier(arn: str) -> str:
    parts = arn.split(":")
    return parts[7] if len(parts) > 7 else ""
