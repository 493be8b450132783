"""What sagas have done to a world that is made up, by the keys that they give it: no more.

It is what a good participant keeps: an effect is had once a key, and what is undone before it
arrives never arrives (rule 10).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class TombstoneError(Exception):
    """An effect arrived after it was undone, and is refused."""


@dataclass
class World:
    """What the outside world knows: effects by idempotency key.

    Attributes:
        done: Every effect that was had, in order: the key.
        undone: Every effect that was taken back, in order: the key.
        standing: Effects that were had and not taken back.
        twice: Effects that were had a second time, of steps that are claimed.
        given: What each call of a handler was given, by parameter.
    """

    done: list[str] = field(default_factory=list)
    undone: list[str] = field(default_factory=list)
    standing: set[str] = field(default_factory=set)
    twice: list[str] = field(default_factory=list)
    given: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    _tombstones: set[str] = field(default_factory=set)

    def act(self, key: str) -> None:
        """Have an effect, once; refuse it where it was undone before (rule 10)."""
        if key in self._tombstones:
            raise TombstoneError
        if key not in self.standing:
            self.done.append(key)
            self.standing.add(key)

    def act_again(self, key: str) -> None:
        """Have an effect, however often one has been had or undone: it knows no keys."""
        if key in self.done:
            self.twice.append(key)
        self.done.append(key)
        self.standing.add(key)

    def undo(self, key: str) -> None:
        """Take an effect back, and let it never come again."""
        self._tombstones.add(key)
        if key in self.standing:
            self.standing.remove(key)
            self.undone.append(key)
