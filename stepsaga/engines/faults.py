"""Faults that a test injects, by the name of the state in which they shall happen.

They are made by handing other collaborators to the runtime: a store that dies before the commit, a
handler that raises, a clock that stands still. Nothing is patched, and any engine can have them.
"""

from __future__ import annotations

import difflib
import functools
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from stepsaga.engines.child_faults import AROUND, CHILD_FAULTS, UNFITTING, DeadlyChildren
from stepsaga.engines.functions import (
    FunctionError,
    NoAnswer,
    ProcessKilled,
    exit_error,
    unknown_error,
)
from stepsaga.engines.service_faults import SERVICE_FAULTS
from stepsaga.errors import Rejected, StoreThrottled, UsageError
from stepsaga.runtime.call import Part, parse_call
from stepsaga.runtime.children import NoChildren
from stepsaga.store.front import StoreInFront

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from stepsaga.engines.simulator.integrations import Integration, TaskCall
    from stepsaga.runtime.children import Children
    from stepsaga.store.commits import Commit
    from stepsaga.store.protocol import EventStore

CALL_FAULTS: Final[Mapping[str, str]] = {
    "rejected": "the handler is not called; it is as if it had raised Rejected (a probe that says"
    " so without looking is a dishonest one)",
    "raises": "the handler is not called; it is as if it had raised an error",
    "times out before": "nothing runs, and the Task's time goes by",
    "times out after": "the effect happens, nothing is recorded, and the Task's time goes by",
    "crashes before": "the process dies before anything runs",
    "crashes after": "the effect happens, and the process dies before it is recorded",
    "crashes after commit": "effect and record happen, and the process dies before it replies",
    "delivered twice": "the same call arrives twice; the second reply counts",
    "reply lost": "everything happens, and Step Functions hears nothing of it",
    "lands late": "the call hangs before its effect, and goes on after its step was undone",
    "throttled": "the event table refuses all that the call asks of it: it is over its rate",
}
"""The faults of a call of a handler, and what each of them does.

Of a call that starts a child, or has it undone, the effect is just that: ``rejected`` is input that
does not fit the child, and with ``raises`` Step Functions refuses what is asked of it.
"""

RECORD_FAULTS: Final[Mapping[str, str]] = {
    "raises": "nothing is put, and DynamoDB answers with an error",
    "throttled": "nothing is put: the table is over its rate",
    "reply lost": "the record is put, and Step Functions hears nothing of it",
}
"""The faults of the record of a saga's end, and what each of them does."""


_OF_HANDLERS: Final = ("rejected", "raises")


class InjectedError(Exception):
    """What the fault ``raises`` raises."""


@dataclass(frozen=True, slots=True)
class Target:
    """A Task that can have faults: of a call, with a handler or without one, or of the record.

    Attributes:
        state: Its name.
        record: Whether it records the saga's end.
        handler: Whether a handler stands behind it.
        saga: The saga that it belongs to, where that is a child of others; else empty.
        child: The saga that it starts, or has undone; else empty.
        part: What it does for its step: see `stepsaga.runtime.call.Part`; empty for the record.
        step: The step that it serves.
        service: Whether Step Functions itself does a step in it.
    """

    state: str
    record: bool = False
    handler: bool = True
    saga: str = ""
    child: str = ""
    part: str = ""
    step: str = ""
    service: bool = False

    @property
    def undoes(self) -> str:
        """The step that it undoes, where it is a compensation; else empty."""
        return self.step if self.part == Part.COMPENSATION else ""

    @property
    def starts(self) -> str:
        """The step whose child it starts; else empty."""
        return self.step if self.child and not self.undoes else ""

    @property
    def name(self) -> str:
        """By what its faults are named: a child's are ``ShipParcel:label``."""
        return f"{self.saga}:{self.state}" if self.saga else self.state

    @property
    def kinds(self) -> tuple[str, ...]:
        """What can go wrong in it."""
        if self.service:
            return tuple(SERVICE_FAULTS)
        return _kinds(self.record, self.handler, bool(self.child), bool(self.undoes))


@functools.cache
def _kinds(record: bool, handler: bool, child: bool, undoes: bool) -> tuple[str, ...]:
    if record:
        return tuple(RECORD_FAULTS)
    if child:
        # There is nothing that could say so where a child is undone.
        known = (*CALL_FAULTS, *CHILD_FAULTS)
        return tuple(kind for kind in known if kind != "rejected" or not undoes)
    return tuple(kind for kind in CALL_FAULTS if handler or kind not in _OF_HANDLERS)


