"""Of which ends and changes Watch hears (rules 31, 32): the patterns, tried on AWS's own events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.asl.names import UNDONE
from stepsaga.runtime.watch import EXPECTED
from stepsaga.store.saga_events import SagaCompensated
from tests.sam.cloud import resolved
from tests.sam.eventbridge import matches
from tests.sam.projects import SHAPES, rendered

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def events(reference: Path) -> dict[str, Any]:
    """What triggers Watch, as the stack has it."""
    watch = rendered(reference, SHAPES["all"])["Resources"]["Watch"]
    found: dict[str, Any] = resolved(watch["Properties"]["Events"])
    return found


def ended(status: str, machine: str = "FulfilOrderMachine", **detail: Any) -> dict[str, Any]:
    """https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html."""
    return {
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": {"status": status, "stateMachineArn": machine, "name": "order-1", **detail},
    }


@pytest.mark.parametrize(
    ("event", "heard"),
    [
        (ended("SUCCEEDED", error=None), False),
        (ended("RUNNING", error=None), False),
        (ended("FAILED", error=UNDONE), False),
        (ended("FAILED", error="StepFailed"), True),
        (ended("FAILED", error="SagaCompensatedNot"), True),
        (ended("FAILED", error=None), True),
        (ended("FAILED"), True),
        (ended("TIMED_OUT", error=None), True),
        (ended("TIMED_OUT"), True),
        (ended("ABORTED", error=None), True),
        (ended("ABORTED", error=UNDONE), True),
        (ended("FAILED", machine="SomebodyElses", error="StepFailed"), False),
        (ended("ABORTED", machine="ReportMachine"), True),
        ({**ended("ABORTED"), "source": "somebody"}, False),
    ],
)
def test_an_end_that_should_not_be(
    events: dict[str, Any], event: dict[str, Any], heard: bool
) -> None:
    """A saga that was undone is no incident (rule 32); what failed, was stopped or timed out is."""
    assert matches(events["Ends"]["Properties"]["Pattern"], event) is heard


@pytest.mark.parametrize(("name", "heard"), [("INSERT", False), ("MODIFY", True), ("REMOVE", True)])
def test_a_change_that_should_not_be(events: dict[str, Any], name: str, heard: bool) -> None:
    """An event that is put is invisible; one that is changed or removed is heard of (rule 31)."""
    changes = events["Changes"]
    assert changes["Type"] == "DynamoDB"
    properties = changes["Properties"]
    # From the oldest on, or what happens while it is being set up goes unseen.
    assert properties["StartingPosition"] == "TRIM_HORIZON"
    [one] = properties["FilterCriteria"]["Filters"]
    assert matches(json.loads(one["Pattern"]), {"eventName": name}) is heard


def test_all_speak_of_the_same_end() -> None:
    """Compiler, event store and Watch have one name for a saga that was undone."""
    assert {UNDONE, EXPECTED, SagaCompensated.__name__} == {"SagaCompensated"}
