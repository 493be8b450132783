"""How long a saga and its parts can take at worst, and how long its history can grow.

Worst means: every attempt times out and every pause is full. Seconds throughout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stepsaga.asl.retriers import attempts, pauses, worst_seconds
from stepsaga.graph import Call, Retry, Role
from stepsaga.limits import DISPATCH_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stepsaga.graph import SagaGraph, StepNode

RECORD_SECONDS: Final = 30
RECORD_RETRY: Final = Retry(attempts=11, wait=2, backoff=2, longest_wait=300, jitter=True)
"""The record of the end: about twenty minutes of pauses, then a person is needed."""

SETTLE_SECONDS: Final = 20
SETTLE_RETRY: Final = Retry(attempts=10, wait=2, backoff=2, longest_wait=300, jitter=True)
"""The call in which a slot alone settles doubt: one read and one write, no handler."""

MARGIN_SECONDS: Final = 60 * 60
"""Step Functions delays transitions that are over the account's rate, and its timeout of an
execution cannot be caught: it must never come before the budgets that can."""

EXECUTION_EVENTS: Final = 2
VISIT_EVENTS: Final = 2
TASK_EVENTS: Final = 5
FAILED_ATTEMPT_EVENTS: Final = 3
FAIL_EVENTS: Final = 1
"""How many history events each costs; see Step Functions' GetExecutionHistory."""


def settled_by_slot(graph: SagaGraph, node: StepNode) -> bool:
    """Whether the slot alone settles doubt about a node, before anything is undone.

    It does where a recorded result ends the right to undo: of the pivot (rule 16), and of a saga's
    last step, whose commit says that the saga is completed. A probe reads the slot itself.
    """
    final = node.role is Role.PIVOT or node.name == graph.nodes[-1].name
    return final and node.role is not Role.RETRIABLE and node.verify is None


def doubt_call(node: StepNode) -> Call:
    """The call in which a node's slot alone settles doubt: it has no handler."""
    return Call(
        handler="",
        participant=node.call.participant,
        parameters=(),
        returns=node.call.returns,
        seconds=SETTLE_SECONDS,
        retry=SETTLE_RETRY,
    )


def forward_seconds(graph: SagaGraph) -> int:
    """All steps up to the pivot, that one included: what a deadline has to leave room for."""
    return _sum(node.call for node in undoable(graph))


def undo_seconds(graph: SagaGraph) -> int:
    """All compensations and the record of the end."""
    compensations = [node.compensation.call for node in undoable(graph) if node.compensation]
    record = RECORD_RETRY.attempts * RECORD_SECONDS + pauses(RECORD_RETRY)
    return _sum(compensations) + (record if undoable(graph) else 0)


def tail_seconds(graph: SagaGraph) -> int:
    """All steps after the pivot."""
    return _sum(node.call for node in graph.nodes if node.role is Role.RETRIABLE)


def doubt_seconds(graph: SagaGraph) -> int:
    """Waiting until a pivot's time is up, and settling whether it happened."""
    waits = sum(node.call.seconds + DISPATCH_SECONDS for node in undoable(graph) if node.verify)
    return waits + _sum(_settling(graph))


def execution_seconds(graph: SagaGraph) -> int:
    """The execution's ``TimeoutSeconds``: a backstop behind every budget of its own (rule 23).

    A step that starts just before the deadline still takes its time; then either all is undone, or
    the steps after the pivot run.
    """
    deadline = graph.deadline if graph.deadline is not None else forward_seconds(graph)
    longest = max((worst_seconds(node.call) for node in undoable(graph)), default=0)
    after = max(undo_seconds(graph), tail_seconds(graph))
    return deadline + longest + doubt_seconds(graph) + after + MARGIN_SECONDS


def history_events(graph: SagaGraph) -> int:
    """How many events an execution's history can have at worst, without redrives (rule 25).

    Counted for the longer of the two ways: all forward but the last step before the point of no
    return, in doubt and undone, or all forward to the end.
    """
    reached = sum(_events(node.call) for node in undoable(graph))
    in_doubt = sum(_events(call) for call in _settling(graph))
    in_doubt += sum(VISIT_EVENTS for node in undoable(graph) if node.verify)
    in_doubt += VISIT_EVENTS * len(_settling(graph))
    first_failure = VISIT_EVENTS
    undo = sum(_events(node.compensation.call) for node in undoable(graph) if node.compensation)
    record = TASK_EVENTS + FAILED_ATTEMPT_EVENTS * (RECORD_RETRY.attempts - 1) + FAIL_EVENTS
    backward = first_failure + undo + record if undoable(graph) else 0
    tail = sum(_events(node.call) for node in graph.nodes if node.role is Role.RETRIABLE)
    return EXECUTION_EVENTS + reached + in_doubt + max(backward, tail)


def undoable(graph: SagaGraph) -> list[StepNode]:
    """The steps up to the point of no return: the pivot, or all before the first retriable one."""
    return [node for node in graph.nodes if node.role is not Role.RETRIABLE]


def _settling(graph: SagaGraph) -> list[Call]:
    calls = []
    for node in graph.nodes:
        if node.verify:
            calls.append(node.verify)
        elif settled_by_slot(graph, node):
            calls.append(doubt_call(node))
    return calls


def _events(call: Call) -> int:
    return TASK_EVENTS + FAILED_ATTEMPT_EVENTS * (attempts(call) - 1)


def _sum(calls: Iterable[Call]) -> int:
    return sum(map(worst_seconds, calls))
