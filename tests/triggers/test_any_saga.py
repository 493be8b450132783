"""Any saga that the language can say is started by a trigger as by a client, once."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepsaga.asl.fingerprint import fingerprint
from stepsaga.engines.children import EngineChildExecutions
from stepsaga.engines.simulator import Simulator
from stepsaga.graph import QueueTrigger
from stepsaga.recovery.triggers import Starter, known_triggers
from stepsaga.runtime.inputs import SagaInput
from stepsaga.store.memory import MemoryStore
from tests.language.sagas import AnySaga, any_sagas

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@settings(max_examples=12, deadline=None, suppress_health_check=SLOW)
@given(saga=any_sagas(), own=st.text(min_size=1, max_size=100))
def test_a_trigger_starts_any_saga_as_a_client_does(saga: AnySaga, own: str) -> None:
    """With the same input, on the same definition; whatever its id, and once for each id."""
    graph = replace(saga.graph, triggers=(QueueTrigger("Orders"),))
    assert fingerprint(graph) == fingerprint(saga.graph)
    store = MemoryStore()
    compiled = saga.all_compiled[saga.graph.name]
    engine = Simulator.for_sagas(saga.all_compiled.values(), store=store)
    starter = Starter(store, EngineChildExecutions(engine, {}))
    [trigger] = known_triggers(graph)
    first, again = (starter.by_input(trigger, saga.input, own) for _ in range(2))
    assert first.id == again.id
    [one] = engine.executions(compiled.name)
    data = graph.input
    wanted = SagaInput("any", data.name, data.annotation).to_send(saga.input)
    assert engine.describe(one.arn).input == wanted
