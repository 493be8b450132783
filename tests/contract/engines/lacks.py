"""What each engine lacks, measured against Step Functions (rule 33).

Outside of this table no contract test of engines may be skipped or expected to fail. Each row is
tested itself: where one of its cases stops to differ, the build fails, and the row must go.

Step Functions Local has rows only for what is documented: whoever runs it first adds what else it
does otherwise. What no case asks of it is named in `stepsaga.engines.stepfunctions_local`.

The simulator is what the others are compared with. That it does what Step Functions does is pinned
by `expected.py`, where other engines differ too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, is_dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from stepsaga.engines.functions import EXIT_ERROR, UNKNOWN_ERROR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.contract.engines.observe import Run

TIMEOUT: Final = "States.Timeout"
_SENT: Final = frozenset({"Odd", "Rejected"})
"""Errors that cases send as answers."""
_TIMEOUTS_CAUSE: Final = re.compile(r"|Task timed out .*")


def _everywhere(change: Callable[[Any], Any]) -> Callable[[Run], Run]:
    """A change of every value in a run, from the outside in."""

    def changed(value: Any) -> Any:
        value = change(value)
        if isinstance(value, dict):
            return {key: changed(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(changed(item) for item in value)
        if is_dataclass(value) and not isinstance(value, type):
            items = {one.name: changed(getattr(value, one.name)) for one in fields(value)}
            return replace(value, **items)
        return value

    return changed


def _leaves_out(value: Any, *keys: str) -> Any:
    return {key: item for key, item in value.items() if key not in keys}


def _no_cause_of_timeouts(run: Run) -> Run:
    """An error object of a timeout with the engine's own ``Cause`` is one without."""
    changed = _everywhere(_causeless)(run)
    return replace(changed, cause=None) if changed.error == TIMEOUT else changed


def _causeless(value: Any) -> Any:
    if isinstance(value, dict) and value.get("Error") == TIMEOUT:
        own = str(value.get("Cause"))
        return _leaves_out(value, "Cause") if _TIMEOUTS_CAUSE.fullmatch(own) else value
    return value


def _no_cause_of_answers(run: Run) -> Run:
    """What was sent with SendTaskFailure in these cases, without its cause."""
    changed = _everywhere(_unexplained)(run)
    return replace(changed, cause=None) if changed.error in _SENT else changed


def _unexplained(value: Any) -> Any:
    if isinstance(value, dict) and value.get("Error") in _SENT:
        return _leaves_out(value, "Cause")
    return value


def _no_role(value: Any) -> Any:
    return _leaves_out(value, "RoleArn") if isinstance(value, dict) else value


def _no_words_of_exits(value: Any) -> Any:
    if isinstance(value, dict) and value.get("errorType") == EXIT_ERROR:
        return {"errorType": EXIT_ERROR}
    return value


def _no_words_of_silence(value: Any) -> Any:
    """Nothing is known of it: the cause is Step Functions' own text, or nothing."""
    if isinstance(value, dict) and value.get("Error") == UNKNOWN_ERROR:
        return _leaves_out(value, "Cause")
    return value


def _own_words(value: Any) -> Any:
    """The text of a size limit is the engine's own; where it stands and its error are not."""
    limit = isinstance(value, str) and "exceeding the maximum number of bytes" in value
    return "too large" if limit else value


def _as_failures(run: Run) -> Run:
    """A history that does not tell that Tasks start, and calls their timeouts failures."""
    told = [one for one in run.history if one.type != "TaskStarted"]
    failed = "TaskTimedOut"
    history = tuple(replace(one, type="TaskFailed") if one.type == failed else one for one in told)
    return replace(run, history=history)


def _not_submitted(run: Run) -> Run:
    """A history that does not tell that a Task waits for its token."""
    return replace(run, history=tuple(one for one in run.history if one.type != "TaskSubmitted"))


