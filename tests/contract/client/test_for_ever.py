"""Idempotent for ever: what only time, or somebody else, can bring about. On the simulator."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepsaga.client import Client
from stepsaga.engines.endings import Ending
from stepsaga.engines.protocol import Status
from stepsaga.errors import EngineError, ExecutionExists, ExecutionMissing, IdTaken, SagaMissing
from stepsaga.store.commits import Commit, EventRecord, Outcome
from stepsaga.store.slots import key_of, slot_text, stream_of
from tests.contract.client.between import Forgets, SeesLate, Slow
from tests.contract.client.shop import Order, PlaceOrder
from tests.contract.client.worlds import NAME, Simulated, simulated
from tests.sagas.edges import LookFirst

TEA, COFFEE = {"sku": "tea"}, {"sku": "coffee"}
LATER = timedelta(days=91)
ID = "order-1"


@pytest.mark.parametrize("end", ["completed", "compensated", "stuck"])
def test_beyond_ninety_days_the_stream_decides(simulator: Simulated, end: str) -> None:
    """Step Functions would run the saga again; the stream finds it, and refuses another input."""
    order = {**TEA, "end": end}
    first = simulator.ended(order, ID)
    simulator.pass_time(LATER)
    assert simulator.executions(ID) == []
    again = simulator.client.start(PlaceOrder, Order(sku="tea", end=end), id=ID)
    assert (again.new, again.execution) == (False, first.execution)
    with pytest.raises(IdTaken, match="differs in sku"):
        simulator.client.start(PlaceOrder, {**order, "sku": "coffee"}, id=ID)
    assert simulator.executions(ID) == []
    assert simulator.runs(ID) == 1


def test_what_recorded_nothing_is_forgotten(simulator: Simulated) -> None:
    """An execution that was stopped before its first commit leaves its id free after 90 days."""
    started = simulator.client.start(PlaceOrder, TEA, id=ID)
    simulator.engine.stop(started.execution)
    simulator.pass_time(LATER)
    with pytest.raises(SagaMissing):
        simulator.client.status(PlaceOrder, ID)
    assert simulator.client.start(PlaceOrder, COFFEE, id=ID).new


@pytest.mark.parametrize(
    ("end", "ending"), [("completed", Ending.COMPLETED), ("compensated", Ending.COMPENSATED)]
)
def test_the_stream_tells_the_end(simulator: Simulated, end: str, ending: Ending) -> None:
    """When the execution is gone, start, end and ending are those of the events."""
    before = simulator.ended({**TEA, "end": end}, ID)
    simulator.pass_time(LATER)
    told = simulator.client.status(PlaceOrder, ID)
    assert (told.ending, told.status, told.execution) == (ending, None, "")
    assert told.started == before.started
    assert told.stopped is not None
    assert before.started <= told.stopped <= (before.stopped or before.started)
    assert simulator.client.wait(PlaceOrder, ID) == told
    assert simulator.client.list() == ()


def test_without_an_end_nobody_says_how_it_ended(simulator: Simulated) -> None:
    """Commits without an end, of an execution that is gone, are no ending, and no waiting helps."""
    simulator.ended({**TEA, "end": "stuck"}, ID)
    simulator.pass_time(LATER)
    told = simulator.client.wait(PlaceOrder, ID)
    assert (told.ending, told.stopped) == (Ending.OPEN, None)


def test_an_end_in_the_stream_is_the_last_word(simulator: Simulated) -> None:
    """An execution that was stopped after its saga had completed is no stuck saga."""
    started = simulator.client.start(PlaceOrder, TEA, id=ID)
    simulator.run_until(started.execution, "TaskSucceeded", times=2)
    simulator.engine.stop(started.execution)
    told = simulator.client.status(PlaceOrder, ID)
    assert (told.ending, told.status) == (Ending.COMPLETED, Status.ABORTED)
    assert simulator.client.list()[0].ending is Ending.COMPLETED


def test_a_name_that_the_console_used_again_is_its_first_run(simulator: Simulated) -> None:
    """Whoever starts past the client makes a second run: the first one keeps the id (rule 4)."""
    first = simulator.ended(TEA, ID)
    simulator.pass_time(LATER)
    simulator.engine.wait(simulator.engine.start(NAME, COFFEE, name=ID))
    assert simulator.runs(ID) == 2
    again = simulator.client.start(PlaceOrder, TEA, id=ID)
    assert (again.new, again.execution) == (False, first.execution)
    with pytest.raises(IdTaken):
        simulator.client.start(PlaceOrder, COFFEE, id=ID)
    assert simulator.client.status(PlaceOrder, ID).started > first.started
    simulator.pass_time(LATER)
    assert simulator.client.status(PlaceOrder, ID).started > first.started


def test_each_run_has_its_own_end(simulator: Simulated) -> None:
    """That the first run of a name completed says nothing of a later one that is stuck."""
    simulator.ended(TEA, ID)
    simulator.pass_time(LATER)
    stuck = {**TEA, "end": "stuck"}
    simulator.engine.wait(simulator.engine.start(NAME, stuck, name=ID))
    assert simulator.client.status(PlaceOrder, ID).ending is Ending.STUCK
    simulator.pass_time(LATER)
    assert simulator.client.status(PlaceOrder, ID).ending is Ending.OPEN


def test_the_latest_of_several_sagas_are_listed_first() -> None:
    """Without a name the sagas of all machines stand in one list, in the order of their starts."""
    world = simulated(LookFirst)
    client = Client(world.engine, world.store, sagas=[NAME, "LookFirst"])
    ids: list[str] = []
    for saga, value in [(PlaceOrder, TEA), (LookFirst, {"n": 1})] * 2:
        ids.append(f"{saga.__name__}-{len(ids)}")
        client.start(saga, value, id=ids[-1])
        world.pass_time(timedelta(seconds=1))
    assert [one.id for one in client.list()] == ids[::-1]
    assert [one.id for one in client.list(limit=3)] == ids[:0:-1]


def test_an_input_from_the_console_is_the_same_one(simulator: Simulated) -> None:
    """What was started with plain input, defaults not filled in, is found by the client."""
    simulator.engine.wait(simulator.engine.start(NAME, TEA, name=ID))
    assert not simulator.client.start(PlaceOrder, Order(sku="tea"), id=ID).new
    with pytest.raises(IdTaken):
        simulator.client.start(PlaceOrder, COFFEE, id=ID)


def test_an_input_that_never_fitted_keeps_its_id(simulator: Simulated) -> None:
    """An id that was started from the console with what no client would send is taken."""
    simulator.engine.wait(simulator.engine.start(NAME, 5, name=ID))
    with pytest.raises(IdTaken, match="differs in its value"):
        simulator.client.start(PlaceOrder, TEA, id=ID)


def foreign(slot: str) -> Commit:
    """A commit that tells no start, as a later release may write."""
    stream = stream_of(NAME, ID)
    return Commit(
        stream_id=stream,
        slot=slot,
        outcome=Outcome.RESULT,
        events=(EventRecord("StepClaimed", 1, {}),),
        commit_id=key_of(stream, slot),
        correlation_id=ID,
        causation_id="",
        recorded_at="2026-01-01T00:00:00.000Z",
        attempt=0,
        fingerprint="f",
    )


def test_a_first_commit_without_a_start_is_read_past(simulator: Simulated) -> None:
    """Where the first commit does not say how the saga started, a later one of its run does."""
    run = slot_text("2026-01-01T00:00:00.000Z", (0,))
    simulator.ended(TEA, ID)
    simulator.store.append(foreign(run))
    assert simulator.store.first(stream_of(NAME, ID)).slot == run
    for _ in range(2):
        assert not simulator.client.start(PlaceOrder, TEA, id=ID).new
        with pytest.raises(IdTaken, match="differs in sku"):
            simulator.client.start(PlaceOrder, COFFEE, id=ID)
        simulator.pass_time(LATER)  # and once more without the execution


def test_a_start_that_nobody_tells_is_asked_of_the_execution(simulator: Simulated) -> None:
    """Where no commit says how the saga started its execution does, as long as it is known."""
    started = simulator.client.start(PlaceOrder, TEA, id=ID)
    simulator.store.append(foreign(slot_text("2026-01-01T00:00:00.000Z", (1,))))
    again = simulator.client.start(PlaceOrder, TEA, id=ID)
    assert (again.new, again.execution) == (False, started.execution)
    simulator.engine.stop(started.execution)
    simulator.pass_time(LATER)
    with pytest.raises(IdTaken, match="nothing tells any more"):
        simulator.client.start(PlaceOrder, TEA, id=ID)


def test_a_later_execution_does_not_tell_how_it_started(simulator: Simulated) -> None:
    """An execution of the name that is not the first run's says nothing of its input."""
    simulator.store.append(foreign(slot_text("2025-01-01T00:00:00.000Z", (1,))))
    simulator.engine.start(NAME, TEA, name=ID)
    with pytest.raises(IdTaken, match="nothing tells any more"):
        simulator.client.start(PlaceOrder, TEA, id=ID)


