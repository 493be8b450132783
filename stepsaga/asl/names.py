"""The names that definition, template and engines share: states of the end, and substitutions."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from stepsaga.graph import Target, TargetKind, leaves, steps_of

if TYPE_CHECKING:
    from stepsaga.graph import SagaGraph

RECORD: Final = "record the end"
RECORD_BRIEFLY: Final = "record the end briefly"
COMPENSATED: Final = "saga compensated"
COMPLETION: Final = "record the completion"
COMPLETION_BRIEFLY: Final = "record the completion briefly"
COMPLETED_BEFORE: Final = "completed before"
CHECK_INPUT: Final = "check input"
UNDONE: Final = "SagaCompensated"
"""The error under which the execution of a saga fails that was undone."""
EVENT_TABLE: Final = "EventTable"
"""The name of the substitution for the event table."""
DEFAULT_BUS: Final = "default"
"""The event bus that each account has in each Region: no resource of a template."""

DEFINITIONS: Final = "statemachines"
"""The folder of a project's compiled definitions."""
ENDING: Final = ".asl.json"
RELEASED: Final = f"{DEFINITIONS}/released"
"""The folder of what was deployed, and may still run or have to be undone."""


def snake(name: str) -> str:
    """A class's name as a file's: ``FulfilOrder`` -> ``fulfil_order``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def definition_file(saga: str) -> str:
    """A saga's compiled definition in its project: ``statemachines/fulfil_order.asl.json``."""
    return f"{DEFINITIONS}/{snake(saga)}{ENDING}"


def function_name(participant: str) -> str:
    """The substitution for a participant's pinned version: ``handlers.payments`` -> Payments."""
    last = participant.rpartition(".")[2]
    return "".join(word[:1].upper() + word[1:] for word in last.split("_"))


def live_name(participant: str) -> str:
    """The substitution for a participant's alias ``live``, which a deployment moves (rule 12)."""
    return f"{function_name(participant)}Live"


def participants(graph: SagaGraph) -> tuple[str, ...]:
    """The modules whose handlers a saga calls, as they first appear in it."""
    found: dict[str, None] = {}
    for node in steps_of(graph.nodes):
        found[node.call.participant] = None
        if node.verify:
            found[node.verify.participant] = None
        if node.compensation:
            found[node.compensation.call.participant] = None
    return tuple(found)


def resources(graph: SagaGraph) -> tuple[str, ...]:
    """The resources that a saga's actions work on, by their logical ids, which are substituted."""
    return tuple(dict.fromkeys(target.name for target in targets_of(graph)))


def targets_of(graph: SagaGraph) -> list[Target]:
    """The same as actions name them, but for the account's own bus, which is no resource."""
    found = [
        leaf
        for node in steps_of(graph.nodes)
        if node.service
        for leaf in leaves(node.service.parameters)
        if isinstance(leaf, Target) and leaf != Target(TargetKind.BUS, DEFAULT_BUS)
    ]
    return list(dict.fromkeys(found))


def collisions(graph: SagaGraph) -> dict[str, tuple[str, ...]]:
    """Substitutions that would stand for two things: name -> what claims it.

    Two participants with the same last part, one that is called like another's alias
    (``payments_live`` beside ``payments``), and one that is called like the event table.
    """
    claims: defaultdict[str, list[str]] = defaultdict(list)
    claims[EVENT_TABLE].append("the event table")
    for name in resources(graph):
        claims[name].append(f"the resource {name}")
    for participant in participants(graph):
        claims[function_name(participant)].append(participant)
        claims[live_name(participant)].append(f"{participant} (alias live)")
    return {name: tuple(claimed) for name, claimed in claims.items() if len(claimed) > 1}
