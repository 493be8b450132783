"""The event store: streams of commits, each in a write-once slot.

Each name is imported when it is first asked for, so that whoever only names slots does not load
the clients' errors. No client is made here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from stepsaga.store.commits import Commit, EventRecord, Outcome
    from stepsaga.store.dynamodb import DynamoDBStore
    from stepsaga.store.events import EventTypes, Upcasters
    from stepsaga.store.memory import MemoryStore
    from stepsaga.store.protocol import EventStore
    from stepsaga.store.saga_events import Event

__all__ = [
    "Commit",
    "DynamoDBStore",
    "Event",
    "EventRecord",
    "EventStore",
    "EventTypes",
    "MemoryStore",
    "Outcome",
    "Upcasters",
]

_HOMES: Final = {
    "Commit": "commits",
    "DynamoDBStore": "dynamodb",
    "Event": "saga_events",
    "EventRecord": "commits",
    "EventStore": "protocol",
    "EventTypes": "events",
    "MemoryStore": "memory",
    "Outcome": "commits",
    "Upcasters": "events",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'stepsaga.store' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"stepsaga.store.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
