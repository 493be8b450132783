"""Who speaks of whom: ``${Name}`` in what participants ask for, and its forms in templates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from stepsaga.sam.cfn import Tag, att, ref, sub

if TYPE_CHECKING:
    from collections.abc import Iterator

PSEUDO: Final = frozenset(
    f"AWS::{name}"
    for name in ("AccountId", "Partition", "Region", "StackId", "StackName", "URLSuffix")
)
"""The names that every template knows.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html"""

_SAM_ONLY: Final = ("Alias", "Version")
"""Attributes of a function that only ``!Ref`` knows."""
_IN_TEXT: Final = re.compile(r"\$\{(!?)([^}]*)\}?")
_NAME: Final = re.compile(r"(AWS::[A-Za-z]+|[A-Za-z0-9]+)(\.[A-Za-z0-9.]+)?")


def in_text(text: str) -> Iterator[str]:
    """What a text speaks of: ``${StockTable.Arn}`` of StockTable; ``${!this}`` is a plain text.

    What is no name at all is yielded as it stands, braces included.
    """
    for found in _IN_TEXT.finditer(text):
        literal, name = found.groups()
        closed = found[0].endswith("}")
        match = _NAME.fullmatch(name)
        if not closed or not (literal or match):
            yield found[0]
        elif match and not literal:
            yield match[1]


def texts(value: Any) -> Iterator[str]:
    """All texts in JSON values, keys left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts(item)


def resolved(value: Any) -> Any:
    """JSON values as a template has them: texts that speak of something become functions."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return {key: resolved(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [resolved(item) for item in value]
    return value


def in_template(value: Any) -> Iterator[str]:
    """The logical ids that a part of a template speaks of, in short forms and long ones."""
    if isinstance(value, Tag):
        yield from _in_function(value.name, value.value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            name = str(key).removeprefix("Fn::")
            if name == "DependsOn":
                yield from [item] if isinstance(item, str) else texts(item)
            elif key == "Ref" or name in ("GetAtt", "Sub"):
                yield from _in_function(name, item)
            else:
                yield from in_template(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from in_template(item)


def functions_in(value: Any) -> Iterator[tuple[str, Any]]:
    """The intrinsic functions in a part of a template, each with what it is given.

    In short forms and long ones: ``("If", ["IsProd", 1, 2])``. A long form is a key of a mapping
    like others, so all keys are told.
    """
    if isinstance(value, Tag):
        yield value.name, value.value
        yield from functions_in(value.value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key).removeprefix("Fn::"), item
            yield from functions_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from functions_in(item)


def _in_function(name: str, value: Any) -> Iterator[str]:
    first, *rest = value if isinstance(value, list) and value else [value]
    if name in ("Ref", "GetAtt"):
        yield str(first).partition(".")[0]
    elif name == "Sub":
        yield from in_text(str(first))
        yield from in_template(rest)
    else:
        yield from in_template(value)


def _text(text: str) -> str | Tag:
    if "${" not in text:
        return text
    whole = _IN_TEXT.fullmatch(text)
    match = _NAME.fullmatch(whole[2]) if whole and not whole[1] else None
    if match is None:
        return sub(text)
    if match[2] is None or match[2].removeprefix(".") in _SAM_ONLY:
        return ref(match[0])
    return att(match[0])
