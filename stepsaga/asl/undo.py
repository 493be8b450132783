"""The state machine that undoes any saga of any release from its log; the same for all (rule 15).

It knows no saga. Its function (`stepsaga.recovery`) reads a run's graph and events, and says what
can be undone now, side by side; the machine does that, and asks again, until nothing is left. What
fails holds up what was done before it, and nothing beside it (rule 13). Where all that is left has
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
        "Comment": "Undoes any saga from its log.",
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
                },
                "ResultPath": "$.next",
                "Next": "is anything left",
            },
            "is anything left": {
                "Type": "Choice",
                "Choices": [
                    {"Variable": "$.next.done", "BooleanEquals": True, "Next": "record the end"}
                ],
                "Default": "undo what can be",
            },
            "undo what can be": {
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
                {"Variable": "$.call.waits", "BooleanEquals": True, "Next": "undo and wait"}
            ],
            "Default": "undo",
        },
        "undo": _undo(INVOKE, {}, DOUBTFUL),
        "undo and wait": _undo(ASK, {"token.$": "$$.Task.Token"}, ASKING),
        "undone": {
            "Type": "Pass",
            "Parameters": {"key.$": "$.call.key", "error": ""},
            "End": True,
        },
        "not undone": {
            "Type": "Pass",
            "Parameters": {"key.$": "$.call.key", "error.$": "$.failure.Error"},
            "End": True,
        },
    }


def _undo(resource: str, more: dict[str, Any], doubtful: tuple[str, ...]) -> dict[str, Any]:
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
            # A probe has found that there is nothing to undo.
            catcher("Rejected", None, "undone"),
            catcher(TOO_LARGE, "$.failure", "not undone"),
            catcher("States.ALL", "$.failure", "not undone"),
        ],
        "ResultPath": None,
        "Next": "undone",
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
