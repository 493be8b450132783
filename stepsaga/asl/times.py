"""How long a saga and its parts can take at worst, and how long its history can grow.

Worst means: every attempt times out and every pause is full. Seconds throughout.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from stepsaga.asl.openers import openers
from stepsaga.asl.retriers import attempts, pauses, worst_seconds
from stepsaga.graph import (
    Call,
    ChoiceNode,
    Distributed,
    MapNode,
    Origin,
    ParallelNode,
    Retry,
    Role,
    StepNode,
    WaitNode,
    blocks_of,
    closing_step,
    data_of,
    distributed_of,
    steps_of,
    walk,
)
from stepsaga.limits import DISPATCH_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stepsaga.graph import Fork, Node, SagaGraph

RECORD_SECONDS: Final = 30
RECORD_RETRY: Final = Retry(attempts=11, wait=2, backoff=2, longest_wait=300, jitter=True)
"""The record of the end: about twenty minutes of pauses, then a person is needed."""

SETTLE_SECONDS: Final = 20
SETTLE_RETRY: Final = Retry(attempts=10, wait=2, backoff=2, longest_wait=300, jitter=True)
"""The call in which a slot alone settles doubt: one read and one write, no handler."""

SERVICE_RECORD_RETRY: Final = Retry(attempts=7, wait=2, backoff=2, longest_wait=64, jitter=True)
"""The record of what Step Functions itself did: about two minutes of pauses, then the step is in
doubt, and undone."""
ITEMS_SECONDS: Final = 300
"""The calls that read a distributed map's items, or what became of them: from S3, line by line."""

MARGIN_SECONDS: Final = 60 * 60
"""Step Functions delays transitions that are over the account's rate, and its timeout of an
execution cannot be caught: it must never come before the budgets that can."""

YEAR: Final = 365 * 24 * 60 * 60
"""Seconds that an execution may last.
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""

EXECUTION_EVENTS: Final = 2
VISIT_EVENTS: Final = 2
TASK_EVENTS: Final = 5
FAILED_ATTEMPT_EVENTS: Final = 3
FAIL_EVENTS: Final = 1
"""How many history events each costs; see Step Functions' GetExecutionHistory."""


STATE_EVENTS: Final = 2
"""Of a Choice, a Pass, a Wait, or a Succeed."""
FORK_EVENTS: Final = 4
"""Of a Parallel or a Map itself."""
QUESTION_EVENTS: Final = 1 + 2 * STATE_EVENTS
"""Of a question besides its calls: TaskSubmitted, and the Passes around an answer that is late."""
LANE_EVENTS: Final = 2
"""Of an item's lane, besides what runs in it."""


def settled_by_slot(graph: SagaGraph, node: StepNode) -> bool:
    """Whether the slot alone settles doubt about a node, before anything is undone.

    It does where a recorded result ends the right to undo: of the pivot (rule 16), and of a saga's
    last step, whose commit says that the saga is completed. A probe reads the slot itself.
    """
    final = node.role is Role.PIVOT or node is closing_step(graph)
    return final and node.role is not Role.RETRIABLE and node.verify is None


def doubt_call(node: StepNode) -> Call:
    """The call in which a node's slot alone settles doubt: it has no handler."""
    return _own_call(node)


def record_call(node: StepNode) -> Call:
    """The record of what Step Functions itself did for a step, as something that takes time."""
    return replace(node.call, seconds=RECORD_SECONDS, retry=SERVICE_RECORD_RETRY)


def settle_call(node: Fork) -> Call:
    """The call that fails where a lane of a fork has failed."""
    return _own_call(next(steps_of((node,))))


def items_call(node: MapNode) -> Call:
    """The call that finds the items of a map again."""
    return _own_call(next(steps_of((node,))))


def many_call(node: MapNode) -> Call:
    """The calls around a distributed map, in the function of its first step: it has the models."""
    return replace(_own_call(next(steps_of((node,)))), seconds=ITEMS_SECONDS)


def input_call(graph: SagaGraph) -> Call:
    """The call that validates the input for the definition, in the first step's function."""
    return _own_call(next(steps_of(graph.nodes)))


def _own_call(node: StepNode) -> Call:
    """A call of the runtime's own, in the function of a step."""
    return Call(
        handler="",
        participant=node.call.participant,
        parameters=(),
        returns=node.call.returns,
        seconds=SETTLE_SECONDS,
        retry=SETTLE_RETRY,
    )


