"""The fields of states, one function each: text in, something that can be evaluated out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.moments import moment_of
from stepsaga.engines.jsontext import dump
from stepsaga.engines.simulator.errors import ALL, runtime_error
from stepsaga.engines.simulator.expressions import parse_expression, parse_template
from stepsaga.engines.simulator.intrinsics import IN_FAIL
from stepsaga.engines.simulator.paths import parse_reference
from stepsaga.engines.simulator.retry import Retrier
from stepsaga.engines.simulator.states import Catcher
from stepsaga.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from stepsaga.engines.simulator.expressions import Expression, Scope
    from stepsaga.engines.simulator.paths import Path

_MOST_SECONDS: Final = 99_999_999
_MOST_DELAY: Final = 31_622_400
_RETRIER: Final = frozenset(
    {
        "ErrorEquals",
        "IntervalSeconds",
        "MaxAttempts",
        "BackoffRate",
        "MaxDelaySeconds",
        "JitterStrategy",
        "Comment",
    }
)
_CATCHER: Final = frozenset({"ErrorEquals", "Next", "ResultPath", "Comment"})


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one object of a definition, and what to call it in messages.

    Raises:
        EngineError: It is no object.
    """

    place: str
    content: Any

    def __post_init__(self) -> None:
        if not isinstance(self.content, dict):
            raise EngineError(f"{self.place}: must be an object, got: {dump(self.content)}")

    def refuse(self, field: str, why: str) -> EngineError:
        """The error for a field."""
        return EngineError(f"{self.place}: {field}: {why}")

    def only(self, known: AbstractSet[str]) -> None:
        """Refuse fields that are not known here."""
        if unknown := [field for field in self.content if field not in known]:
            raise self.refuse(
                unknown[0],
                f"is not known to the simulator here; known are: {', '.join(sorted(known))}",
            )

    def jsonpath(self) -> None:
        """Refuse other query languages than JSONPath."""
        if self.get("QueryLanguage", "JSONPath") != "JSONPath":
            raise self.refuse("QueryLanguage", "the simulator knows JSONPath only")

    def get(self, field: str, default: Any = None) -> Any:
        """The field as it stands."""
        return self.content.get(field, default)

    def string(self, field: str) -> str:
        """A required string."""
        value = self.get(field)
        if not isinstance(value, str):
            raise self.refuse(field, f"must be a string, got: {dump(value)}")
        return value

    def table(self, field: str) -> dict[str, Any]:
        """A required object that is not empty."""
        value = self.get(field)
        if not isinstance(value, dict) or not value:
            raise self.refuse(field, f"must be an object with something in it, got: {dump(value)}")
        return value

    def items(self, field: str) -> list[Any]:
        """An array; empty where the field is absent."""
        value = self.get(field, [])
        if not isinstance(value, list):
            raise self.refuse(field, f"must be an array, got: {dump(value)}")
        return value

    def integer(self, field: str, default: int, *, least: int, most: int = _MOST_SECONDS) -> int:
        """An integer within bounds."""
        value = self.get(field, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.refuse(field, f"must be an integer {least}..{most}, got: {dump(value)}")
        return value

    def number(self, field: str, default: float, *, least: float) -> float:
        """A number that is not too small."""
        value = self.get(field, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < least:
            raise self.refuse(field, f"must be a number of at least {least}, got: {dump(value)}")
        return float(value)

    def one_of(self, *names: str) -> str:
        """Which one of some fields is there: exactly one must be."""
        there = [name for name in names if name in self.content]
        if len(there) != 1:
            raise self.refuse(
                " or ".join(names), f"exactly one must be there, got: {', '.join(there) or 'none'}"
            )
        return there[0]


def flow(place: Fields) -> str | None:
    """``Next``, or None for ``End``: exactly one is there."""
    if place.one_of("Next", "End") == "Next":
        return place.string("Next")
    if place.content["End"] is not True:
        raise place.refuse("End", "must be true")
    return None


def selection(place: Fields, field: str) -> Callable[[Scope], Any] | None:
    """``InputPath`` or ``OutputPath``: None for ``$``; null selects an empty object."""
    text = place.get(field, "$")
    if text == "$":
        return None
    if text is None:
        return lambda _: {}
    return _path(field, text)


def template(place: Fields, field: str) -> Callable[[Scope], Any] | None:
    """``Parameters`` or ``ResultSelector``; None where it is absent."""
    return parse_template(field, place.content[field]) if field in place.content else None


def result_path(place: Fields) -> Path | None:
    """``ResultPath``; None where it is null and the result is dropped."""
    text = place.get("ResultPath", "$")
    if text is None:
        return None
    if not isinstance(text, str):
        raise place.refuse("ResultPath", f"must be a path or null, got: {dump(text)}")
    return parse_reference(text)


def timeout(place: Fields) -> Callable[[Scope], int]:
    """``TimeoutSeconds`` or ``TimeoutSecondsPath``; by default as good as none."""
    if "TimeoutSecondsPath" not in place.content:
        seconds = place.integer("TimeoutSeconds", _MOST_SECONDS, least=1)
        return lambda _: seconds
    if "TimeoutSeconds" in place.content:
        raise place.refuse("TimeoutSecondsPath", "cannot stand beside TimeoutSeconds")
    return _integer_path("TimeoutSecondsPath", place.content["TimeoutSecondsPath"], least=1)


def heartbeat(place: Fields) -> Callable[[Scope], int] | None:
    """``HeartbeatSeconds`` or ``HeartbeatSecondsPath``; None where there is neither."""
    fixed, path = "HeartbeatSeconds", "HeartbeatSecondsPath"
    if path in place.content:
        if fixed in place.content:
            raise place.refuse(path, f"cannot stand beside {fixed}")
        return _integer_path(path, place.content[path], least=1)
    if fixed not in place.content:
        return None
    seconds = place.integer(fixed, 1, least=1)
    limit = place.get("TimeoutSeconds", _MOST_SECONDS)
    if isinstance(limit, int) and seconds >= limit:
        raise place.refuse(fixed, f"must be smaller than TimeoutSeconds, {limit}")
    return lambda _: seconds


def items_path(place: Fields) -> Callable[[Scope], Any]:
    """``ItemsPath``: the items of a Map."""
    expression = _path("ItemsPath", place.get("ItemsPath", "$"))

    def evaluate(scope: Scope) -> list[Any]:
        value = expression(scope)
        if not isinstance(value, list):
            raise runtime_error(f'Reference path "{expression.text}" must point to array.')
        return value

    return evaluate


def concurrency(place: Fields) -> Callable[[Scope], int]:
    """``MaxConcurrency`` or ``MaxConcurrencyPath``."""
    fixed, path = "MaxConcurrency", "MaxConcurrencyPath"
    if path not in place.content:
        most = place.integer(fixed, 0, least=0)
        return lambda _: most
    if fixed in place.content:
        raise place.refuse(path, f"cannot stand beside {fixed}")
    return _integer_path(path, place.content[path], least=0)


def retriers(place: Fields) -> tuple[Retrier, ...]:
    """``Retry``."""
    found = []
    for index, content in enumerate(place.items("Retry")):
        entry = Fields(f"{place.place}: Retry[{index}]", content)
        entry.only(_RETRIER)
        jitter = entry.get("JitterStrategy", "NONE")
        if jitter not in ("FULL", "NONE"):
            raise entry.refuse("JitterStrategy", f"must be FULL or NONE, got: {dump(jitter)}")
        longest = entry.integer("MaxDelaySeconds", _MOST_DELAY, least=1, most=_MOST_DELAY)
        retrier = Retrier(
            errors=_error_names(entry),
            interval=entry.integer("IntervalSeconds", 1, least=1),
            attempts=entry.integer("MaxAttempts", 3, least=0),
            backoff=entry.number("BackoffRate", 2.0, least=1.0),
            longest=longest if "MaxDelaySeconds" in entry.content else None,
            jitter=jitter == "FULL",
        )
        found.append(retrier)
    _check_all_is_last(place, "Retry", [retrier.errors for retrier in found])
    return tuple(found)


def catchers(place: Fields) -> tuple[Catcher, ...]:
    """``Catch``."""
    found = []
    for index, content in enumerate(place.items("Catch")):
        entry = Fields(f"{place.place}: Catch[{index}]", content)
        entry.only(_CATCHER)
        found.append(Catcher(_error_names(entry), entry.string("Next"), result_path(entry)))
    _check_all_is_last(place, "Catch", [catcher.errors for catcher in found])
    return tuple(found)


def wake(place: Fields) -> Callable[[Scope, datetime], datetime]:
    """The one field that says when a Wait is over."""
    field = place.one_of("Seconds", "SecondsPath", "Timestamp", "TimestampPath")
    if field == "Seconds":
        pause = timedelta(seconds=place.integer("Seconds", 0, least=0))
        return lambda _, entered: entered + pause
    if field == "SecondsPath":
        seconds = _integer_path(field, place.content[field], least=0)
        return lambda scope, entered: entered + timedelta(seconds=seconds(scope))
    if field == "Timestamp":
        moment = moment_of(place.content[field])
        if moment is None:
            raise place.refuse(field, "String does not match RFC3339 timestamp")
        return lambda _, __: moment
    return _timestamp_path(field, place.content[field])


def failure(place: Fields, field: str) -> Callable[[Scope], Any] | None:
    """``Error`` or ``Cause`` of a Fail, or its ``Path`` twin; None where both are absent."""
    path = f"{field}Path"
    if field in place.content and path in place.content:
        raise place.refuse(path, f"cannot stand beside {field}")
    if field in place.content:
        text = place.string(field)
        return lambda _: text
    if path not in place.content:
        return None
    return _text(path, parse_expression(path, place.content[path], IN_FAIL))


def _text(field: str, expression: Callable[[Scope], Any]) -> Callable[[Scope], Any]:
    def evaluate(scope: Scope) -> str:
        value = expression(scope)
        if not isinstance(value, str):
            raise runtime_error(f"The field '{field}' must be a string, got: {dump(value)}")
        return value

    return evaluate


def _path(field: str, text: Any) -> Expression:
    """A path, not a function."""
    return parse_expression(field, text, frozenset())


def _integer_path(field: str, text: Any, *, least: int) -> Callable[[Scope], int]:
    expression = _path(field, text)

    def evaluate(scope: Scope) -> int:
        value = expression(scope)
        if isinstance(value, bool) or not isinstance(value, int):
            raise runtime_error(f"The field '{field}' must be an integer, got: {dump(value)}")
        if not least <= value <= _MOST_SECONDS:
            raise runtime_error(f"The field '{field}' must be {least}..{_MOST_SECONDS}: {value}")
        return value

    return evaluate


def _timestamp_path(field: str, text: Any) -> Callable[[Scope, datetime], datetime]:
    expression = _path(field, text)

    def evaluate(scope: Scope, _: datetime) -> datetime:
        value = expression(scope)
        moment = moment_of(value)
        if moment is None:
            raise runtime_error(f"The field '{field}' is no RFC3339 timestamp: {dump(value)}")
        return moment

    return evaluate


def _error_names(entry: Fields) -> tuple[str, ...]:
    names = entry.items("ErrorEquals")
    if not names or not all(isinstance(name, str) for name in names):
        raise entry.refuse("ErrorEquals", f"must hold names of errors, got: {dump(names)}")
    if ALL in names and len(names) > 1:
        raise entry.refuse("ErrorEquals", f"{ALL} must stand alone")
    return tuple(names)


def _check_all_is_last(place: Fields, field: str, lists: list[tuple[str, ...]]) -> None:
    if any(ALL in names for names in lists[:-1]):
        raise place.refuse(field, f"{ALL} must come last")
