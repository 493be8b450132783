"""SVG, PNG and Mermaid of whole sagas."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given, settings
from PIL import Image

from stepsaga.drawing.layout import layout
from stepsaga.drawing.mermaid import escaped, mermaid
from stepsaga.drawing.png import MOST_PIXELS, SCALE, png, scale_of
from stepsaga.drawing.svg import svg
from stepsaga.errors import UsageError
from stepsaga.graph import ChildSaga, SagaGraph, steps_of, walk
from tests.drawing.graphs import (
    FINAL,
    FULFIL,
    NESTED,
    branch,
    choice,
    pivot,
    saga,
    step,
    tail,
    undoable,
)
from tests.drawing.strategies import sagas

NAMESPACE = "{http://www.w3.org/2000/svg}"
graphs = pytest.mark.parametrize("graph", [FULFIL, NESTED, FINAL, saga()])


@settings(max_examples=50, deadline=None)
@given(sagas)
@example(NESTED)
def test_svg_is_xml_in_ascii_and_the_same_every_time(graph: SagaGraph) -> None:
    """It parses whatever names and texts are, any stream can take it, and it is repeatable."""
    text = svg(layout(graph))
    assert text.isascii()
    assert text == svg(layout(graph))
    drawing = layout(graph)
    root = ET.fromstring(text)  # noqa: S314  # our own
    assert root.get("viewBox") == f"0 0 {drawing.width} {drawing.height}"


@graphs
def test_svg_says_the_name_of_every_node(graph: SagaGraph) -> None:
    """Every node can be read, and heard: the description has all that the picture says."""
    root = ET.fromstring(svg(layout(graph)))  # noqa: S314  # our own
    read = "".join("".join(one.itertext()) for one in root.iter(f"{NAMESPACE}text"))
    title, about = root.find(f"{NAMESPACE}title"), root.find(f"{NAMESPACE}desc")
    assert title is not None
    assert title.text == "The saga Fulfil"
    assert about is not None
    for node in walk(graph.nodes):
        assert node.name in read
        assert node.name.partition("_")[0] in (about.text or "")


@graphs
def test_png_has_the_size_of_the_layout(graph: SagaGraph) -> None:
    """Each of the layout's pixels is a few of the picture's, and something is drawn."""
    drawing = layout(graph)
    with Image.open(BytesIO(png(drawing))) as image:
        assert image.format == "PNG"
        assert image.size == (drawing.width * SCALE, drawing.height * SCALE)
        colours = image.convert("RGB").getcolors(1 << 24)
        assert colours is not None
        assert len(colours) > 3


def test_without_pillow_it_says_what_to_install() -> None:
    """Who has not asked for PNGs need not have Pillow, and is told how to get it."""

    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name)

    with pytest.raises(UsageError, match=r'pip install "stepsaga\[png\]"'):
        png(layout(FULFIL), load=missing)


def test_large_pictures_are_less_sharp_and_then_refused() -> None:
    """A picture that would take all memory is refused before anything is drawn."""
    drawing = layout(FULFIL)
    assert scale_of(drawing) == SCALE
    assert scale_of(replace(drawing, width=10_000, height=10_000)) == 1
    with pytest.raises(UsageError, match="too large"):
        scale_of(replace(drawing, width=MOST_PIXELS, height=2))


@graphs
def test_mermaid_has_every_step_and_every_compensation(graph: SagaGraph) -> None:
    """Each is a node with its label, and subgraphs are closed."""
    text = mermaid(graph)
    lines = [line.strip() for line in text.splitlines()]
    for one in steps_of(graph.nodes):
        assert f'"{escaped(one.name)}' in text
        if one.compensation:
            assert f'"undo {one.name}<br/>' in text
        if one.verify:
            assert f'"verify {one.name}<br/>' in text
    assert lines[0] == "flowchart TD"
    assert len([one for one in lines if one.startswith("subgraph ")]) == lines.count("end")


def charted(graph: SagaGraph) -> tuple[list[str], dict[str, str]]:
    """The lines of a flowchart, and its nodes by the first line of their labels."""
    lines = [line.strip() for line in mermaid(graph).splitlines()]
    nodes = [line for line in lines if '["' in line]
    return lines, {
        line.split('"')[1].partition("<")[0]: line.partition("[")[0].partition("(")[0]
        for line in nodes
    }


def test_mermaid_arrows_go_where_the_saga_goes() -> None:
    """Forward in order, from a failure to its compensation and back, from a probe both ways."""
    ship = pivot("ship", probe="find")
    lines, ids = charted(saga(undoable("reserve"), undoable("charge"), ship, tail("thank")))
    for source, arrow, target in [
        ("start", "-->", "reserve"),
        ("reserve", "-->", "charge"),
        ("charge", '-.->|"failed"|', "undo charge"),
        ("undo charge", "-.->", "undo reserve"),
        ("undo reserve", "-.->", "compensated"),
        ("ship", '-.->|"in doubt"|', "verify ship"),
        ("verify ship", '-.->|"found"|', "thank"),
        ("verify ship", '-.->|"not found"|', "undo charge"),
        ("thank", "-->", "completed"),
    ]:
        assert f"{ids[source]} {arrow} {ids[target]}" in lines


def test_mermaid_passes_a_choice_that_may_have_nothing_to_undo() -> None:
    """The way back enters the branches that undo, and may pass by where another was taken."""
    lines, ids = charted(
        saga(undoable("a"), choice("c", branch("b", undoable("b"))), undoable("d"))
    )
    for source, target in [("d", "b"), ("d", "a"), ("b", "a")]:
        assert f"{ids[f'undo {source}']} -.-> {ids[f'undo {target}']}" in lines


def test_mermaid_labels_are_escaped() -> None:
    """Nothing in a name or a constant can end a label, or be read as HTML."""
    assert escaped('a"b<c>`#;&') == "a#34;b#60;c#62;#96;#35;#59;#38;"
    assert escaped("step_1 == 'x'") == "step_1 == 'x'"
    assert '"#34;#62;"' in mermaid(saga(undoable('">'), step("b"))).replace("<br/>take", '"')


def test_another_saga_is_drawn_as_one() -> None:
    """A child has double sides, forward and back, and says what it starts and undoes."""
    ship = replace(undoable("ship"), child=ChildSaga("ShipParcel", "sagas:ShipParcel", "parcel"))
    graph, plain = saga(undoable("charge"), ship), saga(undoable("charge"), undoable("ship"))
    text = mermaid(graph)
    assert '[["ship<br/>starts ShipParcel<br/>and waits for its end"]]:::step' in text
    assert '[["undo ship<br/>undoes all of ShipParcel"]]:::undo' in text
    assert '["charge"]:::step' in text
    drawn = svg(layout(graph))
    assert "starts ShipParcel" in drawn
    assert "undoes all of ShipParcel" in drawn
    sides = drawn.count("<path") - svg(layout(plain)).count("<path")
    assert sides == 4
    with Image.open(BytesIO(png(layout(graph)))) as image:
        assert image.size == (layout(graph).width * SCALE, layout(graph).height * SCALE)
