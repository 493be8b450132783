"""What a path may cost where nothing fails, told from graph, input and results alone.

No compiler and no engine is asked: what a definition really costs is measured, and compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.times import looks_at_input
from stepsaga.graph import (
    ChoiceNode,
    MapNode,
    Origin,
    ParallelNode,
    Role,
    StepNode,
    WaitNode,
    closing_step,
    steps_of,
)
from stepsaga.limits import FIRST_INDEX
from stepsaga.recovery.conditions import holds
from stepsaga.runtime.values import JsonType

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from stepsaga.graph import Condition, Datum, Node, SagaGraph, Slot

    Result = Callable[[StepNode, Slot], Any]
    """A step's result, as JSON values; of the step and its slot, with its lane before it."""

TELLING_WRITES: Final = 1
"""Where a child completes, its result, which whoever hears of that puts into its parent's slot."""
TELLING_READS: Final = 5
"""What is read for that: who waits, the child's log, the parent's slot, and by which token."""
HEARING_READS: Final = 1
"""What is read where any other saga ends, and there are children: whether somebody waits for it."""


@dataclass(slots=True)
class Bound:
    """What a path may cost, and the steps on it.

    Attributes:
        transitions: One for each step, choice, fork, join, wait, for the check of the input and for
            the record of the end; and one where a lane ends with what cannot end a lane.
        writes: One for each step, one more where it is claimed, and one for the record of the end.
            What Step Functions itself does is a transition, and its record another.
        A question writes its token; what is answered is written by whoever answers. A step that
            waits for an event writes its token, and that it waits; the event itself where it was
            there before, and else the router does. A child
            step writes its token, and who waits for the child; what the child costs itself is not
            its parent's, and what it came to is written by whoever hears of that: see
            `TELLING_WRITES`, `TELLING_READS`, `HEARING_READS`.
        reads: None, but for each question that nobody answers: the saga has to look; and one for
            each wait for an event, which may be there, and again where it does not come. Where a
            saga waits for the same event several times, one more for each of the waits before.
        slots: Of every step that runs, with its lane before it; in the order of the lane.
    """

    transitions: int = 0
    writes: int = 0
    reads: int = 0
    slots: list[Slot] = field(default_factory=list)


def bound_of(  # noqa: PLR0913  # what decides on a path
    graph: SagaGraph,
    value: Any,
    result: Result,
    *,
    unanswered: Container[str] = (),
    kept: Container[str] = (),
    files: Mapping[str, Sequence[Any]] = MappingProxyType({}),
) -> Bound:
    """What the path of an input may cost.

    Args:
        graph: The saga.
        value: Its input, as JSON values; it fits the input's model.
        result: Of every step on the path.
        unanswered: The questions whose time passes, and that have another answer for that.
        kept: The waits for events that have come before.
        files: The items of distributed maps over files, by the map's name.
    """
    model = JsonType(graph.input.annotation)
    scope = _Scope(model.write(model.read(graph.input.name, value)), {}, {})
    path = _Path(result, unanswered, kept, files)
    if looks_at_input(graph):
        path.call()
    path.sequence(graph.nodes, scope, ())
    if closing_step(graph) is None:
        path.bound.transitions += 1
        path.bound.writes += 1
    return path.bound


@dataclass(slots=True)
class _Scope:
    """What is known at one place: results by step, items by name."""

    input: Any
    results: dict[str, Any]
    items: dict[str, Any]

    def value(self, datum: Datum) -> Any:
        """The value of a datum; None where anything on the way is absent."""
        whole = {
            Origin.INPUT: self.input,
            Origin.STEP: self.results.get(datum.name),
            Origin.ITEM: self.items.get(datum.name),
        }
        found: Any = whole[datum.origin]
        for key in datum.path:
            found = found.get(key) if isinstance(found, dict) else None
        return found

    def inside(self, **items: Any) -> _Scope:
        """The scope of a lane."""
        return _Scope(self.input, dict(self.results), {**self.items, **items})

    def holds(self, condition: Condition) -> bool:
        """Whether a condition is true here."""
        return holds(condition, self.value)


