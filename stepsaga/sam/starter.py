"""What starts sagas by triggers: rules, queues, an API, and one function behind them (rule 29)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.fingerprint import canonical
from stepsaga.errors import DeploymentError
from stepsaga.graph import EventTrigger, QueueTrigger, RequestTrigger, ScheduleTrigger
from stepsaga.limits import OBJECT_PREFIX
from stepsaga.recovery.messages import TRIGGERS
from stepsaga.recovery.starter_entry import FROM
from stepsaga.recovery.starter_entry import FUNCTION as STARTER
from stepsaga.recovery.triggers import known_triggers
from stepsaga.sam import children, dead_letters, rights
from stepsaga.sam.bucket import BUCKET
from stepsaga.sam.cfn import att, ref, sub
from stepsaga.sam.destinations import DEFAULT_BUS
from stepsaga.sam.functions import function_logs, lambda_function
from stepsaga.sam.sources import closure, digest_of, is_here

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from stepsaga.graph import SagaGraph, Trigger
    from stepsaga.recovery.triggers import KnownTrigger

API: Final = "StartApi"
STAGE: Final = "live"
"""The API's one stage, which is part of its address."""
SECONDS: Final = 30
"""No longer than what a queue hides a message for by default: Lambda refuses such a queue.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""
HIDDEN_SECONDS: Final = 6 * SECONDS
RECEIVES: Final = 20
"""With `HIDDEN_SECONDS` a trouble may last an hour before what came meanwhile is a dead letter."""
_QUEUE: Final = "AWS::SQS::Queue"
_BUS: Final = "AWS::Events::EventBus"


@dataclass(frozen=True, slots=True)
class Starting:
    """All triggers of a project.

    Attributes:
        triggers: As the starter knows each, and as its saga's graph has it.
        files: What the starter carries, relative to the project.
        digest: Of both: what is written in the template says whether it is to be built anew.
    """

    triggers: tuple[tuple[KnownTrigger, Trigger], ...]
    files: tuple[Path, ...]
    digest: str

    @property
    def known(self) -> list[dict[str, Any]]:
        """What the starter's file holds."""
        return [known.json() for known, _ in self.triggers]

    @property
    def sagas(self) -> list[str]:
        """The sagas that have triggers."""
        return list(dict.fromkeys(known.saga for known, _ in self.triggers))

    @property
    def queues(self) -> list[str]:
        """The logical ids of all queues that it reads, ours first."""
        ruled = any(isinstance(one, EventTrigger | ScheduleTrigger) for _, one in self.triggers)
        own = [one.queue for _, one in self.triggers if isinstance(one, QueueTrigger)]
        return [TRIGGERS] * ruled + own

    @property
    def requests(self) -> list[tuple[KnownTrigger, RequestTrigger]]:
        """The routes of the API."""
        return [(known, one) for known, one in self.triggers if isinstance(one, RequestTrigger)]


def starting_of(root: Path, graphs: Iterable[SagaGraph]) -> Starting | None:
    """What starts these sagas; None where nothing does.

    Raises:
        DeploymentError: Two sagas would be started by one queue or route; a file is missing.
    """
    found = [
        pair for graph in graphs for pair in zip(known_triggers(graph), graph.triggers, strict=True)
    ]
    if not found:
        return None
    taken: dict[str, KnownTrigger] = {}
    for known, _ in found:
        for mark in filter(None, (known.key, known.source)):
            other = taken.setdefault(mark, known)
            if other is not known:
                raise DeploymentError(
                    f"{other.what} and {known.what} are started by the same, or would have one"
                    f" name ({mark}): give each a queue or a route of its own, or another name"
                )
    needed = {
        reference.partition(":")[0]
        for known, _ in found
        for reference in (known.model, known.detail, known.convert)
    }
    here = {module for module in needed if module and is_here(root, module)}
    files = closure(root, here)
    content = [digest_of(root, files), *(known.json() for known, _ in found)]
    digest = hashlib.sha256(canonical(content).encode()).hexdigest()
    return Starting(tuple(found), files, digest)


