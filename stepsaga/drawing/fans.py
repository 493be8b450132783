"""Lanes side by side: lines fan out to them and join below, and so does the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stepsaga.drawing.blocks import LANE_GAP, TURN, Block, line, moved
from stepsaga.drawing.shapes import Look

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepsaga.drawing.shapes import Shape


@dataclass(frozen=True, slots=True)
class Placed:
    """A lane and where its axis is."""

    block: Block
    axis: int

    @property
    def port(self) -> int:
        """Where its way back runs."""
        return self.axis + self.block.port


def fan(lanes: Sequence[Block], port: int, *, below: bool, around: bool) -> Block:
    """Lanes side by side between two joints.

    Args:
        lanes: From left to right.
        port: Where the way back runs above and below.
        below: Whether the way back arrives from below.
        around: Whether it may pass by all lanes, where one that was taken has nothing to undo.
    """
    placed = _beside(lanes)
    right = max(lane.axis + lane.block.right for lane in placed)
    ports = [lane.port for lane in placed if lane.block.gives]
    passes = below and (around or not ports)
    if passes:
        right += 2 * TURN
        ports.append(right - TURN)
    split = TURN if len(placed) > 1 else 0
    bus = TURN if ports else 0
    top = split + bus + TURN
    bottom = top + max(lane.block.height for lane in placed)
    join = bottom + bus + split
    shapes = _forward(placed, split, top, join)
    if ports:
        taken = [lane.port for lane in placed if lane.block.takes] if below else []
        taken += [right - TURN] if passes else []
        shapes += _back(placed, (port, split + bus), top)
        shapes += _bus(ports, port, split + bus)
        shapes += line(Look.UNDO, (port, split + bus), (port, 0))
        if passes:
            shapes += line(Look.UNDO, (right - TURN, bottom + bus), (right - TURN, split + bus))
        if taken:
            shapes += line(Look.UNDO, (port, join), (port, bottom + bus))
            shapes += _bus(taken, port, bottom + bus)
            shapes += _up(placed, bottom + bus, top)
    for lane in placed:
        shapes += moved(lane.block.shapes, lane.axis, top)
    return Block(
        left=max(lane.block.left - lane.axis for lane in placed),
        right=right,
        height=join,
        shapes=shapes,
        port=port,
        takes=below,
        gives=bool(ports),
    )


def _beside(lanes: Sequence[Block]) -> list[Placed]:
    axes, at = [], 0
    for lane in lanes:
        axes.append(at + lane.left)
        at += lane.left + lane.right + LANE_GAP
    middle = (axes[0] + axes[-1]) // 2
    return [Placed(lane, axis - middle) for lane, axis in zip(lanes, axes, strict=True)]


def _forward(placed: Sequence[Placed], split: int, top: int, join: int) -> tuple[Shape, ...]:
    shapes: tuple[Shape, ...] = ()
    for lane in placed:
        x, end = lane.axis, top + lane.block.height
        shapes += line(
            Look.FORWARD, (0, 0), (0, split), (x, split), (x, top), head=lane.block.lands
        )
        shapes += line(Look.FORWARD, (x, end), (x, join), (0, join))
    return shapes


def _back(placed: Sequence[Placed], at: tuple[int, int], top: int) -> tuple[Shape, ...]:
    """Up from the lanes. Apart from the bus: dashes over dashes would be no dashes."""
    shapes: tuple[Shape, ...] = ()
    for lane in placed:
        if lane.block.gives:
            shapes += line(Look.UNDO, (lane.port, top), (lane.port, at[1]))
    return shapes


def _up(placed: Sequence[Placed], bus: int, top: int) -> tuple[Shape, ...]:
    shapes: tuple[Shape, ...] = ()
    for lane in placed:
        if lane.block.takes:
            end = top + lane.block.height
            shapes += line(
                Look.UNDO, (lane.port, bus), (lane.port, end), head=lane.block.takes_at_box
            )
    return shapes


def _bus(ports: Sequence[int], port: int, y: int) -> tuple[Shape, ...]:
    return line(Look.UNDO, (min(*ports, port), y), (max(*ports, port), y))
