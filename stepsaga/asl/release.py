"""One release of a saga: what is deployed, and what is kept of it beside its events."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.compiler import compile_saga
from stepsaga.asl.fingerprint import fingerprint
from stepsaga.asl.kept import from_kept, keep
from stepsaga.asl.names import (
    EVENT_TABLE,
    collisions,
    function_name,
    live_name,
    participants,
    resources,
)
from stepsaga.asl.rules import lint_text
from stepsaga.asl.text import render
from stepsaga.errors import DefinitionError, EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stepsaga.graph import SagaGraph

__all__ = [
    "Compiled",
    "build",
    "collisions",
    "from_kept",
    "keep",
    "participants",
    "substitute",
    "substitutions",
]

_SUBSTITUTION: Final = re.compile(r"\$\{([^}]*)\}")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled saga.

    Attributes:
        name: The saga's name, which is also its state machine's.
        fingerprint: Of the release; every call and commit carries it.
        definition: The state machine as JSON values, with its substitutions.
        text: The same as the text that is deployed.
        graph: The kept form of the graph (rule 9), for `from_kept`.
    """

    name: str
    fingerprint: str
    definition: Mapping[str, Any]
    text: str
    graph: Mapping[str, Any]


def build(graph: SagaGraph) -> Compiled:
    """Compile a graph that the checks found sound.

    Raises:
        DefinitionError: The definition breaks a rule of `stepsaga.asl.rules`. The checks exclude
            what is known to lead there; this is the last look before money depends on the text.
    """
    mark = fingerprint(graph)
    definition = compile_saga(graph, mark)
    text = render(definition)
    if problems := lint_text(text, known=[*_names(graph), EVENT_TABLE]):
        raise DefinitionError(problems)
    return Compiled(graph.name, mark, definition, text, keep(graph))


def substitutions(graph: SagaGraph) -> tuple[str, ...]:
    """The names that the definition leaves to the deployment, in order and without repetition.

    For every participant its version and its alias (``Payments``, ``PaymentsLive``), as far as the
    definition uses them, and the event table (``EventTable``).
    """
    used = set(_SUBSTITUTION.findall(json.dumps(compile_saga(graph, ""))))
    return tuple(name for name in [*_names(graph), EVENT_TABLE] if name in used)


def substitute(text: str, values: Mapping[str, str]) -> str:
    """The text of a definition with its substitutions made, for engines without CloudFormation.

    Raises:
        EngineError: A name of the text has no value, or a value has no place in the text.
    """
    needed = dict.fromkeys(_SUBSTITUTION.findall(text))
    if missing := [name for name in needed if name not in values]:
        raise EngineError(
            f"no value for {', '.join(missing)}; the definition needs {', '.join(needed)}"
        )
    if unknown := [name for name in values if name not in needed]:
        raise EngineError(
            f"the definition has no place for {', '.join(unknown)}; it has"
            f" {', '.join(needed) or 'none'}"
        )
    # The names stand inside JSON strings, so that a value is written as one.
    return _SUBSTITUTION.sub(lambda match: json.dumps(values[match[1]])[1:-1], text)


def _names(graph: SagaGraph) -> list[str]:
    """The substitutions of all participants, each one's version and its alias, and of resources."""
    names = [(function_name(module), live_name(module)) for module in participants(graph)]
    return list(dict.fromkeys([*(name for pair in names for name in pair), *resources(graph)]))
