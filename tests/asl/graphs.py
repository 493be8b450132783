"""Small helpers that make graphs by hand, without authoring."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from stepsaga.graph import (
    Call,
    Compensation,
    InputNode,
    Origin,
    Parameter,
    Retry,
    Role,
    SagaGraph,
    StepNode,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

RETRY = Retry(attempts=3, wait=1, backoff=2.0, longest_wait=60, jitter=True)
UNDO_RETRY = Retry(attempts=10, wait=2, backoff=2.0, longest_wait=300, jitter=True)
ORDER_SCHEMA = {
    "title": "Order",
    "description": "What a customer wants.",
    "type": "object",
    "properties": {
        "id": {"title": "Id", "type": "string"},
        "title": {"title": "Title", "type": "string", "description": "How it is addressed."},
        "card": {"type": "string", "format": "password", "writeOnly": True},
    },
    "required": ["id"],
}
RESULT_SCHEMA = {"title": "Result", "type": "object", "properties": {"id": {"type": "string"}}}


@dataclass(frozen=True, kw_only=True)
class Options:
    """What differs between steps; ``undo`` and ``probe`` are handlers."""

    name: str
    role: Role = Role.COMPENSATABLE
    handler: str = ""
    undo: str = ""
    probe: str = ""
    claim: bool = False
    seconds: int = 20
    retry: Retry | None = RETRY
    undo_retry: Retry | None = UNDO_RETRY
    takes: tuple[Parameter, ...] = ()
    undo_takes: tuple[Parameter, ...] = ()
    doc: str = ""


def step(name: str, **options: Any) -> Options:
    """A step that can be undone: ``payments.charge``, undone by ``payments.undo_charge``."""
    defaults = {"handler": f"handlers.payments:{name}", "undo": f"handlers.payments:undo_{name}"}
    return Options(name=name, **(defaults | options))


def look(name: str, **options: Any) -> Options:
    """A step that only reads."""
    return step(name, **({"role": Role.READ_ONLY, "undo": ""} | options))


def pivot(name: str, **options: Any) -> Options:
    """A pivot with a probe; give ``probe=""`` and ``undo`` for one with a compensation."""
    defaults = {
        "role": Role.PIVOT,
        "handler": f"handlers.shipping:{name}",
        "undo": "",
        "probe": f"handlers.shipping:find_{name}",
    }
    return step(name, **(defaults | options))


def claimed(name: str, **options: Any) -> Options:
    """A step whose effect is had at most once; give ``probe`` for one that can be looked for."""
    return step(name, **({"claim": True, "retry": None} | options))


def tail(name: str, **options: Any) -> Options:
    """A step after the point of no return."""
    defaults = {"role": Role.RETRIABLE, "handler": f"handlers.notifications:{name}", "undo": ""}
    return step(name, **(defaults | options))


def takes(name: str, source: str, *path: str) -> Parameter:
    """An explicit mapping of a parameter to a step's result, or to the input: `order`."""
    origin = Origin.INPUT if source == "order" else Origin.STEP
    given = "" if source == "order" else source
    return Parameter(name, Any, origin, step=given, path=path, explicit=True)


def of(source: str) -> Parameter:
    """A parameter that is named like the step whose result it takes."""
    return Parameter(source, Any, Origin.STEP, step=source)


def saga(
    steps: Sequence[Options],
    *,
    name: str = "FulfilOrder",
    deadline: int | None = None,
    doc: str = "",
) -> SagaGraph:
    """A graph of steps, with slots as authoring gives them."""
    undoable = [options.name for options in reversed(steps) if options.undo]
    undo_slots = {undone: len(steps) + n for n, undone in enumerate(undoable, start=1)}
    nodes = [
        _node(options, number, undo_slots.get(options.name, 0))
        for number, options in enumerate(steps, start=1)
    ]
    return SagaGraph(
        name=name,
        reference=f"sagas.orders:{name}",
        input=InputNode("order", dict, ORDER_SCHEMA),
        nodes=tuple(nodes),
        deadline=deadline,
        doc=doc,
    )


def change(graph: SagaGraph, name: str, **fields: Any) -> SagaGraph:
    """The graph with fields of one node replaced."""
    nodes = [replace(node, **fields) if node.name == name else node for node in graph.nodes]
    return replace(graph, nodes=tuple(nodes))


def _node(options: Options, slot: int, undo_slot: int) -> StepNode:
    undo = _call(options.undo, options.seconds, options.undo_retry, options.undo_takes)
    return StepNode(
        name=options.name,
        role=options.role,
        call=_call(options.handler, options.seconds, options.retry, options.takes),
        slot=(slot,),
        schema=RESULT_SCHEMA,
        compensation=Compensation(undo, (undo_slot,)) if options.undo else None,
        verify=_call(options.probe, options.seconds, options.undo_retry, options.takes)
        if options.probe
        else None,
        doc=options.doc,
        read_only=options.role is Role.READ_ONLY,
        declared_pivot=options.role is Role.PIVOT,
        claim=options.claim,
    )


def _call(handler: str, seconds: int, retry: Retry | None, taken: tuple[Parameter, ...]) -> Call:
    return Call(handler, handler.partition(":")[0], taken, dict, seconds, retry)
