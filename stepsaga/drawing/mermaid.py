"""A saga as a Mermaid flowchart, which many web pages draw: https://mermaid.js.org.

Solid arrows go forward, dotted ones back. What runs side by side is a subgraph; an arrow to it, or
from it, means all that is inside. What is another saga has double sides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Final

from stepsaga.drawing.conditions import condition_text
from stepsaga.drawing.text import clean
from stepsaga.drawing.words import (
    COMPENSATED,
    COMPLETED,
    FORWARD_ONLY,
    OTHERWISE,
    START,
    fork_title,
    lane_title,
    notes,
    probe_lines,
    started_by,
    turns_back,
    undo_lines,
    wait_text,
)
from stepsaga.graph import ChoiceNode, MapNode, ParallelNode, Role, StepNode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stepsaga.graph import Node, SagaGraph, WaitNode

STYLES: Final = (
    "classDef step fill:#dbeafe,stroke:#1d4ed8,color:#111",
    "classDef readonly fill:#f3f4f6,stroke:#4b5563,color:#111",
    "classDef pivot fill:#fef3c7,stroke:#b45309,color:#111,stroke-width:3px",
    "classDef retriable fill:#dcfce7,stroke:#15803d,color:#111",
    "classDef undo fill:#fee2e2,stroke:#b91c1c,color:#111",
    "classDef ending fill:#e5e7eb,stroke:#374151,color:#111",
)
CLASSES: Final = {
    Role.COMPENSATABLE: "step",
    Role.READ_ONLY: "readonly",
    Role.PIVOT: "pivot",
    Role.RETRIABLE: "retriable",
}
LETTERS: Final = frozenset(" _-.,:()=!?'/+*")
"""What stands for itself in a label, besides letters and digits."""
FOUND: Final = "found"
FAILED: Final = "failed"
IN_DOUBT: Final = "in doubt"
NOT_FOUND: Final = "not found"


def mermaid(graph: SagaGraph) -> str:
    """The flowchart of a saga, a line a node or an arrow."""
    chart = _Chart(graph.input.name)
    start = "<br/>".join(map(escaped, (START, *started_by(graph))))
    chart.add(f'start(["{start}"]):::ending')
    chart.add(f'completed(["{COMPLETED}"]):::ending')
    body = chart.sequence(graph.nodes, [_End("start")])
    chart.forward(body.exits, "completed")
    if body.outs:
        chart.add(f'compensated(["{COMPENSATED}"]):::ending')
        chart.back(body.outs, ["compensated"])
    return "\n    ".join(["flowchart TD", *chart.lines, *STYLES]) + "\n"


def escaped(text: str) -> str:
    """Text as it can stand in quotes: what Mermaid or HTML might read is written as its number."""
    return "".join(
        char if char.isalnum() or char in LETTERS else f"#{ord(char)};" for char in clean(text)
    )


@dataclass(frozen=True, slots=True)
class _End:
    """Where an arrow begins, and what it says."""

    node: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A part that is drawn, and the ends that are loose.

    ``ins`` are where the way back enters, ``outs`` where it leaves; ``passes`` where it may also
    go by without entering.
    """

    exits: list[_End]
    ins: list[str] = field(default_factory=list)
    outs: list[_End] = field(default_factory=list)
    passes: bool = True


