"""Where questions are sent without a handler: how the sender finds it, and may send there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stepsaga.errors import DeploymentError
from stepsaga.graph import Channel
from stepsaga.runtime.question_messages import ADDRESS
from stepsaga.runtime.question_messages import __name__ as SENDER  # noqa: N812  # a constant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stepsaga.graph import Destination
    from stepsaga.sam.application import Application

DEFAULT_BUS: Final = "default"
"""Each account has it in each Region, and no template declares it."""

_TYPES: Final = {
    Channel.QUEUE: "AWS::SQS::Queue",
    Channel.TOPIC: "AWS::SNS::Topic",
    Channel.BUS: "AWS::Events::EventBus",
}
_ACTIONS: Final = {
    Channel.QUEUE: "sqs:SendMessage",
    Channel.TOPIC: "sns:Publish",
    Channel.BUS: "events:PutEvents",
}

__all__ = ["DEFAULT_BUS", "SENDER", "addresses", "check_destinations", "default_bus", "use_of"]


def default_bus() -> str:
    """The ARN of the account's own bus."""
    prefix = "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/"
    return f"{prefix}{DEFAULT_BUS}"


def addresses(destinations: Iterable[Destination]) -> dict[str, str]:
    """The sender's variables: a reference is a queue's URL, a topic's ARN, a bus's name."""
    return {
        f"{ADDRESS}{to.name}": DEFAULT_BUS if _is_default(to) else f"${{{to.name}}}"
        for to in destinations
    }


def use_of(to: Destination) -> dict[str, Any]:
    """The right to send there."""
    match to.channel:
        case Channel.BUS if _is_default(to):
            resource = default_bus()
        case Channel.TOPIC:
            resource = f"${{{to.name}}}"
        case _:
            resource = f"${{{to.name}.Arn}}"
    return {"Effect": "Allow", "Action": [_ACTIONS[to.channel]], "Resource": resource}


def check_destinations(file: str, own: Mapping[str, Any], application: Application) -> None:
    """Refuse questions that go where nothing is, or where something else is.

    Raises:
        DeploymentError: Names the destination, and what stands there.
    """
    for to in (to for function in application.functions for to in function.destinations):
        if _is_default(to):
            continue
        resource = own["Resources"].get(to.name)
        found = resource.get("Type") if isinstance(resource, dict) else None
        wanted = _TYPES[to.channel]
        if found != wanted:
            what = f"is {found}" if found else "is not there"
            raise DeploymentError(
                f"{file}: a question is sent to {to.channel.value.capitalize()}({to.name!r}), which"
                f" {what}: declare the resource {to.name} with the Type {wanted}"
            )


def _is_default(to: Destination) -> bool:
    return to.channel is Channel.BUS and to.name == DEFAULT_BUS
