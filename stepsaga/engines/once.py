"""One saga, run to its end on the simulator, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stepsaga.engines.answered import AnsweringStore
from stepsaga.engines.cost import Cost
from stepsaga.engines.events import deliver
from stepsaga.engines.service_actions import KeptServices
from stepsaga.engines.simulator import Simulator
from stepsaga.engines.simulator.engine import START
from stepsaga.recovery.children import parent_of
from stepsaga.store.counting import CountingStore
from stepsaga.store.slots import iso, stream_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from stepsaga.asl.release import Compiled
    from stepsaga.engines.answering import Answer
    from stepsaga.engines.events import Arrival
    from stepsaga.engines.local import Message
    from stepsaga.engines.protocol import ExecutionView, HistoryEvent
    from stepsaga.engines.service_actions import Replies, ServiceCall
    from stepsaga.store.commits import Commit
    from stepsaga.store.protocol import EventStore

    Faults = Mapping[str, str | Sequence[str | None] | None]
    """What shall go wrong, by the names of states: see `stepsaga.engines.faults.Faults`."""


@dataclass(frozen=True, slots=True)
class Run:
    """A saga that was run.

    Attributes:
        stream_id: ``FulfilOrder#order-123``.
        run: The execution's start, with which the run's slots begin.
        view: The execution at its end.
        history: The execution's history.
        commits: The run's commits, in the order of their slots.
        cost: What it cost, with its children.
        idle: The states whose wanted faults never struck, because they were not reached.
        unasked: The steps for which there were answers, and that never asked.
        messages: What questions have sent to queues, topics and buses.
        children: The sagas that it has started, and those that these have, in that order.
        actions: What services were called with, where no others stand for them.
    """

    stream_id: str
    run: str
    view: ExecutionView
    history: tuple[HistoryEvent, ...]
    commits: tuple[Commit, ...]
    cost: Cost
    idle: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()
    children: tuple[ChildRun, ...] = ()
    actions: tuple[ServiceCall, ...] = ()


@dataclass(frozen=True, slots=True)
class ChildRun:
    """A child that ran beside. Its attributes are as a `Run`'s; ``parent`` is a stream."""

    saga: Compiled
    stream_id: str
    run: str
    view: ExecutionView
    history: tuple[HistoryEvent, ...]
    commits: tuple[Commit, ...]
    parent: str


def run_once(  # noqa: PLR0913  # all but the saga and its input are options by name
    compiled: Compiled,
    value: Any,
    *,
    saga_id: str,
    store: EventStore,
    started: datetime = START,
    faults: Faults | None = None,
    seed: int = 0,
    resources: Mapping[str, Any] | None = None,
    answers: Mapping[str, Answer] | None = None,
    children: Iterable[Compiled] = (),
    events: Sequence[Arrival] = (),
    replies: Replies | None = None,
) -> Run:
    """Run a saga to its end, in virtual time.

    Args:
        compiled: The saga.
        value: Its input, as JSON values.
        saga_id: Its id, the execution's name.
        store: Where its events go. The compiled graph is kept there too, as a deployment does.
        started: When virtual time begins.
        faults: What shall go wrong.
        seed: Of the pauses between retries.
        resources: What replaces the participants' own, by name.
        answers: What is answered to the steps that ask, as soon as they do; what has no answer
            here waits until its time is up, in virtual time.
        children: The sagas that it starts, and those that these start.
        events: The business events that come.
        replies: What services reply, by action, where that is not what they mostly do.

    Raises:
        EngineError: The id is no name for an execution, or the input too large for one.
        UsageError: A fault that cannot be, or an event that no saga waits for.
    """
    sagas = [compiled, *children]
    for one in sagas:
        store.put_definition(one.fingerprint, one.graph)
    counting = CountingStore(store)
    answering = AnsweringStore(counting, answers or {})
    services = KeptServices(replies)
    simulator = Simulator.for_sagas(
        sagas,
        store=answering,
        faults=faults,
        seed=seed,
        start_time=started,
        resources=resources,
        services=services,
    )
    answering.simulator = simulator
    deliver(events, sagas, simulator, counting)
    arn = simulator.start(compiled.name, value, name=saga_id)
    view = simulator.wait(arn)
    simulator.settle()
    stream, run = stream_of(compiled.name, saga_id), iso(view.started)
    history = tuple(simulator.history(arn))
    return Run(
        stream_id=stream,
        run=run,
        view=view,
        history=history,
        # Counted before the stream is read for this report.
        cost=_cost(simulator, counting),
        commits=tuple(store.read(stream, f"{run}/")),
        idle=_idle(faults or {}, simulator),
        unasked=tuple(step for step in answers or {} if step not in answering.asked),
        messages=tuple(simulator.messages),
        children=tuple(_children(simulator, store, sagas[1:])),
        actions=tuple(services.calls),
    )


def _children(
    simulator: Simulator, store: EventStore, sagas: Iterable[Compiled]
) -> Iterator[ChildRun]:
    for one in sagas:
        for view in simulator.executions(one.name):
            stream, run = stream_of(one.name, view.name), iso(view.started)
            link = parent_of(store, stream)
            yield ChildRun(
                saga=one,
                stream_id=stream,
                run=run,
                view=view,
                history=tuple(simulator.history(view.arn)),
                commits=tuple(store.read(stream, f"{run}/")),
                parent=link.stream if link else "",
            )


def _idle(wanted: Faults, simulator: Simulator) -> tuple[str, ...]:
    struck = {one.state for one in simulator.faults.injected} if simulator.faults else set()
    return tuple(state for state, kinds in wanted.items() if kinds and state not in struck)


def _cost(simulator: Simulator, counting: CountingStore) -> Cost:
    arns = [one.arn for machine in simulator.machines for one in simulator.executions(machine)]
    transitions = sum(map(simulator.transitions, arns))
    events = (event for arn in arns for event in simulator.history(arn))
    entered = sum(event.type.endswith("StateEntered") for event in events)
    entered += sum(sum(simulator.inside(arn).values()) for arn in arns)
    return Cost(
        transitions=transitions,
        retries=transitions - entered,
        writes=counting.counts.writes,
        write_units=counting.counts.write_units,
        reads=counting.counts.reads,
    )
