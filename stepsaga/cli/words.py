"""Durations as people read them."""

from __future__ import annotations

from typing import Final

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
_UNITS: Final = ((DAY, "d", HOUR, "h"), (HOUR, "h", MINUTE, "min"), (MINUTE, "min", 1, "s"))


def for_people(seconds: float) -> str:
    """A duration in its two largest units: ``4 d 2 h``, ``1 min 5 s``, ``0.08 s``."""
    if seconds < MINUTE:
        return f"{seconds:.2f} s" if seconds % 1 else f"{seconds:.0f} s"
    size, unit, smaller, name = next(one for one in _UNITS if seconds >= one[0])
    rest = int(seconds % size // smaller)
    return f"{int(seconds // size)} {unit}" + (f" {rest} {name}" if rest else "")