@dataclass(frozen=True, slots=True)
class Injection:
    """A fault that has happened."""

    execution: str
    state: str
    kind: str


@dataclass(frozen=True, slots=True)
class Landing:
    """A late effect that has landed. ``error`` is the name under which its call failed."""

    execution: str
    state: str
    error: str | None


class Faults:
    """What shall go wrong, and what has.

    Args:
        wanted: For a state either one kind, for each of its attempts, or a list with one kind or
            None for each; what follows the list is well. Attempts are counted through an
            execution, redrives included.
        targets: The Tasks that there are.

    Raises:
        UsageError: There is no such state, or no such kind for it.
    """

    def __init__(
        self,
        wanted: Mapping[str, str | Sequence[str | None] | None],
        targets: Iterable[Target],
    ) -> None:
        self.injected: list[Injection] = []
        self.landed: list[Landing] = []
        self._targets = {target.name: target for target in targets}
        self._children = {target.saga for target in self._targets.values()} - {""}
        self._wanted = {
            state: _checked(state, kinds, self._targets) for state, kinds in wanted.items()
        }
        self._attempts: dict[tuple[str, str], int] = defaultdict(int)

    def can_have(self, execution: str, state: str) -> bool:
        """Whether there is a Task of that name."""
        return self._name(execution, state) in self._targets

    def doing(self, execution: str, part: str, step: str) -> str:
        """The Task that does something for a step in its own execution; empty for none."""
        wanted = (self._child(execution), part, step)
        known = self._targets.values()
        return next((t.state for t in known if (t.saga, t.part, t.step) == wanted), "")

    def next(self, execution: str, state: str) -> str | None:
        """The fault of the next attempt of a state, which counts as made."""
        state = self._name(execution, state)
        kinds = self._wanted.get(state)
        if kinds is None:
            return None
        attempt = self._attempts[execution, state]
        self._attempts[execution, state] += 1
        kind = kinds if isinstance(kinds, str) else (kinds[attempt : attempt + 1] or [None])[0]
        if kind is not None:
            self.injected.append(Injection(execution, state, kind))
        return kind

    def attempts(self, execution: str) -> dict[str, int]:
        """How often each of the states for which something is wanted was tried."""
        return {state: n for (one, state), n in self._attempts.items() if one == execution}

    def most_attempts(self) -> dict[str, int]:
        """The same of the execution in which it was tried most, by the names of faults."""
        most: dict[str, int] = {}
        for (_, name), number in self._attempts.items():
            most[name] = max(number, most.get(name, 0))
        return most

    def mend(self, saga: str = "") -> None:
        """From now on nothing goes wrong, in a child alone or at all. What hangs lands late."""
        for name in list(self._wanted):
            if not saga or self._targets[name].saga == saga:
                del self._wanted[name]

    def _name(self, execution: str, state: str) -> str:
        saga = self._child(execution)
        return f"{saga}:{state}" if saga else state

    def _child(self, execution: str) -> str:
        """The saga of an execution, as its ARN says it, where that is a child."""
        saga = execution.rpartition(":")[0].rpartition(":")[2]
        return saga if saga in self._children else ""


def _checked(
    state: str, kinds: str | Sequence[str | None] | None, known: Mapping[str, Target]
) -> str | Sequence[str | None] | None:
    if state not in known:
        raise UsageError(f"no state {state!r} can have a fault{_meant(state, known)}")
    target = known[state]
    for kind in [kinds] if isinstance(kinds, str) else kinds or []:
        if kind is None or kind in target.kinds:
            continue
        if kind in _OF_HANDLERS and not target.record:
            raise UsageError(
                f"{state}: the fault {kind!r} stands for a handler, and this call has none"
            )
        raise UsageError(f"{state}: there is no fault {kind!r} for it{_meant(kind, target.kinds)}")
    return kinds if isinstance(kinds, str) or kinds is None else tuple(kinds)


