"""Sagas that nobody wrote, of all that the language has: engines make the same of them.

Moto takes no part in what it lacks: its Parallel ignores ``ResultSelector``, its waits are real. On
MiniStack a branch that retries may get another's result, so what fails here is what nobody retries;
and a branch that asks may get another's token, so nobody asks in one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from stepsaga.engines.answers import EngineAnswers
from stepsaga.engines.faults import Faults, FaultyFunctions
from stepsaga.engines.local import LocalFunctions
from stepsaga.graph import Role, steps_of
from stepsaga.store.memory import MemoryStore
from stepsaga.store.table import create_table
from stepsaga.testing.answering import Answering, Manner
from tests.contract.engines.graphs import TABLE, substituted
from tests.contract.engines.hurry import with_short_questions
from tests.contract.engines.moto_engine import MotoEngine
from tests.contract.engines.scripts import Company
from tests.language.running import run
from tests.language.sagas import WAIT, WITHOUT_QUESTIONS, any_sagas
from tests.language.stubs import PARTICIPANT, Handlers
from tests.times import RealTime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from stepsaga.engines.functions import Functions
    from stepsaga.engines.protocol import Engine
    from stepsaga.store.commits import Commit
    from tests.contract.engines.on_ministack import OnMiniStack
    from tests.language.sagas import AnySaga

    Other = tuple[Engine, Callable[[str, Functions], None]]

NUMBERS: Final = count()
QUESTION: Final = 4
"""Seconds for which a question waits where time is real: it is answered sooner, or after that."""
ASKING: Final = ("step", "step", "ask", "ask", "wait", "map", "choice")
FEW: Final = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def moto_functions() -> Iterator[Other]:
    """Moto, whose functions can be replaced."""
    with MotoEngine(Company(MemoryStore())) as engine:
        client = engine.client("dynamodb")
        create_table(client, TABLE)

        def use(_: str, functions: Functions) -> None:
            engine.functions = functions

        yield engine, use
        client.delete_table(TableName=TABLE)


@FEW
@given(saga=any_sagas(kinds=("step", "step", "ask", "choice", "map")), data=st.data())
def test_simulator_and_moto_agree(
    saga: AnySaga, data: st.DataObject, moto_functions: Other
) -> None:
    """Questions, choices and maps, nested: the same ending, and the same log."""
    assert_same(saga, data, moto_functions)


@FEW
@given(saga=any_sagas(kinds=WITHOUT_QUESTIONS), data=st.data())
def test_simulator_and_ministack_agree(
    saga: AnySaga, data: st.DataObject, ministack_server: OnMiniStack
) -> None:
    """Everything but questions, nested: the same ending, and the same log."""
    connect = ministack_server.switchboard.connect
    assert_same(saga, data, (ministack_server.engine, connect))


@settings(FEW, max_examples=5)
@given(saga=any_sagas(kinds=ASKING), data=st.data())
def test_simulator_and_ministack_agree_on_questions(
    saga: AnySaga, data: st.DataObject, ministack_server: OnMiniStack
) -> None:
    """However they are answered, or not, at the root and in items: the same ending and log."""
    assume(saga.manners)
    connect = ministack_server.switchboard.connect
    assert_same(saga, data, (ministack_server.engine, connect))


def assert_same(saga: AnySaga, data: st.DataObject, other: Other) -> None:
    """A saga without a fault, and with one, on the simulator and on another engine.

    Whoever is asked answers in any manner.
    """
    manners = {name: data.draw(st.sampled_from(Manner)) for name in saga.manners}
    saga = replace(saga, manners=manners)
    before = {one.name for one in steps_of(saga.graph.nodes) if one.role is not Role.RETRIABLE}
    states = [target.state for target in saga.plan.targets]
    reject = [one for one in states if one.rpartition(".")[2] in before]
    struck = data.draw(st.sampled_from(reject))
    runs: list[dict[str, str]] = [{}, {struck: "rejected"}]
    for faults in runs:
        ours = run(saga, faults, redrive=False)
        status, commits = run_on(other, saga, faults)
        assert status == ours.view.status
        assert log(commits) == log(ours.commits)


def run_on(
    other: Other, saga: AnySaga, wanted: Mapping[str, str | Sequence[str | None] | None]
) -> tuple[str, list[Commit]]:
    """Run a saga on another engine, with an event store in memory."""
    engine, use = other
    inner, time = MemoryStore(), RealTime()
    store = Answering(
        inner,
        saga.graph,
        saga.manners,
        lambda step: {"step": step, **saga.values[step]},
        inner=inner,
    )
    # Questions are short here, and it takes a moment until an engine knows that one is asked.
    store.on(engine, lambda pause, do: time.later(0.3 + pause * QUESTION / WAIT, do), now)
    resolve = Handlers(saga.graph, saga.values).resolve
    answers = EngineAnswers(engine)
    local = LocalFunctions([PARTICIPANT], store=store, now=now, resolve=resolve, answers=answers)
    faults = Faults(wanted, saga.plan.targets)
    name = f"any-language-{next(NUMBERS)}"
    use(name, FaultyFunctions(local, faults, store=store, resolve=resolve, now=now))
    engine.create(name, with_short_questions(substituted(saga.compiled.text), QUESTION))
    view = engine.wait(engine.start(name, saga.input, name=name))
    time.settle()
    return view.status, list(inner.read(f"Any#{name}"))


def log(commits: Sequence[Commit]) -> list[tuple[str, str, list[Any]]]:
    """What is told of a run by its log: slots, outcomes, events; not when, nor the engine's end."""
    return [
        (
            commit.slot.partition("Z/")[2],
            commit.outcome,
            [(event.type, event.data.get("step")) for event in commit.events],
        )
        for commit in commits
        if not commit.slot.endswith("/99999")
    ]


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)
