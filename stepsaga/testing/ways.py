"""Ways through a saga: inputs, results and answers with which every branch of it is taken.

A base is an example of the project's, or made up from the model. What the definition looks at (the
data of conditions, the lists of maps) is varied around the constants that it is compared with; a
way is kept if it comes to a state, or leaves a choice, as none before it did.
"""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain, combinations, islice
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
    Origin,
    Present,
    steps_of,
    walk,
)
from stepsaga.runtime.values import JsonType, Unfit
from stepsaga.testing.family import returning, source_of
from stepsaga.testing.samples import NoSampleError, sample, sample_below

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

    from stepsaga.graph import Condition, SagaGraph

SAMPLE: Final = "sample"
"""The name of an input that is made up."""
MOST: Final = 200
"""Ways that are tried, before those are chosen that are different."""
_BESIDE: Final = timedelta(days=1)


@dataclass(frozen=True)
class Way:
    """One way through a saga.

    Attributes:
        name: ``completes``, ``sample+amount=100001``.
        input: Of the saga, as JSON values.
        results: What stubs return, and what is answered to questions, as JSON values by step; of
            children by ``ShipParcel:label``.
    """

    name: str
    input: Any
    results: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Trail:
    """Where a way leads where nothing fails: whether to completion, and by which places."""

    completed: bool
    places: frozenset[Hashable]


@dataclass(frozen=True)
class _Change:
    """Something else at one place: ``root`` is a step, or empty for the input."""

    root: str
    path: tuple[str | int, ...]
    value: Any

    @property
    def text(self) -> str:
        """How it is named in a way."""
        where = ".".join(map(str, filter(None, [self.root, *self.path])))
        plain = not isinstance(self.value, dict | list) or not self.value
        told = json.dumps(self.value) if plain else "given"
        return f"{where}={told.strip(chr(34))}"


def bases(graph: SagaGraph, inputs: Mapping[str, Any], *, stubs: bool) -> list[Way]:
    """The ways to begin with: one for each input that fits the saga; one made up where none does.

    Args:
        graph: The saga.
        inputs: JSON values by name, of any saga's.
        stubs: Whether results are to be made up, too.

    Raises:
        NoSampleError: A value cannot be made up.
    """
    kind = JsonType(graph.input.annotation)
    fit = {name: value for name, value in inputs.items() if _fits(kind, value)}
    if not fit:
        fit = {SAMPLE: sample(graph.input.schema, graph.input.annotation, graph.input.name)}
    results = {
        name: sample(node.schema, node.call.returns, node.name)
        for name, node in returning(graph)
        if stubs or node.question
    }
    return [Way(name, value, results) for name, value in fit.items()]


def different(ways: Iterable[Way], trail: Callable[[Way], Trail]) -> list[Way]:
    """The ways that come to something to which no other comes.

    Those that complete come first, the longest of them before the others.
    """
    seen: set[Hashable] = set()
    kept = []
    trails = [(way, trail(way)) for way in islice(ways, MOST)]
    for way, found in sorted(trails, key=lambda one: (not one[1].completed, -len(one[1].places))):
        if found.places - seen:
            kept.append(way)
            seen |= found.places
    return kept


def varied(
    graph: SagaGraph, base: Way, *, stubs: bool = True, inputs: bool = True
) -> Iterator[Way]:
    """A base, then its variations: one change at a time, then two.

    Args:
        graph: The saga.
        base: A way.
        stubs: Whether results can be varied.
        inputs: Whether the input can be.
    """
    changes = [one for one in _changes(graph, base) if (stubs if one.root else inputs)]
    pairs = (pair for pair in combinations(changes, 2) if _place_of(pair[0]) != _place_of(pair[1]))
    yield base
    for some in chain(((one,) for one in changes), pairs):
        way = _changed(base, some)
        if way is not None and _is_sound(graph, way):
            yield way


def _place_of(change: _Change) -> tuple[str | int, ...]:
    return (change.root, *change.path)


