"""Faults inside real Lambda processes, for the local stage: copied beside functions, never shipped.

The function's entry point becomes this module's `handler`. A file, named by ``STEPSAGA_FAULTS``,
says what shall go wrong: ``{"order-123": {"charge": "crashes after"}}``, by id and state, one
kind for every attempt or a list with one for each. It is read at each call: a test can change it.
"""

from __future__ import annotations

import functools
import json
import os
import time
from typing import TYPE_CHECKING, Any, Final, NoReturn

from stepsaga.runtime.lambda_entry import runtime_from
from stepsaga.runtime.runtime import load
from stepsaga.store.front import StoreInFront

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepsaga.store.commits import Commit
    from stepsaga.store.protocol import EventStore

FILE: Final = "STEPSAGA_FAULTS"
CRASHES: Final = 1


class InjectedError(Exception):
    """What the fault ``raises`` raises."""


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Take one call, and go wrong as the file says."""
    kind = wanted(event)
    if kind == "crashes before":
        os._exit(CRASHES)
    runtime = runtime_from(
        os.environ,
        around=_LASTS.get(kind, _alive),
        resolve=_raising if kind == "raises" else load,
    )
    reply = runtime.handle(event, context)
    if kind == "crashes after commit":
        os._exit(CRASHES)
    return reply


def wanted(event: Any) -> str:
    """The fault of this call; empty where there is none."""
    with open(os.environ[FILE], encoding="utf-8") as file:  # noqa: PTH123  # as little as possible
        faults = json.load(file)
    # An undo from the log wraps its calls; their states are called as those of the saga's own.
    call, state = event.get("call", event), event["state"]["Name"]
    if call is not event:
        state = f"undo {call['step']}"
    kinds = faults.get(call["execution"]["Name"], {}).get(state, "")
    if isinstance(kinds, str):
        return kinds
    attempt = event["state"]["RetryCount"]
    return kinds[attempt] or "" if attempt < len(kinds) else ""


def _raising(reference: str) -> Callable[..., Any]:
    """A handler's twin that raises; its signature is the handler's, so that it is called alike."""

    @functools.wraps(load(reference))
    def instead(*_: Any, **__: Any) -> NoReturn:
        raise InjectedError("injected: the fault 'raises'")

    return instead


class _Last(StoreInFront):
    """An event store before which this process ends: after the effect, before its record."""

    def append(self, commit: Commit) -> Commit:
        """End."""
        del commit
        self._end()

    def _end(self) -> NoReturn:
        os._exit(CRASHES)


class _Hanging(_Last):
    """The same, but that the process hangs until its time is up."""

    def _end(self) -> NoReturn:
        while True:
            time.sleep(3600)


def _alive(store: EventStore) -> EventStore:
    return store


_LASTS: Final = {"crashes after": _Last, "hangs after": _Hanging}