def _meant(given: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = difflib.get_close_matches(given, names, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are: {', '.join(names)}"


class OpenFunctions(Protocol):
    """Functions whose collaborators can be replaced for one invocation."""

    def invoke(  # noqa: PLR0913  # collaborators by name
        self,
        function: str,
        payload: Any,
        *,
        store: EventStore | None = None,
        resolve: Callable[[str], Callable[..., Any]] | None = None,
        now: Callable[[], datetime] | None = None,
        children: Children | None = None,
    ) -> Any:
        """Call a function; see `stepsaga.engines.local.LocalFunctions.invoke`."""
        ...


@dataclass(frozen=True, slots=True)
class _Held:
    """A call that hangs before its effect: what it would see and do when it goes on."""

    function: str
    payload: Mapping[str, Any]
    store: EventStore
    arrived: datetime
    now: Callable[[], datetime]

    def clock(self) -> Callable[[], datetime]:
        """The call has looked at it when it arrived, and looks again when it records something."""
        looks = iter([self.arrived])
        return lambda: next(looks, None) or self.now()


class FaultyFunctions:
    """Functions that go wrong as a test wishes.

    Args:
        functions: The functions.
        faults: What shall go wrong.
        store: The functions' event store.
        resolve: How the functions find handlers.
        now: Their clock.
        children: How they start and undo children.
    """

    def __init__(  # noqa: PLR0913  # collaborators by name
        self,
        functions: OpenFunctions,
        faults: Faults,
        *,
        store: EventStore,
        resolve: Callable[[str], Callable[..., Any]],
        now: Callable[[], datetime],
        children: Children | None = None,
    ) -> None:
        self._functions = functions
        self._faults = faults
        self._store = store
        self._resolve = resolve
        self._now = now
        self._children = children or NoChildren()
        self._held: dict[tuple[str, str], list[_Held]] = defaultdict(list)
        self._later: dict[tuple[str, str], list[Callable[[], None]]] = defaultdict(list)

    def invoke(self, function: str, payload: Any) -> Any:
        """Call a function; see `stepsaga.engines.functions.Functions`.

        The state and the execution are read from the payload, which carries both. What is undone
        from the log goes wrong as it does in the saga's own execution.
        """
        try:
            execution, state = self._named(payload)
        except (LookupError, TypeError, AttributeError):
            return self._functions.invoke(function, payload)  # no call of ours: no fault of ours
        kind = self._faults.next(execution, state)
        try:
            around = kind in AROUND and "child" in _call_of(payload)
            make = self._around_child if around else self._faulty
            reply = make(kind, function, payload)
        except FunctionError as error:
            if error.error == Rejected.__name__:
                self._settled(execution, payload)
            raise
        self._settled(execution, payload)
        return reply

    def land(self, execution: str) -> None:
        """Let everything land that still hangs."""
        for name, address in (*self._held, *self._later):
            if name == execution:
                self._land(execution, address)

    def later(self, execution: str, address: str, do: Callable[[], None]) -> None:
        """Let something be done when the step of a slot is undone."""
        self._later[execution, address].append(do)

    def _named(self, payload: Any) -> tuple[str, str]:
        call = _call_of(payload)
        execution = call["execution"]["Id"]
        if call is payload:
            return execution, payload["state"]["Name"]
        return execution, self._faults.doing(execution, call["part"], call["step"])

    def _faulty(self, kind: str | None, function: str, payload: Any) -> Any:
        match kind:
            case None:
                return self._functions.invoke(function, payload)
            case "rejected":
                return self._instead(function, payload, Rejected("injected: the fault 'rejected'"))
            case "raises":
                return self._instead(function, payload, InjectedError("the fault 'raises'"))
            case "times out before":
                raise NoAnswer
            case "crashes before":
                raise exit_error()
            case "lands late":
                self._hold(function, payload)
                raise NoAnswer
            case "throttled":
                return self._functions.invoke(function, payload, store=_Throttled(self._store))
            case "delivered twice":
                self._quietly(function, payload)
                return self._functions.invoke(function, payload)
        return self._after(kind, function, payload)

    def _after(self, kind: str, function: str, payload: Any) -> Any:
        """The faults that come after the effect."""
        commits = kind in ("crashes after commit", "reply lost")
        self._quietly(function, payload, None if commits else _Deadly(self._store, payload))
        if kind == "times out after":
            raise NoAnswer
        raise unknown_error() if kind == "reply lost" else exit_error()

    def _quietly(self, function: str, payload: Any, store: EventStore | None = None) -> str | None:
        """Make a call whose reply nobody hears; return the name of its error."""
        try:
            self._functions.invoke(function, payload, store=store)
        except FunctionError as error:
            return error.error
        return None

    def _instead(self, function: str, payload: Any, error: Exception) -> Any:
        def resolve(reference: str) -> Callable[..., Any]:
            # The signature stays the handler's: the runtime fills its parameters as ever.
            @functools.wraps(self._resolve(reference))
            def raising(*_: Any, **__: Any) -> Any:
                raise error

            return raising

        return self._functions.invoke(function, payload, resolve=resolve)

    def _around_child(self, kind: str | None, function: str, payload: Any) -> Any:
        """The faults at the start of a child, and at its undoing."""
        if kind == "rejected":
            payload = {**payload, "child": {**payload["child"], "model": UNFITTING}}
            return self._functions.invoke(function, payload)
        children = DeadlyChildren(self._children, kind)
        if kind != "times out after":
            return self._functions.invoke(function, payload, children=children)
        with suppress(FunctionError):
            self._functions.invoke(function, payload, children=children)
        raise NoAnswer

    # Late effects

    def _hold(self, function: str, payload: Any) -> None:
        call = parse_call(payload)
        key = call.execution.id, call.address(call.slot)
        store = _AsOfNow(self._store, f"{payload['saga']}#{payload['execution']['Name']}")
        self._held[key].append(_Held(function, payload, store, self._now(), self._now))

    def _settled(self, execution: str, payload: Mapping[str, Any]) -> None:
        """A compensation has run, or a probe, or what has none behind it: what hung lands now."""
        called = _call_of(payload)
        part, step = called.get("part"), called.get("step", "")
        last = bool(called.get("handler")) or not self._faults.can_have(execution, f"undo {step}")
        probed = part == Part.VERIFY and last
        if part == Part.COMPENSATION or probed:
            call = parse_call(payload)
            self._land(execution, call.address(call.undoes or call.slot))

    def _land(self, execution: str, address: str) -> None:
        for do in self._later.pop((execution, address), []):
            do()
        for held in self._held.pop((execution, address), []):
            state = held.payload["state"]["Name"]
            try:
                self._functions.invoke(
                    held.function, held.payload, store=held.store, now=held.clock()
                )
            except FunctionError as error:
                self._faults.landed.append(Landing(execution, state, error.error))
            else:
                self._faults.landed.append(Landing(execution, state, None))


def _call_of(payload: Any) -> Any:
    """The call in a payload; where a saga is undone from its log, that is a part of it."""
    return payload.get("call", payload)


class FaultyRecord:
    """The record of a saga's end, going wrong as a test wishes: an integration around another."""

    def __init__(self, record: Integration, faults: Faults) -> None:
        self.service = record.service
        self.action = record.action
        self._record = record
        self._faults = faults

    def check(self, parameters: Any) -> None:
        """Refuse what the record itself refuses."""
        self._record.check(parameters)

    def call(self, task: TaskCall) -> Any:
        """Put the record, or not, and answer, or not."""
        kind = self._faults.next(task.execution, task.state)
        if kind == "raises":
            raise FunctionError("DynamoDB.AmazonDynamoDBException", "the fault 'raises'")
        if kind == "throttled":
            raise FunctionError(
                "DynamoDB.ProvisionedThroughputExceededException", "the fault 'throttled'"
            )
        result = self._record.call(task)
        if kind == "reply lost":
            raise FunctionError("DynamoDB.SdkClientException", "the fault 'reply lost'")
        return result


class _Deadly(StoreInFront):
    """A store on which the process dies when it comes to record its own outcome."""

    def __init__(self, store: EventStore, payload: Mapping[str, Any]) -> None:
        super().__init__(store)
        call = parse_call(payload)
        self._own = call.address(call.slot)

    def append(self, commit: Commit) -> Commit:
        """Die, where it is the call's own slot or what landed late in it."""
        # Whatever is sealed elsewhere before the handler runs is no outcome of this call.
        # Nor is a claim, which comes before the effect.
        if commit.slot.startswith(self._own) and not commit.slot.endswith("/claim"):
            raise ProcessKilled
        return self._store.append(commit)


class _Throttled(StoreInFront):
    """A store over its rate: it neither reads nor writes."""

    def append(self, commit: Commit) -> Commit:
        del commit
        raise StoreThrottled("the fault 'throttled'")

    def get(self, stream_id: str, slot: str) -> Commit | None:
        del stream_id, slot
        raise StoreThrottled("the fault 'throttled'")

    def read(self, stream_id: str, prefix: str = "") -> Iterator[Commit]:
        del stream_id, prefix
        raise StoreThrottled("the fault 'throttled'")


class _AsOfNow(StoreInFront):
    """A store as a hanging call has read it: reads show what was there then, writes are real."""

    def __init__(self, store: EventStore, stream_id: str) -> None:
        super().__init__(store)
        self._then = {(c.stream_id, c.slot): c for c in store.read(stream_id)}

    def get(self, stream_id: str, slot: str) -> Commit | None:
        return self._then.get((stream_id, slot))

    def read(self, stream_id: str, prefix: str = "") -> Iterator[Commit]:
        commits = [commit for (stream, _), commit in self._then.items() if stream == stream_id]
        return (commit for commit in commits if commit.slot.startswith(prefix))
