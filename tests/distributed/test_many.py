"""What many items cost: one write an item and step, no conflicts, and memory that does not grow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.many import many_items

if TYPE_CHECKING:
    from pathlib import Path


def test_memory_and_history_do_not_grow_with_the_items(tmp_path: Path) -> None:
    """A thousand items take what two hundred do, besides what the store holds of them."""
    runs = []
    for number in (200, 1_000):
        folder = tmp_path / str(number)
        folder.mkdir()
        one = many_items(number, folder)
        assert one.conflicts == 0
        assert (one.transitions, one.writes) == (number + 6, number + 3)
        assert (one.transitions, one.writes) == (one.bound.transitions, one.bound.writes)
        assert one.reads == one.bound.reads == 0
        runs.append(one)
    few, many = runs
    assert few.events == many.events
    assert many.peak < few.peak * 1.3