@dataclass(frozen=True, slots=True)
class Measure:
    """How a time or a number of events adds up.

    Attributes:
        call: Of one call with all its attempts.
        lanes: Of lanes that run at the same time.
        state: Of a state that calls nothing.
        fork: Of a fork itself.
        lane: Of an item's lane, besides what runs in it.
        wait: Of so many seconds.
        question: Of what a question costs more than a step, besides its wait.
    """

    call: Callable[[Call], int]
    lanes: Callable[[list[int]], int]
    state: int = 0
    fork: int = 0
    lane: int = 0
    wait: Callable[[int], int] = lambda _: 0
    question: int = 0

    def of(self, nodes: Iterable[Node], calls: Callable[[StepNode], Iterable[Call]]) -> int:
        """The worst of a sequence, where these calls of each step are made."""
        return sum(self._one(node, calls) for node in nodes)

    def _one(  # noqa: PLR0911  # one a kind of node
        self, node: Node, calls: Callable[[StepNode], Iterable[Call]]
    ) -> int:
        match node:
            case StepNode(question=question):
                own = list(calls(node))
                more = self.question + self.wait(question.seconds) if question and own else 0
                return sum(map(self.call, own)) + more
            case WaitNode(seconds=seconds):
                return self.state + self.wait(seconds or 0)
            case ChoiceNode():
                return self.state + max(self.of(block, calls) for block in blocks_of(node))
            case ParallelNode(lanes=lanes):
                return self.fork + self.lanes([self.of(lane.nodes, calls) for lane in lanes])
            case MapNode(distributed=Distributed()):
                # Its items have histories, and times, of their own.
                around = 3 * self.call(many_call(node)) + 2 * self.fork + 4 * self.state
                return around + (0 if self.lanes is sum else self.of(node.nodes, calls))
            case MapNode(nodes=nodes, most=most, at_most=at_most):
                one = self.of(nodes, calls)
                if self.lanes is sum:
                    return self.fork + most * (one + self.lane)
                # How many items run at once where nobody says is Step Functions' secret: about 40.
                rounds = -(-most // (at_most or MOST_AT_ONCE))
                return rounds * one


def _longest(lanes: list[int]) -> int:
    return max(lanes, default=0)


MOST_AT_ONCE: Final = 40
SECONDS: Final = Measure(call=worst_seconds, lanes=_longest, wait=int)
CALL_SECONDS: Final = Measure(call=worst_seconds, lanes=_longest)
WAIT_SECONDS: Final = Measure(call=lambda call: call.seconds + DISPATCH_SECONDS, lanes=_longest)


def _forward_calls(node: StepNode) -> list[Call]:
    if node.service:
        # Where its record found the slot taken, a call looks what became of it.
        return [node.call, record_call(node), doubt_call(node)]
    return [node.call, doubt_call(node)] if node.question else [node.call]


def _undo_calls(node: StepNode) -> list[Call]:
    calls = [node.compensation.call] if node.compensation else []
    return [*calls, node.verify] if node.claim and node.verify else calls


def step_seconds(node: StepNode) -> int:
    """One step with all its attempts, and with the wait for its answer where it asks."""
    return SECONDS.of([node], _forward_calls)


def forward_seconds(graph: SagaGraph) -> int:
    """All steps up to the pivot, that one included: what a deadline has to leave room for."""
    return SECONDS.of(undoable(graph), _forward_calls)


def undo_seconds(graph: SagaGraph) -> int:
    """All compensations and the record of the end."""
    compensations = SECONDS.of(undoable(graph), _undo_calls)
    record = RECORD_RETRY.attempts * RECORD_SECONDS + pauses(RECORD_RETRY)
    return compensations + (record if undoable(graph) else 0)


def tail_seconds(graph: SagaGraph) -> int:
    """All steps after the pivot."""
    return SECONDS.of(_tail(graph), _forward_calls)


def doubt_seconds(graph: SagaGraph) -> int:
    """Waiting until the time of steps in doubt is up, and settling whether they happened."""
    nodes = undoable(graph)
    waits = WAIT_SECONDS.of(nodes, _waited_for(graph))
    return waits + CALL_SECONDS.of(nodes, _settling(graph))


def execution_seconds(graph: SagaGraph) -> int:
    """The execution's ``TimeoutSeconds``: a backstop behind every budget of its own (rule 23).

    A step that starts just before the deadline still takes its time; then either all is undone, or
    the steps after the pivot run. A wait until a time that comes from data may take all there is.
    """
    waits = [node for node in walk(graph.nodes) if isinstance(node, WaitNode)]
    if any(wait.seconds is None for wait in waits) or any(distributed_of(graph.nodes)):
        # Nobody knows how many items a file has.
        return YEAR
    deadline = graph.deadline if graph.deadline is not None else forward_seconds(graph)
    steps = [node for node in steps_of(graph.nodes) if node.role is not Role.RETRIABLE]
    # Without a deadline the wait for a child is in the time of all steps already; counted twice on
    # every level, children of children would soon take more than a year.
    waited = graph.deadline is None
    longest = max((step_seconds(n) - waited * n.call.waits for n in steps), default=0)
    longest += max(
        (n.seconds for n in walk(tuple(undoable(graph))) if isinstance(n, WaitNode) and n.seconds),
        default=0,
    )
    after = max(undo_seconds(graph), tail_seconds(graph))
    checking = worst_seconds(input_call(graph)) if looks_at_input(graph) else 0
    return deadline + longest + doubt_seconds(graph) + after + checking + MARGIN_SECONDS


def history_events(graph: SagaGraph) -> int:
    """How many events an execution's history can have at worst, without redrives (rule 25).

    Counted for the longer of the two ways: all forward but the last step before the point of no
    return, in doubt and undone, or all forward to the end.
    """
    events = Measure(
        call=_events,
        lanes=sum,
        state=STATE_EVENTS,
        fork=FORK_EVENTS + STATE_EVENTS,
        lane=LANE_EVENTS,
        question=QUESTION_EVENTS,
    )
    settling = Measure(call=lambda call: _events(call) + VISIT_EVENTS, lanes=sum)
    waiting = Measure(call=lambda _: VISIT_EVENTS, lanes=sum)
    reached = events.of(undoable(graph), _forward_calls)
    reached += _events(input_call(graph)) if looks_at_input(graph) else 0
    in_doubt = settling.of(undoable(graph), _settling(graph))
    in_doubt += waiting.of(undoable(graph), _waited_for(graph))
    first_failure = VISIT_EVENTS
    undo = events.of(undoable(graph), _undo_calls)
    record = TASK_EVENTS + FAILED_ATTEMPT_EVENTS * (RECORD_RETRY.attempts - 1) + FAIL_EVENTS
    backward = first_failure + undo + record if undoable(graph) else 0
    tail = events.of(_tail(graph), _forward_calls)
    tail += 0 if closing_step(graph) else record
    return EXECUTION_EVENTS + reached + in_doubt + max(backward, tail)


def looks_at_input(graph: SagaGraph) -> bool:
    """Whether the definition itself looks at the input (rule 20).

    It also does where no call would check it before the first effect: a service checks nothing.
    """
    first = set(openers(graph.nodes))
    return any(datum.origin is Origin.INPUT for datum in data_of(graph.nodes)) or any(
        node.service and node.name in first for node in steps_of(graph.nodes)
    )


def undoable(graph: SagaGraph) -> list[Node]:
    """What stands up to the point of no return: the pivot, or all before the first retriable."""
    return list(graph.nodes[: _no_return(graph)])


def _tail(graph: SagaGraph) -> list[Node]:
    return list(graph.nodes[_no_return(graph) :])


def _no_return(graph: SagaGraph) -> int:
    """How many of the nodes at the root come before the first that has a retriable step."""
    for index, node in enumerate(graph.nodes):
        if any(step.role is Role.RETRIABLE for step in steps_of((node,))):
            return index
    return len(graph.nodes)


def _in_lanes(graph: SagaGraph) -> set[str]:
    forks = (node for node in walk(graph.nodes) if isinstance(node, ParallelNode | MapNode))
    return {step.name for fork in forks for step in steps_of((fork,))}


def _settling(graph: SagaGraph) -> Callable[[StepNode], list[Call]]:
    """The call that settles what became of a step, where there is one."""
    in_lanes = _in_lanes(graph)

    def calls(node: StepNode) -> list[Call]:
        if node.verify:
            return [node.verify]
        by_slots = settled_by_slot(graph, node) or (node.claim and node.name not in in_lanes)
        return [doubt_call(node)] if by_slots else []

    return calls


def _waited_for(graph: SagaGraph) -> Callable[[StepNode], list[Call]]:
    """The steps whose time must be up before they are settled."""
    in_lanes = _in_lanes(graph)

    def calls(node: StepNode) -> list[Call]:
        waited = node.verify or (node.claim and node.name not in in_lanes)
        return [node.call] if waited else []

    return calls


def _events(call: Call) -> int:
    # TaskSubmitted, where it waits.
    return TASK_EVENTS + bool(call.waits) + FAILED_ATTEMPT_EVENTS * (attempts(call) - 1)
