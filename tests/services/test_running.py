"""Service steps under way: recorded once, adopted, in doubt, landed late."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.asl import build
from stepsaga.authoring import graph_of
from stepsaga.client import Client
from stepsaga.client.operator import Operator
from stepsaga.drawing.words import notes
from stepsaga.engines.endings import Ending, ending_of
from stepsaga.engines.functions import FunctionError
from stepsaga.engines.service_actions import KeptServices
from stepsaga.engines.simulator import Simulator
from stepsaga.errors import RequestError
from stepsaga.graph import StepNode, steps_of
from stepsaga.runtime.journal import event_of
from stepsaga.store.commits import Commit, Outcome
from stepsaga.store.memory import MemoryStore
from stepsaga.store.saga_events import StepSealed
from stepsaga.store.slots import key_of, stream_of
from stepsaga.testing import SagaRunner
from stepsaga.testing.matrix import Court, explore
from tests.services import sagas, shop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stepsaga import Saga
    from stepsaga.engines.service_actions import ServiceCall

ORDER = {"id": "one", "grams": 60}


@pytest.fixture(autouse=True)
def _nothing_called() -> None:
    shop.calls.clear()


@pytest.mark.parametrize("saga", [sagas.FirstAndLast, sagas.Forward, sagas.Pivot, sagas.Chosen])
def test_every_fault_leaves_all_or_nothing(saga: type[Saga]) -> None:
    """Whatever fails in an action, in its record or behind them, the laws hold."""
    court = Court(None, seed=0)
    report = explore(court, saga, court.ways(saga, {}), both=False)
    assert not report.broken


def test_what_may_not_be_repeated_is_tried_once() -> None:
    """It is in doubt after one attempt, and its compensation is called with None and its key."""
    run = SagaRunner().run(sagas.Once, ORDER, fail={"announce": "raises"})
    assert run.ending is Ending.COMPENSATED
    assert run.cost.retries == 0
    [(name, found, key)] = shop.calls
    assert (name, found) == ("withdraw", None)
    # The same id and the same start are the same run.
    sent = SagaRunner().run(sagas.Once, ORDER, id=run.id, fail={"announce": "reply lost"})
    [call] = sent.actions
    assert call.key == shop.calls[-1][2] == key


def test_a_repeated_action_has_the_same_key() -> None:
    """Each attempt of a step sends the same key, by which a second one is known."""
    fail = {"announce": ["reply lost", None]}
    run = SagaRunner().run(sagas.Announce, ORDER, fail=fail)
    assert run.ending is Ending.COMPLETED
    first, second = run.actions
    assert first.parameters == second.parameters
    assert first.parameters["MessageBody"]["key"] == first.key == second.key


def test_its_own_record_is_adopted() -> None:
    """A record whose reply was lost is found by the next attempt, and the saga goes on."""
    run = SagaRunner().run(sagas.Announce, ORDER, fail={"record announce": ["reply lost"]})
    assert run.ending is Ending.COMPLETED
    assert run.results["announce"] == run.actions[0].key[:16]
    assert len(run.actions) == 1
    states = [str(one.details["name"]) for one in run.history if one.type == "TaskStateEntered"]
    assert states[-2:] == ["adopt announce", "thank"]


class Sealing(KeptServices):
    """Services at whose first call somebody else seals the step's slot."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__()
        self._store = store

    def act(self, call: ServiceCall) -> Any:
        """As the services that it keeps."""
        stream = stream_of(call.saga, call.id)
        sealed = Commit(
            stream_id=stream,
            slot=call.slot,
            outcome=Outcome.SEALED,
            events=(event_of(StepSealed, step=call.step),),
            commit_id=key_of(stream, call.slot),
            correlation_id=call.id,
            causation_id="somebody",
            recorded_at="2026-01-01T00:00:00.000Z",
            attempt=0,
            fingerprint="",
        )
        self._store.append(sealed)
        return super().act(call)


def test_what_was_sealed_meanwhile_has_landed_late() -> None:
    """An action whose slot was sealed before its record is told of, and undone with its result."""
    store, compiled = MemoryStore(), build(graph_of(sagas.Announce))
    services = Sealing(store)
    simulator = Simulator.for_sagas([compiled], store=store, services=services)
    arn = simulator.start("Announce", ORDER, name="one")
    view = simulator.wait(arn)
    assert ending_of(view) is Ending.COMPENSATED
    [call] = services.calls
    found = {commit.slot: commit for commit in store.read("Announce#one")}
    late = found[f"{call.slot}/late/00001"]
    assert late.outcome is Outcome.LATE
    assert late.events[0].data == {"step": "announce", "value": call.key[:16]}
    assert ("withdraw", call.key[:16], call.key) in shop.calls


