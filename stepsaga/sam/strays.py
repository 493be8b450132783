"""What stands in a generated part, and is none: somebody put it between the marks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

OURS: Final = (
    ("", "STEPSAGA_PARTICIPANT: "),
    ("", "LayerName: !Sub '${AWS::StackName}-stepsaga'"),
    ("Machine", "DependsOn: [KeptDefinitions]"),
    ("Machine", "Description: What starts a "),
    ("Role", "PolicyName: stepsaga"),
    ("Logs", "LogGroupName: !Sub '/aws/"),
    ("Version", "AWS::StepFunctions::StateMachineVersion"),
    ("Live", "AWS::StepFunctions::StateMachineAlias"),
    ("", "AlarmDescription: !Sub '${AWS::StackName}: "),
    ("", "Handler: stepsaga."),
    ("", "- Id: BusinessEventsQueue"),
    ("", "- Id: Triggers"),
)
"""How ids end that depend on a project's sagas and participants, and what tells that it is so. What
was generated for a saga that is gone is known by that; each thing by itself, because a merge may
have left half of them. What is not generated any more must stay here."""

PARTS: Final = frozenset(
    {
        "ApprovalApi",
        "ApprovalLinkKeys",
        "BusinessEventsQueue",
        "BusinessEventsQueuePolicy",
        "BusinessEventsQueueSource",
        "DeadLetters",
        "DeadLettersPolicy",
        "StartApi",
        "Triggers",
        "TriggersPolicy",
    }
)
"""What is generated where a saga needs it, and goes with the last that does."""

_KEY: Final = re.compile(r"^( +)([\"']?)(\w+)\2[ \t]*:(?=\s|$)", re.MULTILINE)


def strays(part: str, made: Collection[str]) -> Iterator[tuple[int, str]]:
    """The ids in a generated part that were never generated, with their places in its text.

    Args:
        part: The text between two marks, whatever a merge made of it.
        made: The ids that are generated now.
    """
    keys = list(_KEY.finditer(part))
    depth = min((len(key[1]) for key in keys), default=0)
    keys = [key for key in keys if len(key[1]) == depth]
    ends = [*(key.start() for key in keys[1:]), len(part)]
    for key, end in zip(keys, ends, strict=False):
        name, text = key[3], part[key.start() : end]
        known = any(name.endswith(ending) and mark in text for ending, mark in OURS)
        if name not in made and name not in PARTS and not known:
            yield key.start(), name
