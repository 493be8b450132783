"""The colours of the drawings, on a white ground, and how lines are drawn.

Text has a contrast of at least 7 to 1 on every fill. No meaning hangs on colour alone: what undoes
is dashed, and what a step is stands in its box.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from stepsaga.drawing.shapes import Look

GROUND: Final = "#ffffff"
INK: Final = "#111827"
RULE: Final = "#b45309"
RULE_WIDTH: Final = 4
LINE_WIDTH: Final = 2
DASH: Final = (6, 4)


@dataclass(frozen=True, slots=True)
class Colours:
    """The fill of a box, and its border; a line has the colour of the border."""

    fill: str
    border: str
    width: int = 1
    dashed: bool = False


COLOURS: Final = {
    Look.STEP: Colours("#dbeafe", "#1d4ed8"),
    Look.READ_ONLY: Colours("#f3f4f6", "#4b5563"),
    Look.PIVOT: Colours("#fef3c7", "#b45309", width=3),
    Look.RETRIABLE: Colours("#dcfce7", "#15803d"),
    Look.UNDO: Colours("#fee2e2", "#b91c1c", dashed=True),
    Look.PROBE: Colours("#fffbeb", "#b45309", dashed=True),
    Look.CHOICE: Colours("#ede9fe", "#6d28d9"),
    Look.WAIT: Colours("#e0f2fe", "#0369a1"),
    Look.FORK: Colours("#f8fafc", "#64748b"),
    Look.ENDING: Colours("#e5e7eb", "#374151"),
    Look.TEXT: Colours("#ffffff", "#111827"),
    Look.FORWARD: Colours("#374151", "#374151"),
}
"""What each thing looks like."""