def _changed(base: Way, changes: Sequence[_Change]) -> Way | None:
    name, whole = base.name, deepcopy({"": base.input, **base.results})
    for change in changes:
        holder: Any = whole
        *path, last = _place_of(change)
        for key in path:
            holder = holder[key] if _has(holder, key) else None
        if not _can_have(holder, last):
            return None
        holder[last] = deepcopy(change.value)
        name = f"{name}+{change.text}"
    value = whole.pop("")
    return replace(base, name=name, input=value, results=whole)


def _has(holder: Any, key: str | int) -> bool:
    if isinstance(holder, dict):
        return key in holder
    return isinstance(holder, list) and isinstance(key, int) and key < len(holder)


def _can_have(holder: Any, key: str | int) -> bool:
    return isinstance(holder, dict) if isinstance(key, str) else _has(holder, key)


def _is_sound(graph: SagaGraph, way: Way) -> bool:
    types = {name: JsonType(node.call.returns) for name, node in returning(graph)}
    return _fits(JsonType(graph.input.annotation), way.input) and all(
        _fits(types[step], value) for step, value in way.results.items()
    )


def _fits(kind: JsonType, value: Any) -> bool:
    try:
        kind.read("value", value)
    except Unfit:
        return False
    return True


# What the definition looks at


def _changes(graph: SagaGraph, base: Way) -> Iterator[_Change]:
    maps = {node.item: node.items for node in walk(graph.nodes) if isinstance(node, MapNode)}
    for condition in _conditions(graph):
        root, path = _place(graph, condition.datum, maps)
        values = (
            _present(graph, condition.datum)
            if isinstance(condition, Present)
            else _around(condition, _other(graph, condition, base, maps))
        )
        yield from (_Change(root, path, value) for value in values)
    for items in maps.values():
        root, path = _place(graph, items, maps)
        yield _Change(root, path, [])


def _conditions(graph: SagaGraph) -> Iterator[Comparison | Present]:
    for node in walk(graph.nodes):
        if isinstance(node, ChoiceNode):
            for branch in node.branches:
                yield from _parts(branch.condition)


def _parts(condition: Condition) -> Iterator[Comparison | Present]:
    match condition:
        case AllOf(conditions=parts) | AnyOf(conditions=parts):
            for part in parts:
                yield from _parts(part)
        case Not(condition=inner):
            yield from _parts(inner)
        case _:
            yield condition


def _place(
    graph: SagaGraph, datum: Datum, maps: Mapping[str, Datum]
) -> tuple[str, tuple[str | int, ...]]:
    """Whose value a datum is in, and where; of a map's items it is the first."""
    if datum.origin is Origin.ITEM:
        root, path = _place(graph, maps[datum.name], maps)
        return root, (*path, 0, *datum.path)
    return source_of(graph, datum.name), datum.path


def _other(graph: SagaGraph, comparison: Comparison, base: Way, maps: Mapping[str, Datum]) -> Any:
    """What a datum is compared with: a constant, or what stands there in the base."""
    if not isinstance(comparison.other, Datum):
        return comparison.other
    root, path = _place(graph, comparison.other, maps)
    found: Any = {"": base.input, **base.results}
    for key in (root, *path):
        found = found[key] if _has(found, key) else None
    return found


def _around(comparison: Comparison, other: Any) -> Sequence[Any]:
    """Values on both sides of what one is compared with, and that itself."""
    match comparison.kind:
        case Kind.BOOLEAN:
            return True, False
        case Kind.NUMBER if isinstance(other, int | float):
            return other + 1, other - 1, other
        case Kind.TEXT if isinstance(other, str):
            return other, f"{other}x", other[:-1]
        case Kind.INSTANT if isinstance(other, str):
            moment = datetime.fromisoformat(other)
            around = (moment, moment + _BESIDE, moment - _BESIDE)
            return [one.isoformat().replace("+00:00", "Z") for one in around]
        case _:
            return ()


def _present(graph: SagaGraph, datum: Datum) -> Sequence[Any]:
    schemas: dict[str, Mapping[str, Any]] = {
        node.name: node.schema for node in steps_of(graph.nodes)
    }
    if datum.origin is Origin.ITEM or not datum.path:
        return (None,)
    schema = graph.input.schema if datum.origin is Origin.INPUT else schemas[datum.name]
    try:
        return sample_below(schema, datum.path), None
    except NoSampleError:
        return (None,)
