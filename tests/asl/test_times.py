"""Worst cases in seconds and in events."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from stepsaga.asl.compiler import compile_saga
from stepsaga.asl.retriers import attempts, worst_seconds
from stepsaga.asl.times import (
    MARGIN_SECONDS,
    doubt_seconds,
    execution_seconds,
    forward_seconds,
    history_events,
    tail_seconds,
    undo_seconds,
)
from stepsaga.graph import Retry, SagaGraph
from tests.asl.golden_sagas import SAGAS
from tests.asl.graphs import look, pivot, saga, step, tail
from tests.asl.strategies import sagas
from tests.steps import steps

ONCE = Retry(1, 1, 2.0, 60, jitter=True)
LONG_TAIL = Retry(1000, 3600, 1.0, 3600, jitter=False)


def test_budgets_leave_nothing_out() -> None:
    """Each call counts in exactly one budget."""
    graph = saga([step("charge"), pivot("ship"), tail("thank")])
    charge, ship, thank = steps(graph)
    assert charge.compensation
    assert ship.verify
    assert forward_seconds(graph) == worst_seconds(charge.call) + worst_seconds(ship.call)
    assert tail_seconds(graph) == worst_seconds(thank.call)
    assert undo_seconds(graph) - worst_seconds(charge.compensation.call) == 11 * 30 + 1110
    assert doubt_seconds(graph) == 35 + worst_seconds(ship.verify)


def test_execution_outlasts_everything_that_can_be_caught() -> None:
    """The execution's time, which nothing catches, is over last (rule 23)."""
    graph = saga([step("reserve", seconds=100), step("charge")], deadline=3600)
    longest = worst_seconds(steps(graph)[0].call)
    rest = doubt_seconds(graph) + undo_seconds(graph) + MARGIN_SECONDS
    assert execution_seconds(graph) == 3600 + longest + rest
    assert compile_saga(graph, "")["TimeoutSeconds"] == execution_seconds(graph)


def test_execution_outlasts_a_tail_of_weeks() -> None:
    """Steps after the pivot that are retried for weeks have that time (rules 16, 23)."""
    graph = saga([pivot("ship"), tail("thank", retry=LONG_TAIL)], deadline=60)
    assert execution_seconds(graph) > 999 * 3600 + 60


@given(graph=sagas())
@settings(deadline=None)
def test_execution_outlasts_both_ways(graph: SagaGraph) -> None:
    """Whatever the saga: deadline, doubt, and undo or tail fit into its time (rule 23)."""
    begun = forward_seconds(graph) if graph.deadline is None else graph.deadline
    rest = doubt_seconds(graph) + max(undo_seconds(graph), tail_seconds(graph))
    assert execution_seconds(graph) >= begun + rest + MARGIN_SECONDS


SETTLED = 5 + (8 + 6 + 9) * 3 + 2
"""The last step's slot settles doubt: a Task that fails in every way as often as it can, a Pass."""


@pytest.mark.parametrize(
    ("graph", "events"),
    [
        # Entered, scheduled, started, succeeded or failed, exited; throttled eight times.
        (saga([tail("thank", retry=None)]), 2 + 5 + 8 * 3),
        (
            saga([step("charge", retry=None, undo_retry=None)]),
            2 + (5 + 8 * 3) + 2 + SETTLED + (5 + 8 * 3) + (5 + 10 * 3) + 1,
        ),
        (saga([look("quote", retry=None)]), 2 + (5 + 8 * 3) + 2 + SETTLED + (5 + 10 * 3) + 1),
    ],
)
def test_history_events(graph: SagaGraph, events: int) -> None:
    """Retries count three events each, visits of Tasks five, of others two (rule 25)."""
    assert history_events(graph) == events


def test_history_counts_the_longer_way() -> None:
    """A saga is undone or goes on to its end, not both."""
    short = saga([step("charge"), tail("thank", retry=ONCE)])
    long = saga([step("charge"), tail("thank", retry=LONG_TAIL)])
    assert history_events(short) == history_events(saga([step("charge")])) - SETTLED
    assert history_events(long) > 3 * attempts(steps(long)[1].call)


@pytest.mark.parametrize("name", SAGAS)
def test_more_attempts_more_events(name: str) -> None:
    """No retry of any forward call is forgotten on the way forward."""
    graph = SAGAS[name]
    nodes = [
        replace(node, call=replace(node.call, retry=LONG_TAIL), compensation=None, verify=None)
        for node in steps(graph)
    ]
    grown = replace(graph, nodes=tuple(nodes))
    assert history_events(grown) >= len(nodes) * 999 * 3
