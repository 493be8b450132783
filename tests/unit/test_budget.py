"""What the path where nothing fails costs: counted at the client, not timed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stepsaga.asl import build
from stepsaga.engines.protocol import Status
from stepsaga.engines.simulator import Simulator
from stepsaga.store import DynamoDBStore
from stepsaga.store.counting import CountingClient
from stepsaga.store.table import create_table
from stepsaga.testing.stack import LocalStack, local_stack
from tools.sequences import sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

ORDER = {"id": "order-2026-000123", "note": "x" * 250}
"""With a result of null this is close to 300 bytes of input and result together."""


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    """DynamoDB on this machine."""
    with local_stack() as running:
        yield running


@pytest.mark.parametrize("steps", [1, 3, 10])
def test_one_transition_one_write_no_read_a_step(stack: LocalStack, steps: int) -> None:
    """A saga of n steps costs n transitions, n write units, n puts, and nothing else is sent."""
    stack.reset()
    client = stack.client()
    create_table(client, "events")
    sent = CountingClient(client)
    compiled = build(sequence(steps))
    simulator = Simulator.for_sagas([compiled], store=DynamoDBStore(client=sent, table="events"))
    arn = simulator.start(compiled.name, ORDER, name="order-2026-11-21-000123")
    assert simulator.wait(arn).status is Status.SUCCEEDED
    assert simulator.transitions(arn) == steps
    counts = sent.counts
    assert (counts.writes, counts.write_units, counts.reads) == (steps, steps, 0)
