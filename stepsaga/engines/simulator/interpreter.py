"""One execution on its way through the states, as a generator.

It yields what the history shall record, and what it waits for; it neither knows other executions
nor how an execution is stopped. Where it stands is kept in a `Position`, so that a redrive goes on
there.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from stepsaga.engines.functions import FunctionError, NoAnswer
from stepsaga.engines.jsontext import dump, fits
from stepsaga.engines.simulator.clock import Signal, iso
from stepsaga.engines.simulator.errors import (
    TIMEOUT,
    MachineError,
    StateError,
    data_limit,
    matches,
    runtime_error,
)
from stepsaga.engines.simulator.expressions import Scope
from stepsaga.engines.simulator.integrations import TaskCall
from stepsaga.engines.simulator.naming import REGION, machine_arn
from stepsaga.engines.simulator.paths import PathMissing
from stepsaga.engines.simulator.retry import Retries
from stepsaga.engines.simulator.states import Fail, Machine, Pass, State, Succeed, Task, Wait

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from random import Random

    from stepsaga.engines.simulator.clock import VirtualClock
    from stepsaga.engines.simulator.integrations import Integration
    from stepsaga.engines.simulator.paths import Path

_WHOLE: Final = {"truncated": False}


@dataclass(frozen=True, slots=True)
class Record:
    """What the history shall record."""

    type: str
    details: Mapping[str, Any]


Process = Generator[Record | Signal, Any, None]
"""Yields records (and is sent the `HistoryEvent`) and signals (and is sent their value)."""


@dataclass(frozen=True, slots=True)
class Document:
    """A value, and the same as JSON."""

    value: Any
    text: str


@dataclass(frozen=True, slots=True)
class World:
    """What all executions share."""

    clock: VirtualClock
    random: Random
    integrations: Mapping[str, Integration]
    latency: timedelta


@dataclass(slots=True)
class Position:
    """Where an execution stands.

    Attributes:
        state: The state to run; None at the end.
        document: Its input.
        text: The document as JSON.
        entered: When it was entered; None before. A redrive does not change it.
        event: The id of the event that says so.
    """

    state: str | None
    document: Any
    text: str
    entered: datetime | None = None
    event: int = 0


class Interpreter:
    """Runs the states of one execution.

    Args:
        machine: The definition.
        world: What all executions share.
        execution: ``$$.Execution``.
        position: Where to begin.
    """

    def __init__(
        self, machine: Machine, world: World, execution: dict[str, Any], position: Position
    ) -> None:
        self.execution = execution
        self.position = position
        self.transitions = 0
        """The state transitions that Step Functions bills: states entered, retries, redrives."""
        self._machine = machine
        self._world = world

    def run(self) -> Process:
        """Go on from where it stands to the end.

        Raises:
            StateError: A state failed, and nothing caught it.
        """
        while (name := self.position.state) is not None:
            state = self._machine.states[name]
            try:
                yield from _RUN[type(state)](self, state)
            except MachineError as error:
                place = f"the state '{name}' (entered at the event id #{self.position.event})"
                raise StateError(
                    error.error, f"An error occurred while executing {place}. {error.cause}"
                ) from error

    # The states

    def _task(self, state: Task) -> Process:
        yield from self._enter("Task")
        retries = Retries(state.retriers)
        target = state.next
        while True:
            try:
                document = yield from self._attempt(state, retries.count)
            except StateError as error:
                pause = retries.pause(error.error, self._world.random)
                if pause is not None:
                    self.transitions += 1
                    yield from self._sleep_until(self._world.clock.now() + pause)
                    continue
                document, target = self._caught(state, error)
            break
        yield from self._leave("Task", target, document)

    def _attempt(self, state: Task, attempt: int) -> Generator[Record | Signal, Any, Document]:
        context = self._context(attempt)
        scope = self._scope(state, context)
        arguments = scope.document if state.parameters is None else state.parameters(scope)
        seconds = state.seconds(scope)
        text = dump(arguments)
        if not fits(text):
            raise data_limit(state.name)
        integration = self._world.integrations[state.resource]
        names = {"resourceType": integration.service, "resource": integration.action}
        scheduled = {**names, "region": REGION, "parameters": text}
        yield Record("TaskScheduled", {**scheduled, "timeoutInSeconds": seconds})
        call = TaskCall(self.execution["Id"], state.name, arguments)
        reply = yield from self._called(integration, call, names, seconds)
        if isinstance(reply, StateError):
            kind = "TaskTimedOut" if reply.error == TIMEOUT else "TaskFailed"
            yield Record(kind, {**names, **reply.details()})
            raise reply
        yield Record("TaskSucceeded", {**names, "output": reply.text, "outputDetails": _WHOLE})
        result = reply.value
        if state.selector is not None:
            result = state.selector(Scope(result, context, self._world.random))
        return self._combined(state, state.result_path, result, context)

    def _called(
        self, integration: Integration, call: TaskCall, names: Mapping[str, str], seconds: int
    ) -> Generator[Record | Signal, Any, Document | StateError]:
        reply = Signal()
        # On its way before the history says so: an execution that is stopped at TaskStarted leaves
        # an invocation behind that nobody can call back.
        clock = self._world.clock
        clock.after(self._world.latency, partial(_deliver, integration, call, reply))
        timer = clock.after(timedelta(seconds=seconds), partial(reply.fire, StateError(TIMEOUT)))
        try:
            yield Record("TaskStarted", names)
            answer: Document | StateError = yield reply
        finally:
            timer.cancel()
        return answer

    def _caught(self, state: Task, error: StateError) -> tuple[Document, str]:
        for catcher in state.catchers:
            if matches(catcher.errors, error.error):
                document = self._written(catcher.result_path, error.output())
                return _checked(state, document), catcher.target
        raise error

    def _pass(self, state: Pass) -> Process:
        yield from self._enter("Pass")
        context = self._context()
        scope = self._scope(state, context)
        result = scope.document if state.result is None else state.result(scope)
        document = self._combined(state, state.result_path, result, context)
        yield from self._leave("Pass", state.next, document)

    def _wait(self, state: Wait) -> Process:
        yield from self._enter("Wait")
        context = self._context()
        scope = self._scope(state, context)
        yield from self._sleep_until(state.until(scope, self._entered))
        document = self._selected(state, scope.document, context)
        yield from self._leave("Wait", state.next, document)

    def _succeed(self, state: Succeed) -> Process:
        yield from self._enter("Succeed")
        context = self._context()
        document = self._selected(state, self._scope(state, context).document, context)
        yield from self._leave("Succeed", None, document)

    def _fail(self, state: Fail) -> Process:
        self.position.entered = None  # it is entered again by a redrive
        yield from self._enter("Fail")
        scope = Scope(self.position.document, self._context(), self._world.random)
        error = None if state.error is None else state.error(scope)
        raise StateError(error, None if state.cause is None else state.cause(scope))

    # Their common parts

    def _enter(self, kind: str) -> Process:
        """Say that the state is entered, unless a redrive goes on inside it."""
        self.transitions += 1
        position = self.position
        if position.entered is not None:
            return
        position.entered = self._world.clock.now()
        details = {"name": position.state, "input": position.text, "inputDetails": _WHOLE}
        event = yield Record(f"{kind}StateEntered", details)
        position.event = event.id

    def _leave(self, kind: str, target: str | None, document: Document) -> Process:
        name = self.position.state
        # Before the history says so: what is stopped there is redriven at the next state.
        self.position = Position(target, document.value, document.text)
        details = {"name": name, "output": document.text, "outputDetails": _WHOLE}
        yield Record(f"{kind}StateExited", details)

    def _sleep_until(self, moment: datetime) -> Process:
        signal = Signal()
        timer = self._world.clock.at(moment, signal.fire)
        try:
            yield signal
        finally:
            timer.cancel()

    @property
    def _entered(self) -> datetime:
        return self.position.entered or self._world.clock.now()

    def _context(self, attempt: int = 0) -> dict[str, Any]:
        position = self.position
        return {
            "Execution": self.execution,
            "State": {
                "EnteredTime": iso(self._entered),
                "Name": position.state,
                "RetryCount": attempt,
            },
            "StateMachine": {"Id": machine_arn(self._machine.name), "Name": self._machine.name},
        }

    def _scope(self, state: State, context: dict[str, Any]) -> Scope:
        """The effective input: what ``InputPath`` selects."""
        whole = Scope(self.position.document, context, self._world.random)
        if state.input is None:
            return whole
        return Scope(state.input(whole), context, self._world.random)

    def _combined(
        self, state: State, path: Path | None, result: Any, context: dict[str, Any]
    ) -> Document:
        return self._selected(state, self._written(path, result), context)

    def _written(self, path: Path | None, value: Any) -> Any:
        """The state's raw input with a value at a reference path; null drops the value."""
        raw = self.position.document
        if path is None:
            return raw
        try:
            return path.write(raw, value)
        except PathMissing:
            raise runtime_error(
                f"Unable to apply ReferencePath {path.text} to input {self.position.text}"
            ) from None

    def _selected(self, state: State, document: Any, context: dict[str, Any]) -> Document:
        """What ``OutputPath`` selects."""
        if state.output is not None:
            document = state.output(Scope(document, context, self._world.random))
        return _checked(state, document)


def _deliver(integration: Integration, call: TaskCall, reply: Signal) -> None:
    """Make a call, and hand back its result or its failure, if anybody still waits for it."""
    try:
        result = integration.call(call)
    except NoAnswer:
        return
    except FunctionError as error:
        reply.fire(StateError(error.error, error.cause))
        return
    text = dump(result)
    resource = f"arn:aws:states:::{integration.service}:{integration.action}"
    reply.fire(Document(result, text) if fits(text) else data_limit(resource))


def _checked(state: State, document: Any) -> Document:
    text = dump(document)
    if not fits(text):
        raise data_limit(state.name)
    return Document(document, text)


_RUN: Final[Mapping[type[State], Callable[[Interpreter, Any], Process]]] = {
    Task: Interpreter._task,  # noqa: SLF001 -- a table of this class's own methods
    Pass: Interpreter._pass,  # noqa: SLF001 -- as above
    Wait: Interpreter._wait,  # noqa: SLF001 -- as above
    Succeed: Interpreter._succeed,  # noqa: SLF001 -- as above
    Fail: Interpreter._fail,  # noqa: SLF001 -- as above
}
