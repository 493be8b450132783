"""A walk through a definition: which states run when one of them fails. No engine, no time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def walk(definition: Mapping[str, Any], failing: Mapping[str, str]) -> list[str]:
    """The names of the states in the order in which they run.

    Args:
        definition: A state machine.
        failing: Names of Tasks and the error that each ends with, retries included.
    """
    name, way = definition["StartAt"], []
    while name:
        state = definition["States"][name]
        way.append(name)
        assert len(way) <= len(definition["States"]), f"the walk goes round in circles: {way}"
        name = _caught(state, failing[name]) if name in failing else state.get("Next")
    return way


def undone(way: list[str]) -> list[str]:
    """The compensations on a way."""
    return [name.removeprefix("undo ") for name in way if name.startswith("undo ")]


def _caught(state: Mapping[str, Any], error: str) -> str | None:
    for catcher in state.get("Catch", []):
        if error in catcher["ErrorEquals"] or "States.ALL" in catcher["ErrorEquals"]:
            target: str = catcher["Next"]
            return target
    return None