def starter(starting: Starting) -> dict[str, Any]:
    """The function, and what it hears of."""
    return {
        **_function(starting),
        **(_queue(starting) if TRIGGERS in starting.queues else {}),
        **({API: _api()} if starting.requests else {}),
        **dict(_rules(starting)),
    }


def check_triggers(file: str, own: Mapping[str, Any], starting: Starting) -> None:
    """Refuse queues and buses that are not there, or are something else.

    Raises:
        DeploymentError: Names the trigger, and what stands there.
    """
    for known, one in starting.triggers:
        match one:
            case QueueTrigger(queue=name):
                wanted = _QUEUE
            case EventTrigger() if one.event.bus != DEFAULT_BUS:
                name, wanted = one.event.bus, _BUS
            case _:
                continue
        resource = own["Resources"].get(name)
        found = resource.get("Type") if isinstance(resource, dict) else None
        if found != wanted:
            what = f"is {found}" if found else "is not there"
            raise DeploymentError(
                f"{file}: {known.what} needs {name}, which {what}: declare the resource {name}"
                f" with the Type {wanted}"
            )
        hidden = (resource.get("Properties") or {}).get("VisibilityTimeout")
        if isinstance(hidden, int) and hidden < SECONDS:
            raise DeploymentError(
                f"{file}: {name} hides a message for {hidden} s, and Lambda refuses a queue with"
                f" less than its function's {SECONDS} s: let VisibilityTimeout be {HIDDEN_SECONDS}"
            )


def made_by_sam(starting: Starting | None) -> list[str]:
    """What SAM calls the resources that it makes of the function's events, and of the API."""
    if starting is None:
        return []
    queues = [f"{STARTER}{_source(queue)}" for queue in starting.queues]
    requests = [f"{STARTER}{known.key}Permission{STAGE}" for known, _ in starting.requests]
    api = [f"{API}{STAGE}Stage"] if requests else []
    return [*queues, *requests, *api]


def outputs(starting: Starting | None) -> dict[str, Any]:
    """Where the API is."""
    if starting is None or not starting.requests:
        return {}
    address = f"https://${{{API}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{STAGE}"
    return {API: {"Description": "Where requests start sagas", "Value": sub(address)}}


def _function(starting: Starting) -> dict[str, Any]:
    function = lambda_function(
        STARTER,
        "Starts sagas by events, schedules, messages and requests, each once",
        SECONDS,
        256,
        "stepsaga.recovery.starter_entry.handler",
    )
    function["Metadata"]["Content"] = starting.digest
    variables = {
        "STEPSAGA_EVENT_TABLE": ref("EventTable"),
        **children.environment(starting.sagas),
        **dead_letters.environment(),
        **{f"{FROM}{queue}": ref(queue) for queue in starting.queues},
    }
    function["Properties"] |= {"Environment": {"Variables": variables}, "Events": _events(starting)}
    return {
        STARTER: function,
        f"{STARTER}Role": rights.role("lambda", _statements(starting)),
        f"{STARTER}Logs": function_logs(STARTER),
    }


def _events(starting: Starting) -> dict[str, Any]:
    found: dict[str, Any] = {
        _source(queue): {
            "Type": "SQS",
            "Properties": {
                "Queue": att(f"{queue}.Arn"),
                "BatchSize": 10,
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
            },
        }
        for queue in starting.queues
    }
    for known, one in starting.requests:
        properties = {"RestApiId": ref(API), "Path": one.path, "Method": one.method.lower()}
        if one.auth == "NONE":
            properties["Auth"] = {"Authorizer": "NONE"}
        found[known.key] = {"Type": "Api", "Properties": properties}
    return found


def _source(queue: str) -> str:
    return f"From{queue}"


