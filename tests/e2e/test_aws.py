"""What exists on AWS alone, and is proved on the simulator elsewhere: redrive, lasting errors."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from stepsaga.engines.protocol import Status
from stepsaga.engines.stepfunctions import StepFunctionsEngine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stepsaga.engines.protocol import ExecutionView
    from tests.e2e.targets import Target


class Bench:
    """State machines for a moment, under the role of the deployed one."""

    def __init__(self, target: Target) -> None:
        role = target.deployed.resources["FulfilOrderMachineRole"]
        arn = target.client_of("iam").get_role(RoleName=role)["Role"]["Arn"]
        self._states = target.client_of("stepfunctions")
        self.engine = StepFunctionsEngine(self._states, role=arn, patience=120)
        self._target = target
        self._made: list[str] = []

    def run(self, states: Mapping[str, Any], value: Any = None) -> ExecutionView:
        """Run a machine of these states, the first of which begins, to its end."""
        name = f"stepsaga-smoke-{uuid4().hex[:8]}"
        definition = {"StartAt": next(iter(states)), "States": states}
        self.engine.create(name, json.dumps(definition))
        self._made.append(name)
        return self.engine.wait(self.engine.start(name, value, name="only"))

    def call(self, **more: Any) -> dict[str, Any]:
        """A Task that a participant refuses, because it is no call of a saga's."""
        function = self._target.deployed.resources["PaymentsAliaslive"]
        payload = {"execution.$": "$$.Execution", "state.$": "$$.State"}
        return {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": function, "Payload": payload},
            "End": True,
            **more,
        }

    def close(self) -> None:
        """Remove the machines."""
        machine = self._target.machine.removesuffix(":live").rpartition(":")[0]
        for name in self._made:
            self._states.delete_state_machine(stateMachineArn=f"{machine}:{name}")


@pytest.fixture
def bench(aws: Target) -> Iterator[Bench]:
    """A bench on AWS."""
    made = Bench(aws)
    yield made
    made.close()


def payloads(bench: Bench, arn: str) -> list[Any]:
    """What the function was called with, attempt by attempt."""
    events = bench.engine.history(arn)
    scheduled = [event for event in events if event.type == "TaskScheduled"]
    return [json.loads(event.details["parameters"])["Payload"] for event in scheduled]


def test_what_a_redrive_tells(bench: Bench) -> None:
    """Rule 7: a redrive goes on in the failed Task; RedriveCount and RedriveTime are then there."""
    view = bench.run({"call": bench.call()})
    assert (view.status, view.error) == (Status.FAILED, "BadCall")
    bench.engine.redrive(view.arn)
    assert bench.engine.wait(view.arn).redrives == 1
    first, second = payloads(bench, view.arn)
    assert "RedriveCount" not in first["execution"]
    assert second["execution"]["RedriveCount"] == 1
    assert second["state"]["RetryCount"] == 0
    redriven = datetime.fromisoformat(second["execution"]["RedriveTime"])
    assert redriven >= datetime.fromisoformat(first["state"]["EnteredTime"])
    assert datetime.fromisoformat(second["state"]["EnteredTime"]).tzinfo is not None


def test_a_missing_path_is_not_caught(bench: Bench) -> None:
    """Rule 19: States.Runtime ends an execution whatever is caught, so no path may be missing."""
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "caught"}]
    parameters = {"FunctionName.$": "$.missing"}
    states = {"call": bench.call(Parameters=parameters, Catch=catch), "caught": {"Type": "Succeed"}}
    view = bench.run(states, {})
    assert (view.status, view.error) == (Status.FAILED, "States.Runtime")


def test_a_document_that_is_too_large_can_be_caught_by_name(bench: Bench) -> None:
    """Rule 22: over 256 KiB is States.DataLimitExceeded, for which each step has a catcher."""
    catch = [{"ErrorEquals": ["States.DataLimitExceeded"], "Next": "caught"}]
    large = {"Type": "Pass", "Result": "x" * 200_000, "ResultPath": "$.a", "Next": "call"}
    parameters = {
        "FunctionName": "unused",
        "Payload": {"one.$": "$.a", "other.$": "$.a"},
    }
    states = {
        "large": large,
        "call": bench.call(Parameters=parameters, Catch=catch),
        "caught": {"Type": "Succeed"},
    }
    assert bench.run(states, {}).status is Status.SUCCEEDED
