"""What some cases must come to, written by hand: so that two engines cannot be wrong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tests.contract.engines.cases import ORDER
from tests.contract.engines.state_cases import KINDS, VALUES

ANYTHING: Final = object()


@dataclass(frozen=True)
class Expected:
    """The end of a case.

    Attributes:
        ends: The status, and the error where there is one.
        order: The calls; ``charge again`` is a later attempt of ``charge``.
        output: The output; not looked at by default.
        recorded: The slots of the commits, with their outcomes; not looked at by default.
        happened: The types of the history's events; not looked at by default.
    """

    ends: str
    order: tuple[str, ...] = ()
    output: Any = ANYTHING
    recorded: tuple[tuple[str, str], ...] | None = None
    happened: tuple[str, ...] | None = None


COMPENSATED: Final = "FAILED SagaCompensated"
RECORDED: Final = (("99999", "ended"),)
_STARTED, _DONE = "ExecutionStarted", "ExecutionSucceeded"
_TASK: Final = ("TaskStateEntered", "TaskScheduled", "TaskStarted")

_LOW, _HIGH, _OTHER = KINDS["Timestamp"]
_DID: Final = {"got": {"value": {"did": "A"}}}


def _answers(document: dict[str, Any], *words: str) -> dict[str, Any]:
    """A document with the answers to the questions that were asked of it."""
    return {**document, "answers": {f"q{index}": word for index, word in enumerate(words)}}


EXPECTED: Final[dict[str, Expected]] = {
    # Documents
    "input-text-kept": Expected("SUCCEEDED", output="plain"),
    "input-number-in-text-kept": Expected("SUCCEEDED", output="5"),
    "input-null-kept": Expected("SUCCEEDED", output=None),
    "reply-null": Expected("SUCCEEDED", ("A",), {"got": None}),
    "reply-list": Expected("SUCCEEDED", ("A",), {"got": []}),
    "path-result-path-null": Expected("SUCCEEDED", ("A",), ORDER),
    "path-result-path-nested": Expected(
        "SUCCEEDED",
        ("A",),
        {**ORDER, "made": {"on": {"the": {"way": {"got": {"value": {"did": "A"}}}}}}},
    ),
    "path-output-path": Expected("SUCCEEDED", ("A",), {"value": {"did": "A"}}),
    "path-output-path-null": Expected("SUCCEEDED", ("A",), {}),
    "pass-result": Expected("SUCCEEDED", output={"x.$": "not a path"}),
    "pass-index": Expected("SUCCEEDED", output={"a": "tea"}),
    "intrinsic-format": Expected("SUCCEEDED", output={"x": "o-1/2/x"}),
    "intrinsic-format-escapes": Expected("SUCCEEDED", output={"x": "{o-1}"}),
    "intrinsic-base64-beyond-ascii": Expected("SUCCEEDED", output={"x": "ZsO8ciBzcMOkdGVy"}),
    "intrinsic-wildcard-to-nothing": Expected("SUCCEEDED", output={"x": []}),
    "intrinsic-item-outside": Expected("FAILED States.Runtime"),
    "intrinsic-of-an-index": Expected("SUCCEEDED", output={"x": "tea"}),
    "intrinsic-array-with-null": Expected("SUCCEEDED", output={"x": [1, None]}),
    "intrinsic-contains-not": Expected("SUCCEEDED", output={"x": False}),
    "intrinsic-split": Expected("SUCCEEDED", output={"x": ["a", "b", "c"]}),
    # Ends
    "fail-both": Expected(
        "FAILED Broken", happened=(_STARTED, "FailStateEntered", "ExecutionFailed")
    ),
    "fail-bare": Expected("FAILED"),
    "fail-paths": Expected("FAILED o-1"),
    "time-is-up-in-a-wait": Expected(
        "TIMED_OUT", happened=(_STARTED, "WaitStateEntered", "ExecutionTimedOut")
    ),
    "time-is-enough": Expected("SUCCEEDED"),
    "time-is-up-between-retries": Expected("TIMED_OUT", ("A", "A again")),
    "time-is-up-in-a-task": Expected(
        "TIMED_OUT", ("A",), happened=(_STARTED, *_TASK, "ExecutionTimedOut")
    ),
    # Errors
    "error-uncaught": Expected(
        "FAILED Odd", ("A",), happened=(_STARTED, *_TASK, "TaskFailed", "ExecutionFailed")
    ),
    "error-timeout-uncaught": Expected(
        "FAILED States.Timeout",
        ("A",),
        happened=(_STARTED, *_TASK, "TaskTimedOut", "ExecutionFailed"),
    ),
    "error-timeout-caught-as-States.TaskFailed": Expected("FAILED States.Timeout", ("A",)),
    "error-timeout-caught-as-States.ALL": Expected(
        "SUCCEEDED", ("A",), {"Error": "States.Timeout"}
    ),
    "error-caught-as-States.TaskFailed": Expected("SUCCEEDED", ("A",)),
    "error-caught-as-Other": Expected("FAILED Odd", ("A",)),
    "error-retried": Expected("SUCCEEDED", ("A", "A again", "A again")),
    "error-retries-are-three": Expected("FAILED Odd", ("A", *["A again"] * 3)),
    "error-no-retry": Expected("FAILED Odd", ("A",)),
    "error-timeout-is-no-failure": Expected("FAILED States.Timeout", ("A",)),
    "error-retriers-add-up": Expected("FAILED Odd", ("A", "A again", "A again")),
    "error-an-exhausted-retrier-is-the-last": Expected("FAILED Odd", ("A", "A again")),
    "error-retry-count-begins-anew": Expected(
        "SUCCEEDED", ("A", "A again", "B", "B again", "B again")
    ),
    "error-stopped": Expected(
        "ABORTED Why", ("A",), happened=(_STARTED, *_TASK, "ExecutionAborted")
    ),
    "error-too-large-caught-as-States.DataLimitExceeded": Expected("SUCCEEDED", ("A",)),
    "error-too-large-caught-as-States.ALL": Expected("FAILED States.DataLimitExceeded", ("A",)),
    "error-too-large-caught-as-States.TaskFailed": Expected(
        "FAILED States.DataLimitExceeded", ("A",)
    ),
    "error-too-large-in-pass": Expected("FAILED States.DataLimitExceeded"),
    "error-missing-path-in-parameters": Expected("FAILED States.Runtime"),
    "error-missing-path-in-selector": Expected("FAILED States.Runtime", ("A",)),
    "error-missing-input-path": Expected("FAILED States.Runtime"),
    # Records
    "put-twice": Expected("SUCCEEDED"),
    "put-taken": Expected("FAILED DynamoDB.ConditionalCheckFailedException"),
    "put-taken-caught-as-States.TaskFailed": Expected("SUCCEEDED"),
    # Choices
    "choice-TimestampLessThan": Expected(
        "SUCCEEDED",
        output=_answers({"low": _LOW, "high": _HIGH, "other": _OTHER}, "no", "yes", "no", "no"),
    ),
    "choice-logic": Expected(
        "SUCCEEDED",
        output=_answers(VALUES, "yes", "no", "yes", "no", "no", "yes", "yes", "yes", "no"),
    ),
    "choice-short-circuit": Expected("SUCCEEDED", output=_answers(VALUES, "yes", "no")),
    "choice-absent": Expected("SUCCEEDED", output=_answers(VALUES, "no", "yes", "no", "no")),
    "choice-first-rule-wins": Expected("SUCCEEDED", output={"second": 1}),
    "choice-missing-variable": Expected("FAILED States.Runtime"),
    "choice-missing-operand": Expected("FAILED States.Runtime"),
    "choice-without-match": Expected("FAILED States.NoChoiceMatched"),
    # Parallel and Map: the events are those that were recorded on AWS
    "parallel-succeeds": Expected(
        "SUCCEEDED", ("A", "B"), [_DID, {"got": {"value": {"did": "B"}}}]
    ),
    "parallel-fails": Expected(
        "FAILED Broken",
        happened=(
            _STARTED,
            "ParallelStateEntered",
            "ParallelStateStarted",
            "FailStateEntered",
            "ParallelStateFailed",
            "ExecutionFailed",
        ),
    ),
    "parallel-task-fails": Expected(
        "FAILED Odd",
        ("A",),
        happened=(
            _STARTED,
            "ParallelStateEntered",
            "ParallelStateStarted",
            *_TASK,
            "TaskFailed",
            "TaskStateAborted",
            "ParallelStateFailed",
            "ExecutionFailed",
        ),
    ),
    # the branch's own error, not States.BranchFailed
    "parallel-is-caught-by-the-branchs-error": Expected(
        "SUCCEEDED", output={**ORDER, "e": {"Error": "Broken", "Cause": "for a reason"}}
    ),
    "parallel-stops-the-others": Expected(
        "SUCCEEDED", output={**ORDER, "e": {"Error": "Broken", "Cause": "for a reason"}}
    ),
    "parallel-task-times-out": Expected(
        "SUCCEEDED", ("A",), {**ORDER, "e": {"Error": "States.Timeout"}}
    ),
    # a retry runs the branches again
    "parallel-is-retried": Expected("SUCCEEDED", ("A", "A", "A"), [{"got": {"value": "fine"}}]),
    "parallel-fails-three-levels-down": Expected(
        "SUCCEEDED", output={**ORDER, "e": {"Error": "Broken", "Cause": "for a reason"}}
    ),
    "map-of-items": Expected("SUCCEEDED", ("A", "A", "A"), [_DID] * 3),
    "map-of-nothing": Expected("SUCCEEDED", output=[]),
    "map-fails": Expected(
        "FAILED Broken",
        happened=(
            _STARTED,
            "MapStateEntered",
            "MapStateStarted",
            "MapIterationStarted",
            "FailStateEntered",
            "MapIterationFailed",
            "MapStateFailed",
            "ExecutionFailed",
        ),
    ),
    "map-task-fails": Expected(
        "FAILED Odd",
        ("A",),
        happened=(
            _STARTED,
            "MapStateEntered",
            "MapStateStarted",
            "MapIterationStarted",
            *_TASK,
            "TaskFailed",
            "MapIterationFailed",
            "TaskStateAborted",
            "MapStateFailed",
            "ExecutionFailed",
        ),
    ),
    # Task tokens
    "token-is-answered": Expected(
        "SUCCEEDED",
        ("A",),
        {"paid": True},
        happened=(_STARTED, *_TASK, "TaskSubmitted", "TaskSucceeded", "TaskStateExited", _DONE),
    ),
    "token-is-answered-in-time": Expected("SUCCEEDED", ("A",), 1),
    "token-failure-is-caught": Expected(
        "SUCCEEDED", ("A",), {**ORDER, "e": {"Error": "Odd", "Cause": "for a reason"}}
    ),
    "token-failure-without-a-name": Expected(
        "SUCCEEDED", ("A",), {**ORDER, "e": {"Error": None, "Cause": None}}
    ),
    "token-is-asked-for-again": Expected("SUCCEEDED", ("A", "A again"), "at last"),
    "token-function-fails": Expected("SUCCEEDED", ("A",)),
    "token-times-out": Expected("SUCCEEDED", ("A",), {**ORDER, "e": {"Error": "States.Timeout"}}),
    "token-misses-a-heartbeat-States.Timeout": Expected(
        "SUCCEEDED", ("A",), {**ORDER, "e": {"Error": "States.Timeout"}}
    ),
    "token-misses-a-heartbeat-States.HeartbeatTimeout": Expected(
        "SUCCEEDED", ("A",), {**ORDER, "e": {"Error": "States.Timeout"}}
    ),
    # Sagas: rule 19 (the first reply replaces whatever the input was)
    "saga-three-succeeds": Expected(
        "SUCCEEDED",
        ("reserve", "charge", "ship"),
        {name: {"value": {"did": name}} for name in ("reserve", "charge", "ship")},
        (),
    ),
    "saga-three-input-int": Expected(
        "SUCCEEDED",
        ("reserve", "charge", "ship"),
        {name: {"value": {"did": name}} for name in ("reserve", "charge", "ship")},
    ),
    "saga-three-input-dict-reserve-rejected": Expected(
        COMPENSATED, ("reserve",), recorded=RECORDED
    ),
    "saga-bare-succeeds": Expected("SUCCEEDED", ("look", "peek")),
    "saga-bare-look-fails": Expected(COMPENSATED, ("look", "look again"), recorded=RECORDED),
    # a rejected step is not undone, the ones before it are, backwards
    "saga-three-ship-rejected": Expected(
        COMPENSATED,
        ("reserve", "charge", "ship", "undo charge", "undo reserve"),
        recorded=RECORDED,
    ),
    # a step in doubt is undone too
    "saga-three-charge-hangs": Expected(
        COMPENSATED,
        ("reserve", "charge", "charge again", "undo charge", "undo reserve"),
        recorded=RECORDED,
    ),
    "saga-three-charge-rejected-in-doubt": Expected(
        COMPENSATED, ("reserve", "charge", "undo charge", "undo reserve"), recorded=RECORDED
    ),
    # the last step in doubt is settled by its slot: what is recorded there has ended the saga
    "saga-three-ship-hangs": Expected(
        "SUCCEEDED", ("reserve", "charge", "ship", "ship again", "verify ship")
    ),
    "saga-three-verify-ship-rejected": Expected(
        COMPENSATED,
        ("reserve", "charge", "ship", "verify ship", "undo ship", "undo charge", "undo reserve"),
        recorded=RECORDED,
    ),
    "saga-three-charge-too-large": Expected(
        COMPENSATED, ("reserve", "charge", "undo charge", "undo reserve"), recorded=RECORDED
    ),
    "saga-three-charge-hangs-once": Expected(
        "SUCCEEDED", ("reserve", "charge", "charge again", "ship")
    ),
    "saga-three-charge-throttled": Expected(
        "SUCCEEDED", ("reserve", "charge", *["charge again"] * 3, "ship")
    ),
    # rule 12: a compensation that fails for good fails the execution in its Task
    "saga-three-undo-charge-fails": Expected(
        "FAILED StepFailed", ("reserve", "charge", "undo charge", "undo charge again"), recorded=()
    ),
    # rule 3: `Rejected` out of a compensation is a failure like any other
    "saga-three-undo-charge-rejected": Expected(
        "FAILED Rejected", ("reserve", "charge", "undo charge"), recorded=()
    ),
    # rule 8: an end that somebody else has recorded is an end
    "saga-three-undo-charge-then-the-end-is-taken": Expected(
        COMPENSATED, ("reserve", "charge", "undo charge", "undo reserve"), recorded=RECORDED
    ),
    # rule 17: a pivot in doubt is settled by its probe
    "saga-pivot-ship-hangs": Expected(
        "SUCCEEDED", ("look", "charge", "ship", "verify ship", "thank")
    ),
    "saga-pivot-ship-rejected": Expected(COMPENSATED, ("look", "charge", "ship", "undo charge")),
    "saga-pivot-verify-ship-rejected": Expected(
        COMPENSATED, ("look", "charge", "ship", "verify ship", "undo charge"), recorded=RECORDED
    ),
    "saga-pivot-verify-ship-fails": Expected(
        "FAILED StepFailed", ("look", "charge", "ship", "verify ship", "verify ship again")
    ),
    # rule 16: nothing is undone after the pivot
    "saga-pivot-thank-fails": Expected(
        "FAILED StepFailed", ("look", "charge", "ship", "thank", "thank again"), recorded=()
    ),
    "saga-pivot-thank-rejected": Expected(
        "FAILED Rejected", ("look", "charge", "ship", "thank"), recorded=()
    ),
    # without a probe the pivot's slot settles it
    "saga-undoable-pivot-ship-fails": Expected(
        "SUCCEEDED", ("reserve", "ship", "ship again", "verify ship", "thank", "archive")
    ),
    "saga-undoable-pivot-verify-ship-rejected": Expected(
        COMPENSATED, ("reserve", "ship", "verify ship", "undo ship", "undo reserve")
    ),
    "saga-retries-a-fails": Expected(COMPENSATED, ("a", "undo a")),
    "saga-retries-b-fails": Expected(
        COMPENSATED, ("a", "b", "b again", "b again", "undo b", "undo a")
    ),
    "saga-forward-thank-rejected": Expected("FAILED Rejected", ("thank",), recorded=()),
}
