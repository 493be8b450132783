"""The end record of a failed saga, as Step Functions makes it out of the compiler's text."""

from __future__ import annotations

import json
from typing import Any

from stepsaga.asl.compiler import RECORD, compile_saga
from stepsaga.graph import Call, InputNode, Retry, Role, SagaGraph, StepNode
from tests.contract.store_commits import ARN, FINGERPRINT, RUN

EXECUTION = {
    "Id": ARN,
    "Input": {"id": "order-123", "note": "grüße “quoted” \\ 🙂"},
    "Name": "order-123",
    "RoleArn": "arn:aws:iam::123456789012:role/machine",
    "StartTime": RUN,
}
FAILURE = {"Error": "Rejected", "Cause": '{"errorMessage": "no funds", "errorType": "Rejected"}'}

VALUES = {
    "$$.Execution.Name": "order-123",
    "$$.Execution.Id": ARN,
    "$$.State.EnteredTime": "2026-11-21T08:00:09.000Z",
    "States.Format('{}', $$.State.RetryCount)": "0",
    "States.Format('FulfilOrder#{}', $$.Execution.Name)": "FulfilOrder#order-123",
    "States.Format('{}/99999', $$.Execution.StartTime)": f"{RUN}/99999",
    "States.Format('FulfilOrder#{}/{}/99999', $$.Execution.Name, $$.Execution.StartTime)": (
        f"FulfilOrder#order-123/{RUN}/99999"
    ),
    "States.JsonToString($.failure)": json.dumps(FAILURE, separators=(",", ":")),
    "States.JsonToString($$.Execution)": json.dumps(EXECUTION, separators=(",", ":")),
}
"""What Step Functions makes of each expression that the compiler writes into the record."""


def record_parameters() -> dict[str, Any]:
    """The effective Parameters of the state that records the end, where nothing was committed."""
    parameters = compile_saga(_graph(), FINGERPRINT)["States"][RECORD]["Parameters"]
    resolved: dict[str, Any] = _resolved(parameters)
    return resolved


def _resolved(template: Any) -> Any:
    if isinstance(template, list):
        return [_resolved(one) for one in template]
    if isinstance(template, dict):
        return {
            key.removesuffix(".$"): VALUES[value] if key.endswith(".$") else _resolved(value)
            for key, value in template.items()
        }
    return template


def _graph() -> SagaGraph:
    call = Call(
        handler="handlers.stock:look_up",
        participant="handlers.stock",
        parameters=(),
        returns=int,
        seconds=20,
        retry=Retry(attempts=3, wait=1, backoff=2.0, longest_wait=60, jitter=True),
    )
    step = StepNode(name="look", role=Role.READ_ONLY, call=call, slot=(1,), schema={})
    return SagaGraph(
        name="FulfilOrder",
        reference="sagas.orders:FulfilOrder",
        input=InputNode(name="order", annotation=dict, schema={}),
        nodes=(step,),
    )