@dataclass(slots=True)
class _Path:
    """Goes along a path and adds up what is on it."""

    result: Result
    unanswered: Container[str]
    kept: Container[str]
    files: Mapping[str, Sequence[Any]]
    bound: Bound = field(default_factory=Bound)
    fresh: bool = True

    def call(self) -> None:
        """Something is done: what comes next is not the first any more."""
        self.bound.transitions += 1
        self.fresh = False

    def sequence(
        self, nodes: Sequence[Node], scope: _Scope, lane: Slot, *, ends_lane: bool = False
    ) -> None:
        """Nodes one after the other; ``scope`` grows with them."""
        for number, node in enumerate(nodes):
            last = ends_lane and number + 1 == len(nodes)
            match node:
                case StepNode():
                    self.step(node, scope, lane)
                case ChoiceNode():
                    self.choice(node, scope, lane, last=last)
                case MapNode() if node.distributed:
                    self.distributed(node, scope)
                case ParallelNode() | MapNode():
                    self.fork(node, scope, lane, last=last)
                case WaitNode():
                    self.bound.transitions += 1

    def step(self, node: StepNode, scope: _Scope, lane: Slot) -> None:
        """A step, or a question."""
        slot = (*lane, *node.slot)
        self.bound.slots.append(slot)
        self.bound.writes += 1 + node.claim + (node.child is not None)
        event = node.question is not None and node.question.event is not None
        if event:
            self.bound.writes += 1 + (node.name in self.kept)
            self.bound.reads += 1
        if node.name in self.unanswered:
            self.silence(lane)
            self.bound.reads += event
        self.call()
        self.bound.transitions += node.service is not None
        scope.results[node.name] = self.result(node, slot)

    def silence(self, lane: Slot) -> None:
        """Nobody answers: one call more decides, and records what counts instead.

        At the root the failure is cleared away, too, and of the first node put there before.
        """
        self.bound.transitions += 1 if lane else 2 + self.fresh
        self.bound.writes += 1
        self.bound.reads += 1

    def choice(self, node: ChoiceNode, scope: _Scope, lane: Slot, *, last: bool) -> None:
        """A choice, and the way that is gone."""
        ways = [one.nodes for one in node.branches if scope.holds(one.condition)]
        way = ways[0] if ways else node.otherwise
        self.bound.transitions += 2 if last and not way else 1
        self.sequence(way, scope, lane, ends_lane=last)

    def fork(self, node: ParallelNode | MapNode, scope: _Scope, lane: Slot, *, last: bool) -> None:
        """A fork, its lanes, and its join."""
        self.bound.transitions += 1
        for index, (nodes, inner) in enumerate(_lanes(node, scope)):
            at = (*lane, *node.slot, FIRST_INDEX + index)
            self.sequence(nodes, inner, at, ends_lane=True)
            if isinstance(node, ParallelNode):
                scope.results |= inner.results
        # After the pivot a fork is tried again where a lane has failed: its join ends no lane.
        retried = any(step.role is Role.RETRIABLE for step in steps_of((node,)))
        self.bound.transitions += 2 if retried and last else 1

    def distributed(self, node: MapNode, scope: _Scope) -> None:
        """A distributed map: the calls around it, and its items' executions.

        Around it are `open`, the Choice behind it, the Map, `close`, and where something can be
        undone the Choice behind that; two of them record something.
        """
        items = self.files.get(node.name)
        if items is None:
            items = scope.value(node.items)
        self.bound.transitions += 3 + bool(items) + bool(node.undo_slot)
        self.bound.writes += 2
        self.fresh = False
        assert node.distributed is not None  # noqa: S101  # for mypy
        self.bound.slots += [node.slot, node.distributed.end]
        for index, item in enumerate(items):
            at = (*node.slot, FIRST_INDEX + index)
            self.sequence(node.nodes, scope.inside(**{node.item: item}), at, ends_lane=True)


def _lanes(node: ParallelNode | MapNode, scope: _Scope) -> list[tuple[Sequence[Node], _Scope]]:
    """The lanes of a fork, each with what is known where it begins."""
    if isinstance(node, ParallelNode):
        return [(lane.nodes, scope.inside()) for lane in node.lanes]
    return [(node.nodes, scope.inside(**{node.item: item})) for item in scope.value(node.items)]
