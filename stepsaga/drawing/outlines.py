"""Where the points and texts of a shape are, for everything that draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stepsaga.drawing.blocks import LEADING, PAD_X, SLANT, text_height
from stepsaga.drawing.shapes import Outline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.drawing.shapes import Box, Line, Point, Text

HEAD_LENGTH: Final = 9
HEAD_WIDTH: Final = 4
ROUND: Final = 4
"""The radius of a box's corners."""
BAR: Final = 5
"""How far inside its sides what runs elsewhere has its second lines."""
BASELINE: Final = 0.8
"""Of a text's size, from the top of its line down to its baseline."""


def corners(box: Box) -> tuple[Point, ...]:
    """The corners of a hexagon, or of a box, from the left around."""
    if box.outline is not Outline.HEXAGON:
        return ((box.x, box.y), (box.right, box.y), (box.right, box.bottom), (box.x, box.bottom))
    middle = box.y + box.height // 2
    return (
        (box.x, middle),
        (box.x + SLANT, box.y),
        (box.right - SLANT, box.y),
        (box.right, middle),
        (box.right - SLANT, box.bottom),
        (box.x + SLANT, box.bottom),
    )


def bars(box: Box) -> tuple[tuple[Point, Point], ...]:
    """The second lines inside the sides of what runs elsewhere; none of anything else."""
    if box.outline is not Outline.ELSEWHERE:
        return ()
    return tuple(((x, box.y), (x, box.bottom)) for x in (box.x + BAR, box.right - BAR))


def baselines(box: Box) -> Iterator[tuple[Text, int, int]]:
    """Each line of a box's text with its x, in its middle or at its left, and its baseline."""
    height = box.band or box.height
    y = box.y + (height - text_height(box.lines)) // 2
    x = box.x + (box.width // 2 if box.centred else PAD_X if box.band else 0)
    for text in box.lines:
        yield text, x, y + LEADING // 2 + round(text.size * BASELINE)
        y += text.size + LEADING


def head(line: Line) -> tuple[Point, Point, Point]:
    """The arrow's head at the end of a line: its tip, and the corners behind it."""
    (x, y), (tip_x, tip_y) = line.points[-2:]
    back_x, back_y = _sign(x - tip_x), _sign(y - tip_y)
    base_x, base_y = tip_x + back_x * HEAD_LENGTH, tip_y + back_y * HEAD_LENGTH
    return (
        (tip_x, tip_y),
        (base_x + back_y * HEAD_WIDTH, base_y + back_x * HEAD_WIDTH),
        (base_x - back_y * HEAD_WIDTH, base_y - back_x * HEAD_WIDTH),
    )


def shaft(line: Line) -> tuple[Point, ...]:
    """A line's points; one with a head ends inside of it, so that its end does not show."""
    if not line.head:
        return line.points
    (x, y), (tip_x, tip_y) = line.points[-2:]
    inside = HEAD_LENGTH // 2
    return (
        *line.points[:-1],
        (tip_x + _sign(x - tip_x) * inside, tip_y + _sign(y - tip_y) * inside),
    )


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)
