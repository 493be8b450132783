"""The calls of a step."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stepsaga.graph import Call, StepNode


def calls_of(node: StepNode) -> list[Call]:
    """A step's handler, then its compensation and its probe where it has them."""
    calls = [node.call, node.compensation.call if node.compensation else None, node.verify]
    return [call for call in calls if call is not None]
