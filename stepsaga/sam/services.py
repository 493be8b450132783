"""What state machines do themselves by services: what they are told of these, and may do there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.names import DEFAULT_BUS
from stepsaga.errors import DeploymentError
from stepsaga.graph import Target, TargetKind, Text, leaves
from stepsaga.sam import rights
from stepsaga.sam.asked import check_statement
from stepsaga.sam.cfn import att, ref, sub
from stepsaga.sam.destinations import default_bus
from stepsaga.sam.references import PSEUDO, in_text, resolved, texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from stepsaga.graph import Service
    from stepsaga.sam.application import Application, Machine

TYPES: Final[Mapping[TargetKind, tuple[str, ...]]] = {
    TargetKind.QUEUE: ("AWS::SQS::Queue",),
    TargetKind.TOPIC: ("AWS::SNS::Topic",),
    TargetKind.BUS: ("AWS::Events::EventBus",),
    TargetKind.TABLE: (
        "AWS::DynamoDB::Table",
        "AWS::DynamoDB::GlobalTable",
        "AWS::Serverless::SimpleTable",
    ),
    TargetKind.MACHINE: ("AWS::Serverless::StateMachine", "AWS::StepFunctions::StateMachine"),
    TargetKind.CONNECTION: ("AWS::Events::Connection",),
}
"""What a template calls each kind; anything can be an action's own resource."""
_LIVE: Final = ":live"


def targets(services: Iterable[Service]) -> list[Target]:
    """What actions work on, each once, but for the account's own bus."""
    own = Target(TargetKind.BUS, DEFAULT_BUS)
    found = [one for service in services for one in _targets(service)]
    return list(dict.fromkeys(one for one in found if one != own))


def substitutions(machine: Machine) -> dict[str, Any]:
    """What a definition is told of each: a queue's URL, a bus's and a table's name, other ARNs."""
    return {
        one.name: att(f"{one.name}.Arn") if one.kind is TargetKind.CONNECTION else ref(one.name)
        for one in targets(machine.services)
    }


def statements(machine: Machine) -> list[Any]:
    """The rights that a machine needs for its actions, and no more."""
    found: list[Any] = []
    for service in machine.services:
        found += [one for one in _statements(machine.saga, service) if one not in found]
    return found


def _statements(saga: str, service: Service) -> Iterator[Any]:
    kind, _, action = service.action.partition(":")
    target = next(iter(_targets(service)), None)
    name = target.name if target else ""
    if service.policies:
        yield from (resolved(statement) for statement in service.policies)
    match kind:
        case "sqs":
            yield rights.allow(["sqs:SendMessage"], att(f"{name}.Arn"))
        case "sns":
            yield rights.allow(["sns:Publish"], ref(name))
        case "events":
            bus = sub(default_bus()) if name == DEFAULT_BUS else att(f"{name}.Arn")
            yield rights.allow(["events:PutEvents"], bus)
        case "dynamodb":
            permitted = f"dynamodb:{action[:1].upper()}{action[1:]}"
            yield rights.allow([permitted], att(f"{name}.Arn"))
        case "states":
            started = [ref(name), sub(f"${{{name}}}{_LIVE}")]
            yield rights.allow(["states:StartExecution"], started)
        case "http":
            yield from _http(saga, name, service.parameters)


def _http(saga: str, connection: str, parameters: Mapping[str, Any]) -> Iterator[Any]:
    """https://docs.aws.amazon.com/step-functions/latest/dg/call-https-apis.html."""
    url = parameters.get("ApiEndpoint")
    parts = url.parts if isinstance(url, Text) else (url,)
    endpoint = "".join(one if type(one) is str else "*" for one in parts)
    condition = {
        "StringEquals": {"states:HTTPMethod": parameters.get("Method")},
        "StringLike": {"states:HTTPEndpoint": endpoint},
    }
    machine = sub(f"{rights.STATES}:stateMachine:{rights.machine_name(saga)}")
    yield rights.allow(["states:InvokeHTTPEndpoint"], machine, Condition=condition)
    yield rights.allow(["events:RetrieveConnectionCredentials"], att(f"{connection}.Arn"))
    secret = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
    yield rights.allow(secret, att(f"{connection}.SecretArn"))


def check_services(
    file: str,
    own: Mapping[str, Any],
    generated: Mapping[str, Mapping[str, Any]],
    application: Application,
) -> None:
    """Refuse actions on what is not there, or is something else; rights that are none.

    Raises:
        DeploymentError: Names the saga, the action, and what stands there.
    """
    resources = {**own["Resources"], **generated["Resources"]}
    known = {*resources, *own["Parameters"], *PSEUDO}
    for machine in application.machines:
        for service in machine.services:
            about = f"{file}: {machine.saga} does {service.action}"
            for target in targets([service]):
                if target.kind is TargetKind.TABLE and target.name in generated["Resources"]:
                    text = "is stepsaga's own: only the event store may write there"
                    raise DeploymentError(f"{about} on {target.name}, which {text}")
                _check_target(about, target, service, resources.get(target.name))
            for statement in service.policies:
                check_statement(f"{machine.saga}: {service.action}", statement)
                for text in texts(statement):
                    if unknown := [name for name in in_text(text) if name not in known]:
                        raise DeploymentError(
                            f"{about}, whose policies speak of {unknown[0]}: there is no such"
                            " resource; declare it, or mend the name"
                        )


def _check_target(about: str, target: Target, service: Service, resource: Any) -> None:
    found = resource.get("Type") if isinstance(resource, dict) else None
    wanted = TYPES.get(target.kind, (found,) if found else ("any type",))
    if found not in wanted:
        what = f"is {found}" if found else "is not there"
        raise DeploymentError(
            f"{about} on {target.name}, which {what}: declare the resource {target.name} with the"
            f" Type {' or '.join(map(str, wanted))}"
        )
    if target.kind not in {TargetKind.QUEUE, TargetKind.TOPIC} or service.policies:
        return
    properties = resource.get("Properties") or {}
    fifo = bool(properties.get("FifoQueue") or properties.get("FifoTopic"))
    if fifo != ("MessageGroupId" in service.parameters):
        said = "is a FIFO one: give group=..." if fifo else "is none of FIFO: drop group=..."
        raise DeploymentError(f"{about} on {target.name}, which {said}")


def _targets(service: Service) -> Iterator[Target]:
    return (leaf for leaf in leaves(service.parameters) if isinstance(leaf, Target))
