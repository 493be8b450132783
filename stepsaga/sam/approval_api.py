"""What is behind approval links: an API, a function, and the keys that sign them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from stepsaga.runtime.approval_entry import STACK
from stepsaga.runtime.approval_keys import CURRENT, KEYS
from stepsaga.sam import rights
from stepsaga.sam.approval_links import API, FUNCTION, KEYS_ARN, SECRET, STAGE, linked, statements
from stepsaga.sam.bucket import BUCKET
from stepsaga.sam.cfn import NO_VALUE, either, ref, sub
from stepsaga.sam.functions import function_logs, lambda_function

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepsaga.sam.application import Function

SHOWS: Final = "Shows"
DECIDES: Final = "Decides"
"""What the function hears of, by which SAM names what it makes."""
SECONDS: Final = 25
"""API Gateway waits for 29: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html"""
RATE: Final = 20
BURST: Final = 40
"""Requests a second, and at once: of people, and of what looks through their mail."""
_FIRST: Final = "1"
_KEY_CHARACTERS: Final = 48


def approval_api(functions: Sequence[Function]) -> dict[str, Any]:
    """All of it; nothing where no handler takes links."""
    sagas = linked(functions)
    if not sagas:
        return {}
    return {**_function(sagas), API: _api(), SECRET: _secret()}


def made_by_sam() -> list[str]:
    """What SAM calls what it makes of the API and the function's events.

    https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-generated-resources.html
    """
    events = [f"{FUNCTION}{event}Permission{STAGE}" for event in (SHOWS, DECIDES)]
    return [f"{API}{STAGE}Stage", *events]


def _function(sagas: Sequence[str]) -> dict[str, Any]:
    function = lambda_function(
        FUNCTION,
        "Shows what is to be approved, and takes the answer",
        SECONDS,
        256,
        "stepsaga.runtime.approval_entry.handler",
    )
    function["Properties"] |= {
        "Environment": {
            "Variables": {
                "STEPSAGA_EVENT_TABLE": ref("EventTable"),
                "STEPSAGA_EVENT_BUCKET": ref(BUCKET),
                KEYS: KEYS_ARN,
                STACK: ref("AWS::StackName"),
            }
        },
        "Events": {SHOWS: _method("get"), DECIDES: _method("post")},
    }
    machines = [sub(f"{rights.STATES}:stateMachine:{rights.machine_name(one)}") for one in sagas]
    tell = ["states:SendTaskSuccess", "states:SendTaskFailure"]
    rules = [
        *rights.events("PutItem", "GetItem", "Query"),
        *rights.objects(),
        *statements(),
        rights.allow(tell, machines),
        # To MiniStack a token is of no machine: it asks whether all may be told.
        either("IsLocal", rights.allow(tell, "*"), ref(NO_VALUE)),
        *rights.function_basics(FUNCTION, rights.USE_KEY, via=("dynamodb", "s3", "secretsmanager")),
    ]
    return {
        FUNCTION: function,
        f"{FUNCTION}Role": rights.role("lambda", rules),
        f"{FUNCTION}Logs": function_logs(FUNCTION),
    }


def _method(name: str) -> dict[str, Any]:
    return {
        "Type": "Api",
        "Properties": {"RestApiId": ref(API), "Path": "/{token}", "Method": name},
    }


def _api() -> dict[str, Any]:
    """Neither its requests nor their paths are logged: a path is a right to answer."""
    return {
        "Type": "AWS::Serverless::Api",
        "Properties": {
            "Name": sub("${AWS::StackName}-approvals"),
            "StageName": STAGE,
            "EndpointConfiguration": {"Type": "REGIONAL"},
            # Else SAM makes a second stage, "Stage", behind which there is no limit.
            # https://github.com/aws/serverless-application-model/issues/191
            "OpenApiVersion": "3.0.1",
            "MethodSettings": [
                {
                    "ResourcePath": "/*",
                    "HttpMethod": "*",
                    "ThrottlingRateLimit": RATE,
                    "ThrottlingBurstLimit": BURST,
                    "LoggingLevel": "OFF",
                    "DataTraceEnabled": False,
                }
            ],
        },
    }


def _secret() -> dict[str, Any]:
    """The keys: one to begin with, made by Secrets Manager, which nobody has seen.

    None of these properties is ever to be changed: with another one CloudFormation makes a new
    key, and all links that were sent are void.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html
    """
    return {
        "Type": "AWS::SecretsManager::Secret",
        "Properties": {
            "Description": "Keys by which the links of approvals are signed",
            "GenerateSecretString": {
                "SecretStringTemplate": json.dumps({CURRENT: _FIRST}),
                "GenerateStringKey": _FIRST,
                "PasswordLength": _KEY_CHARACTERS,
                "ExcludePunctuation": True,
            },
            "KmsKeyId": either("HasKey", ref("KeyArn")),
        },
    }
