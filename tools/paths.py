"""Paths on which nothing fails: what each of them costs, beside what it may cost."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path as File
from typing import TYPE_CHECKING, Any, Final

from handlers.onboarding import email_confirmed
from sagas.customers import Onboard, OpenAccount
from sagas.orders import FulfilOrder
from sagas.transfers import TransferMoney
from sagas.trips import BookTrip, RentCar
from stepsaga.asl import build
from stepsaga.authoring import graph_of
from stepsaga.engines.answered import AnsweringStore
from stepsaga.engines.bound import HEARING_READS, TELLING_READS, TELLING_WRITES, bound_of
from stepsaga.engines.endings import Ending, ending_of
from stepsaga.engines.events import Arrival, deliver
from stepsaga.engines.simulator import Simulator
from stepsaga.graph import children_of, steps_of
from stepsaga.runtime.journal import value_of
from stepsaga.store.commits import Outcome
from stepsaga.store.counting import CountingStore
from stepsaga.store.events import streams_of_items
from stepsaga.store.memory import MemoryStore
from stepsaga.store.slots import stream_of
from stepsaga.testing.runner import answers_of
from tools.parts import ANSWERS, EVENTS, PARTS
from tools.sequences import sequence

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from stepsaga import Saga
    from stepsaga.engines.answering import Answer
    from stepsaga.engines.bound import Bound
    from stepsaga.engines.protocol import ExecutionView
    from stepsaga.graph import SagaGraph, Slot
    from stepsaga.store.commits import Commit
    from stepsaga.store.protocol import EventStore

EXAMPLES: Final = File(__file__).resolve().parents[1] / "examples"
REFERENCE: Final[tuple[tuple[type[Saga], str, Mapping[str, Any]], ...]] = (
    (FulfilOrder, "completes", {}),
    (TransferMoney, "transfer_small", {}),
    (TransferMoney, "transfer_large", {"review": {"by": "eve"}}),
    (RentCar, "car_rented", {}),
    (BookTrip, "trip_completes", {}),
    (OpenAccount, "account", {}),
    (Onboard, "signup", {}),
    (Onboard, "signup_large", {"agreed": {"by": "eve"}}),
)
"""The reference sagas, with the inputs and the answers with which they complete."""
CONFIRMED: Final = {Onboard: timedelta(hours=1)}
"""The sagas that wait for a customer's confirmation, and when it comes."""

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Path:
    """A path that a saga has gone: what it cost with its children, and its bound."""

    name: str
    graph: SagaGraph
    transitions: int
    writes: int
    write_units: int
    reads: int
    bound: Bound

    @property
    def counted(self) -> tuple[int, int, int]:
        """Transitions, writes, reads."""
        return self.transitions, self.writes, self.reads

    @property
    def allowed(self) -> tuple[int, int, int]:
        """As many as there may be of each."""
        return self.bound.transitions, self.bound.writes, self.bound.reads

    @property
    def above(self) -> bool:
        """Whether it costs more than it may."""
        return any(n > most for n, most in zip(self.counted, self.allowed, strict=True))


def parts() -> Iterator[Path]:
    """A path for each part of the language, with handlers that do nothing."""
    for steps in (1, 3, 10):
        yield measured(f"{steps} plain step{'s' if steps > 1 else ''}", sequence(steps), {})
    for saga in PARTS:
        answers = answers_of(saga, ANSWERS.get(saga, {}))
        name, events = graph_of(saga).doc.rstrip("."), EVENTS.get(saga, ())
        yield measured(name, graph_of(saga), {}, answers, events)


def reference_sagas() -> Iterator[Path]:
    """The reference sagas' paths, with their real handlers: their tables must be there."""
    for saga, example, answers in REFERENCE:
        value = json.loads((EXAMPLES / f"{example}.json").read_text())
        name = f"{saga.__name__}, examples/{example}.json"
        events = [
            Arrival(email_confirmed, {"number": value["number"]}, CONFIRMED[one])
            for one in CONFIRMED
            if one is saga
        ]
        yield measured(name, graph_of(saga), value, answers_of(saga, answers), events)


def measured(
    name: str,
    graph: SagaGraph,
    value: Any,
    answers: Mapping[str, Answer] | None = None,
    events: Sequence[Arrival] = (),
) -> Path:
    """Run a saga to its end, which must be a good one.

    Raises:
        RuntimeError: It is not.
    """
    compiled = build(graph)
    children = children_of(graph)
    store = MemoryStore(bucket="results")
    for one in (compiled, *map(build, children.values())):
        store.put_definition(one.fingerprint, one.graph)
    answering = AnsweringStore(store, answers or {})
    # In front: what is answered is not written by the saga.
    counting = CountingStore(answering)
    simulator = Simulator.for_sagas([compiled, *map(build, children.values())], store=counting)
    answering.simulator = simulator
    # What the router does is not the saga's either.
    deliver(events, [compiled], simulator, store)
    # The same name at the same virtual time would be the same run, to the participants, too.
    name_of_run = f"bench-{next(_numbers)}"
    arn = simulator.start(compiled.name, value, name=name_of_run)
    view = simulator.wait(arn)
    simulator.settle()
    if ending_of(view) is not Ending.COMPLETED:
        raise RuntimeError(f"{name}: {view.status}: {view.error}: {view.cause}")
    asking = {node.name for node in steps_of(graph.nodes) if node.question}
    known = {node.name for node in steps_of(graph.nodes) if node.question and node.question.event}
    unanswered = asking - (answers or {}).keys() - (known if events else set())
    kept = known if any(one.after < timedelta() for one in events) else set()
    whole, arns = _bound(graph, view, store, unanswered, kept), [arn]
    whole.reads += HEARING_READS if children else 0
    for child, its_graph in children.items():
        for its_view in simulator.executions(child):
            bound = _bound(its_graph, its_view, store)
            whole.transitions += bound.transitions
            whole.writes += bound.writes + TELLING_WRITES
            whole.reads += bound.reads + TELLING_READS
            arns.append(its_view.arn)
    counts = counting.counts
    return Path(
        name,
        graph,
        sum(map(simulator.transitions, arns)),
        counts.writes,
        counts.write_units,
        counts.reads,
        whole,
    )


def _bound(
    graph: SagaGraph,
    view: ExecutionView,
    store: EventStore,
    unanswered: Container[str] = (),
    kept: Container[str] = (),
) -> Bound:
    """What one saga may cost, by the results that are recorded of it."""
    own = list(store.read(stream_of(view.machine, view.name)))
    items = [commit for stream in streams_of_items(own) for commit in store.read(stream)]
    results = {
        _parts(commit): value_of(commit)
        for commit in (*own, *items)
        if commit.outcome is Outcome.RESULT
    }
    return bound_of(
        graph, view.input, lambda _, slot: results[slot], unanswered=unanswered, kept=kept
    )


def _parts(commit: Commit) -> Slot:
    return tuple(int(part) for part in commit.slot.split("/")[1:])
