"""An undo from the log: begun once by whoever wins its generation, then moved on until it is done.

Three steps of one state machine, the same for all sagas and all releases (`stepsaga.asl.undo`):
`begin` wins the generation, `proceed` says what can be done now, `end` records that all is undone.
Each reads what the slots hold, so that each can happen twice, late, or again after a redrive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.kept import from_kept
from stepsaga.errors import RequestError, StepFailedForGood, UndoTaken
from stepsaga.limits import FIRST_END_SLOT, FIRST_OPERATION_SLOT, LAST_GENERATION
from stepsaga.recovery.calls import INPUT, Calls
from stepsaga.recovery.log import Log
from stepsaga.recovery.many import with_items
from stepsaga.recovery.places import stream_at
from stepsaga.recovery.plan import Plan, parts_of, plan
from stepsaga.recovery.reached import reached
from stepsaga.runtime.generations import latest
from stepsaga.runtime.journal import event_of
from stepsaga.store.commits import Commit, EventRecord, Outcome
from stepsaga.store.saga_events import (
    ForwardStarted,
    SagaCompensated,
    SagaCompleted,
    SagaStarted,
    SagaStuck,
    StepSealed,
    UndoEnded,
    UndoStarted,
)
from stepsaga.store.slots import iso, key_of, slot_text, stream_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from stepsaga.graph import SagaGraph
    from stepsaga.recovery.plan import Move
    from stepsaga.recovery.reached import Step
    from stepsaga.store.protocol import EventStore

NOTHING: Final[Mapping[str, str]] = {}
UNDONE_FROM_LOG: Final = "UndoneFromLog"


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a saga, as it is named to undo it.

    Attributes:
        saga: The saga's name.
        id: The saga's id, the execution's name.
        run: The execution's start, as its slots begin.
        execution: Its ARN.
    """

    saga: str
    id: str
    run: str
    execution: str

    @property
    def stream(self) -> str:
        """The saga's stream."""
        return stream_of(self.saga, self.id)


