"""The sagas' state machines: pinned forward, live backward (rule 12), kept when replaced (30)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.names import EVENT_TABLE
from stepsaga.sam import rights, services
from stepsaga.sam.cfn import KEPT_ONCE_DEPLOYED, att, either, ref, sub
from stepsaga.sam.functions import LIVE

if TYPE_CHECKING:
    from stepsaga.sam.application import Machine

KEPT: Final = "KeptDefinitions"
CANARY: Final = {"Type": "CANARY", "Percentage": 10, "Interval": 5}
"""A tenth of the starts goes to a new release for five minutes, then all of them."""


def saga(machine: Machine) -> dict[str, Any]:
    """A saga's resources: its machine, its role, its log group, and in prod version and alias."""
    name = machine.name
    return {
        name: _machine(machine),
        # A machine that is kept needs its role, or nothing that runs on it can be undone.
        f"{name}Role": {
            **_role(machine),
            "DeletionPolicy": either("IsProd", KEPT_ONCE_DEPLOYED, "Delete"),
            "UpdateReplacePolicy": either("IsProd", "Retain", "Delete"),
        },
        f"{name}Logs": logs(machine.saga),
        f"{name}Version": _version(name),
        f"{name}Live": _alias(name, failed(machine)),
    }


def started_as(name: str) -> Any:
    """What starts the saga: in prod the alias, which moves gradually."""
    return either("IsProd", ref(f"{name}Live"), ref(name))


def failed(machine: Machine) -> str:
    """The alarm that rings where a saga ended neither completed nor compensated."""
    return f"{machine.name}Failed"


def _machine(machine: Machine) -> dict[str, Any]:
    substitutions = {
        **{name: ref(f"{name}.Version") for name in machine.pinned},
        **{f"{name}Live": ref(f"{name}.Alias") for name in machine.live},
    }
    if machine.records:
        substitutions[EVENT_TABLE] = ref("EventTable")
    substitutions |= services.substitutions(machine)
    return {
        "Type": "AWS::Serverless::StateMachine",
        # Its graph is kept before the first saga can run on it (rule 9).
        "DependsOn": [KEPT],
        # Deleting a machine ends its executions where they stand, uncompensated.
        "DeletionPolicy": either("IsProd", KEPT_ONCE_DEPLOYED, "Delete"),
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "Name": sub(rights.machine_name(machine.saga)),
            "DefinitionUri": machine.file,
            "DefinitionSubstitutions": substitutions,
            "Role": att(f"{machine.name}Role.Arn"),
            **observed(machine.name),
        },
    }


def _role(machine: Machine) -> dict[str, Any]:
    functions = list(dict.fromkeys([*machine.pinned, *machine.live]))
    statements = rights.machine(functions, records=machine.records)
    if machine.maps:
        statements += rights.distributed(machine.saga)
    return rights.role("states", [*statements, *services.statements(machine)])


def observed(name: str) -> dict[str, Any]:
    """A machine's properties that say where it tells its errors, and that it is traced."""
    # The log group's ARN ends in ":*", as Step Functions wants it.
    group = {"CloudWatchLogsLogGroup": {"LogGroupArn": att(f"{name}Logs.Arn")}}
    return {
        "Logging": {"Level": "ERROR", "IncludeExecutionData": False, "Destinations": [group]},
        "Tracing": {"Enabled": True},
    }


def logs(saga: str) -> dict[str, Any]:
    """A machine's log group."""
    return {
        "Type": "AWS::Logs::LogGroup",
        "Properties": {
            # This prefix keeps the account's resource policy for log delivery short:
            # https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
            "LogGroupName": sub(f"/aws/vendedlogs/states/${{AWS::StackName}}-{saga}"),
            "RetentionInDays": ref("LogRetentionDays"),
        },
    }


def _version(name: str) -> dict[str, Any]:
    return {
        "Type": "AWS::StepFunctions::StateMachineVersion",
        "Condition": "IsProd",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "StateMachineArn": ref(name),
            "StateMachineRevisionId": att(f"{name}.StateMachineRevisionId"),
        },
    }


def _alias(name: str, alarm: str) -> dict[str, Any]:
    preference = {
        "StateMachineVersionArn": ref(f"{name}Version"),
        **CANARY,
        "Alarms": [ref(alarm)],
    }
    return {
        "Type": "AWS::StepFunctions::StateMachineAlias",
        "Condition": "IsProd",
        "Properties": {"Name": LIVE, "DeploymentPreference": preference},
    }
