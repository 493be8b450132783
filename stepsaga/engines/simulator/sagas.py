"""From compiled sagas to what a simulator needs: texts, functions, faults."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from stepsaga.asl.names import EVENT_TABLE, UNDONE, function_name, live_name
from stepsaga.asl.service_rules import is_action
from stepsaga.asl.undo import NAME as UNDO
from stepsaga.engines.answers import EngineAnswers
from stepsaga.engines.children import ChildrenStore, EngineChildExecutions, EngineChildren
from stepsaga.engines.faults import Faults, FaultyFunctions, FaultyRecord, Target
from stepsaga.engines.local import LocalFunctions
from stepsaga.engines.protocol import Status
from stepsaga.engines.recovering import RecoveringFunctions, undo_text
from stepsaga.engines.service_actions import KeptServices
from stepsaga.engines.service_faults import FaultyAction
from stepsaga.engines.simulator.actions import (
    EVENTS,
    EitherPut,
    ServiceAction,
    actions_in,
    resources_in,
    targets_in,
)
from stepsaga.engines.simulator.definition import parse_machine
from stepsaga.engines.simulator.integrations import LAMBDA_INVOKE, PUT_ITEM, LambdaInvoke, PutItem
from stepsaga.errors import EngineError, UsageError
from stepsaga.recovery.children import Children
from stepsaga.recovery.executions import fingerprint_in
from stepsaga.runtime.runtime import load
from stepsaga.runtime.service_steps import __name__ as SETTLER  # noqa: N812  # a constant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from stepsaga.engines.functions import Functions
    from stepsaga.engines.local import Message
    from stepsaga.engines.protocol import ExecutionView
    from stepsaga.engines.service_actions import Services
    from stepsaga.engines.simulator.clock import VirtualClock
    from stepsaga.engines.simulator.engine import Simulator
    from stepsaga.engines.simulator.integrations import Integration
    from stepsaga.engines.simulator.states import Machine
    from stepsaga.store.protocol import EventStore

_CHECKS: Final = {LAMBDA_INVOKE: LambdaInvoke.check, PUT_ITEM: PutItem.check}
_SUBSTITUTION: Final = re.compile(r"\$\{(\w+)\}")


class CompiledSaga(Protocol):
    """What is needed of a compiled saga: its name, and the text of its definition."""

    @property
    def name(self) -> str:
        """The saga's name, and the machine's."""
        ...

    @property
    def text(self) -> str:
        """The definition."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What sagas need. Nothing in it changes: it serves any number of simulators.

    Attributes:
        machines: The sagas' machines by name, ``${...}`` filled in.
        participants: The handlers' modules.
        targets: The Tasks that can have faults.
        children: The sagas that others start.
        fingerprints: Of the releases, by saga.
        actions: The resources of actions that services do.
        slots: The expression of each action's slot, by saga and state.
    """

    machines: Mapping[str, Machine]
    participants: tuple[str, ...]
    targets: tuple[Target, ...]
    children: frozenset[str] = frozenset()
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    actions: frozenset[str] = frozenset()
    slots: Mapping[str, str] = field(default_factory=dict)


def plan_of(sagas: Iterable[CompiledSaga] | Mapping[str, str]) -> Plan:
    """What sagas need, read from the texts of their definitions.

    Raises:
        EngineError: A definition is refused, or a ``${...}`` in it is nothing that the text itself
            explains.
    """
    texts = _texts(sagas)
    tasks = [(saga, *task) for saga, text in texts.items() for task in _tasks(text)]
    participants = sorted(
        {_handler(task).partition(":")[0] for *_, task in tasks} - {""} | _settlers(tasks)
    )
    children = frozenset(child for *_, task in tasks if (child := _child(task)))
    resources = resources_in(tasks)
    values = {EVENT_TABLE: EVENTS, **targets_in(tasks)}
    for participant in participants:
        function = participant.rpartition(".")[2]
        values |= {function_name(participant): function, live_name(participant): f"{function}:live"}
    filled = {name: _filled_in(name, text, values) for name, text in texts.items()}
    if children:
        filled[UNDO] = undo_text()
    checks = dict.fromkeys(resources, ServiceAction.check) | _CHECKS
    if PUT_ITEM in resources:
        checks[PUT_ITEM] = EitherPut.check
    return Plan(
        {name: parse_machine(name, text, checks) for name, text in filled.items()},
        tuple(participants),
        tuple(
            _target(saga if saga in children else "", state, task) for saga, state, task in tasks
        ),
        children,
        {name: fingerprint_in(text) for name, text in texts.items()},
        frozenset(resources),
        actions_in(tasks),
    )


class Watch(Protocol):
    """Who watches children, and decides when somebody hears of their ends."""

    def pauses(self, stream_id: str) -> Sequence[float]:
        """In how many seconds the end in a stream is told to whoever waits, once for each time."""
        ...

    def closed(self, view: ExecutionView) -> None:
        """An execution has come to its end: a saga's, a child's, or that of an undo."""
        ...


class Setting:
    """Where sagas run: a clock, an event store, and how handlers and resources are found."""

    def __init__(  # noqa: PLR0913  # collaborators
        self,
        plan: Plan,
        clock: VirtualClock,
        store: EventStore,
        resolve: Callable[[str], Callable[..., Any]] | None,
        resources: Mapping[str, Any] | None,
        *,
        watch: Watch | None = None,
        services: Services | None = None,
    ) -> None:
        self.faults: Faults | None = None
        self.services = services or KeptServices()
        self._plan = plan
        self._clock = clock
        self._store = store
        self._ends: ChildrenStore | None = None
        if plan.children:
            more = () if watch is None else (watch.pauses,)
            self._store = self._ends = ChildrenStore(store, self._later, *more)
        self._watch = watch
        self._recovering: RecoveringFunctions | None = None
        self._resolve = resolve or load
        self._resources = resources
        self._faulty: FaultyFunctions | None = None
        self.messages: list[Message] = []
        self.answers = EngineAnswers()
        self.children = EngineChildren()

    def integrations(
        self,
        functions: Functions | None,
        faults: Mapping[str, str | Sequence[str | None] | None] | None,
    ) -> Mapping[str, Integration]:
        """What the sagas' Tasks call.

        Raises:
            UsageError: A fault that cannot be, or faults for functions of one's own.
        """
        record: Integration = PutItem(self._store)
        actions = {
            one: ServiceAction(one, self.services, self._plan.slots) for one in self._plan.actions
        }
        if functions is not None:
            if faults:
                raise UsageError(
                    "faults are made inside the sagas' own handlers: leave `functions` out"
                )
            return _with_put({**actions, LAMBDA_INVOKE: LambdaInvoke(functions)}, record)
        local = LocalFunctions(
            self._plan.participants,
            store=self._store,
            now=self._clock.now,
            resolve=self._resolve,
            resources=self._resources,
            answers=self.answers,
            children=self.children,
        )
        self.messages = local.messages
        if not faults:
            own = LambdaInvoke(self._with_recovery(local))
            return _with_put({**actions, LAMBDA_INVOKE: own}, record)
        self.faults = Faults(faults, self._plan.targets)
        self._faulty = FaultyFunctions(
            local,
            self.faults,
            store=self._store,
            resolve=self._resolve,
            now=self._clock.now,
            children=self.children,
        )
        later = self._faulty.later
        faulty = {n: FaultyAction(one, self.faults, later) for n, one in actions.items()}
        own = LambdaInvoke(self._with_recovery(self._faulty))
        return _with_put({**faulty, LAMBDA_INVOKE: own}, FaultyRecord(record, self.faults))

    def on(self, simulator: Simulator) -> None:
        """Let a simulator with the sagas' machines be what everything here speaks of."""
        self.answers.engine = simulator
        if self._ends is None or self._recovering is None:
            return
        fingerprints = self._plan.fingerprints
        executions = EngineChildExecutions(simulator, fingerprints)
        known = Children(self._store, executions, self.answers, self._clock.now)
        self._recovering.serve(simulator, fingerprints, known)
        self.children.known = self._ends.children = known

    def _with_recovery(self, functions: Functions) -> Functions:
        """The functions, and where there are children, that of recovery, which undoes them."""
        if not self._plan.children:
            return functions
        live = {module: f"{module.rpartition('.')[2]}:live" for module in self._plan.participants}
        self._recovering = RecoveringFunctions(functions, self._store, live, self._clock.now)
        return self._recovering

    def _later(self, seconds: float, do: Callable[[], None]) -> None:
        self._clock.after(timedelta(seconds=seconds), do)

    def _look(self, arn: str) -> None:
        """What EventBridge has recovery do where a child has ended other than well."""
        if self._recovering is not None and self._recovering.recovery is not None:
            self._recovering.recovery.handle({"detail": {"executionArn": arn}})

    def on_close(self, view: ExecutionView) -> None:
        """Let land what was never undone. What is stuck may be undone yet, by a redrive."""
        ended = view.status is Status.SUCCEEDED or view.error == UNDONE
        if ended and self._faulty is not None:
            self._faulty.land(view.arn)
        if not ended and view.machine in self._plan.children:
            self._later(0, partial(self._look, view.arn))
        if self._watch is not None:
            self._watch.closed(view)


