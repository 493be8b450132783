"""Sagas that are children of others: started, undone, their ends told to who waits (rule 28).

What a child came to its events say, and nothing else does. Everything here can happen twice, late,
or with another at the same time: what is decided goes into write-once slots first, and is told
then, by the latest token; that it is told again changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

from stepsaga.errors import Rejected, StepFailed, StepFailedForGood, StoreError
from stepsaga.recovery.executions import Execution, Executions
from stepsaga.recovery.following import ENDS
from stepsaga.recovery.log import Log
from stepsaga.recovery.reconcile import Found, Reconciler, gone
from stepsaga.runtime.children import STARTED, UNDONE
from stepsaga.runtime.journal import TOKEN, event_of, rejection_of, value_of
from stepsaga.runtime.stored import Room, adopted_form
from stepsaga.runtime.texts import cut
from stepsaga.runtime.values import Unfit
from stepsaga.store.commits import Commit, Outcome
from stepsaga.store.events import types_in
from stepsaga.store.saga_events import (
    ChildAwaited,
    ChildLinked,
    SagaCompensated,
    SagaCompleted,
    SagaStarted,
    StepCompensated,
    StepCompleted,
    StepRejected,
)
from stepsaga.store.slots import iso, key_of, parents_of, run_of, stream_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from stepsaga.runtime.answers import Answers
    from stepsaga.store.commits import EventRecord
    from stepsaga.store.protocol import EventStore, StreamReader

CANCELLED: Final = "SagaCancelled"
"""The error under which the execution of a saga ends that was cancelled."""
CHILD_COMPENSATED: Final = "ChildCompensated"
"""What a step is rejected with whose child has undone itself."""


class End(StrEnum):
    """What a saga came to."""

    COMPLETED = "completed"
    COMPENSATED = "compensated"


class ChildExecutions(Executions, Protocol):
    """What is needed of Step Functions besides, where there are children."""

    def start(self, saga: str, name: str, input: Any) -> bool:  # noqa: A002  # as Step Functions names it
        """Start a saga; say whether it runs now: one of that name may have ended before."""
        ...

    def find(self, saga: str, name: str) -> Execution | None:
        """A saga's execution, also where no release has that saga any more; None as `describe`."""
        ...


