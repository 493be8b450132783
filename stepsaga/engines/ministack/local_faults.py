"""Faults inside real Lambda processes, for the local stage: copied beside functions, never shipped.

The function's entry point becomes this module's `handler`. A file, named by ``STEPSAGA_FAULTS``,
says what shall go wrong: ``{"order-123": {"charge": "crashes after"}}``, by id and state, one
kind for every attempt or a list with one for each. An id that ends with ``*`` is of all that begin
so: children have ids that begin with their parent's. It is read at each call: a test can change it.
What has struck is told in a file beside it, a line each: `STRUCK`.

``{"business events": {"dies": 0.01, "most": 5}}`` is the chance of each thing that the router of
business events does to be its last, before or after it is done, until it has died so often.
"""

from __future__ import annotations

import functools
import json
import os
import random
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from stepsaga.errors import CommitUnreadable, StoreThrottled
from stepsaga.runtime.answers import StepFunctionsAnswers
from stepsaga.runtime.event_router_entry import mail_from
from stepsaga.runtime.lambda_entry import runtime_from
from stepsaga.runtime.runtime import load
from stepsaga.store.front import StoreInFront

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from stepsaga.runtime.answers import Answers
    from stepsaga.store.commits import Commit
    from stepsaga.store.protocol import EventStore

FILE: Final = "STEPSAGA_FAULTS"
STRUCK: Final = ".struck"
"""Behind the name of that file: the one that tells what has struck; id, state and kind, by tabs."""
CALLS: Final = ".calls"
"""Behind it: the folder in which each process that is in a call has a file, named by its id."""
CRASHES: Final = 1
SLOW_SECONDS: Final = 5
ROUTER: Final = "business events"
"""By which the file names batches of business events."""
KINDS: Final = (
    "crashes before",
    "crashes after",
    "crashes after commit",
    "raises",
    "hangs before",
    "hangs after",
    "slow",
    "throttled",
    "unreadable",
)
"""What can go wrong. What hangs does so until its time is up; what is slow takes a while longer;
``unreadable`` is an event store that lasts so, and that no retry mends."""


class InjectedError(Exception):
    """What the fault ``raises`` raises."""


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Take one call, or a batch of events, and go wrong as the file says."""
    if "Records" in event:
        return _route(event["Records"])
    # That a question's process has died MiniStack sees only when the question's time is up.
    if event.get("part") == "question":
        return _handle(event, context)
    with _told_as_calling():
        return _handle(event, context)


def _handle(event: Any, context: Any) -> dict[str, Any]:
    kind = wanted(event)

    def strike() -> None:
        _tell(event, kind)

    if kind == "crashes before":
        _die(strike)
    runtime = runtime_from(
        os.environ,
        around=lambda store: _store_of(kind, store, strike),
        resolve=lambda reference: _handler_of(kind, load(reference), strike),
    )
    reply = runtime.handle(event, context)
    if kind == "crashes after commit":
        _die(strike)
    return reply


def _route(records: Sequence[Any]) -> dict[str, Any]:
    faults = json.loads(Path(os.environ[FILE]).read_text(encoding="utf-8"))
    wanted = faults.get(ROUTER, {})
    spent = "most" in wanted and _deaths() >= wanted["most"]
    may_die = _Mortality(0 if spent else wanted.get("dies", 0))
    answers: Any = _MortalAnswers(StepFunctionsAnswers(), may_die)
    mail = mail_from(os.environ, around=lambda store: _Mortal(store, may_die), answers=answers)
    return dict(mail.take(records))


def wanted(event: Any) -> str:
    """The fault of this call; empty where there is none."""
    faults = json.loads(Path(os.environ[FILE]).read_text(encoding="utf-8"))
    saga_id, state = _place(event)
    kinds = next(
        (of[state] for one, of in faults.items() if fits(one, saga_id) and state in of), ""
    )
    if isinstance(kinds, str):
        return kinds
    attempt = event["state"]["RetryCount"]
    return kinds[attempt] or "" if attempt < len(kinds) else ""


def fits(wanted: str, saga_id: str) -> bool:
    """Whether an id in the file is that of a saga."""
    return saga_id == wanted or (wanted.endswith("*") and saga_id.startswith(wanted[:-1]))


def _place(event: Any) -> tuple[str, str]:
    """The saga's id, and the state."""
    # Who works from the log wraps its calls; their states are called as those of the saga's own.
    call, state = event.get("call", event), event["state"]["Name"]
    if call is not event:
        prefix = {"verify": "verify ", "compensation": "undo "}.get(call["part"], "")
        state = f"{prefix}{call['step']}"
    return call["execution"]["Name"], state


@contextmanager
def _told_as_calling() -> Iterator[None]:
    calls = Path(os.environ[FILE] + CALLS)
    calls.mkdir(exist_ok=True)
    own = calls / str(os.getpid())
    own.touch()
    try:
        yield
    finally:
        own.unlink(missing_ok=True)


