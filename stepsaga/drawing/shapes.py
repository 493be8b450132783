"""What a drawing is made of: boxes with text, lines, and the rule of the point of no return.

Coordinates are whole pixels from the top left corner, once a drawing is put together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

Point = tuple[int, int]


class Look(StrEnum):
    """What a shape stands for, which decides its colours."""

    STEP = "step"
    READ_ONLY = "read-only"
    PIVOT = "pivot"
    RETRIABLE = "retriable"
    UNDO = "undo"
    PROBE = "probe"
    CHOICE = "choice"
    WAIT = "wait"
    FORK = "fork"
    ENDING = "ending"
    TEXT = "text"
    FORWARD = "forward"


class Outline(StrEnum):
    """The form of a box. A frame has its text in a band at its top, and other shapes below.

    What runs elsewhere, another saga, has a second line inside its sides, as in flowcharts.
    """

    BOX = "box"
    ELSEWHERE = "elsewhere"
    PILL = "pill"
    HEXAGON = "hexagon"
    FRAME = "frame"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text."""

    text: str
    size: int
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Box:
    """A box with lines of text: in its middle, or from its left where it is not centred.

    ``band`` is the height of a frame's head; 0 for all else.
    """

    x: int
    y: int
    width: int
    height: int
    look: Look
    outline: Outline
    lines: tuple[Text, ...] = ()
    centred: bool = True
    band: int = 0

    @property
    def right(self) -> int:
        """Where it ends."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """Where it ends below."""
        return self.y + self.height

    def moved(self, x: int, y: int) -> Box:
        """The same elsewhere."""
        return replace(self, x=self.x + x, y=self.y + y)


@dataclass(frozen=True, slots=True)
class Line:
    """Straight pieces from point to point; ``head`` for an arrow at its end."""

    points: tuple[Point, ...]
    look: Look
    head: bool = False

    def moved(self, x: int, y: int) -> Line:
        """The same elsewhere."""
        return replace(self, points=tuple((px + x, py + y) for px, py in self.points))


@dataclass(frozen=True, slots=True)
class Rule:
    """The heavy line of the point of no return: of the whole saga, or of one lane in it."""

    x: int
    y: int
    width: int
    whole: bool

    def moved(self, x: int, y: int) -> Rule:
        """The same elsewhere."""
        return replace(self, x=self.x + x, y=self.y + y)


Shape = Box | Line | Rule


@dataclass(frozen=True, slots=True)
class Drawing:
    """A whole drawing. Shapes are in the order in which they are to be drawn."""

    name: str
    about: str
    width: int
    height: int
    shapes: tuple[Shape, ...]

    @property
    def boxes(self) -> tuple[Box, ...]:
        """The boxes among the shapes."""
        return tuple(shape for shape in self.shapes if isinstance(shape, Box))

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines among the shapes."""
        return tuple(shape for shape in self.shapes if isinstance(shape, Line))
