"""Rules on time and on the limits of Step Functions.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from stepsaga.asl.names import collisions, function_name, participants
from stepsaga.asl.times import (
    YEAR,
    execution_seconds,
    forward_seconds,
    history_events,
    step_seconds,
    undoable,
)
from stepsaga.errors import Problem
from stepsaga.graph import steps_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.graph import SagaGraph

DEFINITION_CHARACTERS: Final = 1_048_576
HISTORY_EVENTS: Final = 25_000

_LOGICAL: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*\Z")
"""A name in a CloudFormation template, as a substitution's must be."""


def deadline(graph: SagaGraph) -> Iterator[Problem]:
    """S506: the steps up to the pivot can take longer than the deadline."""
    if graph.deadline is None:
        return
    worst = forward_seconds(graph)
    if worst > graph.deadline:
        steps = steps_of(tuple(undoable(graph)))
        slowest = max(steps, key=step_seconds)
        text = (
            f"the steps up to the pivot can take {worst} s at worst (attempts x timeout and pauses,"
            f" the framework's own retries too), the deadline is {graph.deadline} s"
        )
        hint = (
            f"raise the deadline, or lower timeout or attempts; {slowest.name!r} alone can take"
            f" {step_seconds(slowest)} s"
        )
        yield Problem("S506", graph.name, text, hint, graph.source)


def execution_time(graph: SagaGraph) -> Iterator[Problem]:
    """S507: an execution may last a year."""
    seconds = execution_seconds(graph)
    if seconds > YEAR:
        text = f"the execution could last {seconds / 86400:.1f} days; Step Functions allows 365"
        hint = "lower attempts, waits or the deadline"
        yield Problem("S507", graph.name, text, hint, graph.source)


def history(graph: SagaGraph) -> Iterator[Problem]:
    """S509: the history could grow over the limit, which ends an execution uncaught (rule 25)."""
    events = history_events(graph)
    if events > HISTORY_EVENTS:
        text = f"the history could grow to {events} events; Step Functions allows {HISTORY_EVENTS}"
        hint = "lower attempts, or most= of a map: each failed attempt is three events"
        yield Problem("S509", graph.name, text, hint, graph.source)


def function_names(graph: SagaGraph) -> Iterator[Problem]:
    """S511: participants whose functions cannot be told apart, or named, in a template."""
    for participant in filter(None, participants(graph)):
        name = function_name(participant)
        if not _LOGICAL.match(name):
            text = f"the participant {participant} gives its function the name {name!r}"
            hint = "rename the module in ASCII letters and digits, a letter first"
            yield Problem("S511", graph.name, text, hint, graph.source)
    found = collisions(graph)
    for name, claims in found.items():
        if name.endswith("Live") and name.removesuffix("Live") in found:
            continue  # the alias of what collides already
        text = f"{' and '.join(claims)} would share the name {name} in the template"
        yield Problem("S511", graph.name, text, "rename one of the modules", graph.source)


def definition_size(graph: SagaGraph, text: str) -> Iterator[Problem]:
    """S508: the text of the definition is over the limit."""
    if len(text) > DEFINITION_CHARACTERS:
        found = f"the definition has {len(text)} characters; Step Functions allows"
        hint = "split the saga, or shorten names"
        yield Problem("S508", graph.name, f"{found} {DEFINITION_CHARACTERS}", hint, graph.source)
