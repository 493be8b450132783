"""The two kinds of expressions of the JSONPath dialect: paths, and calls of intrinsic functions.

Paths are read as far as the compiler writes them: names, indexes, wildcards. Filters, slices and
recursive descent are refused. Intrinsic functions are those of May 2024:
https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NESTING: Final = 10
"""How deep intrinsic functions may stand in each other."""

ARGUMENTS: Final[Mapping[str, tuple[int, int]]] = {
    "States.Array": (0, 1000),
    "States.ArrayContains": (2, 2),
    "States.ArrayGetItem": (2, 2),
    "States.ArrayLength": (1, 1),
    "States.ArrayPartition": (2, 2),
    "States.ArrayRange": (3, 3),
    "States.ArrayUnique": (1, 1),
    "States.Base64Decode": (1, 1),
    "States.Base64Encode": (1, 1),
    "States.Format": (1, 1000),
    "States.Hash": (2, 2),
    "States.JsonMerge": (3, 3),
    "States.JsonToString": (1, 1),
    "States.MathAdd": (2, 2),
    "States.MathRandom": (2, 3),
    "States.StringSplit": (2, 2),
    "States.StringToJson": (1, 1),
    "States.UUID": (0, 0),
}
"""The functions, and how many arguments each takes: at least, at most."""

FALLIBLE: Final = frozenset({"States.ArrayGetItem", "States.Base64Decode", "States.StringToJson"})
"""They fail on what they cannot read, text that is no JSON for instance; nothing can catch that."""

_NAME: Final = re.compile(r"\.([^\s.\[\]()'\",*?@$:;!<>=&|\\]+)")
_QUOTED: Final = re.compile(r"\['((?:[^'\\]|\\.)+)'\]")
_INDEX: Final = re.compile(r"\[(\d+)\]")
_WILD: Final = re.compile(r"\[\*\]|\.\*")
_FUNCTION: Final = re.compile(r"States\.[A-Za-z0-9]+")
_STRING: Final = re.compile(r"'((?:[^'\\]|\\.)*)'")
_LITERAL: Final = re.compile(r"true|false|null|-?\d+(\.\d+)?([eE][-+]?\d+)?")
_PLACE: Final = re.compile(r"\\.|\{\}|[{}]")

Token = str | int | None
"""A name, an index, or None for a wildcard."""


class PathError(ValueError):
    """The text is no path that the dialect and the compiler know."""


class IntrinsicError(ValueError):
    """The text is no call of an intrinsic function that the dialect knows."""


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path; ``context`` says that it begins at the context object (``$$``)."""

    text: str
    context: bool
    tokens: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """A parsed call of an intrinsic function; literals among its arguments are left out."""

    name: str
    arguments: tuple[Path | Function, ...]


def parse(text: str) -> Path | Function:
    """The expression that is the whole of a text.

    Raises:
        PathError: It begins like a path and is none.
        IntrinsicError: It is neither a path nor a call of a known function with its arguments.
    """
    if text.startswith("$"):
        return parse_path(text)
    function, end = _function(text, 0, 1)
    if end != len(text):
        raise IntrinsicError(f"{text[end:]!r} is left over behind the function")
    return function


def parse_path(text: str) -> Path:
    """The path that is the whole of a text.

    Raises:
        PathError: It is none.
    """
    path, end = _path(text, 0)
    if end != len(text):
        raise PathError(f"{text[end:]!r} is no name, index or wildcard")
    return path


def parse_reference(text: str) -> Path:
    """A path that names exactly one place of the document, as ``ResultPath`` takes it.

    Raises:
        PathError: It is none, or begins at the context object.
    """
    path = parse_path(text)
    if path.context or None in path.tokens:
        raise PathError("it must name one place of the document, without wildcards or '$$'")
    return path


def paths(expression: Path | Function) -> Iterator[Path]:
    """The paths in an expression."""
    if isinstance(expression, Path):
        yield expression
    else:
        for argument in expression.arguments:
            yield from paths(argument)


def functions(expression: Path | Function) -> Iterator[str]:
    """The names of the functions in an expression."""
    if isinstance(expression, Function):
        yield expression.name
        for argument in expression.arguments:
            yield from functions(argument)


def _path(text: str, start: int) -> tuple[Path, int]:
    if not text.startswith("$", start):
        raise PathError("a path begins with '$'")
    context = text.startswith("$$", start)
    end = start + (2 if context else 1)
    tokens: list[Token] = []
    while True:
        if match := _NAME.match(text, end) or _QUOTED.match(text, end):
            tokens.append(match[1])
        elif match := _INDEX.match(text, end):
            tokens.append(int(match[1]))
        elif match := _WILD.match(text, end):
            tokens.append(None)
        else:
            return Path(text[start:end], context, tuple(tokens)), end
        end = match.end()


def _function(text: str, start: int, depth: int) -> tuple[Function, int]:
    match = _FUNCTION.match(text, start)
    if match is None:
        raise IntrinsicError("an expression begins with '$' or 'States.'")
    name, end = match[0], match.end()
    if name not in ARGUMENTS:
        raise IntrinsicError(f"{name} is no intrinsic function")
    if depth > NESTING:
        raise IntrinsicError(f"functions stand more than {NESTING} deep in each other")
    if not text.startswith("(", end):
        raise IntrinsicError(f"{name} has no arguments in parentheses")
    found, count, template, end = _arguments(text, end + 1, depth)
    least, most = ARGUMENTS[name]
    if not least <= count <= most:
        raise IntrinsicError(f"{name} takes {least} to {most} arguments, got {count}")
    if name == "States.Format":
        _check_template(template, count - 1)
    return Function(name, tuple(found)), end


def _arguments(
    text: str, end: int, depth: int
) -> tuple[list[Path | Function], int, str | None, int]:
    """The arguments that are no literals, how many there are, the first's text, and the end."""
    found: list[Path | Function] = []
    count, first = 0, None
    end = _blanks(text, end)
    while not text.startswith(")", end):
        if count:
            if not text.startswith(",", end):
                raise IntrinsicError("arguments are separated by commas, and end with ')'")
            end = _blanks(text, end + 1)
        if match := _STRING.match(text, end):
            first, end = (match[1] if count == 0 else first), match.end()
        elif match := _LITERAL.match(text, end):
            end = match.end()
        else:
            argument, end = (
                _path(text, end) if text.startswith("$", end) else _function(text, end, depth + 1)
            )
            found.append(argument)
        count += 1
        end = _blanks(text, end)
    return found, count, first, end + 1


def _check_template(template: str | None, values: int) -> None:
    if template is None:
        raise IntrinsicError("States.Format begins with its template, a text in quotes")
    marks = [mark for mark in _PLACE.findall(template) if not mark.startswith("\\")]
    if any(mark != "{}" for mark in marks):
        raise IntrinsicError("a brace in the template is neither '{}' nor escaped")
    if len(marks) != values:
        raise IntrinsicError(f"the template has {len(marks)} places for {values} values")


def _blanks(text: str, end: int) -> int:
    while text.startswith(" ", end):
        end += 1
    return end
