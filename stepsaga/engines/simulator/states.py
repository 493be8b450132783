"""States as the interpreter takes them: every field parsed, every default filled in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from stepsaga.engines.simulator.expressions import Scope
    from stepsaga.engines.simulator.paths import Path
    from stepsaga.engines.simulator.retry import Retrier


@dataclass(frozen=True, slots=True)
class Catcher:
    """One catcher. ``result_path`` None drops the error object."""

    errors: tuple[str, ...]
    target: str
    result_path: Path | None


@dataclass(frozen=True, slots=True)
class State:
    """What all states have.

    Attributes:
        name: The state's name.
        next: The state after it; None where it is the last.
        input: ``InputPath``; None where it is ``$``.
        output: ``OutputPath``; None where it is ``$``.
    """

    name: str
    next: str | None
    input: Callable[[Scope], Any] | None
    output: Callable[[Scope], Any] | None


@dataclass(frozen=True, slots=True)
class Task(State):
    """A call of an integration. ``result_path`` None drops the result."""

    resource: str
    parameters: Callable[[Scope], Any] | None
    selector: Callable[[Scope], Any] | None
    result_path: Path | None
    seconds: Callable[[Scope], int]
    retriers: tuple[Retrier, ...]
    catchers: tuple[Catcher, ...]


@dataclass(frozen=True, slots=True)
class Pass(State):
    """Changes the document. ``result`` is None where it is the effective input."""

    result: Callable[[Scope], Any] | None
    result_path: Path | None


@dataclass(frozen=True, slots=True)
class Wait(State):
    """Waits. ``until`` computes the end from the scope and the time of entry."""

    until: Callable[[Scope, datetime], datetime]


@dataclass(frozen=True, slots=True)
class Succeed(State):
    """Ends the execution well."""


@dataclass(frozen=True, slots=True)
class Fail(State):
    """Ends the execution badly. None where the field is absent."""

    error: Callable[[Scope], Any] | None
    cause: Callable[[Scope], Any] | None


@dataclass(frozen=True, slots=True)
class Machine:
    """A definition, ready to run. ``seconds`` is the execution's time."""

    name: str
    start: str
    seconds: int
    states: Mapping[str, State]
