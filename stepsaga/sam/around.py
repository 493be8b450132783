"""What decides on a function's settings besides its participant: somebody's own text, followed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stepsaga.sam.config import environments
from stepsaga.sam.references import functions_in, in_template, in_text, texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from stepsaga.sam.application import Function

    Named = tuple[str, str]

NAMED: Final = ("Parameters", "Resources")
"""The sections of what `Ref` and its like name: CloudFormation has one space of names for both."""


DECIDING: Final = {
    "Parameters": ("Type", "Default"),
    "Resources": ("Type", "Condition", "Properties"),
}
"""What decides on values and names: what becomes of a resource that goes does not."""


def around(root: Path, function: Function, own: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a template from which a function's settings follow, as far as it is written.

    A version keeps the variables that it was published with. So one is published where the template
    says other `Globals`, where a resource that a variable speaks of may be replaced, and be called
    otherwise, and where a parameter has another value in an environment; also where one of these
    speaks of the next.

    Args:
        root: The project, for its environments.
        function: Whose variables.
        own: The template without its generated resources: what they are called is theirs alone.
    """
    found: dict[str, Any] = {}
    if settings := (own.get("Globals") or {}).get("Function"):
        found["Globals"] = settings
    variables = [name for text in texts(dict(function.environment)) for name in in_text(text)]
    waiting = [*_spoken_of(found), *((section, name) for name in variables for section in NAMED)]
    while waiting:
        section, name = waiting.pop()
        there = own.get(section) or {}
        place = f"{section}/{name}"
        if name not in there or place in found:
            continue
        part = _deciding(section, there[name])
        found[place] = [part, _values(root, name)] if section == "Parameters" else part
        waiting += _spoken_of(part)
    return dict(sorted(found.items()))


def _deciding(section: str, part: Any) -> Any:
    if section in DECIDING and isinstance(part, dict):
        return {key: value for key, value in part.items() if key in DECIDING[section]}
    return part


def _values(root: Path, parameter: str) -> dict[str, str]:
    """What the environments give a parameter."""
    return {
        one.name: one.parameters[parameter]
        for one in environments(root)
        if parameter in one.parameters
    }


def _spoken_of(part: Any) -> Iterator[Named]:
    for name in in_template(part):
        yield from ((section, name) for section in NAMED)
    for function, given in functions_in(part):
        first = given[0] if isinstance(given, list) and given else given
        if not isinstance(first, str):
            continue
        if function in ("If", "Condition"):
            yield "Conditions", first
        elif function == "FindInMap":
            yield "Mappings", first
