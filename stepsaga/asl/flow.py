"""Rules on transitions: every name leads somewhere, every state is on a way, every way ends."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.findings import blocks, states, table, targets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stepsaga.asl.findings import Findings

NAME_CHARACTERS: Final = 80
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]*\Z")


def check_flow(definition: dict[str, Any], found: Findings) -> None:
    """Rules S603, S604, S605, S616 and S617."""
    owners: dict[str, str] = {}
    for where, block in blocks(definition):
        for name in table(block.get("States")):
            _check_name(name, found)
            if name in owners:
                text = f"the name stands in {owners[name]} and in {where}"
                found.add("S617", name, text, "a name is unique in the whole machine")
            owners.setdefault(name, where)
        _check_block(where, block, found)


def _check_name(name: str, found: Findings) -> None:
    if not name or len(name) > NAME_CHARACTERS:
        text = f"the name has {len(name)} characters"
        found.add("S616", name[:20] or "(empty)", text, f"use 1 to {NAME_CHARACTERS}")
    elif not _NAME.match(name):
        hint = (
            "use ASCII letters, digits, spaces, '.', '_' and '-', and begin with a letter or digit"
        )
        found.add("S616", name, f"the name {name!r} has other characters", hint)


def _check_block(where: str, block: dict[str, Any], found: Findings) -> None:
    known = states(block)
    start = block.get("StartAt")
    if isinstance(start, str) and start not in known:
        found.add("S603", where, f"StartAt names {start!r}, which is no state here", _there(known))
    for name, state in known.items():
        for field, target in targets(state):
            if target not in known:
                text = f"{field} names {target!r}, which is no state here"
                found.add("S603", name, text, _there(known))
    _check_ways(start, known, found)


def _check_ways(start: Any, known: dict[str, dict[str, Any]], found: Findings) -> None:
    ways = {name: [target for _, target in targets(state)] for name, state in known.items()}
    back: defaultdict[str, list[str]] = defaultdict(list)
    for name, ahead in ways.items():
        for target in ahead:
            back[target].append(name)
    reached = _reached([start] if isinstance(start, str) else [], ways)
    ending = _reached([name for name, state in known.items() if _ends(state)], back)
    for name in known:
        if name not in reached:
            found.add(
                "S604", name, "no way leads to it", "name it in a Next or a Catch, or drop it"
            )
        if name not in ending:
            found.add("S605", name, "no way from here ever ends", "end it, or lead it to an end")


def _ends(state: dict[str, Any]) -> bool:
    return state.get("End") is True or state.get("Type") in ("Succeed", "Fail")


def _reached(start: Iterable[str], ways: Mapping[str, list[str]]) -> set[str]:
    reached: set[str] = set()
    left = list(start)
    while left:
        name = left.pop()
        if name not in reached:
            reached.add(name)
            left += ways.get(name, [])
    return reached


def _there(known: Mapping[str, Any]) -> str:
    names = list(known)
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")  # noqa: PLR2004  # a few do
    return f"the states of this block are {shown}"
