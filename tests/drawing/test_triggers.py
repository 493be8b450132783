"""What starts a saga is drawn with it."""

from __future__ import annotations

from stepsaga.authoring import graph_of
from stepsaga.drawing.layout import layout
from stepsaga.drawing.mermaid import mermaid
from stepsaga.drawing.svg import svg
from tests.triggers.signups import Onboard


def test_the_start_says_what_starts_the_saga() -> None:
    """Each trigger is a line: in the flowchart at the start, in the picture below the title."""
    graph = graph_of(Onboard)
    [start] = [line for line in mermaid(graph).splitlines() if line.strip().startswith("start(")]
    picture = svg(layout(graph))
    for trigger in graph.triggers:
        assert f"<br/>by {trigger.name}" in start
    for words in ("started by queue SignupQueue", "started by request POST /signups"):
        assert words in picture
