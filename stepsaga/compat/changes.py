"""What differs between two graphs of a saga, in words; for whoever reviews it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepsaga.graph import MapNode, Role, steps_of, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stepsaga.graph import SagaGraph


def changes(old: SagaGraph, new: SagaGraph) -> list[str]:
    """The differences that somebody would want to be told, each in a few words."""
    return list(_changes(old, new))


def _changes(old: SagaGraph, new: SagaGraph) -> Iterator[str]:
    before = {node.name: node for node in walk(old.nodes)}
    after = {node.name: node for node in walk(new.nodes)}
    yield from _listed("new", [name for name in after if name not in before])
    yield from _listed("gone", [name for name in before if name not in after])
    yield from _other("input", old.input.name, new.input.name)
    yield from _other("pivot", _pivot(old), _pivot(new))
    yield from _other("deadline", _seconds(old.deadline), _seconds(new.deadline))
    for name, node in after.items():
        was = before.get(name)
        if isinstance(node, MapNode) and isinstance(was, MapNode):
            yield from _other(f"most of {name}", was.most, node.most)
            tolerated = [one.distributed and one.distributed.tolerated for one in (was, node)]
            yield from _other(f"tolerated failures of {name}", *tolerated)
    steps = {node.name: node for node in steps_of(old.nodes)}
    both = [(steps[node.name], node) for node in steps_of(new.nodes) if node.name in steps]
    roles = [now.name for was, now in both if was.role is not now.role]
    yield from _listed("in another role", roles)
    handlers = [now.name for was, now in both if was.call.handler != now.call.handler]
    yield from _listed("by another handler", handlers)
    slots = [now.name for was, now in both if was.slot != now.slot]
    yield from _listed("in another slot", slots)


def _listed(what: str, names: Iterable[str]) -> Iterator[str]:
    if text := ", ".join(names):
        yield f"{what}: {text}"


def _other(what: str, before: Any, after: Any) -> Iterator[str]:
    if before != after:
        yield f"{what}: {after}, was {before}"


def _pivot(graph: SagaGraph) -> str:
    return next((node.name for node in steps_of(graph.nodes) if node.role is Role.PIVOT), "none")


def _seconds(deadline: int | None) -> str:
    return "none" if deadline is None else f"{deadline:,} s"
