"""A result that is too large for the document, on a deployed stack: in the bucket, read back whole.

Who orders fifty lines of an article with a long name is answered with all of them. The steps that
take that result are given it as their model reads it, so that they could not go on with less.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from handlers.models import Line, Order, Reservation
from sagas.orders import FulfilOrder
from stepsaga.cli.app import app
from stepsaga.cli.deployed import story
from stepsaga.cli.timeline import What
from stepsaga.engines.endings import Ending
from stepsaga.runtime.stored import STORED
from stepsaga.store.content import pointer_of
from tests.e2e.targets import LONG_NAME
from tests.e2e.test_rights import Intruder, told
from tests.e2e.test_sagas import PATIENCE, assert_conserved, commits, ended, new_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.client import SagaStatus
    from stepsaga.store.content import Pointer
    from tests.e2e.targets import Target

LINES = 50


def order(card: str = "tok_ada", total: int = 100) -> Order:
    """An order whose reservation does not fit its share of the document."""
    lines = [Line(sku=LONG_NAME, quantity=1)] * LINES
    return Order(customer="ada@example.com", lines=lines, total=total, card=card)


def recorded(target: Target, saga_id: str) -> Any:
    """What the first step's event says that its result is."""
    first = commits(target, saga_id)[0]
    [value] = [one.data["value"] for one in first.events if one.type == "StepCompleted"]
    return value


def pointer(target: Target, saga_id: str) -> Pointer:
    """Where the first step's result is."""
    stored = recorded(target, saga_id)[STORED]
    return pointer_of(stored["bucket"], stored["sha256"])


def known(target: Target, saga_id: str) -> Pointer:
    """The same, as soon as it is recorded."""
    until = time.monotonic() + PATIENCE.total_seconds()
    while not commits(target, saga_id):
        assert time.monotonic() < until, f"{saga_id} records nothing"
        time.sleep(0.2)
    return pointer(target, saga_id)


def shown(target: Target, saga_id: str) -> str:
    """What ``stepsaga show`` prints of a saga."""
    said = CliRunner(env={"COLUMNS": "200"}).invoke(
        app, ["show", f"FulfilOrder#{saga_id}", "--stack", target.deployed.stack]
    )
    assert said.exit_code == 0, said.output
    return said.stdout


def made_by_states(target: Target, status: SagaStatus) -> str:
    """All that the execution's history holds besides its input."""
    history = target.sagas().engine.history(status.execution)
    outputs = [event.details.get("output") for event in history]
    return json.dumps(outputs, ensure_ascii=False)


def failed_by(target: Target, status: SagaStatus, why: str) -> list[str]:
    """The Tasks that have failed for good for a reason, in order."""
    history = target.sagas().engine.history(status.execution)
    causes = [
        json.loads(event.details["cause"])["errorMessage"]
        for event in history
        if event.type == "TaskFailed" and event.details["error"] == "StepFailedForGood"
    ]
    return [cause.partition(":")[0] for cause in causes if re.search(why, cause)]


@pytest.fixture
def conserved(target: Target) -> Iterator[Target]:
    """A stack of which everything is counted before and after: nothing is lost, nothing made."""
    before = target.count()
    yield target
    assert_conserved(before, target.count())


def test_a_large_result_goes_to_the_bucket(conserved: Target) -> None:
    """A pointer stands in event and document; the step that takes the result is given all of it."""
    before, saga_id, value = conserved.count(), new_id("large"), order()
    status = ended(conserved, value, saga_id)
    assert status.ending is Ending.COMPLETED
    assert conserved.count().merchant - before.merchant == value.total
    form, place = recorded(conserved, saga_id), pointer(conserved, saga_id)
    s3 = conserved.client_of("s3")
    content = s3.get_object(Bucket=place.bucket, Key=place.key)["Body"].read()
    assert place.bucket == conserved.bucket
    assert form == {
        STORED: {
            "bucket": conserved.bucket,
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
        }
    }
    assert Reservation.model_validate_json(content).lines == value.lines
    document = conserved.sagas().engine.describe(status.execution).output
    assert document["reserve"] == {"value": form}
    assert LONG_NAME not in made_by_states(conserved, status)
    assert f"{len(content):,} bytes, in the bucket" in shown(conserved, saga_id)


def test_a_large_result_is_undone(conserved: Target) -> None:
    """A compensation is given what was stored: nothing is left, and the timeline says by what."""
    before, saga_id = conserved.count(), new_id("large-declined")
    status = ended(conserved, order("tok_empty", total=5_000), saga_id)
    assert status.ending is Ending.COMPENSATED
    assert conserved.count() == before
    assert recorded(conserved, saga_id).keys() == {STORED}
    told_of = [(one.step, one.what) for one in story(conserved.sagas(), status).rows]
    assert told_of == [
        ("", What.STARTED),
        ("reserve", What.COMPLETED),
        ("charge", What.REJECTED),
        ("undo reserve", What.UNDONE),
        ("", What.ENDED),
    ]


def test_a_tampered_result_is_taken_by_nobody(stack: Target) -> None:
    """What was changed or is gone stops forward and backward: stuck with its reason, and told.

    A participant's role may put over an object, for IAM knows no right that says otherwise.
    """
    before, client = stack.count(), stack.sagas()
    ids = {what: new_id(what) for what in ("changed", "gone")}
    for saga_id in ids.values():
        stack.go_wrong(saga_id, charge=["hangs after", ""])
        FulfilOrder.start(order(), id=saga_id, client=client)
    places = {what: known(stack, saga_id) for what, saga_id in ids.items()}
    forged = Reservation(id="forged", lines=[Line(sku="tea", quantity=1)]).model_dump_json()
    changed, gone = places["changed"], places["gone"]
    intruder = Intruder(stack, "Cars").client("s3")
    intruder.put_object(Bucket=changed.bucket, Key=changed.key, Body=forged.encode())
    stack.client_of("s3").delete_object(Bucket=gone.bucket, Key=gone.key)
    for what, why in {"changed": "was changed", "gone": "is gone"}.items():
        status = client.wait("FulfilOrder", ids[what], timeout=PATIENCE)
        assert status.ending is Ending.STUCK
        assert failed_by(stack, status, f"the result of reserve: .* {why}") == [
            "charge",
            "undo reserve",
        ]
        stuck = story(client, status).rows[-1]
        assert (stuck.step, stuck.what) == ("undo reserve", What.STUCK)
        told(stack, ids[what])
    after = stack.count()
    assert (after.merchant, after.money, after.stock["tea"]) == (
        before.merchant,
        before.money,
        before.stock["tea"],
    )
    assert after.held[LONG_NAME] - before.held.get(LONG_NAME, 0) == 2 * LINES
