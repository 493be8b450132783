"""Rules on fields: which state takes which, and what may stand in them.

https://states-language.net/spec.html and the pages of the single states in AWS's guide. Fields of
other dialects, and those newer than May 2024, are refused by name.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.findings import blocks, names, states, table, tables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stepsaga.asl.findings import Findings

MOST_SECONDS: Final = 99_999_999
MOST_DELAY: Final = 31_622_400
"""``MaxDelaySeconds`` must be below 31,622,401."""

OTHER_DIALECT: Final = frozenset(
    {"Arguments", "Assign", "Condition", "Items", "Output", "QueryLanguage"}
)
"""JSONata and variables, which came in November 2024."""

RESERVED_ERRORS: Final = frozenset(
    {
        "States.ALL",
        "States.DataLimitExceeded",
        "States.Permissions",
        "States.TaskFailed",
        "States.Timeout",
    }
)
"""The reserved names that can be retried and caught and that something here can raise."""

_FLOW: Final = {"Type", "Comment", "InputPath", "OutputPath", "Next", "End"}
_WORK: Final = {"Parameters", "ResultSelector", "ResultPath", "Retry", "Catch"}
FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "Task": frozenset(_FLOW | _WORK | {"Resource", "TimeoutSeconds", "HeartbeatSeconds"}),
    "Parallel": frozenset(_FLOW | _WORK | {"Branches"}),
    "Map": frozenset(
        _FLOW
        | _WORK - {"Parameters"}
        | {"ItemProcessor", "Iterator", "ItemsPath", "ItemSelector", "MaxConcurrency"}
        | {"ItemReader", "ResultWriter", "ToleratedFailurePercentage"}
    ),
    "Pass": frozenset(_FLOW | {"Result", "Parameters", "ResultPath"}),
    "Wait": frozenset(_FLOW | {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"}),
    "Choice": frozenset(_FLOW - {"Next", "End"} | {"Choices", "Default"}),
    "Succeed": frozenset(_FLOW - {"Next", "End"}),
    "Fail": frozenset({"Type", "Comment", "Error", "Cause", "ErrorPath", "CausePath"}),
}
MACHINE: Final = frozenset({"Comment", "StartAt", "States", "TimeoutSeconds", "Version"})
BLOCK: Final = frozenset({"Comment", "StartAt", "States", "ProcessorConfig"})
REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "Task": ("Resource", "Parameters"),
    "Parallel": ("Branches",),
    "Choice": ("Choices", "Default"),
    "Fail": ("Error",),
}
ENDED: Final = frozenset({"Task", "Parallel", "Map", "Pass", "Wait"})
"""The states that go on by ``Next`` or end by ``End``."""

RETRIER: Final = frozenset(
    {
        "ErrorEquals",
        "IntervalSeconds",
        "MaxAttempts",
        "BackoffRate",
        "MaxDelaySeconds",
        "JitterStrategy",
    }
)
CATCHER: Final = frozenset({"ErrorEquals", "ResultPath", "Next"})
WAITS: Final = ("Seconds", "SecondsPath", "Timestamp", "TimestampPath")

_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)\Z")


def _whole(least: int, most: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and least <= value <= most


def _text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _path(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _some(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def _instant(value: Any) -> bool:
    if not isinstance(value, str) or not _INSTANT.match(value):
        return False
    try:
        datetime.fromisoformat(value[:19])
    except ValueError:
        return False
    return True


def _true(value: Any) -> bool:
    return value is True


def _object(value: Any) -> bool:
    return isinstance(value, dict)


def _string(value: Any) -> bool:
    return isinstance(value, str)


Form = tuple["Callable[[Any], bool]", str]
FORMS: Final[Mapping[str, Form]] = {
    "Branches": (_some, "a list of blocks, at least one"),
    "Catch": (_some, "a list of catchers, at least one"),
    "Cause": (_string, "a text"),
    "CausePath": (_text, "a path or an intrinsic function"),
    "Choices": (_some, "a list of choices, at least one"),
    "Comment": (_string, "a text"),
    "Default": (_text, "the name of a state"),
    "End": (_true, "true, or not be there"),
    "Error": (_text, "the name of an error"),
    "ErrorPath": (_text, "a path or an intrinsic function"),
    "InputPath": (_path, "a path or null"),
    "ItemProcessor": (_object, "a block"),
    "ItemReader": (_object, "an object"),
    "Iterator": (_object, "a block"),
    "ItemsPath": (_text, "a path"),
    "Next": (_text, "the name of a state"),
    "OutputPath": (_path, "a path or null"),
    "Resource": (_text, "a resource"),
    "ResultPath": (_path, "a path or null"),
    "ResultSelector": (_object, "an object"),
    "ResultWriter": (_object, "an object"),
    "Retry": (_some, "a list of retriers, at least one"),
    "SecondsPath": (_text, "a path"),
    "StartAt": (_text, "the name of a state"),
    "States": (lambda value: _object(value) and bool(value), "an object of states, at least one"),
    "Timestamp": (_instant, "a time as RFC 3339 has it: 2026-11-21T08:00:00Z"),
    "TimestampPath": (_text, "a path"),
    "Version": (lambda value: value == "1.0", '"1.0"'),
}
"""What a field must be, wherever it stands; S602 where it is not."""

RANGES: Final[Mapping[str, Form]] = {
    "BackoffRate": (
        lambda value: type(value) in {int, float} and 1 <= value < float("inf"),
        "a number from 1.0",
    ),
    "HeartbeatSeconds": (_whole(1, MOST_SECONDS), f"a whole number from 1 to {MOST_SECONDS}"),
    "IntervalSeconds": (_whole(1, MOST_SECONDS), f"a whole number from 1 to {MOST_SECONDS}"),
    "MaxAttempts": (_whole(0, MOST_SECONDS), f"a whole number from 0 to {MOST_SECONDS}"),
    "MaxConcurrency": (_whole(0, MOST_SECONDS), "a whole number from 0"),
    "MaxDelaySeconds": (_whole(1, MOST_DELAY), f"a whole number from 1 to {MOST_DELAY}"),
    "Seconds": (_whole(0, MOST_SECONDS), f"a whole number from 0 to {MOST_SECONDS}"),
    "ToleratedFailurePercentage": (_whole(0, 100), "a whole number from 0 to 100"),
    "TimeoutSeconds": (_whole(1, MOST_SECONDS), f"a whole number from 1 to {MOST_SECONDS}"),
}
"""The numbers, and their ranges; S621 outside of them."""


def check_fields(definition: dict[str, Any], found: Findings) -> None:
    """Rules S601, S602, S606, S614, S618, S621, S622 on the machine and on every state."""
    for where, block in blocks(definition):
        _only(where, block, MACHINE if block is definition else BLOCK, found)
        _forms(where, block, found)
        _required(where, block, ("StartAt", "States"), found)
        for name, state in table(block.get("States")).items():
            if not isinstance(state, dict):
                found.add("S602", name, "the state is no object", "write its fields in braces")
                continue
            _check_state(name, state, found)


def _check_state(name: str, state: dict[str, Any], found: Findings) -> None:
    kind = state.get("Type")
    if not isinstance(kind, str) or kind not in FIELDS:
        found.add("S602", name, f"Type is {kind!r}", f"use one of {', '.join(FIELDS)}")
        return
    _only(name, state, FIELDS[kind], found)
    _forms(name, state, found)
    _required(name, state, REQUIRED.get(kind, ()), found)
    if kind in ENDED and ("Next" in state) == ("End" in state):
        count = "both Next and End" if "Next" in state else "neither Next nor End"
        found.add("S606", name, f"it has {count}", "a state goes on, or it ends")
    if kind == "Task" and "TimeoutSeconds" not in state:
        hint = "give TimeoutSeconds: without it a Task may take three years"
        found.add("S614", name, "the Task has no TimeoutSeconds", hint)
    if kind == "Wait" and sum(field in state for field in WAITS) != 1:
        given = ", ".join(field for field in WAITS if field in state) or "none"
        found.add("S622", name, f"it waits by {given}", f"give exactly one of {', '.join(WAITS)}")
    if kind == "Map" and ("ItemProcessor" in state) == ("Iterator" in state):
        found.add("S602", name, "a Map has one processor", "give ItemProcessor, and no Iterator")
    for field, known in (("Retry", RETRIER), ("Catch", CATCHER)):
        for number, entry in enumerate(tables(state.get(field))):
            _check_entry(f"{name}.{field}[{number}]", field, entry, known, found)


def _check_entry(
    where: str, field: str, entry: dict[str, Any], known: frozenset[str], found: Findings
) -> None:
    _only(where, entry, known, found)
    _forms(where, entry, found)
    _required(
        where, entry, ("ErrorEquals", "Next") if field == "Catch" else ("ErrorEquals",), found
    )
    errors = entry.get("ErrorEquals")
    if "ErrorEquals" in entry and (not names(errors) or len(names(errors)) != len(errors or ())):
        found.add("S602", where, f"ErrorEquals is {errors!r}", "give a list of error names")
    if entry.get("JitterStrategy", "FULL") not in ("FULL", "NONE"):
        text = f"JitterStrategy is {entry['JitterStrategy']!r}"
        found.add("S602", where, text, "give FULL or NONE")
    interval, longest = entry.get("IntervalSeconds", 1), entry.get("MaxDelaySeconds")
    if isinstance(longest, int) and isinstance(interval, int) and longest <= interval:
        text = f"MaxDelaySeconds {longest} is not above IntervalSeconds {interval}"
        found.add("S621", where, text, "leave it out, and give BackoffRate 1")


def _only(where: str, content: dict[str, Any], known: frozenset[str], found: Findings) -> None:
    for field in content:
        if field in known:
            continue
        if field in OTHER_DIALECT:
            text = f"{field} belongs to JSONata or to variables"
            found.add("S618", where, text, "write it in JSONPath, as of May 2024")
        else:
            text = f"the field {field!r} is not known here"
            found.add("S601", where, text, f"known are {', '.join(sorted(known))}")


def _forms(where: str, content: dict[str, Any], found: Findings) -> None:
    for field, value in content.items():
        for code, forms in (("S602", FORMS), ("S621", RANGES)):
            if field in forms and not forms[field][0](value):
                text = f"{field} is {_short(value)}"
                found.add(code, where, text, f"it must be {forms[field][1]}")


def _required(
    where: str, content: dict[str, Any], fields: tuple[str, ...], found: Findings
) -> None:
    for field in fields:
        if field not in content:
            found.add("S602", where, f"{field} is missing", f"give {field}")


def _short(value: Any, most: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}…"


def check_errors(definition: dict[str, Any], found: Findings) -> None:
    """Rules S607, S608 and S613 on the names of errors, in retriers, catchers and Fail states."""
    for _, block in blocks(definition):
        for name, state in states(block).items():
            for field in ("Retry", "Catch"):
                _check_names(name, field, tables(state.get(field)), found)
            error = state.get("Error")
            if (
                state.get("Type") == "Fail"
                and isinstance(error, str)
                and error.startswith("States.")
            ):
                hint = "a name of one's own does not begin with `States.`"
                found.add("S613", name, f"the error is called {error}", hint)


def _check_names(name: str, field: str, entries: list[dict[str, Any]], found: Findings) -> None:
    seen: set[str] = set()
    for number, entry in enumerate(entries):
        where, errors = f"{name}.{field}[{number}]", names(entry.get("ErrorEquals"))
        if "States.ALL" in errors and (len(errors) > 1 or number + 1 < len(entries)):
            hint = "let it stand alone, in the last entry"
            found.add("S607", where, "States.ALL has company, or is not last", hint)
        if "States.ALL" in errors and field == "Catch" and "States.DataLimitExceeded" not in seen:
            text = "a result that is too large may not be caught by States.ALL"
            hint = "catch States.DataLimitExceeded by name before it"
            found.add("S608", where, text, hint)
        for error in errors:
            if error in seen:
                text = f"{error} was matched before: this can never be reached"
                found.add("S607", where, text, "name each error once")
            if error.startswith("States.") and error not in RESERVED_ERRORS:
                hint = "name only " + ", ".join(sorted(RESERVED_ERRORS))
                found.add("S613", where, f"{error} cannot be matched here", hint)
            seen.add(error)
