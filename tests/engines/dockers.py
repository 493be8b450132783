"""A Docker that tests talk to: what it was told, and answers as a test wishes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stepsaga.engines.docker import Ran

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

UP = {"version": Ran(0, "28.1\n"), "info": Ran(0, "Debian GNU/Linux 13\n")}
DOWN = Ran(1, err="Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?")
COMMANDS = ("version", "info", "up", "down", "logs")

Does = Ran | Callable[[], Ran]


@dataclass
class Docker:
    """A `Runner` that has one answer for each of Docker's commands, and keeps what it was asked."""

    answers: Mapping[str, Does] = field(default_factory=dict)
    asked: list[tuple[str, ...]] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)

    def __call__(
        self, words: Sequence[str], *, seconds: float, variables: Mapping[str, str] | None = None
    ) -> Ran:
        """Answer; a command is told by the word that is one."""
        assert seconds > 0
        self.asked.append(tuple(words))
        self.variables |= variables or {}
        name = next(word for word in words if word in COMMANDS)
        if name == "version" and "compose" in words:
            name = "compose"
        answer = {**UP, **self.answers}.get(name, Ran(0))
        return answer if isinstance(answer, Ran) else answer()

    def told(self, command: str) -> list[tuple[str, ...]]:
        """What it was asked with this word."""
        return [words for words in self.asked if command in words]
