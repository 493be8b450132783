"""Rules on distributed Maps: what reads and writes for them, and that nothing cuts off an item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.distributed import GET_OBJECT, PUT_OBJECT
from stepsaga.asl.findings import blocks, states, table

if TYPE_CHECKING:
    from stepsaga.asl.findings import Findings

OF_DISTRIBUTED: Final = ("ItemReader", "ResultWriter", "ToleratedFailurePercentage")


def check_maps(definition: dict[str, Any], found: Findings) -> None:
    """Rules S601, S602, S609 and S625 on Maps, as far as they are of distributed ones."""
    for _, block in blocks(definition):
        for name, state in states(block).items():
            if state.get("Type") == "Map":
                _check_map(name, state, found)


def _check_map(name: str, state: dict[str, Any], found: Findings) -> None:
    configuration = table(table(state.get("ItemProcessor")).get("ProcessorConfig"))
    if configuration.get("Mode") != "DISTRIBUTED":
        for field in OF_DISTRIBUTED:
            if field in state:
                hint = "leave it out, or let the mode be DISTRIBUTED"
                found.add("S601", name, f"an inline Map has {field}", hint)
        return
    if configuration.get("ExecutionType") != "STANDARD":
        hint = 'give "ExecutionType": "STANDARD": express executions may run twice'
        found.add("S602", name, "its items are no standard executions", hint)
    for field, resource in (("ItemReader", GET_OBJECT), ("ResultWriter", PUT_OBJECT)):
        given = table(state.get(field)).get("Resource")
        if given != resource:
            found.add("S609", name, f"the resource of its {field} is {given!r}", f"use {resource}")
    if state.get("ToleratedFailurePercentage") != 100:  # noqa: PLR2004  # per cent
        text = "items that fail could end those that run"
        hint = "give 100: the call behind the Map judges (rule 13)"
        found.add("S625", name, text, hint)
