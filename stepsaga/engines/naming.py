"""Which versions of functions a definition names, in whatever form Step Functions takes them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Named = frozenset[tuple[str, str]]
"""Functions' names, each with the number of one of its versions."""


class Names:
    """Finds the versions of some functions in definitions.

    A definition names a version by an ARN (``arn:…:function:payments:7``), a part of one
    (``payments:7``), or by ``FunctionName`` and ``Qualifier`` side by side. What it computes from
    its input (``FunctionName.$``) nobody can know; stepsaga compiles no such thing.

    Args:
        functions: The functions' names.
    """

    def __init__(self, functions: Iterable[str]) -> None:
        self._functions = frozenset(functions)
        either = "|".join(re.escape(name) for name in sorted(self._functions))
        edge = r"[A-Za-z0-9_-]"
        self._version = re.compile(rf"(?<!{edge})({either}):([0-9]+)(?!{edge})") if either else None
        self._known: dict[str, Named] = {}

    def named(self, definition: str) -> Named:
        """The versions that the text of a definition names."""
        if definition not in self._known:
            self._known[definition] = frozenset(self._find(definition))
        return self._known[definition]

    def _find(self, definition: str) -> Iterator[tuple[str, str]]:
        yield from self._in_text(definition)
        try:
            value = json.loads(definition)
        except ValueError:
            return
        for part in _walk(value):
            if isinstance(part, str):  # escapes of JSON's are gone now
                yield from self._in_text(part)
            elif isinstance(part, dict):
                yield from self._side_by_side(part)

    def _in_text(self, text: str) -> Iterator[tuple[str, str]]:
        for match in self._version.finditer(text) if self._version else ():
            yield match[1], match[2]

    def _side_by_side(self, part: dict[str, Any]) -> Iterator[tuple[str, str]]:
        function, qualifier = part.get("FunctionName"), part.get("Qualifier")
        if isinstance(function, str) and isinstance(qualifier, str | int):
            name = function.rpartition(":")[2]
            if name in self._functions:
                yield name, str(qualifier)


class Uses:
    """Notes who names which version."""

    def __init__(self) -> None:
        self._noted: dict[tuple[str, str], dict[str, int | None]] = {}

    def note(self, named: Iterable[tuple[str, str]], who: str, *, counted: bool = False) -> None:
        """Note that somebody names these versions; ``counted``: one of several of the kind."""
        for one in named:
            noted = self._noted.setdefault(one, {})
            noted[who] = (noted.get(who) or 0) + 1 if counted else None

    def of(self, function: str, number: str) -> list[str]:
        """Who names a version: ``["alias live", "2 open executions"]``."""
        noted = self._noted.get((function, number), {})
        return [who if times is None else _times(times, who) for who, times in noted.items()]


def _times(count: int, thing: str) -> str:
    return f"1 {thing}" if count == 1 else f"{count} {thing}s"


def _walk(value: Any) -> Iterator[Any]:
    yield value
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in inside:
        yield from _walk(part)
