"""Onboard on the deployed stack: from an event on the bus to a message in the queue."""

from __future__ import annotations

import json
import re
import urllib.request
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from handlers.customers import BONUS
from handlers.onboarding import email_confirmed, signed_up
from stepsaga.engines.endings import Ending
from stepsaga.errors import SagaMissing
from tests.e2e.projects import until
from tools import tables

if TYPE_CHECKING:
    from stepsaga import BusEvent
    from stepsaga.client import Client
    from tests.e2e.targets import Target

PATIENCE: Final = timedelta(minutes=3)
LARGE: Final = 2_000_000


def put(stack: Target, event: BusEvent[Any], **detail: object) -> None:
    """Put an event on the account's own bus, as another system does."""
    entry = {"Source": event.source, "DetailType": event.name, "Detail": json.dumps(detail)}
    reply = stack.client_of("events").put_events(Entries=[entry])
    assert reply["FailedEntryCount"] == 0


def sign_up(stack: Target, limit: int) -> str:
    """Let somebody sign up: the same event twice, as EventBridge may deliver it."""
    customer = f"ada-{uuid4().hex[:8]}"
    told = {"number": customer, "customer": customer, "email": "ada@example.com", "limit": limit}
    for _ in range(2):
        put(stack, signed_up, **told, more="x")
    until(lambda: is_there(stack.sagas(), customer))
    return customer


def is_there(sagas: Client, customer: str) -> bool:
    """Whether a customer's saga has begun."""
    try:
        sagas.status("Onboard", customer)
    except SagaMissing:
        return False
    return True


def links(stack: Target, customer: str) -> list[str]:
    """The links in the message to whoever decides about a customer's limit, once it is there."""
    found: list[str] = []

    def arrived() -> bool:
        outbox = tables.scan(stack.client_of("dynamodb"), stack.customer_tables.outbox)
        for item in tables.below(outbox, "review#").values():
            if customer in item["text"]:
                found[:] = re.findall(r"https?://\S+", item["text"])
        return bool(found)

    until(arrived)
    return found


def welcomes(stack: Target, customer: str) -> int:
    """How often a parcel was asked for; what is read is given back."""
    sqs, url = stack.client_of("sqs"), stack.deployed.resources["WelcomeQueue"]
    seen: set[str] = set()
    for _ in range(3):
        reply = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        for message in reply.get("Messages", ()):
            if json.loads(message["Body"])["customer"] == customer:
                seen.add(message["MessageId"])
    return len(seen)


def test_whoever_signs_up_confirms_and_is_agreed_to_becomes_a_customer(stack: Target) -> None:
    """Two deliveries are one saga; an event resumes it, a link goes on, a message ends it."""
    before = stack.count_customers()
    customer = sign_up(stack, LARGE)
    put(stack, email_confirmed, number=customer)
    approve, _ = links(stack, customer)
    with urllib.request.urlopen(approve, timeout=60) as page:  # noqa: S310  # our own stack's
        assert customer in page.read().decode()
    assert stack.count_customers().admitted == before.admitted
    with urllib.request.urlopen(approve, data=b"by=eve", timeout=60) as page:  # noqa: S310  # as above
        assert page.status == 200
    view = stack.sagas().wait("Onboard", customer, timeout=PATIENCE)
    assert view.ending is Ending.COMPLETED
    after = stack.count_customers()
    assert after.money == before.money
    assert after.accounts == {**before.accounts, customer: BONUS}
    assert after.admitted == {**before.admitted, customer: LARGE}
    assert welcomes(stack, customer) == 1


def test_whoever_is_refused_leaves_no_trace(stack: Target) -> None:
    """The account that was opened is closed, the bonus goes back, and nobody packs a parcel."""
    before = stack.count_customers()
    customer = sign_up(stack, LARGE)
    put(stack, email_confirmed, number=customer)
    _, reject = links(stack, customer)
    with urllib.request.urlopen(reject, data=b"by=eve", timeout=60) as page:  # noqa: S310  # as above
        assert page.status == 200
    view = stack.sagas().wait("Onboard", customer, timeout=PATIENCE)
    assert view.ending is Ending.COMPENSATED
    after = stack.count_customers()
    assert (after.fund, after.accounts, after.admitted) == (
        before.fund,
        before.accounts,
        before.admitted,
    )
    assert after.requests == before.requests
    assert welcomes(stack, customer) == 0
