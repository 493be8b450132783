"""What sees to it that sagas end well whose executions did not: a function, and a machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.names import definition_file
from stepsaga.asl.undo import FUNCTION, NAME
from stepsaga.errors import DeploymentError
from stepsaga.limits import OBJECT_PREFIX
from stepsaga.recovery.deployed import CHILDREN, MACHINES, OPEN_SAGAS, SAGAS, UNDO
from stepsaga.recovery.entry import FUNCTIONS, SWEEP
from stepsaga.runtime.lambda_entry import EVENT_BUCKET
from stepsaga.sam import children, rights
from stepsaga.sam.asked import MOST_ENVIRONMENT
from stepsaga.sam.bucket import BUCKET
from stepsaga.sam.cfn import KEPT_ONCE_DEPLOYED, att, either, ref, sub
from stepsaga.sam.functions import LIVE, function_logs, lambda_function
from stepsaga.sam.machines import logs, observed
from stepsaga.sam.table import unsuccessful

if TYPE_CHECKING:
    from stepsaga.sam.application import Application

MACHINE: Final = f"{NAME}Machine"
TABLE: Final = "OpenSagas"
ENDED: Final = "Ended"
SWEPT: Final = "Sweep"
"""What the function hears of, by which SAM names what it makes."""
LONGEST_FUNCTION: Final = 130
"""Bytes for a participant besides its module: an ARN with a name of 64 characters, quotes, commas.
https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html"""
OTHER_BYTES: Final = 500
"""For the other variables, and the names of all."""
SECONDS: Final = 300
"""A sweep looks at all that has ended other than well."""
KEPT: Final = {
    "DeletionPolicy": either("IsProd", KEPT_ONCE_DEPLOYED, "Delete"),
    "UpdateReplacePolicy": either("IsProd", "Retain", "Delete"),
}
"""What was retained of a stack, its machines, goes on to be swept, and undone."""


def recovery(application: Application) -> dict[str, Any]:
    """The function that looks and plans, and the machine that undoes."""
    return {**_function(application), **_machine(application)}


def _function(application: Application) -> dict[str, Any]:
    functions = {one.module: f"${{{one.name}.Arn}}:{LIVE}" for one in application.functions}
    _check_room(application)
    function = lambda_function(
        FUNCTION,
        "Undoes sagas from their log, and looks for those that need it",
        SECONDS,
        512,
        "stepsaga.recovery.entry.handler",
    )
    function["Properties"] |= {
        "Environment": {
            "Variables": {**environment(application), FUNCTIONS: sub(json.dumps(functions))}
        },
        "Events": {
            ENDED: unsuccessful(application.machines),
            SWEPT: {
                "Type": "Schedule",
                "Properties": {"Schedule": "rate(5 minutes)", "Input": json.dumps({"do": SWEEP})},
            },
        },
    }
    listed = [ref(one.name) for one in application.machines]
    statements = [
        *looking(),
        rights.allow(["dynamodb:Scan"], att(f"{TABLE}.Arn")),
        rights.allow(["states:ListExecutions"], listed),
        rights.allow(
            ["states:StopExecution"], [_executions(one.saga) for one in application.machines]
        ),
        # It tells what a child came to that it has looked at.
        *children.telling(application.functions),
        *rights.function_basics(FUNCTION, rights.USE_KEY, via=("dynamodb", "s3")),
    ]
    return {
        FUNCTION: function | KEPT,
        f"{FUNCTION}Role": rights.role("lambda", statements) | KEPT,
        f"{FUNCTION}Logs": function_logs(FUNCTION),
    }


def environment(application: Application) -> dict[str, Any]:
    """The variables of who looks at sagas."""
    started = any(one.starts for one in application.functions)
    bucket = started or any(one.maps for one in application.machines)
    return {
        "STEPSAGA_EVENT_TABLE": ref("EventTable"),
        OPEN_SAGAS: ref(TABLE),
        MACHINES: sub(f"{rights.STATES}:stateMachine:{rights.machine_name('')}"),
        SAGAS: ",".join(one.saga for one in application.machines),
        UNDO: sub(rights.UNDO_ARN),
        **({CHILDREN: "1"} if started else {}),
        **({EVENT_BUCKET: ref(BUCKET)} if bucket else {}),
    }


def looking() -> list[Any]:
    """The rights of who looks at a saga, has it undone, and says whether it is open.

    Of all machines of the stack, also those that it has retained: their sagas go on.
    """
    described = ["states:DescribeExecution", "states:DescribeStateMachineForExecution"]
    kept = [f"dynamodb:{action}" for action in ("PutItem", "UpdateItem", "DeleteItem")]
    return [
        *rights.events("PutItem", "GetItem", "Query"),
        rights.allow(kept, att(f"{TABLE}.Arn")),
        rights.allow(["s3:GetObject"], sub(f"${{{BUCKET}.Arn}}/{OBJECT_PREFIX}*")),
        rights.allow(described, _executions("*")),
        rights.allow(["states:StartExecution"], sub(rights.UNDO_ARN)),
    ]


def _executions(saga: str) -> Any:
    return sub(f"{rights.STATES}:execution:{rights.machine_name(saga)}:*")


def _check_room(application: Application) -> None:
    """Refuse more participants than the function's variables can name.

    Raises:
        DeploymentError: Says what to do.
    """
    participants = sum(len(one.module) + LONGEST_FUNCTION for one in application.functions)
    sagas = sum(len(one.saga) + 1 for one in application.machines)
    if participants + sagas + OTHER_BYTES > MOST_ENVIRONMENT:
        raise DeploymentError(
            f"{len(application.functions)} participants and {len(application.machines)} sagas may"
            f" not fit the {MOST_ENVIRONMENT:,} bytes of variables of the function {FUNCTION}:"
            " split the sagas into two projects, each with its own stack and event table"
        )


def _machine(application: Application) -> dict[str, Any]:
    kept = either("IsProd", KEPT_ONCE_DEPLOYED, "Delete")
    called = [f"${{{one.name}.Arn}}:{LIVE}" for one in application.functions]
    calls = [att(f"{FUNCTION}.Arn"), *map(sub, called)]
    statements = [rights.allow(["lambda:InvokeFunction"], calls), *rights.machine_basics()]
    return {
        MACHINE: {
            "Type": "AWS::Serverless::StateMachine",
            # Deleting a machine ends its executions where they stand: half undone.
            "DeletionPolicy": kept,
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "Name": sub(rights.machine_name(NAME)),
                "DefinitionUri": definition_file(NAME),
                "DefinitionSubstitutions": {FUNCTION: att(f"{FUNCTION}.Arn")},
                "Role": att(f"{MACHINE}Role.Arn"),
                **observed(MACHINE),
            },
        },
        f"{MACHINE}Role": {
            **rights.role("states", statements),
            "DeletionPolicy": kept,
            "UpdateReplacePolicy": either("IsProd", "Retain", "Delete"),
        },
        f"{MACHINE}Logs": logs(NAME),
    }
