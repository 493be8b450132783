"""Parts of a drawing on their way to their place, and the measures that all of them keep.

A block has the forward way on its axis, from (0, 0) down to (0, height), and the way back, where it
has one, at (port, height) up to (port, 0).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stepsaga.drawing.shapes import Box, Line, Look, Outline, Text
from stepsaga.drawing.text import width, wrap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stepsaga.drawing.shapes import Point, Shape

NAME_SIZE: Final = 14
SMALL_SIZE: Final = 12
TITLE_SIZE: Final = 20
LEADING: Final = 4
"""Between lines of text, and half of it above the first and below the last."""
PAD_X: Final = 14
PAD_Y: Final = 8
GAP: Final = 30
"""Between the rows of a sequence: room for an arrow and its head."""
SIDE_GAP: Final = 36
"""Between a step and what undoes it."""
INSET: Final = 22
"""How far inside of the boxes that undo the way back runs."""
LANE_GAP: Final = 40
TURN: Final = 16
"""Between parallel lines, and between a line and a box that it does not touch."""
SLANT: Final = 16
LEAST: Final = 20
"""To each side of an axis, so that a lane of nothing has room for its line."""
NAME_CHARS: Final = 30
CONDITION_CHARS: Final = 28
TITLE_CHARS: Final = 64
HEAD_CHARS: Final = 60


@dataclass(frozen=True, slots=True)
class Block:
    """Shapes around an axis.

    Attributes:
        left: How far they reach to the left of the axis.
        right: How far to the right.
        height: How far down.
        shapes: In the order in which they are to be drawn.
        port: Where the way back runs, right of the axis.
        lands: Whether a forward line that arrives at the top arrives at a box.
        takes: Whether the way back enters at the bottom.
        takes_at_box: Whether it arrives at a box there.
        gives: Whether the way back leaves at the top.
    """

    left: int
    right: int
    height: int
    shapes: tuple[Shape, ...] = ()
    port: int = 0
    lands: bool = False
    takes: bool = False
    takes_at_box: bool = False
    gives: bool = False


def texts(
    lines: Iterable[str], *, size: int = SMALL_SIZE, first_bold: bool = True, chars: int
) -> tuple[Text, ...]:
    """Lines of text, broken where they are long; the first stands out."""
    found: list[Text] = []
    for number, line in enumerate(lines):
        head = number == 0 and first_bold
        one = NAME_SIZE if head else size
        found += [Text(piece, one, bold=head) for piece in wrap(line, chars)]
    return tuple(found)


def text_width(lines: Iterable[Text]) -> int:
    """The width of the longest line."""
    return max((width(line.text, line.size, bold=line.bold) for line in lines), default=0)


def text_height(lines: Iterable[Text]) -> int:
    """The height of all lines."""
    return sum(line.size + LEADING for line in lines)


def box(look: Look, outline: Outline, lines: tuple[Text, ...], *, extra: int = 0) -> Box:
    """A box at the origin that holds its text. Its width is even, so that it has a middle."""
    inner = text_width(lines) + 2 * (PAD_X + extra)
    return Box(
        0, 0, inner + inner % 2, text_height(lines) + 2 * PAD_Y, look, outline, lines, centred=True
    )


def moved(shapes: Iterable[Shape], x: int, y: int) -> tuple[Shape, ...]:
    """Shapes elsewhere."""
    return tuple(shape.moved(x, y) for shape in shapes)


def line(look: Look, *points: Point, head: bool = False) -> tuple[Line, ...]:
    """A line through points, without those that add nothing; no line where it has no length."""
    kept = [points[0]]
    for point in points[1:]:
        if point == kept[-1]:
            continue
        if len(kept) > 1 and _straight(kept[-2], kept[-1], point):
            kept[-1] = point
        else:
            kept.append(point)
    return (Line(tuple(kept), look, head),) if len(kept) > 1 else ()


def _straight(first: Point, second: Point, third: Point) -> bool:
    across = first[0] == second[0] == third[0]
    return across or first[1] == second[1] == third[1]
