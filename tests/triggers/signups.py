"""A saga that all kinds of triggers start, and where that is tried."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from stepsaga import Input, OnEvent, OnQueue, OnRequest, OnSchedule, Saga, Step
from stepsaga.asl import build
from stepsaga.authoring import graph_of
from stepsaga.engines.children import EngineChildExecutions
from stepsaga.engines.simulator import Simulator
from stepsaga.recovery.messages import Messages
from stepsaga.recovery.requests import Requests
from stepsaga.recovery.triggers import Starter, known_triggers
from stepsaga.store.memory import MemoryStore
from tests.triggers.shop import Customer, customer_of, registered, signed_up, welcome

if TYPE_CHECKING:
    from stepsaga.runtime.dead_letters import DeadLetter

ARN = "arn:aws:sqs:eu-central-1:1:"
URL = "https://sqs/1/"
AT = datetime(2026, 11, 29, 8, tzinfo=UTC)


class Onboard(Saga):
    """What is started."""

    customer = Input(Customer)
    starts = (
        OnEvent(registered, id="number", input=customer_of, where={"tariff": ["pro", "free", "?"]}),
        OnEvent(signed_up),
        OnSchedule("rate(1 day)", input=Customer(customer_id="nightly")),
        OnQueue("SignupQueue", id="customer_id"),
        OnRequest("POST", "/signups", id="customer_id"),
        OnRequest("PUT", "/signups"),
    )
    welcome = Step(welcome, read_only=True)


@dataclass
class Kept:
    """Dead letters, in a list."""

    letters: list[DeadLetter] = field(default_factory=list)

    def send(self, letter: DeadLetter) -> None:
        """Keep one."""
        self.letters.append(letter)


class Front:
    """A starter in front of a simulator; collaborators can be exchanged."""

    def __init__(
        self, store: Any = None, executions: Any = None, letters: Any = None, **queues: str
    ) -> None:
        self.store: Any = store or MemoryStore()
        self.engine = Simulator.for_sagas([build(graph_of(Onboard))], store=self.store)
        self.executions = executions or EngineChildExecutions(self.engine, {})
        self.letters: Any = letters or Kept()
        self.troubles: list[str] = []
        self.known = known_triggers(graph_of(Onboard))
        starter = Starter(self.store, self.executions)
        urls = {"Triggers": f"{URL}triggers", "SignupQueue": f"{URL}signups", **queues}
        log = self.log
        self.messages = Messages(self.known, starter, self.letters, urls, lambda: AT, log)
        self.requests = Requests(self.known, starter, log)

    def log(self, what: str, error: Exception) -> None:
        """Keep what could not be done now."""
        self.troubles.append(f"{what}: {error!r}")

    def key(self, name: str) -> str:
        """The key of a trigger."""
        return next(one.key for one in self.known if one.name == name)

    def take(self, *records: dict[str, Any], seconds: float = 30) -> list[str]:
        """Take a batch; the ids of the messages that come again."""
        found = self.messages.take(records, lambda: seconds)["batchItemFailures"]
        return [one["itemIdentifier"] for one in found]

    def event(self, name: str, content: Any, id_: str = "m-1") -> dict[str, Any]:
        """A message with an event for a trigger."""
        return message("triggers", {"trigger": self.key(name), "event": content}, id_)

    def ask(self, body: Any, method: str = "POST", **headers: str) -> tuple[int, Any]:
        """A request, and its answer."""
        text = body if isinstance(body, str) else json.dumps(body)
        event = {
            "httpMethod": method,
            "resource": "/signups",
            "headers": {name.replace("_", "-"): value for name, value in headers.items()},
            "body": text,
            "isBase64Encoded": False,
        }
        answer = self.requests.take(event)
        return answer["statusCode"], json.loads(answer["body"])

    def finish(self) -> None:
        """Let all end that was started."""
        for name in self.started:
            self.engine.wait(self.engine.execution_arn("Onboard", name))

    @property
    def started(self) -> list[str]:
        """The ids of the sagas that there are."""
        return sorted(one.name for one in self.engine.executions("Onboard", None))


def message(queue: str, body: Any, id_: str = "m-1") -> dict[str, Any]:
    """A record of SQS."""
    text = body if isinstance(body, str) else json.dumps(body)
    return {"messageId": id_, "body": text, "eventSourceARN": f"{ARN}{queue}"}


def event_of(detail: Any, id_: str = "e-1", time: str = "2026-11-29T06:00:00Z") -> dict[str, Any]:
    """An event of EventBridge."""
    return {"id": id_, "time": time, "detail": detail}