class _Chart:
    """The lines of a chart, as they come."""

    def __init__(self, input_name: str) -> None:
        self.input_name = input_name
        self.lines: list[str] = []
        self._numbers = count(1)
        self._depth = 0

    def add(self, line: str) -> None:
        """Add a line."""
        self.lines.append("    " * self._depth + line)

    def forward(self, ends: Sequence[_End], to: str) -> None:
        """Arrows of the way forward; those of a probe are dotted."""
        for end in ends:
            label = f'|"{escaped(end.label)}"|' if end.label else ""
            self.add(f"{end.node} {'-.->' if end.label == FOUND else '-->'}{label} {to}")

    def back(self, ends: Sequence[_End], to: Sequence[str]) -> None:
        """Arrows of the way back."""
        for end in ends:
            label = f'|"{escaped(end.label)}"|' if end.label else ""
            for node in to:
                self.add(f"{end.node} -.->{label} {node}")

    def sequence(self, nodes: tuple[Node, ...], ends: list[_End]) -> _Drawn:
        """Nodes one after the other, from these ends on; then the way back from the last one."""
        drawn: list[_Drawn] = []
        for node in nodes:
            drawn.append(self._node(node, ends))
            ends = drawn[-1].exits
        ins: list[str] = []
        outs: list[_End] = []
        passes = True
        for one in reversed(drawn):
            self.back(outs, one.ins)
            ins += one.ins if passes else []
            outs = one.outs + (outs if one.passes else [])
            passes = passes and one.passes
        return _Drawn(ends, ins, outs, passes)

    def _node(self, node: Node, ends: list[_End]) -> _Drawn:
        match node:
            case StepNode():
                return self._step(node, ends)
            case ChoiceNode():
                return self._choice(node, ends)
            case ParallelNode() | MapNode():
                return self._fork(node, ends)
            case _:
                return self._wait(node, ends)

    def _name(self) -> str:
        return f"n{next(self._numbers)}"

    def _new(self, form: Callable[[str], str], *lines: str) -> str:
        name = self._name()
        text = "<br/>".join(map(escaped, lines))
        self.add(name + form(f'"{text}"'))
        return name

    def _step(self, step: StepNode, ends: list[_End]) -> _Drawn:
        kind = CLASSES[step.role]
        last = [FORWARD_ONLY] if step.role is Role.PIVOT else []
        left, right = ("[[", "]]") if step.child else ("[", "]")
        own = self._new(
            lambda text: f"{left}{text}{right}:::{kind}", step.name, *notes(step), *last
        )
        self.forward(ends, own)
        undo, probe = undo_lines(step), probe_lines(step)
        exits = [_End(own)]
        if probe:
            side = self._new(lambda text: f"[{text}]:::pivot", *probe)
            self.back([_End(own, IN_DOUBT)], [side])
            # Below a probe there is nothing that is undone.
            return _Drawn([*exits, _End(side, FOUND)], [side], [_End(side, NOT_FOUND)])
        if undo:
            side = self._new(lambda text: f"{left}{text}{right}:::undo", *undo)
            self.back([_End(own, FAILED)], [side])
            return _Drawn(exits, [side], [_End(side)], passes=False)
        return _Drawn(exits, outs=[] if step.role is Role.RETRIABLE else [_End(own, FAILED)])

    def _wait(self, wait: WaitNode, ends: list[_End]) -> _Drawn:
        text = wait_text(wait, self.input_name)
        own = self._new(lambda label: f"([{label}])", wait.name, text)
        self.forward(ends, own)
        return _Drawn([_End(own)])

    def _choice(self, choice: ChoiceNode, ends: list[_End]) -> _Drawn:
        own = self._new(lambda text: f"{{{{{text}}}}}", choice.name)
        self.forward(ends, own)
        ways = [
            (": ".join(filter(None, (lane_title(branch.name, branch.nodes), text))), branch.nodes)
            for branch in choice.branches
            for text in (condition_text(branch.condition, self.input_name),)
        ]
        drawn = [
            self.sequence(nodes, [_End(own, text)])
            for text, nodes in [*ways, (OTHERWISE, choice.otherwise)]
        ]
        return _Drawn(
            [end for one in drawn for end in one.exits],
            [node for one in drawn for node in one.ins],
            [end for one in drawn for end in one.outs],
            passes=any(one.passes for one in drawn),
        )

    def _fork(self, fork: ParallelNode | MapNode, ends: list[_End]) -> _Drawn:
        own = self._name()
        self.add(f'subgraph {own}["{escaped(fork_title(fork, self.input_name))}"]')
        lanes = (
            [("", fork.nodes)]
            if isinstance(fork, MapNode)
            else [(lane_title(lane.name, lane.nodes), lane.nodes) for lane in fork.lanes]
        )
        self._depth += 1
        for name, nodes in lanes:
            label = [_End(self._new(lambda text: f"(({text}))", name))] if name else []
            self.sequence(nodes, label)
        self._depth -= 1
        self.add("end")
        self.forward(ends, own)
        if not turns_back((fork,)):
            return _Drawn([_End(own)])
        return _Drawn([_End(own)], [own], [_End(own)], passes=False)