def _without(*names: str) -> Callable[[Run], Run]:
    """What is not compared."""

    def allow(run: Run) -> Run:
        blank: dict[str, Any] = dict.fromkeys(names, "not compared")
        return replace(run, **blank)

    return allow


def _nothing(run: Run) -> Run:
    """Nothing can be compared but the calls."""
    return _without("status", "output", "error", "cause", "history", "commits")(run)


def _everything(run: Run) -> Run:
    """It goes another way: nothing can be compared."""
    return _without(*(one.name for one in fields(run)))(run)


@dataclass(frozen=True)
class Lack:
    """One row.

    Attributes:
        engine: The engine's name.
        behaviour: What Step Functions does, and the engine does not.
        how: What the engine does instead.
        cases: Patterns of the names of the cases in which the engine differs from the simulator.
        unless: Patterns of cases that those hit, and in which it does not differ.
        fails: What the engine fails: names of cases with an expected end, and of other contracts.
        allow: Takes the difference, and nothing else, out of a run.
    """

    engine: str
    behaviour: str
    how: str
    cases: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    fails: tuple[str, ...] = ()
    allow: Callable[[Run], Run] = _nothing


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


_SETTLED: Final = (
    "golden-claimed-reserve-hangs",
    "golden-claimed-tell-hangs",
    "golden-claimed_pivot-ship-hangs",
    "golden-deadline-quote-hangs",
    "golden-every_retry_option-once-hangs",
    "golden-no_compensations-rate-hangs",
    "golden-nothing_to_undo_at_first-charge-hangs",
    "golden-pivot_first_with_compensation-ship-hangs",
    "golden-pivot_with_compensation-ship-hangs",
    "golden-read_only_pivot-decide-hangs",
    "golden-sequence-charge-hangs",
    "golden-single_read_only_step-quote-hangs",
    "golden-single_step-charge-hangs",
    "golden-step_with_a_probe-report-hangs",
    "golden-single_step-input-NoneType-charge-hangs",
    "golden-single_step-input-dict-charge-hangs",
    "golden-single_step-input-int-charge-hangs",
    "golden-single_step-input-list-charge-hangs",
    "golden-takes-report-hangs",
    "golden-without_retry-charge-hangs",
    "saga-bare-peek-hangs",
    "saga-retries-c-hangs",
    "saga-three-ship-hangs",
    "saga-undoable-pivot-ship-hangs",
)
"""In doubt, and settled by the slot: these go on, and the failure leaves the document."""

_UNANSWERED: Final = (
    "question-time-is-up-*",
    "question-answered-too-late",
    "question-no-heartbeat*",
    "question-message-lost",
    "question-in-a-branch-time-is-up",
    "question-in-items-one-silent",
    "golden-asks-*",
)
"""The time of a question is up."""

_ELSEWHERE: Final = (
    "error-missing-*",
    "error-no-place-for-a-result",
    "error-too-large-caught-as-*",
    "error-too-large-in-pass",
    "saga-*-too-large",
    "time-is-up-*",
)
"""Where MiniStack goes on, and Step Functions does not."""

_TASKS: Final = (
    "input-*-shown",
    "reply-*",
    "path-*",
    "error-*",
    "saga-*",
    "golden-*",
    "reference-*",
)
"""Cases in which functions are called."""

_IN_BLOCKS: Final = (
    "parallel-succeeds",
    "parallel-takes-parameters",
    "parallel-drops-its-result",
    "parallel-has-a-result-*",
    "parallel-has-an-output-path",
    "parallel-task-*",
    "parallel-is-caught-inside",
    "parallel-is-retried*",
    "parallel-is-nested",
    "map-of-items",
    "map-selects-its-items",
    "map-has-*",
    "map-selector-sees-the-input",
    "map-by-its-older-names",
    "map-one-after-the-other",
    "map-two-at-once",
    "map-task-fails",
    "map-is-retried",
)
"""Cases in which functions are called in branches, or for items."""
_RACES: Final = ("parallel-task-is-retried-inside",)
"""Where MiniStack's branches get in each other's way."""
_UNHEARD: Final = (
    "token-function-fails",
    "token-misses-a-heartbeat-States.HeartbeatTimeout",
    "question-asked-again",
    "question-answered-before-asked-again",
    "question-cannot-be-asked",
    "question-is-not-to-be-asked",
)
"""What goes wrong about a token, and MiniStack does not hear of."""
_UNLISTED: Final = ("map-of-object", "map-of-text", "map-of-null")
"""Where there are items that are no list."""

