"""Where in somebody's source a call stands, and which class body is under way there."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any, Final

from stepsaga.errors import Source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_OURS: Final = __name__.rpartition(".")[0]


class Body(dict[str, Any]):
    """The namespace of a class body: remembers what Python forgets.

    Attributes:
        assigned: Every assignment in order, also those that a later one replaced.
        places: Where each name was assigned last.
        steps: Every step made while the body ran, also those that got no name.
    """

    def __init__(self) -> None:
        super().__init__()
        self.assigned: list[tuple[str, Any]] = []
        self.places: dict[str, Source] = {}
        self.steps: list[Any] = []

    def __setitem__(self, name: str, value: Any) -> None:
        self.assigned.append((name, value))
        self.places[name] = here()
        super().__setitem__(name, value)


def here() -> Source:
    """The nearest place outside this package."""
    frame = next(_outside())
    return Source(frame.f_code.co_filename, frame.f_lineno)


def class_body() -> tuple[str, Body, Source] | None:
    """The saga's class body that is under way: its class, its names, the line it has come to.

    Found also from a function that the body calls, so that a step made by such a function has the
    line on which the saga's author asked for it. None outside of any.
    """
    for frame in _outside():
        code = frame.f_code
        if code.co_flags & inspect.CO_OPTIMIZED:  # a function's frame; f_locals would be a copy
            continue
        if isinstance(frame.f_locals, Body):
            return code.co_name, frame.f_locals, Source(code.co_filename, frame.f_lineno)
        if code.co_name == "<module>":
            return None
    return None


def _outside() -> Iterator[FrameType]:
    """The frames of the callers outside this package, the nearest first."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  # the only way to an author's line
    while frame is not None:
        name = frame.f_globals.get("__name__") or ""
        if name != _OURS and not name.startswith(f"{_OURS}."):
            yield frame
        frame = frame.f_back
