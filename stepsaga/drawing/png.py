"""A drawing as PNG, by Pillow, which is an extra: ``pip install "stepsaga[png]"``."""

from __future__ import annotations

from importlib import import_module
from io import BytesIO
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from stepsaga.drawing.colours import COLOURS, DASH, GROUND, INK, LINE_WIDTH, RULE, RULE_WIDTH
from stepsaga.drawing.outlines import ROUND, bars, baselines, corners, head, shaft
from stepsaga.drawing.shapes import Box, Line, Outline, Rule
from stepsaga.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from PIL.ImageDraw import ImageDraw

    from stepsaga.drawing.shapes import Drawing, Point, Shape

SCALE: Final = 2
"""Pixels for each of the layout's: text is to be sharp on today's screens."""
SHARP_PIXELS: Final = 60_000_000
"""What would have more is drawn at the layout's own size."""
MOST_PIXELS: Final = 200_000_000
"""Nothing shows a picture of more, and it would need 600 MB to be drawn."""


def png(drawing: Drawing, load: Callable[[str], Any] = import_module) -> bytes:
    """The bytes of the file. ``load`` is what imports Pillow.

    Raises:
        UsageError: Pillow is not installed, or the picture would be too large for any viewer.
    """
    try:
        images, draws, fonts = (load(f"PIL.{one}") for one in ("Image", "ImageDraw", "ImageFont"))
    except ModuleNotFoundError as error:
        text = 'a PNG needs Pillow: pip install "stepsaga[png]", or take --format svg'
        raise UsageError(text) from error
    scale = scale_of(drawing)
    image = images.new("RGB", (drawing.width * scale, drawing.height * scale), GROUND)
    pen = _Pen(draws.Draw(image), fonts.load_default, scale)
    for shape in drawing.shapes:
        pen.draw(shape)
    file = BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def scale_of(drawing: Drawing) -> int:
    """How many pixels of the picture there are for one of the layout.

    Raises:
        UsageError: The picture would be too large for any viewer.
    """
    pixels = drawing.width * drawing.height
    if pixels > MOST_PIXELS:
        size = f"{drawing.width} x {drawing.height} pixels"
        raise UsageError(f"a PNG of {size} is too large to be looked at: take --format svg")
    return SCALE if pixels * SCALE * SCALE <= SHARP_PIXELS else 1


class _Pen:
    """Draws shapes, scaled, with the font that Pillow brings along."""

    def __init__(self, image: ImageDraw, font: Callable[[float], Any], scale: int) -> None:
        self.image = image
        self.font = font
        self.scale = scale

    def draw(self, shape: Shape) -> None:
        """Draw one shape over those before."""
        match shape:
            case Box():
                self._box(shape)
            case Line():
                self._line(shape)
            case Rule():
                ends = ((shape.x, shape.y), (shape.x + shape.width, shape.y))
                self._stroke(ends, RULE, RULE_WIDTH)

    def _box(self, box: Box) -> None:
        colours = COLOURS[box.look]
        border = colours.width * self.scale
        area = self._all(((box.x, box.y), (box.right, box.bottom)))
        if box.outline is Outline.HEXAGON:
            points = self._all(corners(box))
            self.image.polygon(points, colours.fill, colours.border, border)
        elif box.outline is not Outline.NONE:
            radius = box.height // 2 if box.outline is Outline.PILL else ROUND
            self.image.rounded_rectangle(
                area, radius * self.scale, colours.fill, colours.border, border
            )
        if box.band:
            y = box.y + box.band
            self._stroke(((box.x, y), (box.right, y)), colours.border, colours.width)
        for ends in bars(box):
            self._stroke(ends, colours.border, 1)
        for text, x, y in baselines(box):
            # The font has no bold: a thin stroke in the text's own colour makes one.
            self.image.text(
                (x * self.scale, y * self.scale),
                text.text,
                INK,
                self.font(text.size * self.scale),
                "ms" if box.centred else "ls",
                stroke_width=self.scale / 4 if text.bold else 0,
            )

    def _line(self, line: Line) -> None:
        colours = COLOURS[line.look]
        pieces = _dashes(shaft(line)) if colours.dashed else pairwise(shaft(line))
        for piece in pieces:
            self._stroke(piece, colours.border, LINE_WIDTH)
        if line.head:
            self.image.polygon(self._all(head(line)), colours.border)

    def _stroke(self, ends: tuple[Point, Point], colour: str, width: int) -> None:
        """A straight piece, as a rectangle: lines of Pillow's are a pixel off where they meet."""
        half = width * self.scale // 2
        (x1, y1), (x2, y2) = sorted(self._all(ends))
        wide, high = (half, 0) if x1 == x2 else (0, half)
        self.image.rectangle(
            (x1 - wide, y1 - high, x2 + max(wide - 1, 0), y2 + max(high - 1, 0)), colour
        )

    def _all(self, points: tuple[Point, ...]) -> list[Point]:
        return [(x * self.scale, y * self.scale) for x, y in points]


def _dashes(points: tuple[Point, ...]) -> Iterator[tuple[Point, Point]]:
    """The dashes of a line; each straight piece begins with one."""
    on, off = DASH
    for (x1, y1), (x2, y2) in pairwise(points):
        length = abs(x2 - x1) + abs(y2 - y1)
        along = ((x2 > x1) - (x2 < x1), (y2 > y1) - (y2 < y1))
        for at in range(0, length, on + off):
            end = min(at + on, length)
            yield (
                (x1 + along[0] * at, y1 + along[1] * at),
                (x1 + along[0] * end, y1 + along[1] * end),
            )
