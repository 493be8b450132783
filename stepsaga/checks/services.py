"""Rules on what Step Functions itself does for steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepsaga.asl.positions import Places, positions
from stepsaga.checks.annotations import name_of
from stepsaga.checks.types import hides
from stepsaga.errors import Problem
from stepsaga.graph import Datum, Origin, Role, data_of, leaves, steps_of
from stepsaga.runtime.call import EVERY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.graph import SagaGraph, StepNode


def repeated_forward(graph: SagaGraph) -> Iterator[Problem]:
    """S542: behind the point of no return nothing but trying again is left."""
    for node in _services(graph):
        if node.role is Role.RETRIABLE and node.service and not node.service.repeatable:
            text = f"{node.name!r} may not be repeated, and stands where the saga only goes forward"
            hint = (
                "write it before the point of no return, or with pivot=True and verify=...; or let"
                " a Step with claim=True do it"
            )
            yield _problem("S542", graph, node, text, hint)


def shown_to_all(graph: SagaGraph) -> Iterator[Problem]:
    """S304: a service would keep, and show, what is sensitive: nothing masks it there."""
    for node in _services(graph):
        for datum in _data(node):
            if hides(datum.annotation):
                kind = name_of(datum.annotation)
                where = ".".join([datum.name or graph.input.name, *datum.path])
                text = f"an action of a service would show {where}: {kind}, which is sensitive"
                hint = "take fields of it that everybody may see, or let a handler do it"
                yield _problem("S304", graph, node, text, hint)


def of_many(graph: SagaGraph) -> Iterator[Problem]:
    """S543: the results of all items of a map, of which one may lack what another has."""
    found = positions(graph)
    places = Places(found)
    for node in _services(graph):
        for datum in _data(node):
            if EVERY in places.of(datum, found[node.name].lanes):
                text = f"{datum.name!r} has a result for each item of a map"
                hint = "let a step behind the map take them, and return what is to be sent"
                yield _problem("S543", graph, node, text, hint)


def replies_looked_into(graph: SagaGraph) -> Iterator[Problem]:
    """S543: nobody has checked a reply of a service when the definition itself looks into it."""
    replies = {node.name for node in _services(graph) if node.service and node.service.reply == "$"}
    for datum in data_of(graph.nodes):
        if datum.origin is Origin.STEP and datum.name in replies and datum.path:
            where = ".".join([datum.name, *datum.path])
            text = f"the definition looks at {where}, which nobody has checked to be there"
            hint = f"let a step take {datum.name}, and return what is looked at"
            node = next(one for one in _services(graph) if one.name == datum.name)
            yield _problem("S543", graph, node, text, hint)


def _services(graph: SagaGraph) -> Iterator[StepNode]:
    return (node for node in steps_of(graph.nodes) if node.service is not None)


def _data(node: StepNode) -> list[Datum]:
    given = node.service.parameters if node.service else {}
    return [leaf for leaf in leaves(given) if isinstance(leaf, Datum)]


def _problem(code: str, graph: SagaGraph, node: StepNode, text: str, hint: str) -> Problem:
    return Problem(code, f"{graph.name}.{node.name}", text, hint, node.source)