def _statements(starting: Starting) -> list[Any]:
    """Starting these sagas, comparing with what was started before, and their messages."""
    named = [rights.machine_name(saga) for saga in starting.sagas]
    machines = [sub(f"{rights.STATES}:stateMachine:{name}") for name in named]
    aliases = [sub(f"{rights.STATES}:stateMachine:{name}:live") for name in named]
    executions = [sub(f"{rights.STATES}:execution:{name}:*") for name in named]
    taking = [f"sqs:{one}" for one in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")]
    queues = [att(f"{queue}.Arn") for queue in starting.queues]
    return [
        *rights.events("GetItem", "Query"),
        rights.allow(["s3:GetObject"], sub(f"${{{BUCKET}.Arn}}/{OBJECT_PREFIX}*")),
        rights.allow(["states:StartExecution"], [*machines, *aliases]),
        rights.allow(["states:DescribeExecution"], executions),
        *([rights.allow(taking, queues)] if queues else []),
        dead_letters.may_send(),
        *rights.function_basics(STARTER, rights.READ_KEY, via=("dynamodb", "s3")),
    ]


def _queue(starting: Starting) -> dict[str, Any]:
    rules = [att(f"{known.key}.Arn") for known in _ruled(starting)]
    return {
        TRIGGERS: {
            "Type": _QUEUE,
            "Properties": {
                "VisibilityTimeout": HIDDEN_SECONDS,
                "SqsManagedSseEnabled": True,
                "RedrivePolicy": dead_letters.redrive(RECEIVES),
            },
        },
        f"{TRIGGERS}Policy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [ref(TRIGGERS)],
                "PolicyDocument": dead_letters.by_rules(TRIGGERS, rules),
            },
        },
    }


def _ruled(starting: Starting) -> list[KnownTrigger]:
    return [k for k, one in starting.triggers if isinstance(one, EventTrigger | ScheduleTrigger)]


def _rules(starting: Starting) -> Iterator[tuple[str, dict[str, Any]]]:
    for known, one in starting.triggers:
        match one:
            case EventTrigger(event=event, where=where):
                detail = {"detail": dict(where)} if where else {}
                pattern = {"source": [event.source], "detail-type": [event.name], **detail}
                bus = {} if event.bus == DEFAULT_BUS else {"EventBusName": ref(event.bus)}
                heard: dict[str, Any] = {**bus, "EventPattern": pattern}
            case ScheduleTrigger(expression=expression):
                heard = {"ScheduleExpression": expression}
            case _:
                continue
        yield (
            known.key,
            {
                "Type": "AWS::Events::Rule",
                # A new trigger's events must not meet a function that does not know it yet.
                "DependsOn": [STARTER],
                "Properties": {
                    "Description": sub(f"${{AWS::StackName}}: starts {known.saga}"),
                    **heard,
                    "Targets": [_target(known)],
                },
            },
        )


def _target(known: KnownTrigger) -> dict[str, Any]:
    """The queue: EventBridge cannot name an execution (rule 29).

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
    """
    template = f'{{"trigger": "{known.key}", "event": <aws.events.event.json>}}'
    return {
        "Id": TRIGGERS,
        "Arn": att(f"{TRIGGERS}.Arn"),
        "InputTransformer": {"InputTemplate": template},
        "DeadLetterConfig": {"Arn": att(f"{dead_letters.DEAD_LETTERS}.Arn")},
    }


def _api() -> dict[str, Any]:
    """Whoever calls it needs the right ``execute-api:Invoke``, where a route does not say else."""
    return {
        "Type": "AWS::Serverless::Api",
        "Properties": {
            "Name": sub("${AWS::StackName}-start"),
            "StageName": STAGE,
            # Without it SAM makes a second stage, called Stage.
            "OpenApiVersion": "3.0.1",
            "EndpointConfiguration": {"Type": "REGIONAL"},
            "TracingEnabled": True,
            # The function is called by API Gateway, not as whoever has signed the request.
            "Auth": {"DefaultAuthorizer": "AWS_IAM", "InvokeRole": "NONE"},
        },
    }