def test_an_adoption_that_is_tried_again_lands_once() -> None:
    """A call that dies after it has told of a late effect tells of it once."""
    store, compiled = MemoryStore(), build(graph_of(sagas.Announce))
    simulator = Simulator.for_sagas(
        [compiled],
        store=store,
        services=Sealing(store),
        faults={"adopt announce": ["crashes after commit", "delivered twice"]},
    )
    view = simulator.wait(simulator.start("Announce", ORDER, name="one"))
    assert ending_of(view) is Ending.COMPENSATED
    late = [one for one in store.read("Announce#one") if one.outcome is Outcome.LATE]
    assert len(late) == 1


def exists(error: str) -> Callable[[Mapping[str, Any]], Any]:
    """A reply that says that an execution of that name is there."""

    def reply(_: Mapping[str, Any]) -> Any:
        raise FunctionError(error, "it is there")

    return reply


@pytest.mark.parametrize("suffix", ["", "Exception"])
def test_an_execution_that_is_there_was_started_before(suffix: str) -> None:
    """The name is made of the step's key, so whoever has it is this very step's execution."""
    error = f"StepFunctions.ExecutionAlreadyExists{suffix}"
    replies = {"states:startExecution": exists(error)}
    run = SagaRunner().run(sagas.Pivot, ORDER, replies=replies)
    assert run.ending is Ending.COMPLETED
    [call] = run.actions
    assert call.parameters["Name"] == call.key
    assert call.parameters["Input"] == {"order": {"id": "one", "grams": 60, "note": None}}


def test_a_reply_is_read_when_a_handler_takes_it() -> None:
    """All of a reply is the result; what it holds is nobody's path."""
    replies = {"dynamodb:getItem": lambda given: {"Item": given["Key"]}}
    run = SagaRunner().run(sagas.Chosen, ORDER, replies=replies)
    assert run.results["look"] == {"Item": {"id": {"S": "one"}}}
    [announced] = [one for one in run.actions if one.step == "announce"]
    assert announced.parameters["MessageGroupId"] == "one"
    assert announced.parameters["MessageDeduplicationId"] == announced.key


def test_a_number_is_the_text_that_a_table_wants() -> None:
    """DynamoDB takes numbers as texts, and Step Functions makes none of them."""
    run = SagaRunner().run(sagas.Forward, ORDER)
    [note] = [one for one in run.actions if one.step == "note"]
    assert note.parameters["Item"]["grams"] == {"N": "60"}
    [told] = [one for one in run.actions if one.step == "tell"]
    assert told.parameters["Entries"][0]["Detail"] == {"order": "one", "key": told.key}


def test_behind_the_point_of_no_return_it_is_redriven() -> None:
    """There it fails in its Task; a redrive does it again, under the same key."""
    run = SagaRunner().run(sagas.Forward, ORDER, fail={"tell": "raises"})
    assert run.ending is Ending.STUCK
    assert run.undone == []


def test_nobody_goes_forward_from_the_log_to_a_service() -> None:
    """It is refused before it begins, which would be in the way of the redrive that is named."""
    store, compiled = MemoryStore(), build(graph_of(sagas.Forward))
    store.put_definition(compiled.fingerprint, compiled.graph)
    simulator = Simulator.for_sagas([compiled], store=store, faults={"note": "raises"})
    view = simulator.wait(simulator.start("Forward", ORDER, name="one"))
    assert ending_of(view) is Ending.STUCK
    client = Client(simulator, store, sagas=["Forward"], now=simulator.clock.now)
    operator = Operator(client, store, by="ann", now=simulator.clock.now)
    with pytest.raises(
        RequestError, match=r"only the saga's own .* `stepsaga redrive Forward#one`"
    ):
        operator.forward("Forward", "one", "now")
    assert all(commit.outcome is not Outcome.BEGUN for commit in store.read("Forward#one"))


def test_input_that_does_not_fit_does_nothing() -> None:
    """A service checks nothing, so the input is checked before the first one is called."""
    run = SagaRunner().run(sagas.FirstAndLast, {"id": 5})
    assert run.ending is Ending.COMPENSATED
    assert run.actions == ()
    assert shop.calls == []


def test_a_drawing_says_what_is_done() -> None:
    """The action and its resource stand below the step's name, and that it is done once."""
    found = {n.name: notes(n) for n in steps_of(graph_of(sagas.Once).nodes)}
    assert found["announce"] == ("sns:publish News", "at most once")


def test_a_kept_action_is_the_same() -> None:
    """What is kept of a release says all of an action but its types and its rights."""
    for saga in sagas.ALL:
        compiled = build(graph_of(saga))
        assert compiled.fingerprint == build(graph_of(saga)).fingerprint
    [node] = graph_of(sagas.Once).nodes[:1]
    assert isinstance(node, StepNode)
    assert node.service is not None
    other = replace(node, service=replace(node.service, repeatable=True))
    graph = graph_of(sagas.Once)
    changed = replace(graph, nodes=(other, *graph.nodes[1:]))
    assert build(changed).fingerprint != build(graph).fingerprint
