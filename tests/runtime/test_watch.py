"""What Watch makes of changes of events (rule 31) and of ends of sagas (rule 32)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.runtime.watch import watch

if TYPE_CHECKING:
    from collections.abc import Mapping

STACK = "shop-prod"
CARD = "4111-1111"


@dataclass
class Metrics:
    """What was counted."""

    error: Exception | None = None
    counted: list[dict[str, Any]] = field(default_factory=list)

    def put_metric_data(self, **parameters: Any) -> Any:
        """Count, or fail."""
        if self.error:
            raise self.error
        self.counted.append(parameters)


@dataclass
class Log:
    """What was logged."""

    lines: list[tuple[object, Mapping[str, Any]]] = field(default_factory=list)

    def error(self, msg: object, *, extra: Mapping[str, Any]) -> None:
        """Keep a line."""
        self.lines.append((msg, extra))


def seen(event: dict[str, Any]) -> tuple[list[dict[str, Any]], list[Mapping[str, Any]]]:
    """What is counted and logged of an event."""
    metrics, log = Metrics(), Log()
    watch(event, STACK, metrics, log)
    assert CARD not in repr((metrics.counted, log.lines))
    return metrics.counted, [extra for _, extra in log.lines]


def record(name: str, slot: str = "00002", **more: Any) -> dict[str, Any]:
    """A record of the event table's stream."""
    return {
        "eventName": name,
        "dynamodb": {
            "ApproximateCreationDateTime": 1790000000,
            "Keys": {"stream_id": {"S": "FulfilOrder#order-1"}, "slot": {"S": slot}},
            "NewImage": {"events": {"S": CARD}},
        },
        **more,
    }


def ended(status: str, error: str | None = None) -> dict[str, Any]:
    """A change of an execution's status."""
    detail = {
        "status": status,
        "stateMachineArn": f"arn:aws:states:r:1:stateMachine:{STACK}-FulfilOrder",
        "executionArn": f"arn:aws:states:r:1:execution:{STACK}-FulfilOrder:order-1",
        "name": "order-1",
        "input": CARD,
        "cause": f"failed on {CARD}",
        "error": error,
    }
    return {"detail-type": "Step Functions Execution Status Change", "detail": detail}


def test_an_event_that_is_put_is_no_change() -> None:
    """A batch of new events is neither counted nor logged."""
    assert seen({"Records": [record("INSERT"), record("INSERT")]}) == ([], [])
    assert seen({"Records": []}) == ([], [])


@pytest.mark.parametrize("name", ["MODIFY", "REMOVE"])
def test_a_change_is_counted_and_told(name: str) -> None:
    """The keys, the time and who did it are told, and no value (rule 31)."""
    event = {"Records": [record(name, userIdentity={"principalId": "dynamodb.amazonaws.com"})]}
    counted, lines = seen(event)
    dimensions = [{"Name": "Stack", "Value": STACK}]
    data = {"MetricName": "EventsChanged", "Value": 1, "Unit": "Count", "Dimensions": dimensions}
    assert counted == [{"Namespace": "stepsaga", "MetricData": [data]}]
    assert lines == [
        {
            "change": name,
            "stream_id": "FulfilOrder#order-1",
            "slot": "00002",
            "at": 1790000000,
            "by": "dynamodb.amazonaws.com",
        }
    ]


def test_a_batch_of_both() -> None:
    """Of a mixed batch the changes are counted together, and told one by one."""
    records = [record("INSERT"), record("MODIFY", "1"), record("REMOVE", "2", userIdentity=None)]
    counted, lines = seen({"Records": records})
    assert [one["MetricData"][0]["Value"] for one in counted] == [2]
    assert [(line["change"], line["slot"], line["by"]) for line in lines] == [
        ("MODIFY", "1", ""),
        ("REMOVE", "2", ""),
    ]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("FAILED", "StepFailed"),
        ("FAILED", None),
        ("TIMED_OUT", None),
        ("ABORTED", "SagaCompensated"),
    ],
)
def test_a_saga_that_failed(status: str, error: str | None) -> None:
    """Saga, id, status and error are told; the cause, which may quote the input, is not."""
    counted, [line] = seen(ended(status, error))
    [data] = counted[0]["MetricData"]
    assert data["MetricName"] == "SagasFailed"
    assert {one["Name"]: one["Value"] for one in data["Dimensions"]} == {
        "Stack": STACK,
        "Saga": "FulfilOrder",
    }
    assert line == {
        "saga": "FulfilOrder",
        "saga_id": "order-1",
        "execution": f"arn:aws:states:r:1:execution:{STACK}-FulfilOrder:order-1",
        "status": status,
        "error": error or "",
    }


@pytest.mark.parametrize(
    ("status", "error"),
    [("FAILED", "SagaCompensated"), ("SUCCEEDED", None), ("RUNNING", None)],
)
def test_a_saga_that_did_not(status: str, error: str | None) -> None:
    """What was undone, completed or is running is no incident (rule 32)."""
    assert seen(ended(status, error)) == ([], [])


@pytest.mark.parametrize("event", [ended("FAILED"), {"Records": [record("MODIFY")]}])
def test_what_cannot_be_counted_is_raised(event: dict[str, Any]) -> None:
    """It is logged already; the error lets Lambda call again, and has an alarm of its own."""
    log = Log()
    with pytest.raises(ConnectionError):
        watch(event, STACK, Metrics(ConnectionError("no network")), log)
    assert len(log.lines) == 1
