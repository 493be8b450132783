"""What a saga does when all goes well, told from its graph alone: no compiler, no engine."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from stepsaga.graph import (
    AllOf,
    AnyOf,
    ChoiceNode,
    Comparison,
    Datum,
    Kind,
    MapNode,
    Not,
    Operator,
    Origin,
    ParallelNode,
    Present,
    Role,
    StepNode,
    closing_step,
    data_of,
    steps_of,
)
from tests.language.answering import Manner
from tests.language.stubs import Order

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepsaga.graph import Condition, Node
    from tests.language.sagas import AnySaga

_ABSENT: Final = object()
_COMPARE: Final[dict[Operator, Callable[[Any, Any], bool]]] = {
    Operator.EQUAL: operator.eq,
    Operator.LESS: operator.lt,
    Operator.LESS_OR_EQUAL: operator.le,
    Operator.GREATER: operator.gt,
    Operator.GREATER_OR_EQUAL: operator.ge,
}


@dataclass
class Expected:
    """What must happen.

    Attributes:
        values: What each step returns.
        manners: How each question is answered.
        fresh: Whether nothing has been done yet.
        slots: Of every step that runs, with its lane: in the order of the lane.
        claims: How many of them write a claim.
        late: How many questions nobody answers.
        transitions: One for each step, choice, fork, join, wait, for the check of the input and for
            the record of the end; and one where a lane ends with what cannot end a lane.
    """

    values: dict[str, dict[str, Any]]
    manners: dict[str, Manner] = field(default_factory=dict)
    slots: list[tuple[int, ...]] = field(default_factory=list)
    claims: int = 0
    late: int = 0
    transitions: int = 0
    fresh: bool = True


@dataclass
class Scope:
    """What is known at one place: results by step, items by name."""

    input: dict[str, Any]
    results: dict[str, Any]
    items: dict[str, Any] = field(default_factory=dict)

    def value(self, datum: Datum) -> Any:
        """The value of a datum; absent where anything on the way is."""
        whole = {
            Origin.INPUT: self.input,
            Origin.STEP: self.results.get(datum.name, _ABSENT),
            Origin.ITEM: self.items.get(datum.name, _ABSENT),
        }
        found: Any = whole[datum.origin]
        for key in datum.path:
            found = found.get(key, _ABSENT) if isinstance(found, dict) else _ABSENT
        return found

    def inside(self, **items: Any) -> Scope:
        """The scope of a lane."""
        return Scope(self.input, dict(self.results), {**self.items, **items})


def expected(saga: AnySaga) -> Expected:
    """What a saga does, and what it costs."""
    told = Expected(saga.values, manners=saga.manners)
    graph = saga.graph
    scope = Scope(Order.model_validate(saga.input).model_dump(), {})
    if any(datum.origin is Origin.INPUT for datum in data_of(graph.nodes)):
        told.transitions += 1
        told.fresh = False
    _sequence(graph.nodes, scope, (), told)
    if closing_step(graph) is None:
        told.transitions += 1
    return told


def _sequence(
    nodes: tuple[Node, ...],
    scope: Scope,
    lane: tuple[int, ...],
    told: Expected,
    *,
    ends_lane: bool = False,
) -> None:
    for number, node in enumerate(nodes):
        last = ends_lane and number + 1 == len(nodes)
        told.transitions += 1
        match node:
            case StepNode():
                told.slots.append((*lane, *node.slot))
                told.claims += node.claim
                if node.question and told.manners[node.name] is Manner.NEVER:
                    told.late += 1
                    # The call that decides; at the root what clears its failure away, too, and of
                    # the first node what puts it there.
                    told.transitions += 1 if lane else 2
                    told.transitions += not lane and told.fresh
                told.fresh = False
                scope.results[node.name] = {"step": node.name, **told.values[node.name]}
            case ChoiceNode(branches=branches, otherwise=otherwise):
                ways = [one.nodes for one in branches if _holds(one.condition, scope)]
                way = ways[0] if ways else otherwise
                if last and not way:
                    told.transitions += 1
                _sequence(way, scope, lane, told, ends_lane=last)
            case ParallelNode(lanes=lanes):
                known = scope.inside()
                for index, one in enumerate(lanes):
                    inner = known.inside()
                    at = (*lane, *node.slot, 1_000_000 + index)
                    _sequence(one.nodes, inner, at, told, ends_lane=True)
                    scope.results |= inner.results
                told.transitions += _join(node, last=last)
            case MapNode(items=items, item=name, nodes=inner_nodes):
                for index, item in enumerate(scope.value(items)):
                    inner = scope.inside(**{name: item})
                    at = (*lane, *node.slot, 1_000_000 + index)
                    _sequence(inner_nodes, inner, at, told, ends_lane=True)
                told.transitions += _join(node, last=last)
            case _:
                pass


def _join(node: ParallelNode | MapNode, *, last: bool) -> int:
    """After the pivot a fork is tried again where a lane has failed, so its join ends no lane."""
    retried = any(step.role is Role.RETRIABLE for step in steps_of((node,)))
    return 2 if retried and last else 1


def _holds(condition: Condition, scope: Scope) -> bool:
    match condition:
        case Comparison(datum=datum, operator=how, other=other, kind=kind):
            value = scope.value(datum)
            kinds: Any = {Kind.BOOLEAN: bool, Kind.NUMBER: (int, float)}[kind]
            return isinstance(value, kinds) and _COMPARE[how](value, other)
        case Present(datum=datum):
            return scope.value(datum) not in (_ABSENT, None)
        case AllOf(conditions=conditions):
            return all(_holds(one, scope) for one in conditions)
        case AnyOf(conditions=conditions):
            return any(_holds(one, scope) for one in conditions)
        case Not(condition=inner):
            return not _holds(inner, scope)
