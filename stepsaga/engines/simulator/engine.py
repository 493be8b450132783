"""The simulator: Step Functions in one process, with a virtual clock."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, Final

from stepsaga.engines.jsontext import dump, fits
from stepsaga.engines.protocol import ExecutionView, HistoryEvent, Status
from stepsaga.engines.simulator.clock import Signal, VirtualClock
from stepsaga.engines.simulator.definition import parse_machine
from stepsaga.engines.simulator.errors import RUNTIME, StateError
from stepsaga.engines.simulator.history import LIMIT, History
from stepsaga.engines.simulator.interpreter import Interpreter
from stepsaga.engines.simulator.naming import ROLE, check_name, execution_arn
from stepsaga.engines.simulator.sagas import Plan, Setting, plan_of
from stepsaga.engines.simulator.strands import Spawn, Strand
from stepsaga.engines.simulator.tokens import Tokens
from stepsaga.engines.simulator.world import Journey, Position, World
from stepsaga.errors import EngineError, ExecutionExists, ExecutionMissing, MachineMissing
from stepsaga.store.slots import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from stepsaga.engines.faults import Faults
    from stepsaga.engines.functions import Functions
    from stepsaga.engines.local import Message
    from stepsaga.engines.service_actions import Services
    from stepsaga.engines.simulator.clock import Timer
    from stepsaga.engines.simulator.integrations import Integration
    from stepsaga.engines.simulator.sagas import CompiledSaga, Watch
    from stepsaga.engines.simulator.states import Machine
    from stepsaga.store.objects import Objects
    from stepsaga.store.protocol import EventStore

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
LATENCY: Final = timedelta(milliseconds=20)
"""What a call takes of virtual time, so that events are not all at one moment."""
_NAME_RETAINED: Final = timedelta(days=90)
_REDRIVABLE: Final = timedelta(days=14)


@dataclass(slots=True)
class _Execution:
    view: ExecutionView
    machine: Machine
    input: str
    interpreter: Interpreter
    history: History = field(default_factory=History)
    strand: Strand | None = None
    timer: Timer | None = None
    output: str | None = None


@dataclass(slots=True)
class _Watch:
    execution: _Execution
    wanted: Callable[[HistoryEvent], bool]
    found: HistoryEvent | None = None


class Simulator:
    """An `Engine` that interprets the text of definitions. Time passes only as far as it is needed.

    One thread at a time may use it. What is to happen at a virtual time is asked of its clock:
    ``simulator.clock.after(timedelta(hours=3), answer)``.

    Args:
        integrations: What Tasks can call, by their ``Resource``.
        clock: Virtual time; by default it begins in 2026.
        seed: Of jitter, of task tokens, and of random numbers and UUIDs in intrinsic functions.
        latency: What each call takes of virtual time.
        on_close: Told the description of each execution that has come to an end.
        objects: What distributed Maps read from, and write to.
    """

    def __init__(  # noqa: PLR0913  # all but the integrations are options by name
        self,
        integrations: Mapping[str, Integration],
        *,
        clock: VirtualClock | None = None,
        seed: int = 0,
        latency: timedelta = LATENCY,
        on_close: Callable[[ExecutionView], None] | None = None,
        objects: Objects | None = None,
    ) -> None:
        self.clock = clock or VirtualClock(START)
        self.faults: Faults | None = None
        """What has gone wrong so far, where faults were asked for."""
        self.messages: list[Message] = []
        """What questions have sent to queues, topics and buses, where sagas' own handlers run."""
        self.services: Services | None = None
        """What does the actions of service steps, where there are sagas."""
        # Not for secrets: the same seed must give the same run.
        random = Random(seed)  # noqa: S311 -- as the line above says
        tokens = Tokens(self.clock, random)
        self._world = World(self.clock, random, integrations, latency, tokens, objects)
        self._machines: dict[str, Machine] = {}
        self._executions: dict[str, _Execution] = {}
        self._on_close = on_close
        self._watch: _Watch | None = None

    @classmethod
    def for_sagas(  # noqa: PLR0913 -- all but the sagas and the store are options by name
        cls,
        sagas: Iterable[CompiledSaga] | Mapping[str, str] | Plan,
        *,
        store: EventStore,
        functions: Functions | None = None,
        resolve: Callable[[str], Callable[..., Any]] | None = None,
        resources: Mapping[str, Any] | None = None,
        faults: Mapping[str, str | Sequence[str | None] | None] | None = None,
        seed: int = 0,
        start_time: datetime = START,
        watch: Watch | None = None,
        services: Services | None = None,
    ) -> Simulator:
        """A simulator with machines for sagas, their handlers, and an event store.

        Args:
            sagas: Compiled sagas, or texts of definitions by machine name. ``${...}`` is filled in.
                A plan of them, where they are run often.
            store: The event store, for the runtime and for the record of a saga's end.
            functions: What answers instead of the sagas' own handlers.
            resolve: How ``module:qualname`` becomes a handler; by default it is imported.
            resources: What replaces the participants' own resources, by name.
            faults: What shall go wrong; see `stepsaga.engines.faults.Faults`.
            seed: Of jitter and random numbers.
            start_time: When virtual time begins; aware.
            watch: Who watches children.
            services: What services do that are called without a function.

        Raises:
            EngineError: A definition is refused.
            UsageError: A fault that cannot be, or faults for functions of one's own.
        """
        clock = VirtualClock(start_time)
        plan = sagas if isinstance(sagas, Plan) else plan_of(sagas)
        setting = Setting(plan, clock, store, resolve, resources, watch=watch, services=services)
        integrations = setting.integrations(functions, faults)
        simulator = cls(
            integrations,
            clock=clock,
            seed=seed,
            on_close=setting.on_close,
            objects=store.objects,
        )
        simulator.faults = setting.faults
        simulator.messages = setting.messages
        simulator.services = setting.services
        simulator._machines |= plan.machines
        setting.on(simulator)
        return simulator

    @property
    def machines(self) -> tuple[str, ...]:
        """The machines that there are."""
        return tuple(self._machines)

    # Engine

    def create(self, machine: str, definition: str) -> None:
        """Create or replace a machine; see `Engine`. What already runs keeps its definition."""
        checks = {name: one.check for name, one in self._world.integrations.items()}
        self._machines[machine] = parse_machine(machine, definition, checks)

    def start(self, machine: str, input: Any, *, name: str) -> str:  # noqa: A002 -- as AWS names it
        """Start an execution; see `Engine`. It moves when somebody waits, or lets time pass.

        A name is free again 90 days after its execution has closed.
        """
        parsed = self._machine(machine)
        check_name("execution", name)
        text = _input_text(name, input)
        arn = execution_arn(machine, name)
        if arn in self._executions and not self._name_is_free(arn):
            return self._same(self._executions[arn], text)
        self._executions[arn] = self._new(arn, parsed, name, text)
        return arn

    def wait(self, arn: str) -> ExecutionView:
        """Let time pass until the execution is closed; describe it. Others go on meanwhile."""
        execution = self._execution(arn)
        while execution.view.status is Status.RUNNING:
            self._step(execution)
        return self.describe(arn)

    def describe(self, arn: str) -> ExecutionView:
        """What is known of the execution now; see `Engine`."""
        execution = self._execution(arn)
        return replace(execution.view, unredrivable=self._not_redrivable(execution))

    def history(self, arn: str) -> Sequence[HistoryEvent]:
        """Everything that happened in the execution so far; see `Engine`."""
        return tuple(self._execution(arn).history.events)

    def stop(self, arn: str, *, error: str = "", cause: str = "") -> None:
        """Abort the execution; see `Engine`. An invocation under way goes on; see `settle`.

        Stopping a closed execution changes nothing.
        """
        execution = self._execution(arn)
        if execution.view.status is Status.RUNNING:
            failure = StateError(error or None, cause or None)
            self._close(execution, Status.ABORTED, "ExecutionAborted", failure)

    def redrive(self, arn: str) -> None:
        """Go on at the state that did not succeed; see `Engine`.

        The definition is the one of the start. Retries and the execution's time begin anew.

        Raises:
            EngineError: ``ExecutionNotRedrivable``: it runs, has succeeded, was closed more than 14
                days ago, or its history is full.
        """
        execution = self._execution(arn)
        view = execution.view
        if why := self._not_redrivable(execution):
            raise EngineError(f"ExecutionNotRedrivable: {view.name}: {why}")
        redrives = view.redrives + 1
        journey = execution.interpreter.journey
        journey.execution = {
            **journey.execution,
            "RedriveCount": redrives,
            "RedriveTime": iso(self.clock.now()),
        }
        execution.view = replace(
            view, status=Status.RUNNING, redrives=redrives, error=None, cause=None, stopped=None
        )
        execution.history.add("ExecutionRedriven", self.clock.now(), {"redriveCount": redrives})
        self._run(execution)

    def execution_arn(self, machine: str, name: str) -> str:
        """The ARN that an execution of this name has or would have; see `Engine`."""
        self._machine(machine)
        return execution_arn(machine, name)

    def executions(self, machine: str, status: Status | None = None) -> Iterator[ExecutionView]:
        """The machine's executions, the newest first; see `Engine`."""
        self._machine(machine)
        known = [arn for arn in reversed(self._executions) if not self._name_is_free(arn)]
        views = [self._executions[arn].view for arn in known]
        for view in sorted(views, key=lambda view: view.started, reverse=True):
            if view.machine == machine and status in (None, view.status):
                yield view

    def send_task_success(self, token: str, output: Any) -> None:
        """Answer a task token with a result; see `Engine`."""
        self._world.tokens.succeed(token, output)

    def send_task_failure(self, token: str, *, error: str = "", cause: str = "") -> None:
        """Answer a task token with a failure; see `Engine`."""
        self._world.tokens.fail(token, error or None, cause or None)

    def send_task_heartbeat(self, token: str) -> None:
        """Say that whoever has a task token is at work; see `Engine`."""
        self._world.tokens.heartbeat(token)

    # The simulator's own

    def run_until(self, arn: str, wanted: Callable[[HistoryEvent], bool]) -> HistoryEvent:
        """Let time pass until the execution's history gets an event that is wanted; return it.

        The execution stands exactly there: what would follow has not happened.

        Raises:
            EngineError: The execution came to its end, or had come to it, without such an event.
        """
        execution = self._execution(arn)
        watch = self._watch = _Watch(execution, wanted)
        try:
            while watch.found is None and execution.view.status is Status.RUNNING:
                self._step(execution)
        finally:
            self._watch = None
        if watch.found is None:
            raise EngineError(
                f"execution {execution.view.name}: it is {execution.view.status}, and no event was"
                " the wanted one"
            )
        return watch.found

    def settle(self) -> None:
        """Let everything happen that is under way: invocations of stopped executions, too."""
        while self.clock.step():
            pass

    def transitions(self, arn: str) -> int:
        """The state transitions so far, as Step Functions bills them: states entered, retries."""
        return self._execution(arn).interpreter.journey.transitions

    def inside(self, arn: str) -> Mapping[str, int]:
        """How often each state of the executions of a distributed Map's items was entered."""
        return dict(self._execution(arn).interpreter.journey.inside)

    # Inside

    def _machine(self, machine: str) -> Machine:
        if machine not in self._machines:
            known = ", ".join(sorted(self._machines)) or "none"
            raise MachineMissing(f"StateMachineDoesNotExist: {machine!r}; there are: {known}")
        return self._machines[machine]

    def _execution(self, arn: str) -> _Execution:
        """An execution that Step Functions still knows: for 90 days after its end."""
        if arn not in self._executions or self._name_is_free(arn):
            raise ExecutionMissing(f"ExecutionDoesNotExist: {arn}")
        return self._executions[arn]

    def _name_is_free(self, arn: str) -> bool:
        stopped = self._executions[arn].view.stopped
        return stopped is not None and self.clock.now() >= stopped + _NAME_RETAINED

    def _same(self, execution: _Execution, text: str) -> str:
        """The execution that has the name already, if this start is the same one again."""
        view = execution.view
        if view.status is Status.RUNNING and execution.input == text:
            return view.arn
        what = "with another input" if execution.input != text else "and is closed"
        raise ExecutionExists(
            f"ExecutionAlreadyExists: {view.arn} was started {what}; use another name"
        )

    def _new(self, arn: str, machine: Machine, name: str, text: str) -> _Execution:
        now = self.clock.now()
        document = json.loads(text)
        context = {
            "Id": arn,
            "Input": document,
            "Name": name,
            "RoleArn": ROLE,
            "StartTime": iso(now),
        }
        position = Position(machine.block.start, document, text)
        journey = Journey(self._world, machine.name, context)
        execution = _Execution(
            view=ExecutionView(arn, name, machine.name, Status.RUNNING, json.loads(text), now),
            machine=machine,
            input=text,
            interpreter=Interpreter(machine.block, journey, position),
        )
        details = {"input": text, "inputDetails": {"truncated": False}, "roleArn": ROLE}
        execution.history.add("ExecutionStarted", now, details)
        self._run(execution)
        return execution

    def _run(self, execution: _Execution) -> None:
        execution.strand = self._begin(
            execution, Spawn(execution.interpreter.run(), partial(self._ended, execution))
        )
        seconds = timedelta(seconds=execution.machine.seconds)
        execution.timer = self.clock.after(seconds, partial(self._time_out, execution))

    def _begin(self, execution: _Execution, spawn: Spawn) -> Strand:
        strand = Strand(spawn.process, spawn.ended)
        self.clock.at(self.clock.now(), partial(self._advance, execution, strand, None))
        return strand

    def _step(self, execution: _Execution) -> None:
        if not self.clock.step():
            raise EngineError(
                f"execution {execution.view.name}: nothing is left that could happen; an earlier"
                " error broke it off"
            )

    def _advance(self, execution: _Execution, strand: Strand, value: Any) -> None:
        """Let a strand go on until it waits for something, is closed, or was wanted here."""
        while strand.open:
            item = strand.next(value)
            if item is None:
                return
            if isinstance(item, Spawn):
                value = self._begin(execution, item)
                continue
            if isinstance(item, Signal):
                if item.fired:
                    value = item.value
                    continue
                item.listen(partial(self._advance, execution, strand))
                return
            if execution.history.full:
                self._close(execution, Status.FAILED, "ExecutionFailed", _history_full())
                return
            value = execution.history.add(item.type, self.clock.now(), item.details)
            if self._is_wanted(execution, value):
                self.clock.at(self.clock.now(), partial(self._advance, execution, strand, value))
                return

    def _ended(self, execution: _Execution, error: StateError | None) -> None:
        if error is None:
            execution.output = execution.interpreter.position.text
            self._close(execution, Status.SUCCEEDED, "ExecutionSucceeded", None)
        else:
            self._close(execution, Status.FAILED, "ExecutionFailed", error)

    def _is_wanted(self, execution: _Execution, event: HistoryEvent) -> bool:
        watch = self._watch
        if watch is None or watch.execution is not execution or not watch.wanted(event):
            return False
        watch.found = event
        return True

    def _time_out(self, execution: _Execution) -> None:
        self._close(execution, Status.TIMED_OUT, "ExecutionTimedOut", StateError(None))

    def _close(
        self, execution: _Execution, status: Status, kind: str, failure: StateError | None
    ) -> None:
        now = self.clock.now()
        if execution.strand is not None:
            strand, execution.strand = execution.strand, None
            strand.close()
        if execution.timer is not None:
            execution.timer.cancel()
        details: dict[str, Any] = {} if failure is None else failure.details()
        if failure is None:
            details = {"output": execution.output, "outputDetails": {"truncated": False}}
        event = execution.history.add(kind, now, details)
        execution.view = replace(
            execution.view,
            status=status,
            output=None if execution.output is None else json.loads(execution.output),
            error=None if failure is None else failure.error,
            cause=None if failure is None else failure.cause,
            stopped=now,
        )
        self._is_wanted(execution, event)
        if self._on_close is not None:
            self._on_close(execution.view)

    def _not_redrivable(self, execution: _Execution) -> str:
        view = execution.view
        if view.stopped is None or view.status is Status.SUCCEEDED:
            return f"it is {view.status}; only FAILED, TIMED_OUT and ABORTED can be redriven"
        if self.clock.now() > view.stopped + _REDRIVABLE:
            return f"it was closed at {iso(view.stopped)}, more than {_REDRIVABLE.days} days ago"
        if len(execution.history.events) >= LIMIT - 1:
            return f"its history has {len(execution.history.events)} events of {LIMIT}"
        return ""


def _input_text(name: str, value: Any) -> str:
    try:
        text = dump(value)
    except (TypeError, ValueError) as error:
        raise EngineError(
            f"InvalidExecutionInput: {name}: the input is no JSON: {error}"
        ) from error
    if not fits(text):
        raise EngineError(f"InvalidExecutionInput: {name}: the input is over 262144 bytes")
    return text


def _history_full() -> StateError:
    return StateError(
        RUNTIME, f"The execution reached the maximum number of history events ({LIMIT})."
    )