def _with_put(
    integrations: Mapping[str, Integration], record: Integration
) -> Mapping[str, Integration]:
    """With the record of events, which is the same resource as an action of the author's may be."""
    own = integrations.get(PUT_ITEM)
    return {**integrations, PUT_ITEM: record if own is None else EitherPut(record, own)}


def _texts(sagas: Iterable[CompiledSaga] | Mapping[str, str]) -> dict[str, str]:
    items = sagas.items() if isinstance(sagas, Mapping) else [(s.name, s.text) for s in sagas]
    texts: dict[str, str] = {}
    for name, text in items:
        if name in texts:
            raise UsageError(f"two sagas are called {name!r}")
        texts[name] = text
    return texts


def _tasks(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The Tasks of a definition; what is no definition is refused later, when it is created."""
    try:
        yield from list(_tasks_of(json.loads(text)))
    except (ValueError, LookupError, TypeError, AttributeError):
        return


def _tasks_of(block: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The Tasks of a block, and of the blocks in it."""
    for name, state in block["States"].items():
        if state["Type"] == "Task":
            yield name, state
        inner = [state[field] for field in ("ItemProcessor", "Iterator") if field in state]
        for one in (*state.get("Branches", ()), *inner):
            yield from _tasks_of(one)


def _payload(task: Mapping[str, Any]) -> Mapping[str, Any]:
    parameters = task.get("Parameters")
    payload = parameters.get("Payload") if isinstance(parameters, dict) else None
    return payload if isinstance(payload, dict) else {}


def _handler(task: Mapping[str, Any]) -> str:
    handler = _payload(task).get("handler", "")
    return handler if isinstance(handler, str) else ""


def _settlers(tasks: Sequence[tuple[str, str, Mapping[str, Any]]]) -> set[str]:
    """Our own participant, where a service step has no other to settle what became of it."""
    called = {str(task.get("Parameters", {}).get("FunctionName")) for *_, task in tasks}
    names = {f"${{{name(SETTLER)}}}" for name in (function_name, live_name)}
    return {SETTLER} if called & names else set()


def _child(task: Mapping[str, Any]) -> str:
    child = _payload(task).get("child")
    return str(child["saga"]) if isinstance(child, dict) and "saga" in child else ""


def _target(saga: str, state: str, task: Mapping[str, Any]) -> Target:
    payload = _payload(task)
    return Target(
        state,
        record=task.get("Resource") == PUT_ITEM and not is_action(dict(task)),
        service=is_action(dict(task)),
        # What waits for an event is called as a handler, and calls none.
        handler=bool(_handler(task)) and "event" not in payload,
        saga=saga,
        child=_child(task),
        part=str(payload.get("part", "")),
        step=str(payload.get("step", "")),
    )


def _filled_in(machine: str, text: str, values: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise EngineError(
                f"machine {machine}: nothing is known for {match[0]}; known are:"
                f" {', '.join(sorted(values))}"
            )
        return values[match[1]]

    return _SUBSTITUTION.sub(value, text)
