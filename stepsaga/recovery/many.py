"""A run's log with the commits of its distributed maps, which are in streams of their own.

An undo from the log is one execution, which looks at all of the log between any 40 calls. So it
takes no more than its history can hold (`stepsaga.recovery.plan.left`); a run with more goes on by
a redrive alone.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from stepsaga.errors import CommitUnreadable
from stepsaga.graph import distributed_of
from stepsaga.limits import FIRST_INDEX
from stepsaga.recovery.log import Items, Log
from stepsaga.recovery.plan import left
from stepsaga.recovery.reached import Side
from stepsaga.runtime.journal import value_of
from stepsaga.store.commits import Outcome
from stepsaga.store.events import streams_of_items
from stepsaga.store.slots import shard_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stepsaga.graph import MapNode, SagaGraph
    from stepsaga.recovery.reached import Reached
    from stepsaga.store.commits import Commit
    from stepsaga.store.protocol import EventStore

MOST_READ: Final = 20_000
"""Items of a saga that who looks after all of them reads: of more, its function's memory and time
would not be enough, and the other sagas would wait for it."""
LATE: Final = "/late/"
"""In the slots of what has landed late, and of its undoing."""


def with_items(log: Log, graph: SagaGraph, stream: str, store: EventStore) -> Log:
    """The log, with what is recorded of the items of distributed maps.

    Args:
        log: Of the saga's own stream.
        graph: The saga.
        stream: Its stream.
        store: The event store.

    Raises:
        CommitUnreadable: The list of the items is gone.
        StoreError: What the store raises.
    """
    commits: list[Commit] = []
    found: dict[int, Items] = {}
    for node, _ in distributed_of(graph.nodes):
        opened = _opened(node, log)
        if opened is None:
            continue
        [fork] = node.slot
        for shard in range(opened["shards"]):
            commits += store.read(shard_of(stream, fork, shard), f"{log.run}/")
        found[fork] = Items(opened["shards"], _items(opened, store))
    return Log(log.run, (*log.commits, *commits), found) if found else log


def items_left(log: Log, graph: SagaGraph) -> int:
    """How many items there may be to undo, or to seal, as the saga's own stream says.

    Args:
        log: Of that stream.
        graph: The saga.
    """
    maps = (
        node for node, many in distributed_of(graph.nodes) if not log.at(node.undo_slot or many.end)
    )
    return sum(opened["items"] for node in maps if (opened := _opened(node, log)))


def is_held_up(tree: Iterable[Reached], log: Log, graph: SagaGraph, store: EventStore) -> bool:
    """Whether an item is not undone yet that failed within the tolerance of its map.

    A saga that has failed there was on its way forward, and a redrive goes on with it.

    Args:
        tree: What the run has reached, with its items.
        log: Of the run, with its items.
        graph: The saga.
        store: The event store.

    Raises:
        CommitUnreadable: The list of the failed items is gone.
    """
    sides = {one.node.name: one for one in tree if isinstance(one, Side)}
    for node, many in distributed_of(graph.nodes):
        closed = log.at(many.end)
        if closed is None or closed.outcome is not Outcome.RESULT:
            continue
        told = value_of(closed)
        failed = _lines(told["bucket"], told["failures"], store) if told["failures"] else ()
        if any(left(sides[node.name].lanes[one["index"] - FIRST_INDEX], log) for one in failed):
            return True
    return False


def with_late(log: Log, store: EventStore) -> Log:
    """The log, with what has landed late of items: so much is told by a saga's end alone."""
    found = [
        one
        for shard in streams_of_items(log.commits)
        for one in store.read(shard, f"{log.run}/")
        if LATE in one.slot
    ]
    return Log(log.run, (*log.commits, *found)) if found else log


def _opened(node: MapNode, log: Log) -> dict[str, Any] | None:
    commit = log.at(node.slot)
    if commit is None or commit.outcome is not Outcome.RESULT:
        return None
    value: dict[str, Any] = value_of(commit)
    return value


def _items(opened: dict[str, Any], store: EventStore) -> tuple[Any, ...]:
    return tuple(one["item"] for one in _lines(opened["bucket"], opened["list"], store))


def _lines(bucket: str, key: str, store: EventStore) -> Iterator[dict[str, Any]]:
    """What a list of items has in its lines: `stepsaga.runtime.items`."""
    place = f"s3://{bucket}/{key}"
    if store.objects is None:
        raise CommitUnreadable(f"the items are in {place}, and this function has no bucket")
    try:
        for line in store.objects.lines(bucket, key):
            yield json.loads(line)
    except ValueError as error:
        raise CommitUnreadable(f"the items cannot be read: {error}") from error