@pytest.mark.parametrize("error", [ExecutionExists, ExecutionMissing])
def test_a_name_that_gets_free_meanwhile_is_looked_at_again(
    simulator: Simulated, error: type[EngineError]
) -> None:
    """Refused as taken, and gone when it is described: another look finds what there is now."""
    client = simulator.client_of(Forgets(simulator.engine, times=1, error=error))
    assert client.start(PlaceOrder, TEA, id=ID).new
    simulator.engine.wait(*simulator.executions(ID))
    assert not client.start(PlaceOrder, TEA, id=ID).new


def test_a_name_that_stays_taken_and_unknown_is_told(simulator: Simulated) -> None:
    """An engine that refuses a name and does not know it is not asked for ever."""
    client = simulator.client_of(Forgets(simulator.engine, times=100, error=ExecutionExists))
    with pytest.raises(ExecutionExists, match="try again later"):
        client.start(PlaceOrder, TEA, id=ID)


def test_waiting_ends_with_its_time(simulator: Simulated) -> None:
    """A wait lets pass as much time as it is given, and says what it finds then."""
    started = simulator.client.start(PlaceOrder, {**TEA, "end": "stuck"}, id=ID)
    client = simulator.client_of(clock=simulator.seconds, sleep=simulator.sleep)
    begun = simulator.seconds()
    told = client.wait(PlaceOrder, ID, timeout=timedelta(seconds=3))
    assert (told.ending, told.execution) == (Ending.RUNNING, started.execution)
    assert simulator.seconds() - begun == pytest.approx(3)
    told = client.wait(PlaceOrder, ID, timeout=timedelta(days=1))
    assert told.ending is Ending.STUCK
    assert client.wait(PlaceOrder, ID, timeout=timedelta()) == told


