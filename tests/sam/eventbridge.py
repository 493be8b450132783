"""Whether a rule's pattern matches an event, as EventBridge decides it.

Only the operators that the generated rule has; what is unknown is an error.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

from typing import Any

_ABSENT = object()


def matches(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    """Whether all of a pattern is in an event."""
    return all(_field(name, wanted, event) for name, wanted in pattern.items())


def _field(name: str, wanted: Any, event: dict[str, Any]) -> bool:
    if name == "$or":
        return any(matches(one, event) for one in wanted)
    value = event.get(name, _ABSENT)
    if isinstance(wanted, dict):
        return isinstance(value, dict) and matches(wanted, value)
    return any(_value(one, value) for one in wanted)


def _value(wanted: Any, value: Any) -> bool:
    if not isinstance(wanted, dict):
        return value is not _ABSENT and value == wanted
    [(operator, given)] = wanted.items()
    if operator == "exists":
        return (value is not _ABSENT) is given
    assert operator == "anything-but", operator
    # A null that is there is anything but a text; what is not there is nothing.
    return value is not _ABSENT and value not in given
