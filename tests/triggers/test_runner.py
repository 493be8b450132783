"""Triggers on this machine: `saga.trigger` runs what an event, a message or a request starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stepsaga.engines.endings import Ending
from stepsaga.errors import IdTaken, InputInvalid, UsageError
from tests.triggers.signups import Onboard, event_of

if TYPE_CHECKING:
    from stepsaga.testing import SagaRunner


def test_an_event_runs_its_saga_once(saga: SagaRunner) -> None:
    """By the same code as deployed; the second time there is nothing to run."""
    event = event_of({"number": 7, "tariff": "pro"})
    run = saga.trigger(Onboard, event)
    assert run
    assert (run.ending, run.id, run.results["welcome"]) == (Ending.COMPLETED, "7", "pro")
    assert saga.trigger(Onboard, event) is None


def test_the_other_kinds_are_named_by_their_place(saga: SagaRunner) -> None:
    """A schedule, a message, and a request with its header."""
    daily = saga.trigger(Onboard, event_of({}), by=2)
    assert daily
    assert daily.id.startswith("2026-11-29T06-00-00Z-")
    queued = saga.trigger(Onboard, {"customerId": "ada"}, by=3)
    assert queued
    assert queued.id == "ada"
    asked = saga.trigger(Onboard, {"customerId": "ada"}, by=5, key="k-1")
    assert asked
    assert asked.id == "k-1"


def test_what_can_never_be_started_raises(saga: SagaRunner) -> None:
    """What would be a dead letter, or 400 and 409."""
    with pytest.raises(InputInvalid, match=r"customer\.customerId: Field required"):
        saga.trigger(Onboard, {}, by=3)
    saga.trigger(Onboard, {"customerId": "ada"}, by=3)
    with pytest.raises(IdTaken):
        saga.trigger(Onboard, {"customerId": "ada", "plan": "pro"}, by=3)


@pytest.mark.parametrize("by", [-1, 6])
def test_there_is_no_such_trigger(saga: SagaRunner, by: int) -> None:
    """Said, before anything is run."""
    with pytest.raises(UsageError, match="no number"):
        saga.trigger(Onboard, {}, by=by)
    with pytest.raises(UsageError, match="give key="):
        saga.trigger(Onboard, {"customerId": "ada"}, by=5)