@pytest.mark.parametrize("timeout", [None, timedelta(days=1)])
def test_what_was_just_started_may_be_seen_late(
    simulator: Simulated, timeout: timedelta | None
) -> None:
    """Step Functions may not know at once what it has started: whoever started it waits for that.

    Also where its first events are there before its execution is.
    """
    started = simulator.client.start(PlaceOrder, {**TEA, "end": "stuck"}, id=ID)
    late = SeesLate(simulator.engine, times=4)
    client = simulator.client_of(late, clock=simulator.seconds, sleep=simulator.sleep)
    told = client.wait(PlaceOrder, ID, timeout=timeout, started=True)
    assert (late.times, told.ending, told.execution) == (0, Ending.STUCK, started.execution)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ({"started": True}, 10),
        ({"started": True, "timeout": timedelta(seconds=3)}, 3),
        ({"started": True, "timeout": timedelta()}, 0),
        ({}, 0),
    ],
)
def test_what_is_not_there_is_told_in_the_end(
    simulator: Simulated, given: dict[str, Any], seconds: float
) -> None:
    """The grace of a start is short, within the time that is given, and nobody else's."""
    client = simulator.client_of(clock=simulator.seconds, sleep=simulator.sleep)
    begun = simulator.seconds()
    with pytest.raises(SagaMissing):
        client.wait(PlaceOrder, ID, **given)
    assert simulator.seconds() - begun == pytest.approx(seconds)


def test_the_first_start_costs_one_read(simulator: Simulated) -> None:
    """A start asks the store once, and the engine once."""
    asked: list[str] = []

    class Counted(Slow):
        def first(self, stream_id: str) -> Commit | None:
            asked.append(stream_id)
            return super().first(stream_id)

        def read(self, stream_id: str, prefix: str = "") -> Any:
            raise AssertionError(f"{stream_id} {prefix} is read whole")

    simulator.client_of(store=Counted(simulator.store, lambda: None)).start(PlaceOrder, TEA, id=ID)
    assert asked == [stream_of(NAME, ID)]


FORMS = [TEA, Order(sku="tea"), COFFEE, {"sku": "coffee", "count": 1}, {"sku": "tea", "count": 2}]
STEPS = st.one_of(
    st.tuples(st.just("start"), st.sampled_from(FORMS)),
    st.tuples(st.just("pass"), st.sampled_from([0, 1, 60, 89, 91, 400])),
    st.tuples(st.just("wait"), st.none()),
)


@given(steps=st.lists(STEPS, max_size=12))
def test_one_id_is_one_saga(steps: list[tuple[str, Any]]) -> None:
    """However often, in whatever form and however late: the first start decides, and runs once."""
    world = simulated()
    owner: Order | None = None
    executions: set[str] = set()
    for what, value in steps:
        if what == "pass":
            world.pass_time(timedelta(days=value))
        elif what == "wait" and owner is not None:
            world.client.wait(PlaceOrder, ID)
        elif what == "start":
            order = Order.model_validate(value)
            owner = owner or order
            try:
                started = world.client.start(PlaceOrder, value, id=ID)
            except IdTaken:
                assert order != owner
            else:
                assert order == owner
                executions.add(started.execution)
    assert len(executions) == (owner is not None)
    if owner is not None:
        world.client.wait(PlaceOrder, ID)
        assert world.runs(ID) == 1
        assert world.client.status(PlaceOrder, ID).ending is Ending.COMPLETED
