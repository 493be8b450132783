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
class Choice(State):
    """Goes where the first rule that holds points to. ``next`` is ``Default``."""

    rules: tuple[ChoiceRule, ...]


@dataclass(frozen=True, slots=True)
class ChoiceRule:
    """One rule of a Choice."""

    holds: Callable[[Scope], bool]
    target: str


@dataclass(frozen=True, slots=True)
class Work(State):
    """What Task, Parallel and Map have: a result, and errors. ``result_path`` None drops it."""

    parameters: Callable[[Scope], Any] | None
    selector: Callable[[Scope], Any] | None
    result_path: Path | None
    retriers: tuple[Retrier, ...]
    catchers: tuple[Catcher, ...]


@dataclass(frozen=True, slots=True)
class Task(Work):
    """A call of an integration.

    Attributes:
        resource: The integration, as the definition names it, without ``.waitForTaskToken``.
        token: Whether the result comes by a task token.
        seconds: ``TimeoutSeconds``.
        heartbeat: ``HeartbeatSeconds``; None where there are none.
    """

    resource: str
    token: bool
    seconds: Callable[[Scope], int]
    heartbeat: Callable[[Scope], int] | None


@dataclass(frozen=True, slots=True)
class Block:
    """States that go over into each other: a machine's, a branch's, or those of a Map's items."""

    start: str
    states: Mapping[str, State]


@dataclass(frozen=True, slots=True)
class Parallel(Work):
    """Runs its branches side by side."""

    branches: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Map(Work):
    """Runs its block for each item. ``parameters`` is ``ItemSelector``, evaluated for each item.

    Attributes:
        items: ``ItemsPath``.
        processor: The block.
        concurrency: How many items may be under way; 0 for as many as there may be.
    """

    items: Callable[[Scope], Any]
    processor: Block
    concurrency: Callable[[Scope], int]


@dataclass(frozen=True, slots=True)
class DistributedMap(Work):
    """Runs its block for each line of an object in S3, in executions of their own.

    Attributes:
        reader, writer: The parameters of ``ItemReader`` and ``ResultWriter``.
        processor: The block. ``parameters`` is ``ItemSelector``.
        concurrency: How many items may be under way; 0 for as many as there may be.
        tolerated: ``ToleratedFailurePercentage``.
    """

    parameters: Callable[[Scope], Any]
    reader: Callable[[Scope], Any]
    writer: Callable[[Scope], Any]
    processor: Block
    concurrency: Callable[[Scope], int]
    tolerated: float


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
    """Ends its block well, the execution where that is the machine's."""


@dataclass(frozen=True, slots=True)
class Fail(State):
    """Ends its block badly. None where the field is absent."""

    error: Callable[[Scope], Any] | None
    cause: Callable[[Scope], Any] | None


@dataclass(frozen=True, slots=True)
class Machine:
    """A definition, ready to run. ``seconds`` is the execution's time."""

    name: str
    seconds: int
    block: Block
