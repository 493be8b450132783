"""Options of steps as numbers the compiler takes; what does not fit becomes a problem."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from stepsaga.authoring.step import Default, Retry
from stepsaga.errors import Problem, Rejected
from stepsaga.graph import Retry as Policy

if TYPE_CHECKING:
    from stepsaga.errors import Source

LONGEST_STEP: Final = 870
"""Seconds: Lambda's 900 less a margin for start and shutdown.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

LONGEST_PAUSE: Final = 31_622_400
"""Seconds: ``MaxDelaySeconds`` must be below 31,622,401.
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html"""

MOST_ATTEMPTS: Final = 1000
STEEPEST_BACKOFF: Final = 100


class Options:
    """Reads the options of one step and collects what is wrong with them."""

    def __init__(self, subject: str, source: Source | None) -> None:
        self.subject = subject
        self.source = source
        self.problems: list[Problem] = []

    def seconds(self, name: str, value: object, *, most: int, otherwise: int) -> int:
        """A duration in whole seconds from 1 to ``most``."""
        if not isinstance(value, timedelta):
            number = value if _number(value) else "..."
            hint = f"write {name}=timedelta(seconds={number}): a bare number has no unit"
            self.add("S501", f"{name}={value!r} is no timedelta", hint)
            return otherwise
        if value.microseconds or not 1 <= value.total_seconds() <= most:
            text = f"{name}={value} is not a whole number of seconds from 1 to {most}"
            self.add("S502", text, f"write {name}=timedelta(seconds=...) within these bounds")
            return otherwise
        return int(value.total_seconds())

    def count(self, name: str, value: object, *, least: int, most: int) -> int:
        """A whole number from ``least`` to ``most``."""
        if isinstance(value, int) and _number(value) and least <= value <= most:
            return value
        text = f"{name}={value!r} is no whole number from {least} to {most}"
        self.add("S513", text, f"write {name}={least}, or a number within these bounds")
        return least

    def flag(self, name: str, value: object) -> None:
        """An option that is True or False, and nothing that only looks like it."""
        if not isinstance(value, bool):
            self.add("S512", f"{name}={value!r} is not True or False", f"write {name}=True")

    def retry(self, name: str, value: object, default: Retry) -> Policy | None:
        """A retry policy in the compiler's terms; ``default`` stands in for what does not fit."""
        if value is None:
            return None
        if isinstance(value, Default):
            value = default
        if not isinstance(value, Retry):
            hint = f"write {name}=Retry(attempts=...), or {name}=None for a single attempt"
            self.add("S503", f"{name}={value!r} is no Retry", hint)
            value = default
        wait = self.seconds(f"{name} wait", value.wait, most=LONGEST_PAUSE, otherwise=1)
        longest = self.seconds(
            f"{name} longest_wait", value.longest_wait, most=LONGEST_PAUSE, otherwise=LONGEST_PAUSE
        )
        if longest < wait:
            text = f"{name}: longest_wait={value.longest_wait} is shorter than wait={value.wait}"
            self.add("S504", text, "make longest_wait at least as long as wait")
        self.flag(f"{name} jitter", value.jitter)
        only, never = (
            self._errors(name, "only", value.only),
            self._errors(name, "never", value.never),
        )
        for error in set(only) & set(never):
            text = f"{name}: {error} stands in only and in never"
            self.add("S505", text, "keep it in one of the two")
        return Policy(
            self._attempts(name, value.attempts),
            wait,
            self._backoff(name, value.backoff),
            max(longest, wait),
            value.jitter,
            only,
            never,
        )

    def _attempts(self, name: str, value: object) -> int:
        if isinstance(value, int) and _number(value) and 1 <= value <= MOST_ATTEMPTS:
            return value
        hint = f"give a whole number from 1, which is no retry, to {MOST_ATTEMPTS}"
        self.add("S503", f"{name}: attempts={value!r}", hint)
        return 1

    def _backoff(self, name: str, value: object) -> float:
        if isinstance(value, int | float) and _number(value) and 1 <= value <= STEEPEST_BACKOFF:
            return float(value)
        hint = f"give a number from 1, which keeps the pauses even, to {STEEPEST_BACKOFF}"
        self.add("S504", f"{name}: backoff={value!r}", hint)
        return 1.0

    def _errors(self, retry: str, name: str, errors: object) -> tuple[str, ...]:
        if not isinstance(errors, tuple):
            text = f"{retry}: {name}={errors!r} is no tuple"
            self.add("S505", text, f"write {name}=(TimeoutError,), with the comma")
            return ()
        return tuple(filter(None, (self._error(f"{retry} {name}", error) for error in errors)))

    def _error(self, name: str, error: Any) -> str:
        if not isinstance(error, type) or not issubclass(error, Exception):
            self.add("S505", f"{name}: {error!r} is no exception class", "name Exception classes")
        elif issubclass(error, Rejected):
            text = f"{name}: {error.__qualname__} is a Rejected, which is never retried"
            self.add("S505", text, "leave it out: a rejection undoes the saga at once")
        elif not _importable(error):
            text = f"{name}: {error.__module__}:{error.__qualname__} cannot be imported by name"
            self.add("S505", text, "name exceptions that stand at the top of a module")
        else:
            return f"{error.__module__}:{error.__qualname__}"
        return ""

    def add(self, code: str, text: str, hint: str) -> None:
        """Note that something is wrong with the step."""
        self.problems.append(Problem(code, self.subject, text, hint, self.source))


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _importable(kind: type) -> bool:
    found: object = sys.modules.get(kind.__module__)
    for part in kind.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is kind
