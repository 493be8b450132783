"""Sagas on AWS Step Functions, written as Python classes.

These are the names that an author needs. Each is imported when it is first asked for, so that a
Lambda function, which needs few of them, does not load the compiler.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from stepsaga.authoring import (
        Action,
        Approval,
        Bus,
        Callback,
        Child,
        Choice,
        Csv,
        DistributedMap,
        Input,
        JsonLines,
        Map,
        OnEvent,
        OnQueue,
        OnRequest,
        OnSchedule,
        Parallel,
        Queue,
        Retry,
        Saga,
        Sequence,
        ServiceStep,
        Step,
        Topic,
        Wait,
        WaitForEvent,
        all_of,
        any_of,
        is_in,
        is_present,
        not_,
        when,
    )
    from stepsaga.errors import DefinitionError, Rejected, StepsagaError
    from stepsaga.runtime import Participant, SagaContext, Sensitive
    from stepsaga.runtime.approval_links import ApprovalLinks
    from stepsaga.runtime.approved import Approved
    from stepsaga.runtime.bus_event import BusEvent
    from stepsaga.runtime.files import S3Object
    from stepsaga.store.saga_events import Event

__all__ = [
    "Action",
    "Approval",
    "ApprovalLinks",
    "Approved",
    "Bus",
    "BusEvent",
    "Callback",
    "Child",
    "Choice",
    "Csv",
    "DefinitionError",
    "DistributedMap",
    "Event",
    "Input",
    "JsonLines",
    "Map",
    "OnEvent",
    "OnQueue",
    "OnRequest",
    "OnSchedule",
    "Parallel",
    "Participant",
    "Queue",
    "Rejected",
    "Retry",
    "S3Object",
    "Saga",
    "SagaContext",
    "Sensitive",
    "Sequence",
    "ServiceStep",
    "Step",
    "StepsagaError",
    "Topic",
    "Wait",
    "WaitForEvent",
    "all_of",
    "any_of",
    "is_in",
    "is_present",
    "not_",
    "when",
]

_HOMES: Final = {
    "Action": "stepsaga.authoring",
    "Approval": "stepsaga.authoring",
    "ApprovalLinks": "stepsaga.runtime.approval_links",
    "Approved": "stepsaga.runtime.approved",
    "Bus": "stepsaga.authoring",
    "BusEvent": "stepsaga.runtime.bus_event",
    "Callback": "stepsaga.authoring",
    "Child": "stepsaga.authoring",
    "Choice": "stepsaga.authoring",
    "Csv": "stepsaga.authoring",
    "DefinitionError": "stepsaga.errors",
    "DistributedMap": "stepsaga.authoring",
    "Event": "stepsaga.store.saga_events",
    "Input": "stepsaga.authoring",
    "JsonLines": "stepsaga.authoring",
    "Map": "stepsaga.authoring",
    "OnEvent": "stepsaga.authoring",
    "OnQueue": "stepsaga.authoring",
    "OnRequest": "stepsaga.authoring",
    "OnSchedule": "stepsaga.authoring",
    "Parallel": "stepsaga.authoring",
    "Participant": "stepsaga.runtime",
    "Queue": "stepsaga.authoring",
    "Rejected": "stepsaga.errors",
    "Retry": "stepsaga.authoring",
    "S3Object": "stepsaga.runtime.files",
    "Saga": "stepsaga.authoring",
    "SagaContext": "stepsaga.runtime",
    "Sensitive": "stepsaga.runtime",
    "Sequence": "stepsaga.authoring",
    "ServiceStep": "stepsaga.authoring",
    "Step": "stepsaga.authoring",
    "StepsagaError": "stepsaga.errors",
    "Topic": "stepsaga.authoring",
    "Wait": "stepsaga.authoring",
    "WaitForEvent": "stepsaga.authoring",
    "all_of": "stepsaga.authoring",
    "any_of": "stepsaga.authoring",
    "is_in": "stepsaga.authoring",
    "is_present": "stepsaga.authoring",
    "not_": "stepsaga.authoring",
    "when": "stepsaga.authoring",
}


if not TYPE_CHECKING:  # a type checker that saw this would accept every name

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'stepsaga' has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_HOMES[name]), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
