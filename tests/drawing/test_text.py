"""Widths and line breaks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageFont

from stepsaga.drawing.text import clean, width, wrap
from stepsaga.drawing.words import duration, wait_text
from stepsaga.graph import WaitNode
from tests.drawing.graphs import of_order


@given(st.text(), st.integers(1, 40))
def test_breaking_lines_loses_nothing(text: str, most: int) -> None:
    """Every character but spaces is kept in its order, and no line is too long."""
    lines = wrap(text, most)
    assert "".join("".join(lines).split()) == "".join(clean(text).split())
    assert all(len(line) <= most for line in lines)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("any of (a.risk >= 70, order.express)", ("any of (a.risk >= 70,", "order.express)")),
        ("a_rather_long_name_for_a_step", ("a_rather_long_name_", "for_a_step")),
        ("x" * 25, ("x" * 21, "x" * 4)),
        ("", ("",)),
    ],
)
def test_lines_break_where_a_reader_expects_it(text: str, lines: tuple[str, ...]) -> None:
    """Between words; in a long word after underscores and dots; else anywhere."""
    assert wrap(text, 21) == lines


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)), st.booleans())
def test_text_is_never_wider_than_it_is_taken_for(text: str, bold: bool) -> None:
    """The font that PNGs are drawn with needs no more room than the layout gives."""
    stroke = 0.5 if bold else 0
    real = ImageFont.load_default(14).getbbox(text, stroke_width=stroke)
    assert real[2] - real[0] <= width(text, 14, bold=bold) + 2


def test_what_does_not_print_is_not_drawn() -> None:
    """Control characters and halves of pairs can stand in no XML."""
    assert clean("a\x00b\ud800c\nd") == "a b c d"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (30, "30 s"), (5400, "1 h 30 min"), (172_800, "2 d"), (86_461, "1 d 1 min 1 s")],
)
def test_durations_are_said_as_people_do(seconds: int, text: str) -> None:
    """Units that are 0 are left out."""
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("wait", "text"),
    [
        (WaitNode("pause", seconds=90), "wait 1 min 30 s"),
        (WaitNode("pause", until=of_order("due")), "wait until order.due"),
        (WaitNode("pause", seconds=60, until=of_order("pause")), "wait order.pause s"),
    ],
)
def test_a_wait_says_how_long_it_is(wait: WaitNode, text: str) -> None:
    """A number of the saga's data is seconds; a time is a time."""
    assert wait_text(wait, "order") == text
