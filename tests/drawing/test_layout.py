"""What holds for the drawing of any saga, and what a few of them look like."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings

from stepsaga.drawing.layout import layout
from stepsaga.drawing.shapes import Box, Line, Look, Outline, Rule
from stepsaga.drawing.text import clean
from stepsaga.graph import StepNode, WaitNode, walk
from tests.drawing.graphs import FINAL, FULFIL, NESTED, pivot, saga, step, tail, undoable
from tests.drawing.strategies import sagas

if TYPE_CHECKING:
    from stepsaga.drawing.shapes import Drawing, Point, Shape
    from stepsaga.graph import SagaGraph

laws = settings(max_examples=60, deadline=None)


def apart(one: Box, other: Box) -> bool:
    """Whether two boxes have no point in common."""
    beside = one.right < other.x or other.right < one.x
    return beside or one.bottom < other.y or other.bottom < one.y


def inside(inner: Box, outer: Box) -> bool:
    """Whether a box is in a frame, below its head."""
    return (
        outer.outline is Outline.FRAME
        and outer.x < inner.x
        and inner.right < outer.right
        and outer.y + outer.band < inner.y
        and inner.bottom < outer.bottom
    )


def on_border(point: Point, box: Box) -> bool:
    """Whether a point is on the border of a box."""
    x, y = point
    if not (box.x <= x <= box.right and box.y <= y <= box.bottom):
        return False
    return x in (box.x, box.right) or y in (box.y, box.bottom)


def cuts(line: Line, box: Box) -> bool:
    """Whether a line goes through the inside of a box; a frame's is its head."""
    bottom = box.y + box.band if box.band else box.bottom
    return any(
        min(x1, x2) < box.right
        and max(x1, x2) > box.x
        and min(y1, y2) < bottom
        and max(y1, y2) > box.y
        for (x1, y1), (x2, y2) in pairwise(line.points)
    )


def on_line(point: Point, line: Line) -> bool:
    """Whether a point is on a line."""
    x, y = point
    return any(
        min(x1, x2) <= x <= max(x1, x2) and min(y1, y2) <= y <= max(y1, y2)
        for (x1, y1), (x2, y2) in pairwise(line.points)
    )


def ends(shape: Shape) -> tuple[Point, ...]:
    """The points between which a shape is."""
    match shape:
        case Box():
            return ((shape.x, shape.y), (shape.right, shape.bottom))
        case Line():
            return shape.points
        case Rule():
            return ((shape.x, shape.y), (shape.x + shape.width, shape.y))


def named(drawing: Drawing, text: str) -> Box:
    """The box whose text begins with this."""
    return next(box for box in drawing.boxes if box.lines and box.lines[0].text == text)


@laws
@given(sagas)
@example(FULFIL)
@example(NESTED)
@example(FINAL)
def test_boxes_overlap_only_where_one_is_in_the_frame_of_the_other(graph: SagaGraph) -> None:
    """No two boxes share a point, but for what is in a frame, which is below its head."""
    boxes = layout(graph).boxes
    for one, other in combinations(boxes, 2):
        assert apart(one, other) or inside(one, other) or inside(other, one)


@laws
@given(sagas)
@example(FULFIL)
@example(NESTED)
@example(FINAL)
def test_arrows_end_on_borders(graph: SagaGraph) -> None:
    """Every arrow's head is on the border of a box, and all else ends at a box or at a line."""
    drawing = layout(graph)
    for line in drawing.lines:
        start, end = line.points[0], line.points[-1]
        if line.head:
            assert any(on_border(end, box) for box in drawing.boxes)
        for point in (start, end):
            assert any(
                on_border(point, box) or point[1] == box.y + box.band for box in drawing.boxes
            ) or any(on_line(point, other) for other in drawing.lines if other is not line)


@laws
@given(sagas)
@example(FULFIL)
@example(NESTED)
@example(FINAL)
def test_no_line_goes_through_a_box(graph: SagaGraph) -> None:
    """Lines are straight up, down or across, and cut no box, no label and no frame's head."""
    drawing = layout(graph)
    for line in drawing.lines:
        assert all(x1 == x2 or y1 == y2 for (x1, y1), (x2, y2) in pairwise(line.points))
        assert not [box for box in drawing.boxes if cuts(line, box)]


