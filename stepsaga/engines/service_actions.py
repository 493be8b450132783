"""What services do when Step Functions itself calls them, on engines that run here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import md5
from typing import Any, Final, Protocol

from stepsaga.engines.functions import through_json
from stepsaga.engines.jsontext import dump
from stepsaga.store.slots import service_key_of, stream_of


@dataclass(frozen=True, slots=True)
class ServiceCall:
    """One call of a service.

    Attributes:
        action: ``sqs:sendMessage``.
        parameters: What it was given.
        saga, id: Whose it is.
        step: The step, by its own name.
        slot: The step's slot, as its record has it.
    """

    action: str
    parameters: Mapping[str, Any]
    saga: str
    id: str
    step: str
    slot: str

    @property
    def key(self) -> str:
        """The step's idempotency key."""
        return service_key_of(stream_of(self.saga, self.id), self.slot)


Replies = Mapping[str, Callable[[Mapping[str, Any]], Any]]
"""What replies to its parameters, by action; it may raise
`stepsaga.engines.functions.FunctionError`."""


class Services(Protocol):
    """The services of an account."""

    def act(self, call: ServiceCall) -> Any:
        """Do it; return the reply, as Step Functions gives it.

        Raises:
            FunctionError: It failed.
        """
        ...


class KeptServices:
    """Keeps what services were called with, and answers as they do where nothing is wrong.

    Args:
        replies: What answers instead, by action.
    """

    def __init__(self, replies: Replies | None = None) -> None:
        self.calls: list[ServiceCall] = []
        self._replies = dict(replies or {})

    def act(self, call: ServiceCall) -> Any:
        """As `Services`."""
        self.calls.append(call)
        reply = self._replies.get(call.action)
        return _reply(call) if reply is None else through_json(reply(call.parameters))


def _reply(call: ServiceCall) -> Any:
    """The certain fields of a reply."""
    text = dump(call.parameters)
    mark = md5(text.encode(), usedforsecurity=False).hexdigest()
    match call.action:
        case "sqs:sendMessage":
            return {"MD5OfMessageBody": mark, "MessageId": call.key[:16]}
        case "sns:publish":
            return {"MessageId": call.key[:16]}
        case "events:putEvents":
            return {"Entries": [{"EventId": call.key[:16]}], "FailedEntryCount": 0}
        case "states:startExecution":
            machine, name = call.parameters["StateMachineArn"], call.parameters.get("Name", mark)
            return {"ExecutionArn": f"{machine}:{name}", "StartDate": _STARTED}
        case "http:invoke":
            return {"Headers": {}, "ResponseBody": {}, "StatusCode": 200, "StatusText": "OK"}
    return {}


_STARTED: Final = "2026-01-01T00:00:00.000Z"
