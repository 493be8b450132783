"""A project whose saga waits for a payment, deployed on this machine, and what is asked of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stepsaga.client import Client
from stepsaga.engines.ministack.deployment import Deployed, Deployment, tools
from stepsaga.engines.ministack.local_faults import ROUTER, STRUCK
from stepsaga.errors import EngineError
from stepsaga.runtime.event_stream import Held, held
from stepsaga.store.slots import events_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stepsaga.engines.ministack.server import MiniStack
    from stepsaga.store.commits import Commit

ROOT: Final = Path(__file__).resolve().parents[2]
BIN: Final = Path(sys.executable).parent
STACK: Final = "connected"
SAGA: Final = "Collect"
SOURCE: Final = "shop.payments"
NAME: Final = "PaymentReceived"
MOST_EVENTS: Final = 10
"""Entries of one PutEvents, and of one SendMessageBatch."""
HANDLERS: Final = '''\
"""What is sold, and how it is paid."""

from pydantic import BaseModel

from stepsaga import BusEvent


class Order(BaseModel):
    id: str


class PaymentReceived(BaseModel):
    order_id: str
    amount: int


payment_received = BusEvent(PaymentReceived, source="shop.payments")
'''
SAGAS: Final = '''\
"""A saga that waits for its payment."""

from datetime import timedelta

from handlers import shop
from stepsaga import Input, Saga, WaitForEvent


class Collect(Saga):
    order = Input(shop.Order)
    paid = WaitForEvent(
        shop.payment_received, by="order_id", key=order.id, timeout=timedelta(hours=1)
    )
'''
FILES: Final = {
    "handlers/__init__.py": "",
    "handlers/shop.py": HANDLERS,
    "sagas/__init__.py": "",
    "sagas/collect.py": SAGAS,
    "Makefile": f"build-%:\n\t@{BIN}/stepsaga build $* --into $(ARTIFACTS_DIR)\n",
}


def write_project(root: Path, files: dict[str, str] = FILES) -> None:
    """The project's files, with its definitions and its template."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    (root / "requirements").mkdir()
    shutil.copyfile(ROOT / "requirements/layer.lock", root / "requirements/layer.lock")
    for command in ("compile", "template"):
        subprocess.run([str(BIN / "stepsaga"), command], cwd=root, check=True, capture_output=True)  # noqa: S603  # ours


@dataclass
class Place:
    """The deployed project.

    Attributes:
        root: The project's folder.
        server: Where it runs.
        deployed: What there is.
        faults: The file that says what goes wrong.
    """

    root: Path
    server: MiniStack
    deployed: Deployed
    faults: Path

    @classmethod
    def of(cls, root: Path, server: MiniStack) -> Place:
        """Deploy the project of a folder."""
        faults = server.folder / "faults.json"
        faults.write_text("{}", encoding="utf-8")
        python, sam = tools(ROOT)
        deployment = Deployment(root, server, python=python, sam=sam)
        return cls(root, server, deployment.deploy(stack=STACK, faults=faults), faults)

    @cached_property
    def sagas(self) -> Client:
        """A client of the stack's sagas: to make one asks for the stack."""
        return Client.of_stack(STACK)

    def let_router_die(self, chance: float, most: int) -> None:
        """With this chance its process ends before, and after, each thing that it does."""
        dies = {"dies": chance, "most": self.deaths + most}
        self.faults.write_text(json.dumps({ROUTER: dies}), encoding="utf-8")

    @property
    def deaths(self) -> int:
        """How often it has died."""
        told = Path(f"{self.faults}{STRUCK}")
        lines = told.read_text(encoding="utf-8").splitlines() if told.exists() else []
        return sum(line.startswith(ROUTER) for line in lines)

    def pay(self, orders: Iterable[str], amount: int = 10) -> None:
        """Put the events on the bus."""
        entries = [
            {
                "Source": SOURCE,
                "DetailType": NAME,
                "Detail": json.dumps({"order_id": one, "amount": amount}),
            }
            for one in orders
        ]
        client = self.server.client("events")
        for batch in _batches(entries):
            reply = client.put_events(Entries=batch)
            if reply.get("FailedEntryCount"):
                raise EngineError(f"the bus did not take them all: {reply}")

    def deliver_again(self, order: str) -> None:
        """Let the queue deliver an event a second time."""
        [arrived] = self.held(order).arrived
        self.deliver({"id": arrived.id, "detail": arrived.form})

    def deliver(self, event: dict[str, Any]) -> None:
        """Put what EventBridge would, or would not, into the queue itself."""
        body = {"source": SOURCE, "detail-type": NAME, "time": "", **event}
        self.server.client("sqs").send_message(QueueUrl=self.queue, MessageBody=json.dumps(body))

    @property
    def queue(self) -> str:
        """The URL of the queue that events come by."""
        return self.deployed.resources["BusinessEventsQueue"]

    def lying_in(self, queue: str) -> int:
        """How many messages lie in a queue, those under way too."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.server.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)
        return sum(int(value) for value in found["Attributes"].values())

    def dead_letters(self) -> list[dict[str, Any]]:
        """Take what lies among the dead letters."""
        found = self.server.client("sqs").receive_message(
            QueueUrl=self.deployed.resources["DeadLetters"],
            MessageAttributeNames=["All"],
            MaxNumberOfMessages=10,
        )
        return list(found.get("Messages", []))

    def held(self, order: str) -> Held:
        """What the stream of an order's payment holds."""
        return held(self.sagas.store, events_of(SOURCE, NAME, "order_id", order))

    def commits(self, order: str) -> list[Commit]:
        """A saga's stream."""
        return list(self.sagas.store.read(f"{SAGA}#{order}"))


def _batches(entries: Sequence[dict[str, Any]]) -> Iterable[Sequence[dict[str, Any]]]:
    return (entries[at : at + MOST_EVENTS] for at in range(0, len(entries), MOST_EVENTS))
