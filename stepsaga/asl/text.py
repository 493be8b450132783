"""A definition as text: deterministic, as compact as the limit asks, readable in the console.

Step Functions takes 1,048,576 characters. A saga of hundreds of steps comes near that, and a line
for every field and bracket would be a third of it. So lines are filled: a container opens on the
line of its key and closes behind its last item, and what fits stands side by side. States, retriers
and catchers begin lines of their own, one space deeper than what they belong to.
"""

from __future__ import annotations

import json
from typing import Any, Final

WIDTH: Final = 100
"""Columns that are filled; closing brackets and names longer than a line may stand out."""

_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(", ", ":")).encode


def render(definition: dict[str, Any]) -> str:
    """The JSON text of a definition, ending in a newline."""
    page = _Page()
    page.write(definition, depth=0)
    return page.text() + "\n"


class _Page:
    """Lines as they fill."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._column = 0

    def text(self) -> str:
        return "".join(self._parts)

    def write(self, value: Any, depth: int) -> None:
        """A value that does not fit on one line, its content one deeper than ``depth``."""
        if isinstance(value, dict):
            self._items([(f"{_encode(key)}:", item) for key, item in value.items()], "{}", depth)
        elif isinstance(value, list):
            self._items([("", item) for item in value], "[]", depth)
        else:
            self._put(_encode(value))

    def _items(self, items: list[tuple[str, Any]], brackets: str, depth: int) -> None:
        self._put(brackets[0])
        apart = all(isinstance(item, dict) for _, item in items) and len(items) > 1
        broken = apart
        for number, (key, item) in enumerate(items):
            if number:
                self._put(",")
            flat = _flat(item, WIDTH - depth - len(key))
            width = 0 if flat is None else len(key) + len(flat) + 1
            full = flat is None or self._column + width >= WIDTH
            # The first item stays beside its bracket, unless a line of its own has room for it.
            if broken or (full and (number or 0 < width < WIDTH - depth)):
                self._break(depth + 1)
            elif number:
                self._put(" ")
            self._put(key)
            if flat is None:
                self.write(item, depth + 1)
            else:
                self._put(flat)
            broken = apart or flat is None
        self._put(brackets[1])

    def _put(self, text: str) -> None:
        self._parts.append(text)
        self._column += len(text)

    def _break(self, depth: int) -> None:
        self._parts.append("\n" + " " * depth)
        self._column = depth


def _flat(value: Any, room: int) -> str | None:
    """The text of a value on one line, or None where there is no room for it."""
    if not isinstance(value, dict | list):
        return _encode(value)
    if len(value) > room:
        return None
    text = _encode(value)
    return text if len(text) <= room else None
