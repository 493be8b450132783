"""Rules on names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from stepsaga.asl.positions import positions
from stepsaga.errors import Problem
from stepsaga.graph import MapNode, ParallelNode, StepNode, walk
from stepsaga.limits import EVENTS, PARENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.errors import Source
    from stepsaga.graph import SagaGraph

RESERVED: Final = frozenset(
    {
        *("input", "failure", "failures", "own", "failed", "at", "saga", "deadline", "results"),
        *("start", "end", "lane", "outer", "items", "undone", "undo", "listed", "since"),
    }
)
"""Names that the document, a call or the framework uses for itself, now or in lanes."""

STREAMS: Final = frozenset({PARENTS, EVENTS, "definition"})
"""What streams begin with that are no saga's."""

LONGEST: Final = 80 - len(" rejected")
NESTED: Final = 80 - len("items of undo ") - len(" failed in a lane")
"""States are named after steps, with a word before or after, in 80 characters
(https://states-language.net/spec.html)."""

_SAFE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
"""What paths in the definition, names of machines and of files can all carry."""


def reserved(graph: SagaGraph) -> Iterator[Problem]:
    """S105: a name that the framework uses, or that paths in the definition cannot carry."""
    for name, source in _named(graph):
        if name in RESERVED or not _SAFE.match(name):
            text = f"{name!r} cannot be a step's name"
            hint = "use a verb in ASCII letters: reserve, charge, ship; reserved are " + ", ".join(
                sorted(RESERVED)
            )
            yield Problem("S105", f"{graph.name}.{name}", text, hint, source)
    name = graph.input.name
    if name in RESERVED - {"input"} or not _SAFE.match(name):
        text = f"{name!r} cannot be the input's name"
        yield Problem("S105", f"{graph.name}.{name}", text, "name what it is: order", graph.source)
    if not _SAFE.match(graph.name) or graph.name in STREAMS:
        text = f"{graph.name!r} cannot be a saga's name"
        hint = "use ASCII letters and digits: machines, streams and files are named after it"
        yield Problem("S105", graph.name, text, hint, graph.source)


def _named(graph: SagaGraph) -> Iterator[tuple[str, Source | None]]:
    """Every name that becomes a key of a document, with its place."""
    for node in walk(graph.nodes):
        yield node.name, node.source
        if isinstance(node, ParallelNode):
            yield from ((lane.name, node.source) for lane in node.lanes)
        if isinstance(node, MapNode):
            yield node.item, node.source


def too_long(graph: SagaGraph) -> Iterator[Problem]:
    """S106: names that do not fit Step Functions' 80 characters with their prefix."""
    found = positions(graph)
    names = [(graph.name, graph.name, LONGEST, graph.source)]
    for node in walk(graph.nodes):
        state = found[node.name].state
        plain = isinstance(node, StepNode) and state == node.name
        most = LONGEST if plain else NESTED
        names.append((state, f"{graph.name}.{node.name}", most, node.source))
    for name, subject, most, source in names:
        if len(name) > most:
            text = f"{name!r} has {len(name)} characters"
            hint = f"use at most {most}: states are named after it, with a word more"
            yield Problem("S106", subject, text, hint, source)
