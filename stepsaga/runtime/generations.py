"""Who may undo a run: its own execution, or the latest undo from the log (rule 15).

Each undo from the log has a generation, and begins by putting a commit into that generation's slot.
From then on the compensation calls of all others are refused: of the execution, when it is
redriven, and of earlier undos.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stepsaga.errors import CommitUnreadable, Fenced
from stepsaga.limits import FIRST_OPERATION_SLOT
from stepsaga.runtime.call import Part
from stepsaga.store.commits import Outcome
from stepsaga.store.saga_events import SagaStarted
from stepsaga.store.slots import slot_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stepsaga.runtime.call import Call
    from stepsaga.store.commits import Commit
    from stepsaga.store.protocol import EventStore

UNDOING: Final = frozenset({Part.COMPENSATION, Part.VERIFY})
"""The parts that an undo from the log takes over."""


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


def latest_in(commits: Iterable[Commit]) -> tuple[int, Commit | None]:
    """The same of commits that were read, in their order."""
    found = [commit for commit in commits if commit.outcome is Outcome.BEGUN]
    if not found:
        return 0, None
    return int(found[-1].slot.rpartition("/")[2]) - FIRST_OPERATION_SLOT, found[-1]


def admitted(call: Call, store: EventStore) -> Call:
    """A call that may do what it is for, with the input that the undo was begun with.

    Raises:
        Fenced: An undo from the log has taken over.
        CommitUnreadable: The undo's beginning does not tell the input.
    """
    if call.part not in UNDOING and not call.generation:
        return call
    generation, begun = latest(store, call.stream, call.execution.started)
    if generation != call.generation and not _is_settled(call, store):
        raise Fenced(
            f"{call.label}: the undo from the log of generation {generation} has taken over; what"
            " is left to undo it undoes"
        )
    if begun is None or generation != call.generation:
        return call
    for event in begun.events:
        if event.type == SagaStarted.__name__:
            execution = call.execution.model_copy(update={"input": event.data["input"]})
            return call.model_copy(update={"execution": execution})
    raise CommitUnreadable(f"{call.stream} {begun.slot}: it does not tell the saga's input")


def _is_settled(call: Call, store: EventStore) -> bool:
    """Whether a probe has nothing to settle any more: its step is done, so it only says so.

    An undo from the log that finds its run past the point of no return ends there, and a redrive of
    the run's own execution goes on, perhaps in that probe's Task.
    """
    if call.part is not Part.VERIFY:
        return False
    stored = store.get(call.stream, call.address(call.slot))
    return stored is not None and stored.outcome is Outcome.RESULT
