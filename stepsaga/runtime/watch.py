"""Watches what must never happen: an event that is changed (rule 31), a saga that fails (rule 32).

It hears of changes by the event table's stream and of ends by EventBridge, says in its log what it
was, and counts it in a metric, on which an alarm stands. What it cannot count it raises, so that it
is called again, and its own errors have an alarm too.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol

from stepsaga.runtime.clients import client

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_lambda_powertools import Logger

NAMESPACE: Final = "stepsaga"
CHANGES: Final = ("MODIFY", "REMOVE")
FAILED: Final = "FAILED"
FAILURES: Final = (FAILED, "TIMED_OUT", "ABORTED")
EXPECTED: Final = "SagaCompensated"
"""How the execution of a saga fails that was undone: no incident (rule 32)."""


class Metrics(Protocol):
    """What is used of ``boto3.client("cloudwatch")``."""

    def put_metric_data(self, **parameters: Any) -> Any:
        """PutMetricData."""
        ...


class Log(Protocol):
    """What is used of a Powertools logger."""

    def error(self, msg: object, *, extra: Mapping[str, Any]) -> None:
        """A line at level ERROR."""
        ...


def handler(event: Mapping[str, Any], context: Any) -> None:
    """Take a batch of the stream, or an event of EventBridge."""
    del context
    watch(event, os.environ["STEPSAGA_STACK"], client("cloudwatch"), _log())


def watch(event: Mapping[str, Any], stack: str, metrics: Metrics, log: Log) -> None:
    """Report what the event tells.

    Args:
        event: Records of a DynamoDB stream, or a status change of an execution.
        stack: The stack's name, with which the machines' names begin.
        metrics: Where it is counted.
        log: Where it is told: keys of items, names and errors, never values of a saga.
    """
    if "Records" in event:
        _changes(event["Records"], stack, metrics, log)
    else:
        _end(event["detail"], stack, metrics, log)


def _changes(records: Sequence[Any], stack: str, metrics: Metrics, log: Log) -> None:
    changed = [record for record in records if record["eventName"] in CHANGES]
    for record in changed:
        log.error("an event was changed", extra=_told(record))
    if changed:
        _count(metrics, "EventsChanged", len(changed), {"Stack": stack})


def _end(detail: Mapping[str, Any], stack: str, metrics: Metrics, log: Log) -> None:
    status, error = detail["status"], detail.get("error") or ""
    # Whoever stops an execution may give any error: that it is undone only its own end says.
    if status not in FAILURES or (status == FAILED and error == EXPECTED):
        return
    saga = detail["stateMachineArn"].rpartition(":")[2].removeprefix(f"{stack}-")
    # Not the cause: Step Functions' own quote the input, with whatever secrets are in it.
    log.error(
        "a saga failed",
        extra={
            "saga": saga,
            "saga_id": detail["name"],
            "execution": detail["executionArn"],
            "status": status,
            "error": error,
        },
    )
    _count(metrics, "SagasFailed", 1, {"Stack": stack, "Saga": saga})


def _told(record: Mapping[str, Any]) -> dict[str, Any]:
    change = record["dynamodb"]
    keys = {name: value.get("S") for name, value in change["Keys"].items()}
    by = (record.get("userIdentity") or {}).get("principalId", "")
    return {
        "change": record["eventName"],
        **keys,
        "at": change.get("ApproximateCreationDateTime"),
        "by": by,
    }


def _count(metrics: Metrics, name: str, number: int, dimensions: Mapping[str, str]) -> None:
    listed = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    data = {"MetricName": name, "Value": number, "Unit": "Count", "Dimensions": listed}
    metrics.put_metric_data(Namespace=NAMESPACE, MetricData=[data])


@lru_cache(maxsize=1)
def _log() -> Logger:
    from aws_lambda_powertools import Logger  # noqa: PLC0415  # at the first call

    return Logger(service="stepsaga.watch")