_MOTO: Final = (
    Lack(
        "moto",
        "The error object of a timeout has no Cause.",
        "It has an empty one, which also gets into the document and into the record of the end.",
        cases=(
            "error-timeout-caught-as-States.Timeout",
            "error-timeout-caught-as-States.ALL",
            "saga-*-hangs",
            "saga-pivot-ship-hangs-once",
            "golden-*-hangs",
            "reference-*-times-out-*",
            "reference-*-lands-late",
            "reference-undo-charge-*",
            "reference-verify-ship-*",
            "token-times-out",
            "token-misses-a-heartbeat-States.Timeout",
            *_UNANSWERED,
        ),
        unless=_SETTLED,
        fails=(
            "error-timeout-caught-as-States.ALL",
            "token-times-out",
            "token-misses-a-heartbeat-States.Timeout",
        ),
        allow=_no_cause_of_timeouts,
    ),
    Lack(
        "moto",
        "States.Runtime cannot be caught.",
        "A missing path in a Task's Parameters or ResultSelector is caught by States.ALL.",
        cases=("error-missing-path-in-parameters", "error-missing-path-in-selector"),
        fails=("error-missing-path-in-parameters", "error-missing-path-in-selector"),
    ),
    Lack(
        "moto",
        "States.DataLimitExceeded must be caught by its own name, says the documentation.",
        "States.ALL catches it, as some have seen Step Functions do.",
        cases=("error-too-large-caught-as-States.ALL",),
        fails=("error-too-large-caught-as-States.ALL",),
    ),
    Lack(
        "moto",
        "The cause of a missing path names the field and the input.",
        "It names something else, or has Python's text.",
        cases=(
            "error-missing-input-path",
            "error-missing-output-path",
            "error-missing-path-in-pass",
        ),
        allow=_without("cause"),
    ),
    Lack(
        "moto",
        "A result that fits nowhere ends the execution at once.",
        "It is recorded as a failure of the Task first.",
        cases=("error-no-place-for-a-result",),
        allow=_without("cause", "history"),
    ),
    Lack(
        "moto",
        "StopExecution keeps error and cause, and ends the history.",
        "They are lost, and the Task that was under way is recorded still.",
        cases=("error-stopped",),
        fails=("error-stopped",),
        allow=_without("error", "cause", "history"),
    ),
    Lack(
        "moto",
        "A path with an index gives the value there.",
        "It gives a list of that value.",
        cases=("pass-index", "intrinsic-of-an-index", "parallel-has-a-result-selector"),
        fails=("pass-index", "intrinsic-of-an-index"),
        allow=_without("output"),
    ),
    Lack(
        "moto",
        "States.Array takes null.",
        "It leaves null out.",
        cases=("intrinsic-array-with-null",),
        fails=("intrinsic-array-with-null",),
        allow=_without("output"),
    ),
    Lack(
        "moto",
        "States.Format writes objects and lists as JSON.",
        "It writes them in a notation of its own.",
        cases=("intrinsic-format-value",),
        allow=_without("output"),
    ),
    Lack(
        "moto",
        "States.Format has escapes for braces, States.Base64Encode takes any text.",
        "Both end the execution.",
        cases=("intrinsic-format-escapes", "intrinsic-base64-beyond-ascii"),
        fails=("intrinsic-format-escapes", "intrinsic-base64-beyond-ascii"),
    ),
    Lack(
        "moto",
        "The cause of a function that cannot do it names the function.",
        "It has Python's text.",
        cases=(
            "intrinsic-item-outside",
            "intrinsic-length-of-text",
            "intrinsic-no-json",
        ),
        allow=_without("cause"),
    ),
    Lack(
        "moto",
        "The cause of a size limit names the integration.",
        "It names the service only. What Step Functions writes is not documented.",
        cases=(
            "error-too-large-caught-as-States.DataLimitExceeded",
            "error-too-large-caught-as-States.TaskFailed",
            "saga-*-too-large",
        ),
        allow=_everywhere(_own_words),
    ),
    Lack(
        "moto",
        "The simulator's record has no request to tell of.",
        "The cause of a condition that failed has a status code and the id of a request.",
        cases=("put-taken", "put-taken-retried"),
        allow=_without("cause"),
    ),
    Lack(
        "moto",
        "A comparison with what has another type is false.",
        "Orders of texts found by a path, and of timestamps, end the execution.",
        cases=("choice-String*Than*Path", "choice-Timestamp*Than*"),
        fails=("choice-TimestampLessThan",),
    ),
    Lack(
        "moto",
        "A boolean is no number.",
        "It is ordered as one, where it is found by a path.",
        cases=("choice-NumericLessThan*Path",),
        allow=_without("output", "history"),
    ),
    Lack(
        "moto",
        "A timestamp may have an offset.",
        "It is none then.",
        cases=("choice-IsTimestamp",),
        allow=_without("output", "history"),
    ),
    Lack(
        "moto",
        "A backslash before a star in StringMatches makes it an ordinary one.",
        "It makes nothing of it.",
        cases=("choice-StringMatches-stars",),
        allow=_without("output", "history"),
    ),
    Lack(
        "moto",
        "A Variable that leads nowhere is States.Runtime.",
        "The comparison is false.",
        cases=("choice-missing-variable",),
        fails=("choice-missing-variable",),
    ),
    Lack(
        "moto",
        "The cause of a missing path in a Choice says that it is the choice's.",
        "It says that it is another field's.",
        cases=("choice-missing-operand",),
        allow=_without("cause"),
    ),
    Lack(
        "moto",
        "A Choice without a rule that holds is States.NoChoiceMatched.",
        "It is States.Runtime.",
        cases=("choice-without-match",),
        fails=("choice-without-match",),
        allow=_without("error", "cause", "history"),
    ),
    Lack(
        "moto",
        "What is stopped in a branch is told: TaskStateAborted, WaitStateAborted.",
        "There are no such events, and Waits may come to their end first.",
        cases=(
            "parallel-task-fails",
            "parallel-task-fails-and-is-caught",
            "parallel-stops-the-others",
            "parallel-is-retried",
            "parallel-is-retried-in-vain",
            "map-task-fails",
            "map-stops-the-others",
            "map-is-retried",
        ),
        fails=("parallel-task-fails", "map-task-fails"),
        allow=_without("history"),
    ),
    Lack(
        "moto",
        "An error of the States Language's own comes out of a branch under its name.",
        "It ends the execution: no error may have such a name, it says.",
        cases=("parallel-task-times-out",),
        fails=("parallel-task-times-out",),
    ),
    Lack(
        "moto",
        "States.Runtime in a branch has the cause that it has outside of one.",
        "The cause is Python's text, about the error's name.",
        cases=("parallel-has-a-missing-path-inside",),
        allow=_without("cause"),
    ),
    Lack(
        "moto",
        "The outputs of all branches together can be too large: that can be caught.",
        "It ends the execution.",
        cases=("parallel-is-too-large",),
    ),
    Lack(
        "moto",
        "Items that are no list end the execution with States.Runtime.",
        "They are States.QueryEvaluationError, as in JSONata, and caught.",
        cases=("map-of-object", "map-of-text", "map-of-null"),
    ),
    Lack(
        "moto",
        "$$.Map is there for the ItemSelector only.",
        "The item's states have it, too.",
        cases=("map-tells-the-selector-only",),
    ),
    Lack(
        "moto",
        "A token may be answered before its function has returned.",
        "Where heartbeats are expected the answer is lost.",
        cases=("token-is-answered-in-time",),
        fails=("token-is-answered-in-time",),
    ),
    Lack(
        "moto",
        "SendTaskFailure keeps the cause.",
        "It is lost.",
        cases=(
            "token-is-answered-with-a-failure",
            "token-failure-is-caught",
            "question-rejected*",
            "question-asked-last-rejected",
            "question-in-a-branch-rejected",
        ),
        fails=("token-failure-is-caught",),
        allow=_no_cause_of_answers,
    ),
    Lack(
        "moto",
        "A missed heartbeat can be caught as States.HeartbeatTimeout.",
        "It is States.Timeout only.",
        cases=("token-misses-a-heartbeat-States.HeartbeatTimeout",),
        fails=("token-misses-a-heartbeat-States.HeartbeatTimeout",),
    ),
    Lack(
        "moto",
        "A token whose Task is over is TaskTimedOut.",
        "It is InvalidToken, as one that never was.",
        fails=("tokens-once",),
    ),
    Lack("moto", "RedriveExecution.", "There is none.", fails=("redrive-*",)),
    Lack(
        "moto",
        "A definition is refused when it is created: names that no state has, states that cannot"
        " be reached.",
        "It is accepted.",
        fails=(
            "refused-no-such-start",
            "refused-no-such-target",
            "refused-no-such-catcher",
            "refused-unreachable",
        ),
    ),
)

