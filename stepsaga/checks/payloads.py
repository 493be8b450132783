"""How large a saga's document can become, and what of it goes to the bucket (rule 22).

An estimate from the models, before anything runs: what is stored is decided by the runtime, from
what the document really holds (`stepsaga.runtime.stored`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from stepsaga.asl.shares import shares
from stepsaga.asl.times import looks_at_input
from stepsaga.checks.bounds import Bounds, bounds_of
from stepsaga.graph import MapNode, Origin, StepNode, blocks_of, data_of
from stepsaga.limits import DOCUMENT_BYTES, ENTRY_BYTES, POINTER_BYTES, SHARE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.graph import Node, SagaGraph


class Place(StrEnum):
    """Where a result goes."""

    DOCUMENT = "document"
    """Always into the document: it cannot be too large."""
    LOOKED_INTO = "document, looked into"
    """The same, whatever its size: the definition looks into it. Too large, it is refused."""
    EITHER = "either"
    """Into the bucket where it is too large."""
    BUCKET = "bucket"
    """Always into the bucket."""


@dataclass(frozen=True, slots=True)
class Result:
    """What is known of a step's result.

    Attributes:
        step: The step.
        size: In bytes, of one.
        times: How many there may be: the step is in maps.
        place: Where it goes.
        threshold: In bytes; what is larger goes to the bucket even where the document is empty.
    """

    step: str
    size: Bounds
    times: int
    place: Place
    threshold: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is known of a saga's sizes, in bytes.

    Attributes:
        input: The input.
        document: Input and results together at most, with a bucket; None: the input, or what the
            definition looks into, has no bound that its model tells.
        results: Of each step.
        roomy_input: An input of up to so many bytes leaves room for a pointer to every result,
            where maps have as many items as they may.
    """

    input: Bounds
    document: int | None
    results: tuple[Result, ...]
    roomy_input: int


def estimate(graph: SagaGraph) -> Estimate:
    """What the models of a saga say about its sizes."""
    given = bounds_of(graph.input.schema, whole=False)
    # A definition that looks at the input has a copy of it in its document.
    times_input = 2 if looks_at_input(graph) else 1
    copies = given.times(times_input)
    looked_into = {one.name for one in data_of(graph.nodes) if one.origin is Origin.STEP}
    left = shares(graph.nodes)
    emptiest = DOCUMENT_BYTES - copies.least
    fullest = max(DOCUMENT_BYTES - (DOCUMENT_BYTES if copies.most is None else copies.most), 0)
    document, results, pointers = copies, [], 0
    for node, times in _steps(graph.nodes, 1):
        share = max(left[node.name], SHARE)
        size = bounds_of(node.schema, whole=True)
        threshold = _fair(emptiest, share)
        place = _place(size, threshold, _fair(fullest, share), looked_into=node.name in looked_into)
        kept = _kept(size, threshold, place)
        results.append(Result(node.name, size, times, place, threshold))
        document += (kept + Bounds(0, ENTRY_BYTES)).times(times)
        fullest = max(fullest - (kept.most or fullest) * times, 0)
        pointers += times
    free = DOCUMENT_BYTES - pointers * (POINTER_BYTES + ENTRY_BYTES)
    return Estimate(
        input=given,
        document=document.most,
        results=tuple(results),
        roomy_input=max(free // times_input, 0),
    )


def _fair(room: int, share: int) -> int:
    return max(room // share - ENTRY_BYTES, POINTER_BYTES)


def _place(size: Bounds, threshold: int, lowest: int, *, looked_into: bool) -> Place:
    if looked_into:
        return Place.LOOKED_INTO
    if size.least > threshold:
        return Place.BUCKET
    return Place.DOCUMENT if size.most is not None and size.most <= lowest else Place.EITHER


def _kept(size: Bounds, threshold: int, place: Place) -> Bounds:
    """What of a result stands in the document."""
    match place:
        case Place.LOOKED_INTO | Place.DOCUMENT:
            return size
        case Place.BUCKET:
            return Bounds(0, POINTER_BYTES)
        case Place.EITHER:
            most = threshold if size.most is None else min(size.most, threshold)
            return Bounds(min(size.least, POINTER_BYTES), max(most, POINTER_BYTES))


def _steps(nodes: tuple[Node, ...], times: int) -> Iterator[tuple[StepNode, int]]:
    """Every step, and how many results of it there may be."""
    for node in nodes:
        if isinstance(node, StepNode):
            yield node, times
        for block in blocks_of(node):
            yield from _steps(block, times * node.most if isinstance(node, MapNode) else times)
