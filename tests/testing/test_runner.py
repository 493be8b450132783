"""The fixture ``saga`` and what it returns: what a user's own tests stand on."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
import pytest

from handlers.models import Order
from sagas.orders import FulfilOrder
from stepsaga.errors import UsageError
from stepsaga.testing import Ending, SagaRunner
from stepsaga.testing.stack import find_setup
from tools.local import ledger, setup

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
ORDER = json.loads((EXAMPLES / "completes.json").read_text())


def test_a_saga_completes(saga: SagaRunner) -> None:
    """A run without faults completes, with every step's result and nothing undone."""
    run = saga.run(FulfilOrder, ORDER)
    assert run.ending is Ending.COMPLETED
    assert list(run.results) == ["reserve", "charge", "ship", "thank"]
    assert run.undone == []
    assert run.error == ""


def test_the_success_path_costs_one_write_a_step(saga: SagaRunner) -> None:
    """Four steps cost four transitions, four writes of one unit each, and no read."""
    cost = saga.run(FulfilOrder, ORDER).cost
    assert (cost.transitions, cost.writes, cost.write_units, cost.reads) == (4, 4, 4, 0)


def test_a_fault_in_words_undoes_in_reverse(saga: SagaRunner) -> None:
    """A charge that times out after the money has moved is refunded, then the stock returns."""
    before = ledger(boto3.client("dynamodb"))
    run = saga.run(FulfilOrder, ORDER, fail={"charge": "times out after"})
    assert run.ending is Ending.COMPENSATED
    assert run.undone == ["charge", "reserve"]
    after = ledger(boto3.client("dynamodb"))
    assert (after.stock, after.cards, after.merchant) == (
        before.stock,
        before.cards,
        before.merchant,
    )


def test_a_compensation_that_keeps_failing_is_stuck(saga: SagaRunner) -> None:
    """The third ending: the saga stands in the compensation that fails, and says so."""
    run = saga.run(FulfilOrder, ORDER, fail={"ship": "rejected", "undo charge": "raises"})
    assert run.ending is Ending.STUCK
    assert run.error == "StepFailed"
    assert run.undone == []


def test_events_tell_the_story(saga: SagaRunner) -> None:
    """Events come in the order of the stream, with their data."""
    run = saga.run(FulfilOrder, ORDER, fail={"charge": "rejected"})
    types = [event.type for event in run.events]
    assert types == [
        "SagaStarted",
        "StepCompleted",
        "StepRejected",
        "StepCompensated",
        "SagaCompensated",
    ]


def test_each_test_begins_anew(saga: SagaRunner) -> None:
    """The tables are those of `tools/local.py`, whatever earlier tests did."""
    fresh = ledger(boto3.client("dynamodb"))
    assert fresh.merchant == 0
    assert saga.run(FulfilOrder, ORDER).ending is Ending.COMPLETED


def test_resources_can_be_replaced(saga: SagaRunner) -> None:
    """A run can be given resources by the names of parameters: here a table that refuses."""

    class Broken:
        def __getattr__(self, name: str) -> object:
            raise ConnectionError(f"no {name} today")

    run = saga.run(FulfilOrder, ORDER, resources={"stock": Broken()})
    assert run.ending is Ending.STUCK
    assert "no " in run.cause


@pytest.mark.parametrize(
    ("fail", "words"),
    [
        ({"chrage": "raises"}, "did you mean 'charge'"),
        ({"charge": "explodes"}, "there is no fault 'explodes'"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(
    saga: SagaRunner, fail: dict[str, str], words: str
) -> None:
    """A misspelt step or kind is an error that says what there is, not a test that passes."""
    with pytest.raises(UsageError, match=words):
        saga.run(FulfilOrder, ORDER, fail=fail)


def test_a_fault_that_never_strikes_is_refused(saga: SagaRunner) -> None:
    """A fault on a way that the saga does not take would make a test that proves nothing."""
    with pytest.raises(UsageError, match="the fault on 'undo charge' never struck"):
        saga.run(FulfilOrder, ORDER, fail={"undo charge": "raises"})


def test_an_id_is_used_once(saga: SagaRunner) -> None:
    """A second run under one id is refused: it would be another run in the same stream."""
    saga.run(FulfilOrder, ORDER, id="order-1")
    with pytest.raises(UsageError, match="order-1 has run already"):
        saga.run(FulfilOrder, ORDER, id="order-1")


def test_input_may_be_the_model(saga: SagaRunner) -> None:
    """An instance of the model is written as JSON, with its secrets as they are."""
    run = saga.run(FulfilOrder, Order.model_validate(ORDER))
    assert run.ending is Ending.COMPLETED


@pytest.mark.parametrize("value", [5, [], None, {"reserve": 1}, {"customer": "x"}])
def test_input_that_does_not_fit_undoes_nothing(saga: SagaRunner, value: object) -> None:
    """Input that fails the model ends the saga before anything is done, with the field."""
    run = saga.run(FulfilOrder, value)
    assert run.ending is Ending.COMPENSATED
    assert run.undone == []
    assert "order" in run.cause
    assert "tok_" not in run.cause


def test_setup_is_the_projects_own(tmp_path: Path) -> None:
    """The set-up that the fixture calls is the one of this project, not one that is installed."""
    assert find_setup(ROOT) is setup
    assert find_setup(tmp_path) is None
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "local.py").write_text("")
    with pytest.raises(UsageError, match="another package called 'tools' is imported"):
        find_setup(tmp_path)