class Children:
    """Starts and undoes children, and tells who waits: `stepsaga.runtime.children.Children`.

    Args:
        store: The event store.
        executions: Step Functions.
        answers: How Tasks that wait are told.
        now: The clock, aware.
    """

    def __init__(
        self,
        store: EventStore,
        executions: ChildExecutions,
        answers: Answers,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._executions = executions
        self._answers = answers
        self._now = now
        self._reconciler = Reconciler(store, executions, now)

    def start(self, saga: str, name: str, input: Any, *, again: bool) -> bool:  # noqa: A002  # as above
        """Start a child, unless its events say that there was one of that name.

        Step Functions forgets names 90 days after their execution's end; a parent can wait longer.
        """
        if again and next(iter(self._store.read(stream_of(saga, name))), None) is not None:
            return False
        return self._executions.start(saga, name, input)

    def undo(self, saga: str, name: str, why: str) -> bool:
        """See to it that a child is undone; False: there is none.

        One that undoes itself does so. One that runs is stopped, and undone from its log; one that
        is completed, too. One that is stuck stays that: somebody mends it, and it is undone then.
        """
        stream = stream_of(saga, name)
        commits = list(self._store.read(stream))
        execution = self._executions.find(saga, name)
        if execution is None and not commits:
            return False
        if end_of(commits) is End.COMPENSATED:
            self.settle(stream)
            return True
        if execution is None or SagaCompleted.__name__ in types_in(commits):
            self._undo(execution or gone(saga, name, _latest(commits)), commits, why)
        else:
            if execution.stopped is None and not (commits and _latest(commits).goes_back):
                self._executions.stop(execution.arn, CANCELLED, why)
            self._reconciler.look(execution.arn, saga)
        # It may have ended since it was looked at, and whoever heard of that found no token.
        self.settle(stream)
        return True

    def heard(self, commit: Commit) -> None:
        """Hear of a commit: where it ends a child, whoever waits for it is told."""
        if any(event.type in ENDS for event in commit.events):
            self.settle(commit.stream_id)

    def look(self, commits: Iterable[Commit]) -> None:
        """Settle all children that a run waits for, whose ends nobody may have told it."""
        for stream in children_in(commits):
            self.settle(stream)

    def settle(self, stream_id: str) -> None:
        """Tell whoever waits for a child what it came to, if it has come to its end.

        Raises:
            StoreError, StepFailed: What could not be done. To settle it again is always right.
        """
        links = {one.slot: one for one in self._store.read(parents_of(stream_id))}
        if not links:
            return
        commits = list(self._store.read(stream_id))
        end = end_of(commits)
        started, undone = links.get(STARTED), links.get(UNDONE)
        if end is not None and started is not None and started.outcome is Outcome.LINKED:
            self._tell_step(started, end, commits)
        if undone is None:
            return
        if end is End.COMPENSATED:
            self._tell_compensation(undone)
        elif end is End.COMPLETED:
            # It came to its end while it was being stopped.
            saga, _, name = stream_id.partition("#")
            execution = self._executions.find(saga, name)
            why = f"{link_of(undone).stream} is undone, whose child it is"
            self._undo(execution or gone(saga, name, _latest(commits)), commits, why)

    def _undo(self, execution: Execution, commits: Sequence[Commit], why: str) -> None:
        found = self._reconciler.undo(execution, _latest(commits), why, completed=True)
        if found is Found.UNKNOWN:
            text = "is to be undone, and the graph of its release is not in the event table"
            raise StepFailed(f"{commits[0].stream_id} {text}: deploy that release again")

    # What is told

    def _tell_step(self, linked: Commit, end: End, commits: Sequence[Commit]) -> None:
        link = link_of(linked)
        try:
            stored = self._decide(link, end, commits)
        except Unfit as unfit:
            error, cause = StepFailedForGood.__name__, f"{link.step}: {unfit}"
            self._answers.failure(self._token(link), error, cut(cause))
            return
        if stored.outcome is Outcome.RESULT:
            self._answers.success(self._token(link), {"value": value_of(stored)})
        elif stored.outcome is Outcome.REJECTED:
            cause = ": ".join([link.step, *rejection_of(stored)])
            self._answers.failure(self._token(link), Rejected.__name__, cut(cause))

    def _decide(self, link: ChildLinked, end: End, commits: Sequence[Commit]) -> Commit:
        """What the step's slot holds, after what the child came to was put there."""
        if stored := self._store.get(link.stream, link.slot):
            return stored
        if end is End.COMPENSATED:
            child = commits[-1].stream_id
            event = event_of(
                StepRejected,
                step=link.step,
                error=CHILD_COMPENSATED,
                message=f"its child {child} has undone itself: `stepsaga show {child}` tells why",
            )
            return self._put(link, Outcome.REJECTED, event)
        form = adopted_form(
            _result(link.result, commits),
            Room(link.most, link.room),
            self._store.objects,
            inline=link.inline,
        )
        event = event_of(StepCompleted, step=link.step, value=form)
        return self._put(link, Outcome.RESULT, event)

    def _tell_compensation(self, linked: Commit) -> None:
        link = link_of(linked)
        step = self._store.get(link.stream, link.undoes)
        found = "result" if step and step.outcome is Outcome.RESULT else "doubt"
        event = event_of(StepCompensated, step=link.step, found=found)
        self._put(link, Outcome.COMPENSATED, event)
        self._answers.success(self._token(link), {"value": None})

    def _put(self, link: ChildLinked, outcome: Outcome, event: EventRecord) -> Commit:
        """Put what a child came to into its parent's stream, whose first commit it can be."""
        waiting = self._waiting(link)[0]
        began = [one for one in waiting.events if one.type == SagaStarted.__name__]
        commit = replace(
            waiting,
            slot=link.slot,
            outcome=outcome,
            events=(*began, event),
            commit_id=key_of(link.stream, link.slot),
            recorded_at=iso(self._now()),
        )
        return self._store.append(commit)

    def _token(self, link: ChildLinked) -> str:
        """The latest, read after what is told is there: who comes later finds it himself."""
        return str(_data(self._waiting(link)[-1], ChildAwaited.__name__)["token"])

    def _waiting(self, link: ChildLinked) -> list[Commit]:
        """Every attempt that waited: each has said so before it put the link."""
        found = list(self._store.read(link.stream, f"{link.slot}/{TOKEN}/"))
        if not found:
            raise StoreError(f"{link.stream} {link.slot}: nobody has said that he waits")
        return found


def link_of(commit: Commit) -> ChildLinked:
    """Who waits, as a commit says it."""
    return ChildLinked.model_validate(_data(commit, ChildLinked.__name__))


def parent_of(store: EventStore | StreamReader, stream_id: str) -> ChildLinked | None:
    """Whose child a saga is; None where it is nobody's."""
    for commit in store.read(parents_of(stream_id), STARTED):
        if commit.outcome is Outcome.LINKED:
            return link_of(commit)
    return None


def children_in(commits: Iterable[Commit]) -> list[str]:
    """The streams of the children that a run waits for, as its commits tell."""
    known = list(commits)
    slots = {one.slot for one in known}
    found = {
        str(_data(one, ChildAwaited.__name__)["child"]): None
        for one in known
        if one.outcome is Outcome.AWAITED and one.slot.rpartition(f"/{TOKEN}/")[0] not in slots
    }
    return list(found)


def end_of(commits: Sequence[Commit]) -> End | None:
    """What a saga came to, as its commits tell; None where it has not ended, or is being undone."""
    if not commits or not (log := _latest(commits)).has_ended:
        return None
    return End.COMPENSATED if SagaCompensated.__name__ in log.types else End.COMPLETED


def _latest(commits: Sequence[Commit]) -> Log:
    """The latest run of a stream."""
    return Log(run_of(commits[-1]), commits)


def _result(step: str, commits: Iterable[Commit]) -> Any:
    """The form of a step's result; a name is a step's whatever the release."""
    for commit in commits:
        if step and commit.outcome is Outcome.RESULT:
            for event in commit.events:
                if event.type == StepCompleted.__name__ and event.data["step"] == step:
                    return event.data["value"]
    if step:
        raise Unfit(f"the child has completed without a result of {step!r}")
    return None


def _data(commit: Commit, kind: str) -> Any:
    return next(event.data for event in commit.events if event.type == kind)
