"""A saga's graph as placed shapes.

Such graphs are series-parallel: every way that splits joins again. So a sequence is laid out from
top to bottom on one axis, branches side by side, and no solver is needed. The way back runs
upwards, right of each axis: from a step to what undoes it, and on to what was done before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from stepsaga.drawing.blocks import (
    GAP,
    HEAD_CHARS,
    INSET,
    LEADING,
    LEAST,
    PAD_X,
    TITLE_CHARS,
    TITLE_SIZE,
    TURN,
    Block,
    line,
    moved,
    text_height,
    text_width,
    texts,
)
from stepsaga.drawing.conditions import condition_text
from stepsaga.drawing.fans import fan
from stepsaga.drawing.rows import (
    Row,
    choice_box,
    joint,
    label_row,
    pill,
    port_of,
    row_block,
    rule_label,
    rule_shapes,
    step_row,
    wait_row,
)
from stepsaga.drawing.shapes import Box, Drawing, Look, Outline, Rule, Text
from stepsaga.drawing.text import clean, wrap
from stepsaga.drawing.words import (
    COMPENSATED,
    COMPLETED,
    OTHERWISE,
    START,
    behind_pivot,
    duration,
    fork_title,
    forward_only_from,
    lane_title,
    started_by,
    turns_back,
)
from stepsaga.graph import ChoiceNode, MapNode, ParallelNode, StepNode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepsaga.drawing.shapes import Shape
    from stepsaga.graph import Node, SagaGraph

MARGIN: Final = 24

Item = Row | ChoiceNode | ParallelNode | MapNode


@dataclass(frozen=True, slots=True)
class _Part:
    """What stands in a sequence: a row or a node with lanes.

    ``rule`` says that the rule of the point of no return comes before, ``whole`` that it is the
    saga's own.
    """

    item: Item
    rule: bool = False
    whole: bool = False


def layout(graph: SagaGraph) -> Drawing:
    """The drawing of a saga. The same graph always gives the same one."""
    back = turns_back(graph.nodes)
    parts = [
        _Part(pill(START, COMPENSATED if back else "")),
        *_Layout(graph.input.name).parts(graph.nodes),
        _Part(pill(COMPLETED)),
    ]
    rule = forward_only_from(graph.nodes)
    if rule is not None:
        parts[rule + 1] = replace(parts[rule + 1], rule=True, whole=True)
    body = _Layout(graph.input.name).sequence(parts, below=False)
    title = _title(graph)
    width = max(body.left + body.right, title.width) + 2 * MARGIN
    axis = (width - body.left - body.right) // 2 + body.left
    top = MARGIN + title.height + MARGIN
    shapes = [_across(shape, width) for shape in moved(body.shapes, axis, top)]
    return Drawing(
        name=clean(graph.name),
        about=_about(graph),
        width=width,
        height=top + body.height + MARGIN,
        shapes=(title.moved(MARGIN, MARGIN), *shapes),
    )


def _title(graph: SagaGraph) -> Box:
    limit = [f"deadline: {duration(graph.deadline)}"] if graph.deadline else []
    starts = [f"started {one}" for one in started_by(graph)]
    lines = (
        *(Text(one, TITLE_SIZE, bold=True) for one in wrap(graph.name, TITLE_CHARS // 2)),
        *texts([_about(graph), *limit, *starts], first_bold=False, chars=TITLE_CHARS),
    )
    lines = tuple(one for one in lines if one.text)
    return Box(
        0, 0, text_width(lines), text_height(lines), Look.TEXT, Outline.NONE, lines, centred=False
    )


def _about(graph: SagaGraph) -> str:
    """The first line of what its author says of it."""
    return clean(next((one.strip() for one in graph.doc.splitlines() if one.strip()), ""))


def _across(shape: Shape, width: int) -> Shape:
    """The rule of the saga itself goes across the whole drawing."""
    if isinstance(shape, Rule) and shape.whole:
        return replace(shape, x=MARGIN // 2, width=width - MARGIN)
    return shape


@dataclass(frozen=True, slots=True)
class _Layout:
    """What all parts of one drawing know: the name of the saga's input."""

    input_name: str

    def parts(self, nodes: tuple[Node, ...]) -> list[_Part]:
        """The nodes of a sequence, as what can be placed."""
        return [_Part(self._item(node)) for node in nodes]

    def _item(self, node: Node) -> Item:
        if isinstance(node, StepNode):
            return step_row(node)
        if isinstance(node, ChoiceNode | ParallelNode | MapNode):
            return node
        return wait_row(node, self.input_name)

    def sequence(self, parts: Sequence[_Part], *, below: bool, least: int = LEAST) -> Block:
        """Parts from top to bottom; ``below`` says that a way back arrives from further down.

        ``least`` is how far its boxes reach at least, so that ways back stand in one line.
        """
        reach = max((least, *(self._reach(part.item) for part in parts)))
        port = port_of(reach)
        blocks: list[Block] = []
        coming = below
        for part in reversed(parts):
            block = self._block(part.item, reach, coming)
            blocks.insert(0, block)
            coming = coming or block.gives
        return _stack(parts, blocks, port, below=below)

    def _block(self, item: Item, reach: int, below: bool) -> Block:
        if isinstance(item, Row):
            block = row_block(item, reach)
            if below:
                block = replace(block, shapes=block.shapes + joint(item, block))
            return block
        if isinstance(item, ChoiceNode):
            return self._choice(item, port_of(reach), below)
        return self._fork(item, reach, below)

    def _choice(self, choice: ChoiceNode, port: int, below: bool) -> Block:
        ways = [
            (branch.name, condition_text(branch.condition, self.input_name), branch.nodes)
            for branch in choice.branches
        ]
        ways.append(("", OTHERWISE, choice.otherwise))
        lanes = [
            self._lane((lane_title(name, nodes), text), nodes, below, LEAST)
            for name, text, nodes in ways
        ]
        around = not all(turns_back(nodes) for _, _, nodes in ways)
        inner = fan(lanes, port, below=below, around=around)
        head = choice_box(choice.name)
        shapes = (head, *moved(inner.shapes, 0, head.height))
        if inner.gives:
            shapes += line(Look.UNDO, (port, head.height), (port, 0))
        return replace(
            inner,
            left=max(inner.left, head.width // 2),
            right=max(inner.right, port + INSET if inner.gives else 0, head.width // 2),
            height=head.height + inner.height,
            shapes=shapes,
            lands=True,
        )

    def _fork(self, fork: ParallelNode | MapNode, reach: int, below: bool) -> Block:
        port = port_of(reach)
        lanes = (
            [("", fork.nodes)]
            if isinstance(fork, MapNode)
            else [(lane_title(lane.name, lane.nodes), lane.nodes) for lane in fork.lanes]
        )
        least = reach if isinstance(fork, MapNode) else LEAST
        back = turns_back((fork,))
        inner = fan(
            [self._lane((name, ""), nodes, below, least) for name, nodes in lanes],
            port,
            below=below and back,
            around=False,
        )
        title = texts((fork_title(fork, self.input_name),), chars=HEAD_CHARS)
        band = text_height(title) + LEADING * 2
        left = max(inner.left, LEAST) + TURN
        right = max(inner.right, port + INSET if back or below else LEAST) + TURN
        right = max(right, text_width(title) + 2 * PAD_X - left)
        frame = Box(
            -left,
            0,
            left + right,
            band + inner.height + TURN,
            Look.FORK,
            Outline.FRAME,
            title,
            centred=False,
            band=band,
        )
        shapes = (frame, *moved(inner.shapes, 0, band))
        shapes += line(Look.FORWARD, (0, band + inner.height), (0, frame.height))
        if below and back:
            shapes += line(Look.UNDO, (port, frame.height), (port, band + inner.height))
        return Block(
            left=left,
            right=right,
            height=frame.height,
            shapes=shapes,
            port=port,
            lands=True,
            takes=below,
            takes_at_box=True,
            gives=below or back,
        )

    def _lane(
        self, label: tuple[str, str], nodes: tuple[Node, ...], below: bool, least: int
    ) -> Block:
        parts = self.parts(nodes)
        pivot = behind_pivot(nodes)
        if pivot is not None and pivot < len(parts):
            parts[pivot] = replace(parts[pivot], rule=True)
        row = label_row(*label)
        if row:
            parts.insert(0, _Part(row))
        return self.sequence(parts, below=below and turns_back(nodes), least=least)

    def _reach(self, item: Item) -> int:
        """How far from the axis the boxes are that the way back passes."""
        match item:
            case Row():
                return item.box.width // 2
            case ChoiceNode():
                return choice_box(item.name).width // 2
            case MapNode():
                return max((self._reach(part.item) for part in self.parts(item.nodes)), default=0)
            case ParallelNode():
                return 0


def _stack(parts: Sequence[_Part], blocks: Sequence[Block], port: int, *, below: bool) -> Block:
    gives = below or any(block.gives for block in blocks)
    left = max((block.left for block in blocks), default=LEAST)
    right = max((block.right for block in blocks), default=LEAST)
    right = max(right, port + INSET if gives else 0)
    rule = next((at for at, part in enumerate(parts) if part.rule), None)
    # Behind a pivot there is no way back, unless somebody draws what no author may write.
    beside = port if below or any(block.gives for block in blocks[rule:]) else 0
    if rule is not None:
        right = max(right, rule_label(beside).right)
    shapes: tuple[Shape, ...] = ()
    tops: list[int] = []
    y = 0
    for part, block in zip(parts, blocks, strict=True):
        if tops:
            gap = GAP
            if part.rule:
                found = port if _has_probe(parts[len(tops) - 1].item) else None
                gap, ruled = rule_shapes(left, right, beside, found, whole=part.whole)
                shapes += moved(ruled, 0, y)
            shapes += line(Look.FORWARD, (0, y), (0, y + gap), head=block.lands)
            y += gap
        tops.append(y)
        shapes += moved(block.shapes, 0, y)
        y += block.height
    return Block(
        left=left,
        right=right,
        height=y,
        shapes=shapes + _way_back(blocks, tops, port, y if below else None),
        port=port,
        lands=bool(blocks) and blocks[0].lands,
        takes=below,
        takes_at_box=bool(blocks) and blocks[-1].takes and blocks[-1].takes_at_box,
        gives=gives,
    )


def _has_probe(item: Item) -> bool:
    return isinstance(item, Row) and item.side is not None and item.side.look is Look.PROBE


def _way_back(
    blocks: Sequence[Block], tops: Sequence[int], port: int, start: int | None
) -> tuple[Shape, ...]:
    """The pieces between what the way back goes through, from the bottom to the top."""
    shapes: tuple[Shape, ...] = ()
    at = start
    for block, top in zip(reversed(blocks), reversed(tops), strict=True):
        if block.takes and at is not None:
            bottom = top + block.height
            shapes += line(Look.UNDO, (port, at), (port, bottom), head=block.takes_at_box)
            at = None
        if block.gives:
            at = top
    return shapes if at is None else shapes + line(Look.UNDO, (port, at), (port, 0))
