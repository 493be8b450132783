"""The ends of a saga that Step Functions itself records, so that Lambda need not be up (rule 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.names import (
    COMPENSATED,
    COMPLETED_BEFORE,
    COMPLETION,
    COMPLETION_BRIEFLY,
    EVENT_TABLE,
    RECORD,
    RECORD_BRIEFLY,
    UNDONE,
)
from stepsaga.asl.retriers import retrier
from stepsaga.asl.states import TOO_LARGE, catcher
from stepsaga.asl.times import RECORD_RETRY, RECORD_SECONDS
from stepsaga.limits import TERMINAL_SLOT

if TYPE_CHECKING:
    from stepsaga.asl.states import States
    from stepsaga.graph import Retry

PUT_ITEM: Final = "arn:aws:states:::dynamodb:putItem"
TAKEN: Final = "DynamoDB.ConditionalCheckFailedException"


class Endings:
    """The records of one saga's ends.

    Args:
        saga: Its name.
        fingerprint: Of its release.
    """

    def __init__(self, saga: str, fingerprint: str) -> None:
        self._saga = saga
        self._fingerprint = fingerprint

    def compensated(self, *, first: bool) -> States:
        """The record of a saga that was undone, and its Fail.

        Args:
            first: Whether it can be the stream's first commit, which tells the input.
        """
        end = {
            "Type": "Fail",
            "Error": UNDONE,
            "CausePath": "States.JsonToString($.failure)",
        }
        ended = event("SagaCompensated", "States.JsonToString($.failure)")
        then = {"Next": COMPENSATED}
        records = self._records(RECORD, RECORD_BRIEFLY, ended, then, COMPENSATED, first=first)
        return {**records, COMPENSATED: end}

    def completed(self, *, first: bool) -> States:
        """The record of a saga whose last node is not a single step."""
        ended = {"M": {"type": {"S": "SagaCompleted"}, "version": {"N": "1"}, "data": {"S": "{}"}}}
        records = self._records(
            COMPLETION, COMPLETION_BRIEFLY, ended, {"End": True}, COMPLETED_BEFORE, first=first
        )
        return {**records, COMPLETED_BEFORE: {"Type": "Succeed"}}

    def _records(  # noqa: PLR0913  # the names of its states, and where they lead
        self,
        name: str,
        briefly: str,
        ended: dict[str, Any],
        then: dict[str, Any],
        taken: str,
        *,
        first: bool,
    ) -> States:
        if not first:
            return {name: self._record([ended], then, taken)}
        # The input becomes text here, which can be twice as long: what does not fit is recorded
        # without it.
        started = event("SagaStarted", "States.JsonToString($$.Execution)")
        record = self._record([started, ended], then, taken)
        record["Retry"][0]["ErrorEquals"].append(TOO_LARGE)
        record["Catch"].append(catcher(TOO_LARGE, None, briefly))
        return {name: record, briefly: self._record([ended], then, taken)}

    def _record(
        self, events: list[dict[str, Any]], then: dict[str, Any], taken: str
    ) -> dict[str, Any]:
        saga = self._saga
        stream = f"States.Format('{saga}#{{}}', $$.Execution.Name)"
        slot = f"States.Format('{{}}/{TERMINAL_SLOT}', $$.Execution.StartTime)"
        item = {
            "stream_id": {"S.$": stream},
            "slot": {"S.$": slot},
            "outcome": {"S": "ended"},
            "events": {"L": events},
            "commit_id": {
                "S.$": f"States.Format('{saga}#{{}}/{{}}/{TERMINAL_SLOT}',"
                " $$.Execution.Name, $$.Execution.StartTime)"
            },
        }
        return {
            **put(item, self._fingerprint, RECORD_RETRY),
            # Somebody recorded this end before: it is done (rule 8).
            "Catch": [catcher(TAKEN, None, taken)],
            "ResultPath": None,
            **then,
        }


def put(item: dict[str, Any], fingerprint: str, retry: Retry) -> dict[str, Any]:
    """A Task in which Step Functions itself records a commit, unless its slot is taken.

    Args:
        item: What the commit says, and where.
        fingerprint: Of the release.
        retry: For what fails, but for a slot that is taken.
    """
    return {
        "Type": "Task",
        "Resource": PUT_ITEM,
        "TimeoutSeconds": RECORD_SECONDS,
        "Parameters": {
            "TableName": f"${{{EVENT_TABLE}}}",
            "Item": {
                **item,
                "correlation_id": {"S.$": "$$.Execution.Name"},
                "causation_id": {"S.$": "$$.Execution.Id"},
                "recorded_at": {"S.$": "$$.State.EnteredTime"},
                "attempt": {"N.$": "States.Format('{}', $$.State.RetryCount)"},
                "fingerprint": {"S": fingerprint},
            },
            "ConditionExpression": "attribute_not_exists(slot)",
        },
        "Retry": [
            {"ErrorEquals": [TAKEN], "MaxAttempts": 0},
            retrier(("States.ALL",), retry),
        ],
    }


def event(name: str, data: str) -> dict[str, Any]:
    """An event of a record; ``data`` is the expression that gives its JSON text."""
    return {"M": {"type": {"S": name}, "version": {"N": "1"}, "data": {"S.$": data}}}
