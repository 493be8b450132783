"""A saga as frozen data: what authoring builds, checks read, and asl and sam turn into text.

No behaviour here. Durations are whole seconds. A slot is its parts below the run: ``(2,)`` at the
root; inside lanes (fork slot, index, slot).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stepsaga.errors import Source

Slot = tuple[int, ...]


class Role(StrEnum):
    """What a step is to the saga.

    After Garcia-Molina and Salem, Sagas, 1987, and Richardson, Microservices Patterns, chapter 4.
    """

    COMPENSATABLE = "compensatable"
    READ_ONLY = "read-only"
    PIVOT = "pivot"
    RETRIABLE = "retriable"


class Origin(StrEnum):
    """Where a handler's parameter comes from."""

    INPUT = "input"
    STEP = "step"
    CONTEXT = "context"
    RESOURCE = "resource"
    DEFAULT = "default"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a handler and what fills it.

    Attributes:
        name: The parameter's name.
        annotation: Its resolved type, or `inspect.Parameter.empty`.
        origin: What fills it; ``NOTHING`` is a problem that a check reports.
        step: The step whose result it is, where origin is ``STEP``.
        path: Keys below the source's JSON, by alias; empty for the whole value.
        required: Whether the handler can be called without it.
        given: The type of what fills it, where that is known.
        explicit: Whether ``takes`` names it.
    """

    name: str
    annotation: Any
    origin: Origin
    step: str = ""
    path: tuple[str, ...] = ()
    required: bool = True
    given: Any = Any
    explicit: bool = False


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and when to try again, in whole seconds.

    ``attempts`` counts all attempts, the first included. Errors are class references
    ``module:qualname``; a subclass counts as its base. Empty ``only`` means every error.
    """

    attempts: int
    wait: int
    backoff: float
    longest_wait: int
    jitter: bool
    only: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """One Task: a handler of a participant, with its time and its retries.

    ``retry`` None means that the function must not run twice by itself.
    """

    handler: str
    participant: str
    parameters: tuple[Parameter, ...]
    returns: Any
    seconds: int
    retry: Retry | None
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Compensation:
    """The call that undoes a step, and the slot of its success."""

    call: Call
    slot: Slot


@dataclass(frozen=True, slots=True)
class StepNode:
    """One step at the place where it runs.

    A pivot may have ``verify`` (a probe that settles doubt), or a compensation that serves only
    for doubt. ``schema`` is the JSON schema of its result. ``role`` is what the step is where it
    stands; ``read_only``, ``declared_pivot`` and ``declared_retriable`` are what its author said.
    """

    name: str
    role: Role
    call: Call
    slot: Slot
    schema: Mapping[str, Any]
    compensation: Compensation | None = None
    verify: Call | None = None
    doc: str = ""
    source: Source | None = None
    read_only: bool = False
    declared_pivot: bool = False
    declared_retriable: bool = False


Node = StepNode


@dataclass(frozen=True, slots=True)
class InputNode:
    """The saga's one input: the parameter name that handlers use, its type and JSON schema.

    ``model`` is the type as ``module:qualname``, for the first call to validate the whole input;
    empty for a type that has no name to be imported by.
    """

    name: str
    annotation: Any
    schema: Mapping[str, Any]
    model: str = ""


@dataclass(frozen=True, slots=True)
class SagaGraph:
    """A whole saga. ``reference`` is its class as ``module:qualname``."""

    name: str
    reference: str
    input: InputNode
    nodes: tuple[Node, ...]
    deadline: int | None = None
    doc: str = ""
    source: Source | None = None
