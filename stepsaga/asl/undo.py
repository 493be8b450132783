"""The state machine that works on any saga of any release from its log; the same for all (rule 15).

It undoes, or goes forward behind the point of no return, and knows no saga. Its function
(`stepsaga.recovery`) reads a run's graph and events, and says what can be done now, side by side,
or until when there is nothing to do; the machine does that, and asks again, until nothing is left.
What fails holds up what comes after it, and nothing beside it (rule 13). Where all that is left has
failed, it fails in its Task: a redrive tries that again.
"""

from __future__ import annotations

from typing import Any, Final

from stepsaga.asl.retriers import ASKING, DOUBTFUL, THROTTLED, TRANSIENT, retrier
from stepsaga.asl.states import ASK, INVOKE, TOO_LARGE, catcher
from stepsaga.asl.times import SETTLE_RETRY, SETTLE_SECONDS
from stepsaga.graph import Retry
from stepsaga.limits import DISPATCH_SECONDS

NAME: Final = "Undo"
"""The machine, besides the stack's name; no saga can be called so."""
FUNCTION: Final = "Recovery"
"""The substitution for its function."""
UNDO_RETRY: Final = Retry(attempts=10, wait=2, backoff=2, longest_wait=300, jitter=True)
"""Of each compensation: about 14 minutes of pauses, as where the author says nothing."""


def undo_definition() -> dict[str, Any]:
    """The definition, as JSON values.

    Its input is what `stepsaga.recovery.reconcile.input_of` writes: ``undo`` with the run, the
    generation and ``after``, when nothing of the run can be running any more; ``failed`` and
    ``reports``, empty.
    """
    return {
        "Comment": "Works on any saga from its log: undoes it, or goes forward with it.",
        "StartAt": "wait for the last call",
        "States": {
            # Nobody can call back an invocation that was under way when the execution ended.
            "wait for the last call": {
                "Type": "Wait",
                "TimestampPath": "$.undo.after",
                "Next": "find what is left",
            },
            "find what is left": {
                **_own("proceed", {"failed.$": "$.failed", "reports.$": "$.reports"}),
                "ResultSelector": {
                    "done.$": "$.Payload.done",
                    "calls.$": "$.Payload.calls",
                    "failed.$": "$.Payload.failed",
                    "until.$": "$.Payload.until",
                },
                "ResultPath": "$.next",
                "Next": "is anything left",
            },
            "is anything left": {
                "Type": "Choice",
                "Choices": [
                    {"Variable": "$.next.done", "BooleanEquals": True, "Next": "record the end"},
                    {"Variable": "$.next.until", "IsNull": False, "Next": "wait until then"},
                ],
                "Default": "do what can be done",
            },
            "wait until then": {
                "Type": "Wait",
                "TimestampPath": "$.next.until",
                "Next": "look again",
            },
            "do what can be done": {
                "Type": "Map",
                "ItemsPath": "$.next.calls",
                "ItemSelector": {"call.$": "$$.Map.Item.Value"},
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "INLINE"},
                    "StartAt": "does it wait",
                    "States": _lane(),
                },
                "ResultPath": "$.reports",
                "Next": "look again",
            },
            "look again": {
                "Type": "Pass",
                "Parameters": {
                    "undo.$": "$.undo",
                    "failed.$": "$.next.failed",
                    "reports.$": "$.reports",
                },
                "Next": "find what is left",
            },
            "record the end": {**_own("end", {}), "ResultPath": None, "End": True},
        },
    }


def _lane() -> dict[str, Any]:
    """One call. Whatever becomes of it is reported: a refund beside it must not be cut off."""
    return {
        # A child is undone by an undo of its own, which says when it is done (rule 28).
        "does it wait": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.call.waits", "BooleanEquals": True, "Next": "call and wait"}
            ],
            "Default": "call",
        },
        "call": _call(INVOKE, {}, DOUBTFUL),
        "call and wait": _call(ASK, {"token.$": "$$.Task.Token"}, ASKING),
        "done": {
            "Type": "Pass",
            "Parameters": {"key.$": "$.call.key", "error": ""},
            "End": True,
        },
        "failed": {
            "Type": "Pass",
            "Parameters": {"key.$": "$.call.key", "error.$": "$.failure.Error"},
            "End": True,
        },
    }


def _call(resource: str, more: dict[str, Any], doubtful: tuple[str, ...]) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": resource,
        "TimeoutSecondsPath": "$.call.timeout",
        "Parameters": {
            "FunctionName.$": "$.call.function",
            "Payload": {
                "call.$": "$.call.call",
                "state.$": "$$.State",
                "by.$": "$$.Execution",
                **more,
            },
        },
        "Retry": [retrier(errors, UNDO_RETRY) for errors in (THROTTLED, TRANSIENT, doubtful)],
        "Catch": [
            # A probe has found that nothing happened.
            catcher("Rejected", None, "done"),
            catcher(TOO_LARGE, "$.failure", "failed"),
            catcher("States.ALL", "$.failure", "failed"),
        ],
        "ResultPath": None,
        "Next": "done",
    }


def _own(what: str, more: dict[str, Any]) -> dict[str, Any]:
    """A call of the machine's own function."""
    return {
        "Type": "Task",
        "Resource": INVOKE,
        "TimeoutSeconds": SETTLE_SECONDS + DISPATCH_SECONDS,
        "Parameters": {
            "FunctionName": f"${{{FUNCTION}}}",
            "Payload": {
                "do": what,
                "undo.$": "$.undo",
                **more,
                "execution.$": "$$.Execution",
                "state.$": "$$.State",
            },
        },
        "Retry": [retrier(errors, SETTLE_RETRY) for errors in (THROTTLED, TRANSIENT, DOUBTFUL)],
    }
