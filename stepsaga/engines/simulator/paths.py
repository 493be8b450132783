"""JSONPath as far as Step Functions needs it here: names, indexes, slices, wildcards.

Filters (``[?(...)]``) and recursive descent (``..``) are refused. Reference paths, which name
exactly one place, have no slices and wildcards: https://states-language.net/spec.html#path
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from stepsaga.errors import EngineError

_TOKEN: Final = re.compile(
    r"""
      \.(?P<name>[^\s.,:;\[\]()'"*?@$&|!<>=\\]+)
    | \[\s*'(?P<single>(?:[^'\\]|\\.)*)'\s*\]
    | \[\s*"(?P<double>(?:[^"\\]|\\.)*)"\s*\]
    | \[\s*(?P<index>-?\d+)\s*\]
    | (?P<all>\.\*|\[\s*\*\s*\])
    | \[\s*(?P<from>-?\d*)\s*:\s*(?P<to>-?\d*)\s*\]
    """,
    re.VERBOSE,
)
_ESCAPE: Final = re.compile(r"\\(.)")

Token = str | int | slice | None
"""A name, an index, a slice, or None for a wildcard."""


class PathMissing(LookupError):
    """A path leads nowhere."""


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path. ``context`` says that it starts at the context object (``$$``)."""

    text: str
    context: bool
    tokens: tuple[Token, ...]

    @property
    def definite(self) -> bool:
        """Whether it names one place at most: a reference path."""
        return all(isinstance(token, str | int) for token in self.tokens)

    def read(self, root: Any) -> Any:
        """The value; for an indefinite path the list of all values, which may be empty.

        Raises:
            PathMissing: A definite path leads nowhere.
        """
        if self.definite:
            value = root
            for token in self.tokens:
                value = _child(value, token)
            return value
        return self._read_all(root)

    def _read_all(self, root: Any) -> list[Any]:
        values = [root]
        for token in self.tokens:
            values = [found for value in values for found in _children(value, token)]
        return values

    def write(self, root: Any, value: Any) -> Any:
        """A copy of ``root`` with ``value`` at this place; missing objects on the way are made.

        Raises:
            PathMissing: Something on the way is no object, or an index is beyond its array.
        """
        return _written(root, self.tokens, value)


def parse_path(text: str) -> Path:
    """A path that is the whole of ``text``.

    Raises:
        EngineError: It is no path, or one of a kind that is not known here.
    """
    path, end = read_path(text, 0)
    if end != len(text):
        raise EngineError(f"path {text!r}: {text[end:]!r} is not known to the simulator")
    return path


def parse_reference(text: str) -> Path:
    """A reference path of the document, as ``ResultPath`` takes it.

    Raises:
        EngineError: It is not one.
    """
    path = parse_path(text)
    if path.context or not path.definite:
        raise EngineError(f"path {text!r} is no reference path: it must name one place below '$'")
    return path


def read_path(text: str, start: int) -> tuple[Path, int]:
    """A path that begins at ``start``, and where it ends.

    Raises:
        EngineError: No path begins there.
    """
    if not text.startswith("$", start):
        raise EngineError(f"path {text[start:]!r} does not begin with '$'")
    context = text.startswith("$$", start)
    end = start + (2 if context else 1)
    if end < len(text) and re.match(r"\w", text[end]):
        raise EngineError(f"path {text[start:]!r} names a variable: the simulator has none")
    tokens: list[Token] = []
    while match := _TOKEN.match(text, end):
        tokens.append(_token(match))
        end = match.end()
    return Path(text[start:end], context, tuple(tokens)), end


def _token(match: re.Match[str]) -> Token:
    groups = match.groupdict()
    if groups["all"]:
        return None
    if groups["index"] is not None:
        return int(groups["index"])
    if groups["from"] is not None:
        low, high = (int(part) if part else None for part in (groups["from"], groups["to"]))
        return slice(low, high)
    if groups["name"] is not None:
        return groups["name"]
    quoted = groups["single"] if groups["single"] is not None else groups["double"]
    return _ESCAPE.sub(r"\1", quoted)


def _child(value: Any, token: Token) -> Any:
    found = _children(value, token)
    if not found:
        raise PathMissing(token)
    return found[0]


def _children(value: Any, token: Token) -> list[Any]:
    if isinstance(token, str):
        return [value[token]] if isinstance(value, dict) and token in value else []
    if token is None:
        if isinstance(value, dict):
            return list(value.values())
        return list(value) if isinstance(value, list) else []
    if not isinstance(value, list):
        return []
    if isinstance(token, slice):
        return value[token]
    return [value[token]] if -len(value) <= token < len(value) else []


def _written(root: Any, tokens: tuple[Token, ...], value: Any) -> Any:
    if not tokens:
        return value
    token, rest = tokens[0], tokens[1:]
    if isinstance(token, str) and isinstance(root, dict):
        return {**root, token: _written(root.get(token, {}), rest, value)}
    if isinstance(token, int) and isinstance(root, list) and 0 <= token < len(root):
        return [*root[:token], _written(root[token], rest, value), *root[token + 1 :]]
    raise PathMissing(token)
