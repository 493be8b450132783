"""Lanes by their numbers, and the slots in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stepsaga.limits import FIRST_INDEX
from stepsaga.store.slots import shard_of

if TYPE_CHECKING:
    from stepsaga.graph import Fork
    from stepsaga.recovery.log import Parts


@dataclass(frozen=True, slots=True)
class LaneOf:
    """One lane of a fork, its number from 0, and the item that it has; None in a parallel.

    ``shard`` says which of a distributed map's streams holds it; None in any other.
    """

    fork: Fork
    index: int
    item: Any = None
    shard: int | None = None


Lanes = tuple[LaneOf, ...]


def stream_at(stream: str, lanes: Lanes) -> str:
    """The stream that holds what is recorded in a lane of a run in this stream."""
    shards = [(one.fork.slot[0], one.shard) for one in lanes if one.shard is not None]
    return shard_of(stream, *shards[0]) if shards else stream


def slots_of(lanes: Lanes) -> Parts:
    """The parts that stand before the slots of steps in a lane."""
    return tuple(part for one in lanes for part in (one.fork.slot[0], FIRST_INDEX + one.index))


def undo_slots_of(lanes: Lanes) -> Parts:
    """The parts that stand before the slots of compensations in a lane."""
    return tuple(part for one in lanes for part in (one.fork.undo_slot[0], FIRST_INDEX + one.index))