def _tell(event: Any, kind: str) -> None:
    with Path(os.environ[FILE] + STRUCK).open("a", encoding="utf-8") as file:
        file.write("\t".join([*_place(event), kind]) + "\n")


def _die(strike: Callable[[], None]) -> NoReturn:
    strike()
    os._exit(CRASHES)


def _hang(strike: Callable[[], None]) -> NoReturn:
    strike()
    while True:
        time.sleep(3600)


def _handler_of(
    kind: str, real: Callable[..., Any], strike: Callable[[], None]
) -> Callable[..., Any]:
    """A handler's twin; its signature is the handler's, so that it is called alike."""
    if kind not in {"raises", "hangs before", "slow"}:
        return real

    @functools.wraps(real)
    def instead(*given: Any, **named: Any) -> Any:
        if kind == "hangs before":
            _hang(strike)
        strike()
        if kind == "raises":
            raise InjectedError("injected: the fault 'raises'")
        time.sleep(SLOW_SECONDS)
        return real(*given, **named)

    return instead


def _store_of(kind: str, store: EventStore, strike: Callable[[], None]) -> EventStore:
    match kind:
        case "crashes after":
            return _Last(store, lambda: _die(strike))
        case "hangs after":
            return _Last(store, lambda: _hang(strike))
        case "throttled":
            return _Refusing(store, StoreThrottled("injected: the fault 'throttled'"), strike)
        case "unreadable":
            return _Refusing(store, CommitUnreadable("injected: the fault 'unreadable'"), strike)
        case _:
            return store


def _deaths() -> int:
    """How many processes of the router have ended so."""
    told = Path(os.environ[FILE] + STRUCK)
    lines = told.read_text(encoding="utf-8").splitlines() if told.exists() else []
    return sum(line.startswith(ROUTER) for line in lines)


class _Mortality:
    """Lets the process end with some chance, whenever it is asked."""

    def __init__(self, chance: float) -> None:
        self._chance = chance

    def __call__(self) -> None:
        """End, or not."""
        if random.random() < self._chance:  # noqa: S311  # nothing secret
            with Path(os.environ[FILE] + STRUCK).open("a", encoding="utf-8") as file:
                file.write(f"{ROUTER}\t\tdies\n")
            os._exit(CRASHES)

    @contextmanager
    def around(self) -> Iterator[None]:
        """Before something, and after it."""
        self()
        yield
        self()


class _Mortal(StoreInFront):
    """An event store around whose writes and reads the process may end."""

    def __init__(self, store: EventStore, may_die: _Mortality) -> None:
        super().__init__(store)
        self._may_die = may_die

    def append(self, commit: Commit) -> Commit:
        """Append, or end."""
        with self._may_die.around():
            return self._store.append(commit)

    def get(self, stream_id: str, slot: str) -> Commit | None:
        """Get, or end."""
        with self._may_die.around():
            return self._store.get(stream_id, slot)

    def read(self, stream_id: str, prefix: str = "") -> Iterator[Commit]:
        """Read, or end."""
        with self._may_die.around():
            return iter(list(self._store.read(stream_id, prefix)))


class _MortalAnswers:
    """Tells Tasks, and may end before and after that."""

    def __init__(self, answers: Answers, may_die: _Mortality) -> None:
        self._answers = answers
        self._may_die = may_die

    def success(self, token: str, output: Any) -> None:
        """Tell, or end."""
        with self._may_die.around():
            self._answers.success(token, output)

    def failure(self, token: str, error: str, cause: str) -> None:
        """Tell, or end."""
        with self._may_die.around():
            self._answers.failure(token, error, cause)


class _Last(StoreInFront):
    """An event store before which this process ends: after the effect, before its record."""

    def __init__(self, store: EventStore, end: Callable[[], NoReturn]) -> None:
        super().__init__(store)
        self._end = end

    def append(self, commit: Commit) -> Commit:
        """End."""
        del commit
        self._end()


class _Refusing(StoreInFront):
    """An event store that refuses all that a call asks of it."""

    def __init__(self, store: EventStore, error: Exception, strike: Callable[[], None]) -> None:
        super().__init__(store)
        self._error = error
        self._strike = strike

    def _refuse(self) -> NoReturn:
        self._strike()
        raise self._error

    def append(self, commit: Commit) -> Commit:
        """Refuse."""
        del commit
        self._refuse()

    def get(self, stream_id: str, slot: str) -> Commit | None:
        """Refuse."""
        del stream_id, slot
        self._refuse()

    def read(self, stream_id: str, prefix: str = "") -> Iterator[Commit]:
        """Refuse."""
        del stream_id, prefix
        self._refuse()
