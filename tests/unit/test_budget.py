"""What the path where nothing fails costs: counted at the client, not timed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path as File
from typing import TYPE_CHECKING

import pytest

from stepsaga.asl import build
from stepsaga.cli.discovery import find_sagas
from stepsaga.engines.bound import Bound
from stepsaga.engines.protocol import Status
from stepsaga.engines.simulator import Simulator
from stepsaga.graph import (
    ChoiceNode,
    MapNode,
    ParallelNode,
    StepNode,
    WaitNode,
    takes_links,
    walk,
)
from stepsaga.store import DynamoDBStore
from stepsaga.store.counting import CountingClient
from stepsaga.store.table import create_table
from stepsaga.testing.stack import LocalStack, local_stack
from tools import local
from tools.paths import Path, parts, reference_sagas
from tools.sequences import sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = File(__file__).parents[2]
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


@pytest.fixture(scope="module")
def paths(stack: LocalStack) -> list[Path]:
    """The paths that `make bench` prints, gone once."""
    stack.prepare(local.setup)
    return [*parts(), *reference_sagas()]


def test_every_path_costs_its_bound(paths: list[Path]) -> None:
    """No part of the language, and no reference saga, costs more than it may; nor is it lavish."""
    assert {one.name: one.counted for one in paths} == {one.name: one.allowed for one in paths}
    assert not any(one.above for one in paths)


def test_every_part_of_the_language_is_measured(paths: list[Path]) -> None:
    """Every kind of node and of step, and all sagas of this project, are among the paths."""
    nodes = [node for one in paths for node in walk(one.graph.nodes)]
    steps = [node for node in nodes if isinstance(node, StepNode)]
    assert {type(node) for node in nodes} == {
        StepNode,
        ChoiceNode,
        WaitNode,
        ParallelNode,
        MapNode,
    }
    assert any(node.claim for node in steps)
    assert any(node.verify for node in steps)
    assert any(node.question for node in steps)
    assert any(node.child for node in steps)
    assert any(node.service for node in steps)
    assert any(node.question and node.question.event for node in steps)
    assert any(takes_links(node.call) for node in steps)
    assert any(isinstance(node, MapNode) and node.distributed for node in nodes)
    sagas = {saga.__name__ for saga in find_sagas(ROOT).sagas}
    assert sagas
    assert sagas <= {one.graph.name for one in paths}


@pytest.mark.parametrize("more", ["transitions", "writes", "reads"])
def test_a_path_above_its_bound_is_told(paths: list[Path], more: str) -> None:
    """One transition, write or read too many is enough for `make bench` to fail."""
    path = replace(paths[0], **{more: getattr(paths[0], more) + 1})
    assert path.above
    lower = replace(paths[0], bound=Bound(transitions=9, writes=9, reads=9))
    assert not lower.above
