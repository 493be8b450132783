"""Rules on names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from stepsaga.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.graph import SagaGraph

RESERVED: Final = frozenset(
    {"input", "failure", "own", "failed", "at", "saga", "deadline", "results", "start", "end"}
)
"""Names that the document, a call or the framework uses for itself, now or in lanes."""

LONGEST: Final = 80 - len(" rejected")
"""States are named after steps, with a word before or after, in 80 characters
(https://states-language.net/spec.html)."""

_SAFE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
"""What paths in the definition, names of machines and of files can all carry."""


def reserved(graph: SagaGraph) -> Iterator[Problem]:
    """S105: a name that the framework uses, or that paths in the definition cannot carry."""
    for node in graph.nodes:
        if node.name in RESERVED or not _SAFE.match(node.name):
            text = f"{node.name!r} cannot be a step's name"
            hint = "use a verb in ASCII letters: reserve, charge, ship; reserved are " + ", ".join(
                sorted(RESERVED)
            )
            yield Problem("S105", f"{graph.name}.{node.name}", text, hint, node.source)
    name = graph.input.name
    if name in RESERVED - {"input"} or not _SAFE.match(name):
        text = f"{name!r} cannot be the input's name"
        yield Problem("S105", f"{graph.name}.{name}", text, "name what it is: order", graph.source)
    if not _SAFE.match(graph.name):
        text = f"{graph.name!r} cannot be a saga's name"
        hint = "use ASCII letters and digits: machines, streams and files are named after it"
        yield Problem("S105", graph.name, text, hint, graph.source)


def too_long(graph: SagaGraph) -> Iterator[Problem]:
    """S106: names that do not fit Step Functions' 80 characters with their prefix."""
    names = [(graph.name, graph.name, graph.source)]
    names += [(node.name, f"{graph.name}.{node.name}", node.source) for node in graph.nodes]
    for name, subject, source in names:
        if len(name) > LONGEST:
            text = f"{name!r} has {len(name)} characters"
            hint = f"use at most {LONGEST}: states are named after it, with a word more"
            yield Problem("S106", subject, text, hint, source)