_MINISTACK: Final = (
    Lack(
        "ministack",
        "The history has TaskStarted and TaskTimedOut.",
        "It has no event for a Task that starts; a timeout is a TaskFailed.",
        cases=(*_TASKS, "put-*", "token-*", "question-*"),
        unless=(
            *_ELSEWHERE,
            *_UNHEARD,
            "error-stopped",
            "token-failure-without-a-name",
            "question-in-*",
        ),
        fails=("error-uncaught", "error-timeout-uncaught"),
        allow=_as_failures,
    ),
    Lack(
        "ministack",
        "The context object has the role's ARN.",
        "It has not: neither the calls, nor the record of a start, which both have $$.Execution.",
        cases=(*_TASKS, *_IN_BLOCKS, "token-*", "question-*"),
        unless=(*_ELSEWHERE, *_RACES, *_UNHEARD),
        allow=_everywhere(_no_role),
    ),
    Lack(
        "ministack",
        "The error object of a timeout has no Cause.",
        "It says after how many seconds.",
        cases=(
            "error-timeout-uncaught",
            "error-timeout-is-no-failure",
            "error-timeout-caught-as-*",
            "saga-*-hangs",
            "saga-*-hangs-for-good",
            "saga-pivot-ship-hangs-once",
            "reference-*-times-out-*",
            "reference-*-lands-late",
            "reference-undo-charge-*",
            "reference-verify-ship-*",
            "parallel-task-times-out",
            "token-times-out",
            "token-misses-a-heartbeat-States.Timeout",
            *_UNANSWERED,
        ),
        unless=_SETTLED,
        fails=(
            "error-timeout-caught-as-States.ALL",
            "parallel-task-times-out",
            "token-times-out",
            "token-misses-a-heartbeat-States.Timeout",
        ),
        allow=_no_cause_of_timeouts,
    ),
    Lack(
        "ministack",
        "What is known of a process that died is told by Lambda.",
        "It has a text of its own, and no id of the request.",
        cases=("saga-*-exits", "reference-*-crashes-*"),
        allow=_everywhere(_no_words_of_exits),
    ),
    Lack(
        "ministack",
        "Of a failure that Lambda does not describe, Step Functions says so.",
        "It has an empty object for a cause.",
        cases=("reference-*-reply-lost",),
        allow=_everywhere(_no_words_of_silence),
    ),
    Lack(
        "ministack",
        "An output that is not there cannot be: a failed execution has none.",
        "DescribeExecution tells the error and the cause as the output, too.",
        fails=("described-failed",),
    ),
    Lack(
        "ministack",
        "A result, an input, or an output over 256 KiB is States.DataLimitExceeded.",
        "There is no limit.",
        cases=(
            "error-too-large-caught-as-*",
            "error-too-large-in-pass",
            "saga-*-too-large",
            "parallel-is-too-large",
        ),
        fails=(
            "error-too-large-caught-as-States.ALL",
            "error-too-large-caught-as-States.TaskFailed",
            "error-too-large-in-pass",
            "saga-three-charge-too-large",
        ),
        allow=_everything,
    ),
    Lack(
        "ministack",
        "A path that leads nowhere is States.Runtime, which cannot be caught.",
        "It leads to null, and where a result has no place its input is replaced.",
        cases=(
            "error-missing-*",
            "error-no-place-for-a-result",
            "choice-missing-*",
            "parallel-has-a-missing-path-inside",
        ),
        fails=(
            "choice-missing-variable",
            "choice-missing-operand",
            "error-missing-path-in-parameters",
            "error-missing-path-in-selector",
            "error-missing-input-path",
        ),
        allow=_everything,
    ),
    Lack(
        "ministack",
        "TimeoutSeconds of the machine.",
        "They are ignored.",
        cases=("time-is-up-*",),
        fails=("time-is-up-*",),
        allow=_everything,
    ),
    Lack(
        "ministack",
        "A stop is the end of the history.",
        "The Task that was under way is recorded still.",
        cases=("error-stopped",),
        fails=("error-stopped",),
        allow=_without("history"),
    ),
    Lack(
        "ministack",
        "A Fail without an Error has none.",
        "Its error is States.Fail.",
        cases=("fail-bare", "fail-cause"),
        fails=("fail-bare",),
        allow=_without("error", "history"),
    ),
    Lack(
        "ministack",
        "A function's reply is JSON, and a text in it is a text.",
        "A reply that is a text is read as JSON once more.",
        cases=("reply-number-in-text", "reply-json-in-text"),
        allow=_without("output"),
    ),
    Lack(
        "ministack",
        "A path with a slice gives a list.",
        "It gives null.",
        cases=("pass-slice", "intrinsic-slice-from", "intrinsic-slice-from-end"),
        allow=_without("output"),
    ),
    Lack(
        "ministack",
        "States.Format writes values as JSON.",
        "It writes them as Python does.",
        cases=("intrinsic-format-value", "intrinsic-format-scalars"),
        allow=_without("output"),
    ),
    Lack(
        "ministack",
        "States.ArrayLength takes a list.",
        "It takes a text, too.",
        cases=("intrinsic-length-of-text",),
        allow=_nothing,
    ),
    Lack(
        "ministack",
        "The cause of a function that cannot do it names the function.",
        "It has Python's text.",
        cases=("intrinsic-item-outside", "intrinsic-no-json"),
        allow=_without("cause"),
    ),
    Lack(
        "ministack",
        "The cause of a condition that failed has a status code and the id of a request.",
        "It has the message only.",
        cases=("put-taken", "put-taken-retried"),
        allow=_without("cause"),
    ),
    Lack(
        "ministack",
        "Every comparison has a twin that reads its other side by a path.",
        "Of texts' orders, timestamps and booleans it is always false.",
        cases=("choice-String*Than*Path", "choice-Timestamp*Path", "choice-BooleanEqualsPath"),
        allow=_without("output", "history"),
    ),
    Lack(
        "ministack",
        "A boolean is no number, and null is present.",
        "It is one, and null is not.",
        cases=("choice-IsNumeric", "choice-IsPresent"),
        allow=_without("output", "history"),
    ),
    Lack(
        "ministack",
        "A backslash before a star in StringMatches makes it an ordinary one.",
        "It makes nothing of it.",
        cases=("choice-StringMatches-stars",),
        allow=_without("output", "history"),
    ),
    Lack(
        "ministack",
        "The simulator's words for a Choice without a rule that holds.",
        "It has others. What Step Functions writes is not documented.",
        cases=("choice-without-match",),
        allow=_without("cause"),
    ),
    Lack(
        "ministack",
        "The history tells of branches and items, and of the states in them.",
        "It tells of the calls in them only.",
        cases=("parallel-*", "map-*", "question-in-*"),
        unless=(
            *_RACES,
            *_UNLISTED,
            "parallel-is-too-large",
            "parallel-has-a-missing-path-inside",
            "map-tells-the-selector-only",
        ),
        fails=("parallel-task-fails", "parallel-fails", "map-task-fails", "map-fails"),
        allow=_without("history"),
    ),
    Lack(
        "ministack",
        "Branches do not know of each other.",
        "Where one tries again, another's result may stand in its place.",
        cases=_RACES,
        allow=_everything,
    ),
    Lack(
        "ministack",
        "Items that are no list end the execution with States.Runtime.",
        "They are taken for one item.",
        cases=_UNLISTED,
        allow=_everything,
    ),
    Lack(
        "ministack",
        "$$.Map is there for the ItemSelector only.",
        "The item's states have it, too.",
        cases=("map-tells-the-selector-only",),
        allow=_everything,
    ),
    Lack(
        "ministack",
        "The history has TaskSubmitted.",
        "It has not.",
        cases=("token-*", "question-*", "golden-asks-*"),
        unless=(*_UNHEARD, "token-failure-without-a-name", "question-in-*"),
        fails=("token-is-answered",),
        allow=_not_submitted,
    ),
    Lack(
        "ministack",
        "A failure that is sent without a name has none.",
        "Its name is TaskFailed.",
        cases=("token-failure-without-a-name",),
        fails=("token-failure-without-a-name",),
        allow=_without("output", "history"),
    ),
    Lack(
        "ministack",
        "A function that fails fails its Task, also where a token is waited for. HeartbeatSeconds.",
        "Neither is looked at: the Task times out.",
        cases=_UNHEARD,
        # What was never asked is taken for a question whose time is up.
        fails=(
            "token-misses-a-heartbeat-States.HeartbeatTimeout",
            "question-cannot-be-asked",
            "question-asked-again",
            "question-answered-before-asked-again",
        ),
        allow=_everything,
    ),
    Lack(
        "ministack",
        "A token is answered once, and one that never was is InvalidToken.",
        "It can be answered again; one that never was is TaskDoesNotExist.",
        fails=("tokens-once", "tokens-unknown"),
    ),
    Lack("ministack", "RedriveExecution.", "There is none.", fails=("redrive-*",)),
    Lack(
        "ministack",
        "A definition that cannot run is refused when it is created.",
        "Everything is accepted, and fails when it is run.",
        fails=("refused-*",),
    ),
    Lack(
        "ministack",
        "The event TaskScheduled tells the timeout and the parameters.",
        "It has the Resource only.",
        fails=("history-details",),
    ),
)

LACKS: Final = (
    *_MOTO,
    *_MINISTACK,
    Lack(
        "stepfunctions_local",
        "RedriveExecution.",
        "There is none; the engine refuses it by name.",
        fails=("redrive-*",),
    ),
)


def lacks_of(engine: str, case: str) -> list[Lack]:
    """The rows that say how an engine differs from the simulator in a case."""
    return [
        lack
        for lack in LACKS
        if lack.engine == engine and _matches(case, lack.cases) and not _matches(case, lack.unless)
    ]


def failures_of(engine: str, name: str) -> list[Lack]:
    """The rows that say that an engine fails a contract."""
    return [lack for lack in LACKS if lack.engine == engine and _matches(name, lack.fails)]


def allowed(run: Run, lacks: Iterable[Lack]) -> Run:
    """A run without the differences of these rows."""
    for lack in lacks:
        run = lack.allow(run)
    return run
