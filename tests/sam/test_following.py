"""How the events are followed, deployed: what is heard, what fails, who may do what."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.recovery.following_entry import REPORTS
from stepsaga.store.commits import Outcome
from tests.sam.cloud import resolved
from tests.sam.eventbridge import matches
from tests.sam.iam import allowed, statements
from tests.sam.projects import SHAPES, rendered

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def resources(reference: Path) -> dict[str, Any]:
    """The resources of a project with four sagas."""
    found: dict[str, Any] = rendered(reference, SHAPES["all"])["Resources"]
    return found


def source(resources: dict[str, Any], *, local: bool = False) -> dict[str, Any]:
    """The function's event source."""
    events = resources["Following"]["Properties"]["Events"]
    found: dict[str, Any] = resolved(events, local=local)["Commits"]["Properties"]
    return found


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_commit_is_heard_that_can_open_or_end_a_saga(
    resources: dict[str, Any], outcome: Outcome
) -> None:
    """Only what is never a first commit, nor an end, invokes nothing; nor do definitions."""
    [one] = source(resources)["FilterCriteria"]["Filters"]
    image = {"outcome": {"S": outcome.value}}
    record = {"eventName": "INSERT", "dynamodb": {"NewImage": image}}
    events = {Outcome.KEPT, Outcome.WAITS}
    heard = outcome not in {Outcome.COMPENSATED, Outcome.CHECKED, Outcome.LINKED} | events
    assert matches(json.loads(one["Pattern"]), record) is heard
    assert not matches(json.loads(one["Pattern"]), {**record, "eventName": "REMOVE"})
    definition = {**record, "dynamodb": {"NewImage": {"fingerprint": {"S": "9f"}}}}
    assert not matches(json.loads(one["Pattern"]), definition)


def test_what_cannot_be_followed_holds_nothing_up_for_ever(resources: dict[str, Any]) -> None:
    """It is set apart, tried again, and named in a queue that rings an alarm."""
    given = source(resources)
    assert given["StartingPosition"] == "TRIM_HORIZON"
    assert given["BisectBatchOnFunctionError"] is True
    assert given["MaximumRetryAttempts"] > 0
    assert given["DestinationConfig"]["OnFailure"]["Destination"] == "<NotFollowed.Arn>"
    alarm = resolved(resources["CommitsNotFollowed"]["Properties"])
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": "<NotFollowed.QueueName>"}]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0, "GreaterThanThreshold")


def test_failures_are_returned_only_where_that_is_read(resources: dict[str, Any]) -> None:
    """On AWS what failed comes again; MiniStack would take the reply for a success."""
    variables = resources["Following"]["Properties"]["Environment"]["Variables"]
    assert source(resources)["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert resolved(variables)[REPORTS]
    assert "FunctionResponseTypes" not in source(resources, local=True)
    assert REPORTS not in resolved(variables, local=True)


def test_who_may_do_what(resources: dict[str, Any]) -> None:
    """Rows are changed by both, read by the sweep, which alone may stop a saga; nothing else."""
    roles = {
        name: statements(resolved(resources[f"{name}Role"])) for name in ("Following", "Recovery")
    }
    for name, role in roles.items():
        for action in ("PutItem", "UpdateItem", "DeleteItem"):
            assert allowed(role, f"dynamodb:{action}", "<OpenSagas.Arn>"), (name, action)
        assert not allowed(role, "dynamodb:UpdateItem", "<EventTable.Arn>"), name
        assert not allowed(role, "states:RedriveExecution", "*"), name
    assert allowed(roles["Recovery"], "dynamodb:Scan", "<OpenSagas.Arn>")
    assert not allowed(roles["Following"], "dynamodb:Scan", "<OpenSagas.Arn>")
    assert "states:StopExecution" in json.dumps(roles["Recovery"])
    assert "states:StopExecution" not in json.dumps(roles["Following"])


def test_the_open_sagas_outlive_the_stack_in_prod(resources: dict[str, Any]) -> None:
    """What was retained of it, its machines, is swept on; elsewhere nothing is left."""
    for name in ("OpenSagas", "Following", "FollowingRole"):
        policy = resources[name]["DeletionPolicy"]
        assert resolved(policy, prod=True) == "RetainExceptOnCreate"
        assert resolved(policy, prod=False) == "Delete"
