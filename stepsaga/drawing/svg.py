"""A drawing as SVG: one file, no script, no font of its own, the same text for the same drawing.

Colours are attributes, not a style sheet, so that nothing leaks out of or into a page around it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

from stepsaga.drawing.colours import COLOURS, DASH, GROUND, INK, LINE_WIDTH, RULE, RULE_WIDTH
from stepsaga.drawing.outlines import ROUND, bars, baselines, corners, head, shaft
from stepsaga.drawing.shapes import Box, Line, Outline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stepsaga.drawing.shapes import Drawing, Point, Shape

FONTS: Final = "DejaVu Sans, Verdana, Segoe UI, Helvetica, Arial, sans-serif"


def svg(drawing: Drawing) -> str:
    """The text of the file."""
    name = quoteattr(f"title-{drawing.name}")
    about = quoteattr(f"about-{drawing.name}")
    described = f'aria-labelledby="{name[1:-1]} {about[1:-1]}"'
    size = f'width="{drawing.width}" height="{drawing.height}"'
    view = f'viewBox="0 0 {drawing.width} {drawing.height}"'
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {view} role="img" {described}>',
        f"<title id={name}>The saga {escape(drawing.name)}</title>",
        f"<desc id={about}>{escape(_description(drawing))}</desc>",
        f'<rect {size} fill="{GROUND}"/>',
        f'<g font-family="{FONTS}" fill="{INK}" xml:space="preserve">',
        *(text for shape in drawing.shapes for text in _shape(shape)),
        "</g>",
        "</svg>",
    ]
    text = "\n".join(lines) + "\n"
    # Whatever a stream's encoding is, it can take this.
    return text.encode("ascii", "xmlcharrefreplace").decode()


def _description(drawing: Drawing) -> str:
    """For whoever hears it: what the saga is for, and every box from the top down."""
    boxes = ["; ".join(line.text for line in box.lines) for box in drawing.boxes[1:]]
    return ". ".join([*([drawing.about.rstrip(".")] if drawing.about else []), *boxes]) + "."


def _shape(shape: Shape) -> Iterator[str]:
    match shape:
        case Box():
            yield from _box(shape)
        case Line():
            yield from _line(shape)
        case _:
            yield (
                f'<path d="M{shape.x} {shape.y}h{shape.width}" stroke="{RULE}" '
                f'stroke-width="{RULE_WIDTH}"/>'
            )


def _box(box: Box) -> Iterator[str]:
    colours = COLOURS[box.look]
    paint = f'fill="{colours.fill}" stroke="{colours.border}" stroke-width="{colours.width}"'
    place = f'x="{box.x}" y="{box.y}" width="{box.width}"'
    if box.outline is Outline.HEXAGON:
        yield f'<polygon points="{_points(corners(box))}" {paint}/>'
    elif box.outline is not Outline.NONE:
        radius = box.height // 2 if box.outline is Outline.PILL else ROUND
        yield f'<rect {place} height="{box.height}" rx="{radius}" {paint}/>'
    if box.band:
        yield (
            f'<path d="M{box.x} {box.y + box.band}h{box.width}" stroke="{colours.border}" '
            f'stroke-width="{colours.width}"/>'
        )
    for (x, top), (_, bottom) in bars(box):
        yield f'<path d="M{x} {top}V{bottom}" stroke="{colours.border}"/>'
    anchor = ' text-anchor="middle"' if box.centred else ""
    for text, x, y in baselines(box):
        weight = ' font-weight="bold"' if text.bold else ""
        yield (
            f'<text x="{x}" y="{y}" font-size="{text.size}"{anchor}{weight}>'
            f"{escape(text.text)}</text>"
        )


def _line(line: Line) -> Iterator[str]:
    colours = COLOURS[line.look]
    dash = f' stroke-dasharray="{DASH[0]} {DASH[1]}"' if colours.dashed else ""
    yield (
        f'<polyline points="{_points(shaft(line))}" fill="none" stroke="{colours.border}" '
        f'stroke-width="{LINE_WIDTH}"{dash}/>'
    )
    if line.head:
        yield f'<polygon points="{_points(head(line))}" fill="{colours.border}"/>'


def _points(points: Iterable[Point]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)
