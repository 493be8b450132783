"""The code blocks of a Markdown page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_FENCE: Final = re.compile(r"^```(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """One block: its language, the words after it, its text and its line in the page."""

    language: str
    words: tuple[str, ...]
    text: str
    line: int

    @property
    def path(self) -> str:
        """The file that the block is, where its first line is a comment that says so."""
        match = re.match(r"# ([\w/]+\.\w+)\n", self.text)
        return match[1] if match else ""

    @property
    def exits(self) -> int:
        """The exit code that a shell block announces: ``bash exits 3``."""
        return int(self.words[1]) if self.words[:1] == ("exits",) else 0


def blocks_of(page: Path) -> list[Block]:
    """Every fenced block of a page."""
    text = page.read_text()
    found = []
    for match in _FENCE.finditer(text):
        language, *words = match["info"].split() or [""]
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(language, tuple(words), match["text"], line))
    return found
