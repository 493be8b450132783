"""A simulator with one saga of the shop on it, and somebody who opens links in virtual time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from stepsaga.asl import build
from stepsaga.authoring import graph_of
from stepsaga.client import Client
from stepsaga.engines.answers import EngineAnswers
from stepsaga.engines.endings import Ending, ending_of
from stepsaga.engines.simulator import Simulator
from stepsaga.runtime.approval_keys import process_keys
from stepsaga.runtime.approval_requests import FORM, ApprovalRequests
from stepsaga.runtime.journal import event_of
from stepsaga.store.commits import Outcome
from stepsaga.store.memory import MemoryStore
from stepsaga.store.saga_events import StepSealed
from stepsaga.store.slots import key_of
from tests.links.shop import Mail

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stepsaga.authoring import Saga
    from stepsaga.runtime.approval_tokens import Link
    from stepsaga.store.commits import Commit


def token_of(url: str) -> str:
    """What matters of a link."""
    return url.rpartition("/")[2]


def request(method: str, token: str, body: str = "", **more: Any) -> dict[str, Any]:
    """A request, as API Gateway hands it to a function."""
    return {
        "resource": "/{token}",
        "path": f"/{token}",
        "httpMethod": method,
        "headers": {"Content-Type": FORM} if method == "POST" else None,
        "pathParameters": {"token": token},
        "body": body or None,
        "isBase64Encoded": False,
        **more,
    }


@dataclass
class Shop:
    """One saga, the messages that it sends, and what became of requests.

    Attributes:
        reports: What each request came to.
        replies: Status and body of each.
    """

    saga: type[Saga]
    faults: dict[str, Any] | None = None
    mail: Mail = field(default_factory=Mail)
    store: MemoryStore = field(default_factory=MemoryStore)
    reports: list[str] = field(default_factory=list)
    replies: list[tuple[int, str]] = field(default_factory=list)
    running: str = ""

    def __post_init__(self) -> None:
        self.engine = Simulator.for_sagas(
            [build(graph_of(self.saga))],
            store=self.store,
            resources={"mail": self.mail},
            faults=self.faults,
        )
        self.client = Client(self.engine, self.store, now=self.engine.clock.now)
        self.requests = self.requests_by()

    def requests_by(self, **other: Any) -> ApprovalRequests:
        """What answers requests, with other collaborators."""
        given: dict[str, Any] = {
            "store": self.store,
            "answers": EngineAnswers(self.engine),
            "keys": process_keys(),
            "audience": "",
            "report": self._report,
            "now": self.engine.clock.now,
        }
        return ApprovalRequests(**(given | other))

    def _report(self, what: str, link: Link | None) -> None:
        del link
        self.reports.append(what)

    def open(self, token: str) -> tuple[int, str]:
        """Open a link."""
        return self.send(request("GET", token))

    def press(self, token: str, **form: str) -> tuple[int, str]:
        """Press the button behind a link."""
        return self.send(request("POST", token, urlencode(form)))

    def send(self, event: Mapping[str, Any]) -> tuple[int, str]:
        """Send a request; the reply is kept."""
        reply = self.requests.respond(event)
        self.replies.append((reply["statusCode"], reply["body"]))
        return self.replies[-1]

    def after(self, hours: float, do: Callable[[], object]) -> None:
        """Do something at that hour."""
        self.engine.clock.after(timedelta(hours=hours), lambda: (do(), None)[1])

    def start(self, **purchase: Any) -> str:
        """Start it under the id ``one``."""
        given = {"price": "1,200.00 EUR"} | purchase
        return self.client.start(self.saga, given, id="one").execution

    def ask(self, **purchase: Any) -> None:
        """Let it run until its question waits: an hour."""
        self.running = self.start(**purchase)
        self.engine.clock.advance(timedelta(hours=1))

    def end(self, **purchase: Any) -> Ending:
        """Run it to its end."""
        self.view = self.engine.wait(self.start(**purchase))
        self.engine.settle()
        return ending_of(self.view)

    def ending(self) -> Ending:
        """Let the one that asks run to its end."""
        self.view = self.engine.wait(self.running)
        self.engine.settle()
        return ending_of(self.view)

    def link(self, word: str = "approve", number: int = -1) -> str:
        """A link's token."""
        return token_of(getattr(self.mail.sent[number], word))

    def seal(self) -> None:
        """Undo the saga from its log as far as the question: its slot is sealed."""
        asked = next(c for c in self.commits if c.outcome is Outcome.ASKED)
        slot = asked.slot.rpartition("/token/")[0]
        sealed = event_of(StepSealed, step="review")
        self.store.append(
            replace(
                asked,
                slot=slot,
                outcome=Outcome.SEALED,
                events=(sealed,),
                commit_id=key_of(asked.stream_id, slot),
            )
        )

    @property
    def commits(self) -> list[Commit]:
        """The stream."""
        return list(self.store.read(f"{self.saga.__name__}#one"))

    @property
    def hours(self) -> float:
        """How long it lasted."""
        assert self.view.stopped is not None
        return round((self.view.stopped - self.view.started).total_seconds() / 3600, 2)
