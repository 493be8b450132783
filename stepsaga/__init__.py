"""Sagas on AWS Step Functions, written as Python classes.

These are the names that an author needs. Each is imported when it is first asked for, so that a
Lambda function, which needs few of them, does not load the compiler.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from stepsaga.authoring import Input, Retry, Saga, Step
    from stepsaga.errors import DefinitionError, Rejected, StepsagaError
    from stepsaga.runtime import Participant, SagaContext, Sensitive
    from stepsaga.store.saga_events import Event

__all__ = [
    "DefinitionError",
    "Event",
    "Input",
    "Participant",
    "Rejected",
    "Retry",
    "Saga",
    "SagaContext",
    "Sensitive",
    "Step",
    "StepsagaError",
]

_HOMES: Final = {
    "DefinitionError": "stepsaga.errors",
    "Event": "stepsaga.store.saga_events",
    "Input": "stepsaga.authoring",
    "Participant": "stepsaga.runtime",
    "Rejected": "stepsaga.errors",
    "Retry": "stepsaga.authoring",
    "Saga": "stepsaga.authoring",
    "SagaContext": "stepsaga.runtime",
    "Sensitive": "stepsaga.runtime",
    "Step": "stepsaga.authoring",
    "StepsagaError": "stepsaga.errors",
}


if not TYPE_CHECKING:  # a type checker that saw this would accept every name

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'stepsaga' has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_HOMES[name]), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
