"""What each engine lacks, measured against Step Functions (rule 33).

Outside of this table no contract test of engines may be skipped or expected to fail. Each row is
tested itself: where one of its cases stops to differ, the build fails, and the row must go.

The simulator is what the others are compared with. That it does what Step Functions does is pinned
by `expected.py`, where other engines differ too.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.contract.engines.observe import Run


def _no_cause_of_timeouts(run: Run) -> Run:
    """An error object of a timeout with an empty ``Cause`` is one without."""
    changed: Run = _without_cause(run)
    return changed


def _without_cause(value: Any) -> Any:
    if isinstance(value, dict):
        empty = value.get("Error") == "States.Timeout" and value.get("Cause") == ""
        return {
            key: _without_cause(item)
            for key, item in value.items()
            if not (empty and key == "Cause")
        }
    if isinstance(value, list | tuple):
        return type(value)(_without_cause(item) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        changed = {one.name: _without_cause(getattr(value, one.name)) for one in fields(value)}
        return replace(value, **changed)
    return value


def _without(*names: str) -> Callable[[Run], Run]:
    """What is not compared."""

    def allow(run: Run) -> Run:
        blank: dict[str, Any] = dict.fromkeys(names, "not compared")
        return replace(run, **blank)

    return allow


def _nothing(run: Run) -> Run:
    """Nothing can be compared but the calls."""
    return _without("status", "output", "error", "cause", "history", "commits")(run)


def _own_words(run: Run) -> Run:
    """The text of a size limit is the engine's own; where it stands and its error are not."""
    changed: Run = _reworded(run)
    return changed


def _reworded(value: Any) -> Any:
    if isinstance(value, str) and "exceeding the maximum number of bytes" in value:
        return "too large"
    if isinstance(value, dict):
        return {key: _reworded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_reworded(item) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{one.name: _reworded(getattr(value, one.name)) for one in fields(value)}
        )
    return value


@dataclass(frozen=True)
class Lack:
    """One row.

    Attributes:
        engine: The engine's name.
        behaviour: What Step Functions does, and the engine does not.
        how: What the engine does instead.
        cases: Patterns of the names of the cases in which the engine differs from the simulator.
        unless: Names of cases that the patterns hit, and in which it does not differ.
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


LACKS: Final = (
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
        ),
        # Settled by the slot, these go on, and the failure leaves the document.
        unless=(
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
        ),
        fails=("error-timeout-caught-as-States.ALL",),
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
        cases=("pass-index", "intrinsic-of-an-index"),
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
        allow=_own_words,
    ),
    Lack(
        "moto",
        "The simulator's record has no request to tell of.",
        "The cause of a condition that failed has a status code and the id of a request.",
        cases=("put-taken", "put-taken-retried"),
        allow=_without("cause"),
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


def lacks_of(engine: str, case: str) -> list[Lack]:
    """The rows that say how an engine differs from the simulator in a case."""
    return [
        lack
        for lack in LACKS
        if lack.engine == engine and _matches(case, lack.cases) and case not in lack.unless
    ]


def failures_of(engine: str, name: str) -> list[Lack]:
    """The rows that say that an engine fails a contract."""
    return [lack for lack in LACKS if lack.engine == engine and _matches(name, lack.fails)]


def allowed(run: Run, lacks: Iterable[Lack]) -> Run:
    """A run without the differences of these rows."""
    for lack in lacks:
        run = lack.allow(run)
    return run