class Undoing:
    """Undoes runs from the log.

    Args:
        store: The event store.
        now: The clock, aware.
    """

    def __init__(self, store: EventStore, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def begin(  # noqa: PLR0913  # what is recorded of it, by name
        self,
        run: Run,
        *,
        fingerprint: str,
        input: Any,  # noqa: A002  # as Step Functions names it
        why: str,
        by: str = "",
        completed: bool = False,
        forward: bool = False,
        generation: int | None = None,
    ) -> int:
        """Win a generation of a run; return its number.

        Args:
            run: The run. Its execution has ended, and nothing of it can still run.
            fingerprint: Of the run's release.
            input: What it was started with.
            why: What it is for.
            by: Who asked for it.
            completed: Whether it is undone, too, where it turns out to be completed.
            forward: Whether it is not undone, but goes forward (`stepsaga.recovery.forward`).
            generation: The one to win; by default the next. Whoever wants the same one again has
                won it before: one undo can begin any number of times.

        Raises:
            UndoTaken: Somebody else has won it.
            RequestError: There were too many.
        """
        wanted = generation or latest(self._store, run.stream, run.run)[0] + 1
        if wanted > LAST_GENERATION:
            text = f"{run.saga} {run.id} was worked on from its log {LAST_GENERATION} times"
            raise RequestError(text)
        told = {"generation": wanted, "execution": run.execution, "why": why, "by": by}
        begins = (
            event_of(ForwardStarted, **told)
            if forward
            else event_of(UndoStarted, **told, completed=completed)
        )
        events = [event_of(SagaStarted, input=input), begins]
        slot = (FIRST_OPERATION_SLOT + wanted,)
        stored = self.record(run, slot, Outcome.BEGUN, events, fingerprint)
        if list(stored.events) != events:
            raise UndoTaken(
                f"{run.saga} {run.id}: generation {wanted}, which works from its log, was begun by"
                " somebody else"
            )
        return wanted

    def proceed(
        self, run: Run, generation: int, failed: Mapping[str, str] = NOTHING
    ) -> dict[str, Any]:
        """What can be done now.

        Args:
            run: The run.
            generation: Of this undo.
            failed: By their keys, the errors of moves that have failed since it was begun or
                redriven.

        Returns:
            ``{"done": bool, "calls": [...]}``: whether nothing is left to do, and what is to be
            called side by side, each ``{"key", "participant", "seconds", "waits", "call"}``.

        Raises:
            StepFailedForGood: The point of no return is passed, all that is left has failed, or
                somebody else works on the run now.
            StoreError: What the store raises.
        """
        begun = self.begun(run, generation)
        graph = self.graph(run, begun.fingerprint)
        calls = Calls(graph, begun.fingerprint, run, generation)
        found = self._sealed(run, graph, begun, generation, frozenset(failed))
        if found is None:
            if error := failed.get(INPUT):
                raise StepFailedForGood(_unknown(run, graph, error))
            return {"done": False, "calls": [calls.asking_for_input()]}
        if found.final is not None:
            raise StepFailedForGood(
                f"{run.saga} {run.id} cannot be undone: {past(run, found.final)}"
            )
        if found.blocked and not found.moves:
            names = ", ".join(
                sorted({f"{one.step.node.name} ({failed[one.key]})" for one in found.blocked})
            )
            text = f"{run.saga} {run.id} is stuck: {names} could not be undone: {mend(run)}"
            raise StepFailedForGood(text)
        return {"done": found.done, "calls": list(calls.fitting(found.moves))}

    def note_stuck(self, run: Run, fingerprint: str, at: tuple[int, int], event: SagaStuck) -> None:
        """Record that a run does not go on by itself. Again is the same as once.

        Args:
            run: The run.
            fingerprint: Of its release.
            at: The generation that is stuck, 0 for the saga's own execution, and how often that
                execution was redriven.
            event: What is left, and what is to be done.
        """
        generation, redrives = at
        slot = (FIRST_OPERATION_SLOT + generation, redrives)
        told = event_of(SagaStuck, **event.model_dump(mode="json"))
        self.record(run, slot, Outcome.STUCK, [told], fingerprint)

    def end(self, run: Run, generation: int) -> None:
        """Record that nothing is left to do, and, unless it is completed, that all is undone.

        Raises:
            StepFailedForGood: Somebody else works on the run now.
        """
        begun = self.begun(run, generation)
        log = self.log(run)
        refuse_if_taken(run, log, generation)
        events = [event_of(UndoEnded, generation=generation)]
        if not stays(log, begun) and SagaCompensated.__name__ not in log.types:
            cause = _told(begun)["why"]
            events.append(event_of(SagaCompensated, error=UNDONE_FROM_LOG, cause=cause))
        slot = (FIRST_END_SLOT + generation,)
        self.record(run, slot, Outcome.ENDED, events, begun.fingerprint)

    def log(self, run: Run) -> Log:
        """All that is recorded of a run."""
        return Log(run.run, self._store.read(run.stream, f"{run.run}/"))

    def begun(self, run: Run, generation: int) -> Commit:
        """The commit with which a generation began.

        Raises:
            StepFailedForGood: It did not.
        """
        slot = slot_text(run.run, (FIRST_OPERATION_SLOT + generation,))
        begun = self._store.get(run.stream, slot)
        if begun is None or begun.outcome is not Outcome.BEGUN:
            text = f"{run.saga} {run.id}: no generation {generation} was begun"
            raise StepFailedForGood(text)
        return begun

    def graph(self, run: Run, fingerprint: str) -> SagaGraph:
        """The kept graph of a run's release.

        Raises:
            StepFailedForGood: It is not kept.
        """
        kept = self._store.get_definition(fingerprint)
        if kept is None:
            raise StepFailedForGood(
                f"{run.saga} {run.id}: the graph {fingerprint} of its release is not kept in the"
                " event table: deploy that release again, then redrive"
            )
        return from_kept(kept)

    def _sealed(
        self, run: Run, graph: SagaGraph, begun: Commit, generation: int, failed: frozenset[str]
    ) -> Plan | None:
        """The plan, after all that may be running was sealed.

        None where only the input's model can say how many lanes there are.
        """
        while True:
            log = self.log(run)
            refuse_if_taken(run, log, generation)
            if stays(log, begun):
                return Plan()
            log = with_items(log, graph, run.stream, self._store)
            tree, lacking = reached(graph, log)
            if lacking and graph.input.model:
                return None
            found = plan(tree, log, failed)
            if not found.seals:
                return found
            for move in found.seals:
                self._seal(run, move, begun)

    def _seal(self, run: Run, move: Move, begun: Commit) -> None:
        # It can be the stream's first commit, which tells with what the saga was started (rule 8).
        events = [event for event in begun.events if event.type == SagaStarted.__name__]
        events.append(event_of(StepSealed, step=move.step.node.name))
        stream = stream_at(run.stream, move.step.lanes)
        parts = parts_of(move.step)
        self.record(run, parts, Outcome.SEALED, events, begun.fingerprint, stream=stream)

    def record(  # noqa: PLR0913  # what a commit has
        self,
        run: Run,
        parts: tuple[int, ...],
        outcome: Outcome,
        events: Iterable[EventRecord],
        fingerprint: str,
        *,
        stream: str = "",
    ) -> Commit:
        """Put a commit into a slot of a run, unless it is taken; return what it holds then.

        ``stream`` is that of a distributed map's items, where it is one of theirs.
        """
        slot = slot_text(run.run, parts)
        stream = stream or run.stream
        commit = Commit(
            stream_id=stream,
            slot=slot,
            outcome=outcome,
            events=tuple(events),
            commit_id=key_of(stream, slot),
            correlation_id=run.id,
            causation_id=run.execution,
            recorded_at=iso(self._now()),
            attempt=0,
            fingerprint=fingerprint,
        )
        return self._store.append(commit)


def _unknown(run: Run, graph: SagaGraph, error: str) -> str:
    """What is said where a map's items are not told, and the input's model cannot tell them."""
    return (
        f"{run.saga} {run.id} is stuck: what its input leaves out {graph.input.model} could not"
        f" fill in ({error}), so nobody knows what there is to undo: {mend(run)}"
    )


def _told(begun: Commit) -> Mapping[str, Any]:
    """What the beginning of an undo says."""
    data: Mapping[str, Any] = next(
        event.data for event in begun.events if event.type == UndoStarted.__name__
    )
    return data


def refuse_if_taken(run: Run, log: Log, generation: int) -> None:
    """Let one generation at a time work on a run: also one that is redriven is out (rule 15).

    Raises:
        StepFailedForGood: A later one has taken over.
    """
    now, _ = log.latest
    if now != generation:
        text = f"{run.saga} {run.id}: generation {now} has taken over from {generation}"
        raise StepFailedForGood(text)


def stays(log: Log, begun: Commit) -> bool:
    """Whether a saga was completed by a call that was under way, and so is not to be undone."""
    return SagaCompleted.__name__ in log.types and not _told(begun)["completed"]


def names_of(moves: Iterable[Move]) -> tuple[str, ...]:
    """The steps that moves are made for, each once."""
    return tuple(sorted({move.step.node.name for move in moves}))


def mend(run: Run) -> str:
    """What is to be done about a saga whose undoing fails."""
    return (
        f"after the fix `stepsaga redrive {run.stream}`; for what was undone outside, first"
        f" `stepsaga resolve {run.stream} STEP --done-by-hand --why ...`"
    )


def past(run: Run, step: Step, *, redrivable: bool | None = None) -> str:
    """What is to be done about a saga that is past its point of no return; see `onward`."""
    return (
        f"{step.node.name} is its point of no return, or behind it, and it has happened or may"
        f" have: {onward(run, redrivable=redrivable)}"
    )


def onward(run: Run, *, redrivable: bool | None = None) -> str:
    """What goes on with a saga that only goes forward.

    Args:
        run: The run.
        redrivable: Whether what has failed can be redriven; None where that may change until it is
            read: after 14 days it cannot.
    """
    redrive = f"`stepsaga redrive {run.stream}` goes on"
    forward = f"`stepsaga forward {run.stream} --why ...` goes on from its log"
    if redrivable is None:
        return f"after the fix {redrive}; where it cannot be redriven any more, {forward}"
    return f"after the fix {redrive if redrivable else forward}"


def backward(run: Run) -> str:
    """What undoes a saga that is not past its point of no return."""
    return f"`stepsaga undo {run.stream} --why ...` undoes it"