@laws
@given(sagas)
@example(FULFIL)
@example(NESTED)
@example(FINAL)
def test_everything_is_on_the_canvas(graph: SagaGraph) -> None:
    """No shape reaches over the edge of the drawing."""
    drawing = layout(graph)
    for shape in drawing.shapes:
        points = ends(shape)
        assert all(0 <= x <= drawing.width and 0 <= y <= drawing.height for x, y in points)


@laws
@given(sagas)
@example(NESTED)
def test_the_same_graph_gives_the_same_drawing(graph: SagaGraph) -> None:
    """A drawing is kept beside the code: it may change only where the saga does."""
    assert layout(graph) == layout(graph)


@laws
@given(sagas)
@example(NESTED)
def test_every_step_is_drawn_with_what_undoes_it(graph: SagaGraph) -> None:
    """There is a box for each step and wait, and one for each compensation and each probe."""
    boxes = layout(graph).boxes
    found = sorted(
        "".join(line.text for line in box.lines if line.bold).replace(" ", "") for box in boxes
    )
    for node in walk(graph.nodes):
        texts = [node.name] if isinstance(node, StepNode | WaitNode) else []
        if isinstance(node, StepNode):
            texts += [f"undo {node.name}"] if node.compensation else []
            alone = node.verify and not node.compensation
            texts += [f"verify {node.name}"] if alone else []
        for text in texts:
            found.remove("".join(clean(text).split()))


def test_the_way_back_goes_upwards() -> None:
    """From a step to its compensation, from there to the one before, then to the end."""
    drawing = layout(saga(undoable("reserve"), undoable("charge")))
    arrows = [line for line in drawing.lines if line.look is Look.UNDO]
    found = [(line.points[0], line.points[-1]) for line in arrows if line.head]
    for source, target in [
        ("charge", "undo charge"),
        ("undo charge", "undo reserve"),
        ("reserve", "undo reserve"),
        ("undo reserve", "compensated"),
    ]:
        first, second = named(drawing, source), named(drawing, target)
        assert any(on_border(a, first) and on_border(b, second) for a, b in found)
    assert named(drawing, "start").y == named(drawing, "compensated").y


def test_the_point_of_no_return_is_a_line_across_the_drawing() -> None:
    """It is below the pivot and its probe, and above what is forward only."""
    drawing = layout(saga(undoable("charge"), pivot("ship", probe="find"), tail("thank")))
    rule = next(shape for shape in drawing.shapes if isinstance(shape, Rule))
    assert named(drawing, "ship").bottom < rule.y < named(drawing, "thank").y
    assert named(drawing, "verify ship").bottom < rule.y
    assert rule.width > drawing.width * 0.9
    assert named(drawing, "from here on: forward only").bottom <= rule.y


def test_steps_are_told_apart() -> None:
    """What a step is shows in the look of its box, and in words."""
    drawing = layout(saga(undoable("a"), step("b"), pivot("c"), tail("d")))
    told = {name: (named(drawing, name).look, named(drawing, name).lines[1:]) for name in "abcd"}
    assert [look for look, _ in told.values()] == [
        Look.STEP,
        Look.READ_ONLY,
        Look.PIVOT,
        Look.RETRIABLE,
    ]
    assert [[line.text for line in lines] for _, lines in told.values()] == [
        [],
        ["read-only"],
        ["point of no return"],
        ["retried until done"],
    ]


@pytest.mark.parametrize("graph", [saga(tail("thank")), saga()])
def test_without_a_way_back_none_is_drawn(graph: SagaGraph) -> None:
    """Where nothing can be undone there is no ending for it."""
    drawing = layout(graph)
    assert not [line for line in drawing.lines if line.look is Look.UNDO]
    assert not [box for box in drawing.boxes if box.lines and box.lines[0].text == "compensated"]


def test_a_probe_beside_a_compensation_is_told_there() -> None:
    """A step that is undone is drawn with that; who is asked before it in doubt stands below."""
    asked = replace(step("charge", undo="refund", probe="find"), claim=True)
    drawing = layout(saga(asked, tail("thank")))
    told = [line.text for line in named(drawing, "undo charge").lines]
    assert "find" in " ".join(told[1:])
    assert "at most once" in [line.text for line in named(drawing, "charge").lines]
