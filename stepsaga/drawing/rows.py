"""The rows of a sequence that stand alone: a step with what undoes it, a wait, a start, an end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from stepsaga.drawing.blocks import (
    CONDITION_CHARS,
    GAP,
    INSET,
    LEADING,
    LEAST,
    NAME_CHARS,
    NAME_SIZE,
    PAD_Y,
    SIDE_GAP,
    SLANT,
    SMALL_SIZE,
    Block,
    box,
    line,
    texts,
)
from stepsaga.drawing.outlines import BAR
from stepsaga.drawing.shapes import Box, Look, Outline, Rule, Text
from stepsaga.drawing.text import wrap
from stepsaga.drawing.words import FORWARD_ONLY, notes, probe_lines, undo_lines, wait_text
from stepsaga.graph import Role

if TYPE_CHECKING:
    from stepsaga.drawing.shapes import Shape
    from stepsaga.graph import StepNode, WaitNode

LOOKS: Final = {
    Role.COMPENSATABLE: Look.STEP,
    Role.READ_ONLY: Look.READ_ONLY,
    Role.PIVOT: Look.PIVOT,
    Role.RETRIABLE: Look.RETRIABLE,
}
FOUND: Final = 16
"""How far below a pivot the way of what its probe has found joins the way forward."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a box on the axis, and perhaps one beside it on the way back.

    ``turns`` says that the way back begins here, or comes by; ``ends_back`` that it ends here.
    """

    box: Box
    side: Box | None = None
    turns: bool = False
    ends_back: bool = False


def step_row(step: StepNode) -> Row:
    """A step, and beside it what undoes it or settles it."""
    outline, extra = (Outline.ELSEWHERE, BAR) if step.child else (Outline.BOX, 0)
    lines = texts((step.name, *notes(step)), chars=NAME_CHARS)
    own = box(LOOKS[step.role], outline, lines, extra=extra)
    side = None
    if probe := probe_lines(step):
        side = box(Look.PROBE, Outline.BOX, texts(probe, chars=NAME_CHARS))
    elif undo := undo_lines(step):
        side = box(Look.UNDO, outline, texts(undo, chars=NAME_CHARS), extra=extra)
    return Row(own, side, turns=step.role is not Role.RETRIABLE)


def wait_row(wait: WaitNode, input_name: str) -> Row:
    """A pause, as a pill with its time."""
    lines = texts((wait.name, wait_text(wait, input_name)), chars=CONDITION_CHARS)
    return Row(box(Look.WAIT, Outline.PILL, lines, extra=6))


def pill(text: str, side: str = "") -> Row:
    """A start or an end; the end of the way back stands beside the start."""
    ends = [
        box(Look.ENDING, Outline.PILL, (Text(one, NAME_SIZE, bold=True),), extra=6)
        for one in (text, side)
        if one
    ]
    return Row(ends[0], ends[1] if side else None, ends_back=bool(side))


def label_row(name: str, condition: str) -> Row | None:
    """What stands above a branch: its name where no node has it, and when it is taken."""
    named = [Text(piece, SMALL_SIZE, bold=True) for piece in wrap(name, NAME_CHARS) if piece]
    when = [Text(piece, SMALL_SIZE) for piece in wrap(condition, CONDITION_CHARS) if piece]
    if not (named or when):
        return None
    label = box(Look.TEXT, Outline.NONE, (*named, *when))
    return Row(replace(label, height=label.height - PAD_Y))


def choice_box(name: str) -> Box:
    """A choice, at its axis."""
    made = box(Look.CHOICE, Outline.HEXAGON, texts((name,), chars=NAME_CHARS), extra=SLANT)
    return made.moved(-made.width // 2, 0)


def port_of(reach: int) -> int:
    """Where the way back runs in a sequence whose boxes reach so far from the axis."""
    return reach + SIDE_GAP + INSET


def row_block(row: Row, reach: int) -> Block:
    """A row at its place, in a sequence whose boxes reach so far from the axis."""
    height = max(row.box.height, row.side.height if row.side else 0)
    port, half, middle = port_of(reach), row.box.width // 2, height // 2
    own = replace(row.box, x=-half, y=0, height=height)
    shapes: tuple[Shape, ...] = (own,)
    right = max(half, LEAST)
    tied = row.side is not None and not row.ends_back
    if row.side:
        side = replace(row.side, x=port - INSET, y=0, height=height)
        right = side.right
        if tied:
            shapes += line(side.look, (half, middle), (side.x, middle), head=True)
        shapes += (side,)
    elif row.turns:
        right = port + INSET
        shapes += line(Look.UNDO, (half, middle), (port, middle))
        shapes += line(Look.UNDO, (port, middle), (port, 0))
    return Block(
        left=max(half, LEAST),
        right=right,
        height=height,
        shapes=shapes,
        port=port,
        lands=row.box.outline is not Outline.NONE,
        takes=row.turns or row.ends_back,
        takes_at_box=row.side is not None,
        gives=row.turns,
    )


def joint(row: Row, block: Block) -> tuple[Shape, ...]:
    """Up to where a step that has nothing beside it joins a way back from below."""
    if not row.turns or row.side:
        return ()
    return line(Look.UNDO, (block.port, block.height), (block.port, block.height // 2))


def rule_label(beside: int) -> Box:
    """What stands above the rule of the point of no return, right of a line."""
    label = box(Look.TEXT, Outline.NONE, (Text(FORWARD_ONLY, SMALL_SIZE, bold=True),))
    return label.moved(beside + LEADING, 0)


def rule_shapes(
    left: int, right: int, beside: int, found: int | None, *, whole: bool
) -> tuple[int, tuple[Shape, ...]]:
    """The point of no return below a row: its height, and its shapes from the row's bottom on.

    ``found`` is the way back's place, where a probe stands that may lead forward.
    """
    label = rule_label(beside).moved(0, LEADING + (FOUND if found else 0))
    shapes: tuple[Shape, ...] = (label, Rule(-left, label.bottom, left + right, whole))
    if found:
        shapes += line(Look.PROBE, (found, 0), (found, FOUND), (0, FOUND))
    return label.bottom + GAP, shapes
