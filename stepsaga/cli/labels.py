"""Names that say in which lane a step ran: ``book.flight[2].seat``, from its slot and the graph.

An item has its index in the list, from 0 on. Without a graph a lane has the numbers of its slot:
``1[0].1[2].seat`` is item 2 of the fork in slot 1 of branch 0 of the fork in slot 1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from stepsaga.graph import ChoiceNode, MapNode, ParallelNode, blocks_of
from stepsaga.limits import FIRST_INDEX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from stepsaga.graph import Fork, Node, SagaGraph

BESIDE: Final = "side by side"
_INDEX: Final = re.compile(r"\[(\d+)\]")


class Labels:
    """The names of one saga's steps, by their slots."""

    def __init__(self, graph: SagaGraph | None) -> None:
        self._nodes = graph.nodes if graph else ()

    def of(self, slot: str, step: str) -> str:
        """The name of the step whose outcome is in a slot.

        Args:
            slot: Below the run: ``00001/1000000/00001/1000002/00001``; ``/late/…`` may follow.
            step: Its own name.
        """
        parts = [int(part) for part in slot.partition("/late/")[0].split("/") if part.isdigit()]
        return self.inside(parts[:-1], step)

    def inside(self, lane: Sequence[int], step: str) -> str:
        """The name of a step in a lane, which is given by its forks' slots and its indices."""
        forks = [(lane[n], lane[n + 1] - FIRST_INDEX) for n in range(0, len(lane) - 1, 2)]
        known = self._known(forks)
        if known is None:
            return ".".join([*(f"{slot}[{index}]" for slot, index in forks), step])
        text, branch = known
        return _below(text, step, branch)

    def of_state(self, state: str, lane: Sequence[int]) -> str:
        """The name of a state, which itself does not say which items it is of."""
        verb, space, plain = state.rpartition(" ")
        lane_text, _, _ = self.inside(lane, "?").rpartition(".")
        prefix = _INDEX.sub("", lane_text)
        if lane and plain.startswith(prefix):
            plain = f"{lane_text}{plain[len(prefix) :]}"
        return f"{verb}{space}{plain}"

    def _known(self, forks: list[tuple[int, int]]) -> tuple[str, str] | None:
        """The text of a lane, and the name of its branch, which a lone node in it has too."""
        nodes, text, branch = self._nodes, "", ""
        # Below the root slots begin anew: only the first one says which way it goes.
        undoing = bool(forks) and any(one.undo_slot == forks[0][:1] for one in _forks_in(nodes))
        for slot, index in forks:
            slots = {one.undo_slot if undoing else one.slot: one for one in _forks_in(nodes)}
            fork = slots.get((slot,))
            if fork is None:
                return None
            text = _below(text, fork.name, branch)
            if isinstance(fork, MapNode):
                text, nodes, branch = f"{text}[{index}]", fork.nodes, ""
            elif 0 <= index < len(fork.lanes):
                lane = fork.lanes[index]
                text, nodes, branch = f"{text}.{lane.name}", lane.nodes, lane.name
            else:
                return None
        return text, branch


def side_by_side(labels: Iterable[str]) -> list[str]:
    """Names in order, those in the lanes of one fork put together.

    As in ``["policy", "side by side book.hotel, book.flight[0-2].seat"]``.
    """
    groups: list[tuple[str, list[str]]] = []
    for label in labels:
        fork = re.split(r"[.\[]", label, maxsplit=1)[0]
        in_lane = fork != label
        if in_lane and groups and groups[-1][0] == fork:
            groups[-1][1].append(label)
        else:
            groups.append((fork if in_lane else "", [label]))
    return [_group(inside) if fork else inside[0] for fork, inside in groups]


def any_item(label: str) -> str:
    """The name of a step without saying of which items: ``flight[*].seat``."""
    return _INDEX.sub("[*]", label)


def folded(labels: Iterable[str]) -> list[str]:
    """Names that differ in one index only as one: ``flight[0-2].seat``."""
    items: dict[str, list[int]] = {}
    for label in labels:
        one = _INDEX.findall(label)
        # With several indices, which of them differ cannot be told shortly.
        key = _INDEX.sub("[]", label) if len(one) == 1 else label
        items.setdefault(key, []).extend(int(index) for index in one if key != label)
    return [key.replace("[]", f"[{_ranges(found)}]") for key, found in items.items()]


def _group(labels: list[str]) -> str:
    told = folded(labels)
    return told[0] if len(labels) == 1 else f"{BESIDE} {', '.join(told)}"


def _ranges(numbers: Iterable[int]) -> str:
    ranges: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = ranges[-1][0], number
        else:
            ranges.append((number, number))
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)


def _below(text: str, name: str, branch: str) -> str:
    if not text:
        return name
    return text if name == branch else f"{text}.{name}"


def _forks_in(nodes: tuple[Node, ...]) -> Iterator[Fork]:
    """The forks whose slots are counted in a sequence: those in choices are, those in lanes not."""
    for node in nodes:
        if isinstance(node, ParallelNode | MapNode):
            yield node
        elif isinstance(node, ChoiceNode):
            for block in blocks_of(node):
                yield from _forks_in(block)
