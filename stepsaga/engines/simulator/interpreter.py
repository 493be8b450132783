"""One block of states on its way, as a generator: a machine's own, a branch's, an item's.

It yields what the history shall record, what it waits for, and the branches that run beside it; it
neither knows other executions nor how an execution is stopped. Where it stands is kept in a
`Position`, so that a redrive goes on there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stepsaga.engines.simulator.attempts import within_limit
from stepsaga.engines.simulator.branches import run_map, run_parallel
from stepsaga.engines.simulator.clock import Signal
from stepsaga.engines.simulator.errors import (
    NO_CHOICE,
    MachineError,
    StateError,
    runtime_error,
)
from stepsaga.engines.simulator.expressions import Scope
from stepsaga.engines.simulator.map_runs import run_distributed_map
from stepsaga.engines.simulator.paths import PathMissing
from stepsaga.engines.simulator.states import (
    Choice,
    DistributedMap,
    Fail,
    Map,
    Parallel,
    Pass,
    State,
    Succeed,
    Task,
    Wait,
)
from stepsaga.engines.simulator.strands import Record
from stepsaga.engines.simulator.tasks import run_task
from stepsaga.engines.simulator.world import Child, Position
from stepsaga.store.slots import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from stepsaga.engines.simulator.paths import Path
    from stepsaga.engines.simulator.states import Block
    from stepsaga.engines.simulator.strands import Process
    from stepsaga.engines.simulator.world import Document, Journey, World

_WHOLE: Final = {"truncated": False}


class Interpreter:
    """Runs the states of one block.

    Args:
        block: The states.
        journey: What all blocks of the execution share.
        position: Where to begin.
    """

    def __init__(self, block: Block, journey: Journey, position: Position) -> None:
        self.block = block
        self.journey = journey
        self.position = position

    def child(self, block: Block, document: Document, journey: Journey | None = None) -> Child:
        """A branch or an item at its start: of the same execution, or of one of its own."""
        position = Position(block.start, document.value, document.text)
        return Child(Interpreter(block, journey or self.journey, position))

    @property
    def world(self) -> World:
        """What all executions share."""
        return self.journey.world

    @property
    def state(self) -> State | None:
        """The state in which it stands; None at the end."""
        name = self.position.state
        return None if name is None else self.block.states[name]

    def run(self) -> Process:
        """Go on from where it stands to the end.

        Raises:
            StateError: A state failed, and nothing caught it.
        """
        while (state := self.state) is not None:
            try:
                yield from _RUN[type(state)](self, state)
            except MachineError as error:
                place = f"the state '{state.name}' (entered at the event id #{self.position.event})"
                raise StateError(
                    error.error, f"An error occurred while executing {place}. {error.cause}"
                ) from error

    # What states have in common

    def enter(self, kind: str) -> Process:
        """Say that the state is entered, unless a redrive goes on inside it."""
        self.journey.transitions += 1
        position = self.position
        if position.entered is not None:
            return
        position.entered = self.world.clock.now()
        details = {"name": position.state, "input": position.text, "inputDetails": _WHOLE}
        event = yield Record(f"{kind}StateEntered", details)
        position.event = event.id

    def leave(self, kind: str, target: str | None, document: Document) -> Process:
        """Go over to the next state, and say that this one is left."""
        name = self.position.state
        # Before the history says so: what is stopped there is redriven at the next state.
        self.position = Position(target, document.value, document.text)
        details = {"name": name, "output": document.text, "outputDetails": _WHOLE}
        yield Record(f"{kind}StateExited", details)

    def sleep_until(self, moment: datetime) -> Process:
        """Wait."""
        signal = Signal()
        timer = self.world.clock.at(moment, signal.fire)
        try:
            yield signal
        finally:
            timer.cancel()

    @property
    def entered(self) -> datetime:
        """When the state was entered."""
        return self.position.entered or self.world.clock.now()

    def context(self, attempt: int = 0, **more: Any) -> dict[str, Any]:
        """The context object."""
        state = {
            "EnteredTime": iso(self.entered),
            "Name": self.position.state,
            "RetryCount": attempt,
        }
        return self.journey.context(state, **more)

    def scope(self, state: State, context: dict[str, Any]) -> Scope:
        """The effective input: what ``InputPath`` selects."""
        whole = Scope(self.position.document, context, self.world.random)
        if state.input is None:
            return whole
        return Scope(state.input(whole), context, self.world.random)

    def combined(
        self, state: State, path: Path | None, result: Any, context: dict[str, Any]
    ) -> Document:
        """What ``ResultPath`` and ``OutputPath`` make of a result."""
        return self.selected(state, self.written(path, result), context)

    def written(self, path: Path | None, value: Any) -> Any:
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

    def selected(self, state: State, document: Any, context: dict[str, Any]) -> Document:
        """What ``OutputPath`` selects."""
        if state.output is not None:
            document = state.output(Scope(document, context, self.world.random))
        return within_limit(state.name, document)


def _run_pass(block: Interpreter, state: Pass) -> Process:
    yield from block.enter("Pass")
    context = block.context()
    scope = block.scope(state, context)
    result = scope.document if state.result is None else state.result(scope)
    document = block.combined(state, state.result_path, result, context)
    yield from block.leave("Pass", state.next, document)


def _run_wait(block: Interpreter, state: Wait) -> Process:
    yield from block.enter("Wait")
    context = block.context()
    scope = block.scope(state, context)
    yield from block.sleep_until(state.until(scope, block.entered))
    document = block.selected(state, scope.document, context)
    yield from block.leave("Wait", state.next, document)


def _run_choice(block: Interpreter, state: Choice) -> Process:
    yield from block.enter("Choice")
    context = block.context()
    scope = block.scope(state, context)
    target = next((rule.target for rule in state.rules if rule.holds(scope)), state.next)
    if target is None:
        raise StateError(NO_CHOICE, f"No rule of '{state.name}' holds, and it has no Default.")
    document = block.selected(state, scope.document, context)
    yield from block.leave("Choice", target, document)


def _run_succeed(block: Interpreter, state: Succeed) -> Process:
    yield from block.enter("Succeed")
    context = block.context()
    document = block.selected(state, block.scope(state, context).document, context)
    yield from block.leave("Succeed", None, document)


def _run_fail(block: Interpreter, state: Fail) -> Process:
    block.position.entered = None  # it is entered again by a redrive
    yield from block.enter("Fail")
    scope = Scope(block.position.document, block.context(), block.world.random)
    error = None if state.error is None else state.error(scope)
    raise StateError(error, None if state.cause is None else state.cause(scope))


_RUN: Final[Mapping[type[State], Callable[[Interpreter, Any], Process]]] = {
    Task: run_task,
    Parallel: run_parallel,
    Map: run_map,
    DistributedMap: run_distributed_map,
    Choice: _run_choice,
    Pass: _run_pass,
    Wait: _run_wait,
    Succeed: _run_succeed,
    Fail: _run_fail,
}
