"""Who drives a run: its own execution, or the latest who works from its log (rules 15 and 16).

Whoever undoes a run from its log, or goes forward with it, has a generation, and begins by putting
a commit into that generation's slot. From then on the compensation calls of all others are refused:
of the execution, when it is redriven, and of earlier generations. So is its call of the pivot,
whose probe may be asked then; and where the generation goes forward, of the steps after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stepsaga.errors import CommitUnreadable, Fenced
from stepsaga.limits import FIRST_OPERATION_SLOT
from stepsaga.runtime.call import Part
from stepsaga.store.commits import Outcome
from stepsaga.store.saga_events import ForwardStarted, SagaStarted
from stepsaga.store.slots import slot_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stepsaga.runtime.call import Call
    from stepsaga.store.commits import Commit
    from stepsaga.store.protocol import EventStore

UNDOING: Final = frozenset({Part.COMPENSATION, Part.VERIFY})
"""The parts that an undo from the log takes over."""
ONWARD: Final = frozenset({Part.PIVOT, Part.RETRIABLE})
"""The parts of which a redriven execution's are taken over."""


def address_of(run: str, generation: int) -> str:
    """The slot of a generation's beginning."""
    return slot_text(run, (FIRST_OPERATION_SLOT + generation,))


def latest(store: EventStore, stream: str, run: str) -> tuple[int, Commit | None]:
    """The latest generation of a run, 0 where nothing was ever undone from the log, and its commit.

    Raises:
        StoreError: What the store raises.
    """
    # All beginnings have slots from 90001 to 94999.
    return latest_in(store.read(stream, f"{run}/9"))


def has_ended(store: EventStore, stream: str, run: str) -> bool:
    """Whether a run has ended, or is worked on from its log: its execution asks nothing any more.

    What says so stands behind all slots of steps (rule 8). That it was stuck, which stands there,
    too, is no end: it may have been redriven since, and go on.

    Raises:
        StoreError: What the store raises.
    """
    behind = store.read(stream, f"{run}/{str(FIRST_OPERATION_SLOT)[0]}")
    return any(commit.outcome is not Outcome.STUCK for commit in behind)


def latest_in(commits: Iterable[Commit]) -> tuple[int, Commit | None]:
    """The same of commits that were read, in their order."""
    found = [commit for commit in commits if commit.outcome is Outcome.BEGUN]
    if not found:
        return 0, None
    return int(found[-1].slot.rpartition("/")[2]) - FIRST_OPERATION_SLOT, found[-1]


def admitted(call: Call, store: EventStore) -> Call:
    """A call that may do what it is for, with the input that its generation was begun with.

    Raises:
        Fenced: A later generation has taken over.
        CommitUnreadable: The generation's beginning does not tell the input.
    """
    # The pivot, and a step after it, cost a read only where their execution was redriven: until
    # then nobody else can have begun, for an execution that runs is left alone.
    redriven = call.part in ONWARD and call.execution.redrives > 0
    if call.part not in UNDOING and not call.generation and not redriven:
        return call
    generation, begun = latest(store, call.stream, call.execution.started)
    # What turned out to be past the pivot was begun to be undone in vain.
    if call.part is Part.RETRIABLE and not call.generation and not goes_forward(begun):
        return call
    if generation != call.generation and not _is_settled(call, store):
        left = "do it does, forward" if goes_forward(begun) else "undo it undoes"
        raise Fenced(
            f"{call.label}: generation {generation}, which works from the log, has taken over; what"
            f" is left to {left}"
        )
    if begun is None or generation != call.generation:
        return call
    for event in begun.events:
        if event.type == SagaStarted.__name__:
            execution = call.execution.model_copy(update={"input": event.data["input"]})
            return call.model_copy(update={"execution": execution})
    raise CommitUnreadable(f"{call.stream} {begun.slot}: it does not tell the saga's input")


def goes_forward(begun: Commit | None) -> bool:
    """Whether a generation's beginning is of one that goes forward."""
    return begun is not None and any(
        event.type == ForwardStarted.__name__ for event in begun.events
    )


def _is_settled(call: Call, store: EventStore) -> bool:
    """Whether a pivot, or a probe, has nothing to do any more: it is done, and only says so.

    An undo from the log that finds its run past the point of no return ends there, and a redrive of
    the run's own execution goes on, perhaps in that Task.
    """
    if call.part not in {Part.VERIFY, Part.PIVOT}:
        return False
    stored = store.get(call.stream, call.address(call.slot))
    return stored is not None and stored.outcome is Outcome.RESULT
