"""What an operator does about sagas: cancel, undo, forward, redrive, resolve; and what is stuck."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.kept import from_kept
from stepsaga.asl.undo import NAME
from stepsaga.client.status import end_of, told_by_execution
from stepsaga.engines.endings import Ending
from stepsaga.engines.protocol import ExecutionView, Status
from stepsaga.engines.recovering import EngineExecutions, execution_of
from stepsaga.errors import (
    EngineError,
    EngineThrottled,
    EngineUnreachable,
    ExecutionMissing,
    MachineMissing,
    RequestError,
    SagaMissing,
)
from stepsaga.recovery.children import CANCELLED, children_in, parent_of
from stepsaga.recovery.forward import short_of
from stepsaga.recovery.log import Log, log_of
from stepsaga.recovery.many import with_items
from stepsaga.recovery.places import stream_at, undo_slots_of
from stepsaga.recovery.plan import MOST_LEFT, Plan, left, parts_of, plan, steps_in
from stepsaga.recovery.reached import reached
from stepsaga.recovery.reconcile import Found, Reconciler, by_redrive, name_of
from stepsaga.recovery.undo import Run, Undoing, backward, names_of, onward, past
from stepsaga.runtime.generations import goes_forward
from stepsaga.runtime.journal import event_of
from stepsaga.runtime.runtime import utc_now
from stepsaga.store.commits import Outcome
from stepsaga.store.events import types_in
from stepsaga.store.saga_events import (
    SagaCompleted,
    SagaStarted,
    SagaStuck,
    StepCompensated,
    StepResolved,
    StepSealed,
)
from stepsaga.store.slots import began, moment_of, run_of, stream_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from stepsaga.client.client import Client
    from stepsaga.client.status import SagaStatus
    from stepsaga.recovery.reached import Step
    from stepsaga.store.protocol import EventStore

BY_HAND: Final = "by hand"


@dataclass(frozen=True, slots=True)
class Stuck:
    """A saga that does not go on by itself.

    Attributes:
        status: How it is doing.
        steps: What is left, by name.
        why: The error that stopped it.
        then: What is to be done, in words, with the command.
    """

    status: SagaStatus
    steps: tuple[str, ...]
    why: str
    then: str


@dataclass(frozen=True, slots=True)
class Awaited:
    """A child that a saga waits for.

    Attributes:
        stream: Its stream: ``ShipParcel#order-1-ship-0f3a...``.
        status: How it is doing; None where it is not seen yet.
        stuck: What is to be done about it, where it does not go on by itself.
    """

    stream: str
    status: SagaStatus | None
    stuck: Stuck | None


class Operator:
    """Operates sagas, by what a client knows of them.

    Every method raises what the client's do, and `RequestError` where a saga is in no state for it:
    nothing was changed then.

    Args:
        client: The client.
        store: The event store, which the operator writes.
        by: Who operates, for the record.
        now: When; aware.
    """

    def __init__(
        self,
        client: Client,
        store: EventStore,
        *,
        by: str = "",
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.client = client
        self._store = store
        self._by = by
        self._now = now
        self._undoing = Undoing(store, now)
        executions = EngineExecutions(client.engine, dict.fromkeys(client.sagas, ""))
        self._reconciler = Reconciler(store, executions, now)

    def cancel(self, saga: str, saga_id: str, why: str) -> None:
        """Stop a saga that runs, and have it undone: it is compensated, never just stopped.

        Raises:
            RequestError: It has ended; it is past its point of no return, and goes on.
        """
        view = self._view(saga, saga_id)
        if view.status is not Status.RUNNING:
            raise RequestError(f"{saga} {saga_id} does not run any more: `stepsaga status` tells")
        self._refuse_past(saga, saga_id, view)
        told = f"cancelled{f' by {self._by}' if self._by else ''}: {why}"
        self.client.engine.stop(view.arn, error=CANCELLED, cause=told)
        if self._planned(view)[1].final is not None:
            # It passed while it was being stopped: only forward is left.
            try:
                self.client.engine.redrive(view.arn)
            except EngineError:
                self._forward(self._view(saga, saga_id), told)
            raise RequestError(
                f"{saga} {saga_id} passed its point of no return while it was cancelled: it goes on"
            )
        self._undo(self._view(saga, saga_id), told, completed=False)

    def undo(self, saga: str, saga_id: str, why: str) -> None:
        """Undo a saga from its log, also one that is completed, or whose execution is gone.

        Where an undo has failed, the next takes over from it, also where that is past redriving.

        Raises:
            RequestError: It runs, or is being undone; it is undone already; it is past its point of
                no return; it is a child that is completed: its parent counts on that.
        """
        view = self._view(saga, saga_id)
        if view.status is Status.RUNNING:
            text = f"{saga} {saga_id} runs: `stepsaga cancel {saga}#{saga_id} --why ...` undoes it"
            raise RequestError(text)
        ending = self.client.status(saga, saga_id).ending
        if ending is Ending.COMPENSATED and self._read_log(view).is_over:
            raise RequestError(f"{saga} {saga_id} is undone already")
        counted = self._is_counted_on(saga, saga_id)
        self._refuse_past(saga, saga_id, view, perhaps=True)
        self._undo(view, why, completed=not counted, anew=self._is_over(view))

    def forward(self, saga: str, saga_id: str, why: str) -> None:
        """Go on from its log with a saga that is stuck behind its point of no return.

        What a redrive does as well, as long as there is an execution that can be redriven. From its
        beginning on the saga's own execution does nothing more, also where it is redriven.

        Raises:
            RequestError: It runs, or is worked on; it has ended; it is not past its point of no
                return.
        """
        view = self._view(saga, saga_id)
        if view.status is Status.RUNNING:
            raise RequestError(f"{saga} {saga_id} runs: it goes forward by itself")
        ending = self.client.status(saga, saga_id).ending
        if ending in {Ending.COMPLETED, Ending.COMPENSATED}:
            raise RequestError(f"{saga} {saga_id} is {ending}: there is nothing to go on with")
        anew = self._is_over(view)
        self._refuse_short(view)
        self._forward(view, why, anew=anew)

    def redrive(self, saga: str, saga_id: str) -> str:
        """Let a saga go on where it stands, after the fix; return the ARN of what goes on.

        Raises:
            RequestError: It runs, or has ended well.
        """
        view = self._view(saga, saga_id)
        log, found = self._planned(view)
        ending = self.client.status(saga, saga_id).ending
        # What has landed after that is undone from the log.
        if ending is Ending.COMPENSATED and (log.is_over or self._undo_of(view) is None):
            raise RequestError(f"{saga} {saga_id} is undone: there is nothing to go on with")
        forward = goes_forward(log.latest[1])
        # What turned out to be past its point of no return only its own execution can finish, or
        # who has gone forward with it: then nobody else can.
        worker = self._undo_of(view) if forward or found.final is None else None
        one = worker or view
        if one.status in {Status.RUNNING, Status.SUCCEEDED}:
            doing = "is worked on from its log; nothing" if worker else "is not"
            raise RequestError(f"{saga} {saga_id} {doing} stuck: `stepsaga status` tells")
        run = _run(view, log)
        instead = onward(run, redrivable=False) if forward or found.final else backward(run)
        if forward and worker is None:
            raise RequestError(f"{saga} {saga_id} is stuck: {instead}")
        try:
            self.client.engine.redrive(one.arn)
        except (EngineUnreachable, EngineThrottled):
            raise
        except EngineError as error:
            text = f"{saga} {saga_id} cannot be redriven ({error}): {instead}"
            raise RequestError(text) from error
        return one.arn

    def stuck(self, saga: str | None = None, *, limit: int = 100) -> tuple[Stuck, ...]:
        """The sagas that do not go on by themselves, the newest first.

        The open ones, also those whose execution is gone, as far as they are followed; besides,
        what has failed of late, for a stack whose sagas were not followed from the beginning.
        """
        found = {one.status.execution: one for one in self._stuck_rows(saga)}
        for status in (Status.FAILED, Status.TIMED_OUT, Status.ABORTED):
            listed = self.client.list(saga, status=status, limit=limit)
            stuck = [one for one in listed if one.ending is Ending.STUCK]
            for one in [*stuck, *self._half_undone(saga, status)]:
                known = one.execution in found
                told = None if known else self._told(one, self._view(one.saga, one.id))
                found |= {} if told is None else {one.execution: told}
        newest = sorted(found.values(), key=lambda one: one.status.started, reverse=True)
        return tuple(newest[:limit])

    def resolve(  # noqa: PLR0913  # what is recorded of it
        self, saga: str, saga_id: str, step: str, why: str, *, lane: str = "", happened: bool = True
    ) -> int:
        """Record that a person has undone a step outside, or that it never happened.

        Args:
            saga: The saga's name.
            saga_id: Its id.
            step: The step whose compensation is closed.
            why: What was done, for the record.
            lane: The slot of one lane, ``00004/1000001``; empty for all that are open.
            happened: Whether there was anything to undo; if not, the step itself is sealed.

        Returns:
            How many were closed; after that `redrive` goes on.

        Raises:
            RequestError: The step is not waiting to be undone, or is another saga; the saga only
                goes forward.
        """
        view = self._view(saga, saga_id)
        if view.status in {Status.RUNNING, Status.SUCCEEDED} and self._undo_of(view) is None:
            raise RequestError(f"{saga} {saga_id} is not being undone: `stepsaga status` tells")
        self._refuse_past(saga, saga_id, view, perhaps=True)
        log, _, tree = self._read(view)
        if child := next((s.node.child for s in steps_in(tree) if s.node.name == step), None):
            # Its Task waits to be told, and what is left is left in the child's own steps.
            raise RequestError(
                f"{saga} {saga_id}: {step!r} is a saga of its own, {child.name}: `stepsaga status"
                f" {saga}#{saga_id}` names it; resolve what is left in it, then redrive that"
            )
        count = 0
        for one in steps_in(tree):
            if one.node.name == step and self._close(view, log, one, why, lane, happened=happened):
                count += 1
        if not count:
            raise RequestError(
                f"{saga} {saga_id}: {step!r} does not wait to be undone: `stepsaga stuck` lists"
                " what does"
            )
        return count

    def waits_for(self, saga: str, saga_id: str) -> tuple[Awaited, ...]:
        """The children that a saga waits for, and those that these wait for, the nearest first.

        What is stuck among them says what is to be done: that is the saga's own next action.
        """
        found: list[Awaited] = []
        commits = list(self._store.read(stream_of(saga, saga_id)))
        latest = [one for one in commits if run_of(one) == run_of(commits[-1])]
        for stream in children_in(latest):
            child, _, child_id = stream.partition("#")
            try:
                status = self.client.status(child, child_id)
            except SagaMissing:  # it is about to be started
                found.append(Awaited(stream, None, None))
                continue
            view = self._view(child, child_id)
            # It may have completed, and its undoing be what is stuck.
            stuck = None if view.status is Status.RUNNING else self._told(status, view)
            found += [Awaited(stream, status, stuck), *self.waits_for(child, child_id)]
        return tuple(found)

    # Inside

    def _stuck_rows(self, saga: str | None) -> Iterator[Stuck]:
        """Open sagas whose execution does not run, and which nobody undoes."""
        rows = self.client.open_rows(saga)
        running: set[str] = set()
        for name in {row.saga for row in rows}:
            with suppress(MachineMissing):
                running |= {one.arn for one in self.client.engine.executions(name, Status.RUNNING)}
        for row in rows:
            if row.execution in running or log_of(self._store, row.stream, row.started).is_over:
                continue
            view = self._view(row.saga, row.id)
            if began(row.run, view.started) and view.status is not Status.RUNNING:
                status = told_by_execution(row.saga, view, Ending.STUCK)
                if (told := self._told(status, view)) is not None:
                    yield told

    def _half_undone(self, saga: str | None, status: Status) -> Iterator[SagaStatus]:
        """Sagas that were completed, and of whose undoing an execution has ended so."""
        seen: set[tuple[str, str]] = set()
        with suppress(MachineMissing):
            for listed in self.client.engine.executions(NAME, status):
                undo = self.client.engine.describe(listed.arn).input["undo"]
                key = undo["saga"], undo["id"]
                if saga in (None, key[0]) and key not in seen:
                    seen.add(key)
                    one = self.client.status(*key)
                    if one.ending is Ending.COMPLETED and self._is_half_undone(one, listed.arn):
                        yield one

    def _is_half_undone(self, status: SagaStatus, arn: str) -> bool:
        """Whether this is the latest undoing of a completed saga, and has something left to undo.

        What was found to be past its point of no return has gone forward since then.
        """
        view = self._view(status.saga, status.id)
        if self._planned(view)[1].final is not None:
            return False
        undo = self._undo_of(view)
        return undo is not None and undo.arn == arn

    def _close(  # noqa: PLR0913  # what is recorded of it
        self, view: ExecutionView, log: Log, step: Step, why: str, lane: str, *, happened: bool
    ) -> bool:
        """Fill a compensation's slot, or the step's own, if it is open; say whether it was."""
        own = parts_of(step)
        if lane and not "/".join(f"{part:05d}" for part in own).startswith(f"{lane.rstrip('/')}/"):
            return False
        told = event_of(StepResolved, step=step.node.name, why=why, by=self._by)
        if not happened:
            if log.at(own) is not None:
                return False
            events = [event_of(StepSealed, step=step.node.name), told]
            self._put(view, log, step, own, Outcome.SEALED, events)
            return True
        undo = step.node.compensation
        if undo is None or not (step.is_open or step.has_result or _is_sealed(step)):
            return False
        at = (*undo_slots_of(step.lanes), *undo.slot)
        if log.at(at) is not None:
            return False
        if step.is_open:
            sealed = [event_of(StepSealed, step=step.node.name)]
            self._put(view, log, step, own, Outcome.SEALED, sealed)
        events = [event_of(StepCompensated, step=step.node.name, found=BY_HAND), told]
        self._put(view, log, step, at, Outcome.COMPENSATED, events)
        return True

    def _put(  # noqa: PLR0913, PLR0917  # what a commit has
        self,
        view: ExecutionView,
        log: Log,
        step: Step,
        parts: tuple[int, ...],
        outcome: Outcome,
        events: list[Any],
    ) -> None:
        if not log.commits:
            events = [event_of(SagaStarted, input=view.input), *events]
        run = _run(view, log)
        stream = stream_at(run.stream, step.lanes)
        self._undoing.record(run, parts, outcome, events, log.fingerprint, stream=stream)

    def _undo(self, view: ExecutionView, why: str, *, completed: bool, anew: bool = False) -> None:
        log, _, tree = self._read(view)
        if (many := left(tree, log)) > MOST_LEFT:
            raise RequestError(
                f"{view.machine} {view.name} cannot be undone: {by_redrive(_run(view, log), many)}"
            )
        found = self._reconciler.undo(
            execution_of(view), log, why, by=self._by, completed=completed, anew=anew
        )
        # Where nothing is recorded only Step Functions knows its release. The reconciler asks, and
        # undoes it.
        if found is Found.UNKNOWN and log.commits:
            raise _not_kept(view)

    def _is_counted_on(self, saga: str, saga_id: str) -> bool:
        """Whether a saga has a parent that is told of its end, should it complete even now.

        Raises:
            RequestError: It has completed: its parent counts on that.
        """
        stream = stream_of(saga, saga_id)
        link = parent_of(self._store, stream)
        if link is None:
            return False
        commits = tuple(self._store.read(stream))
        if not commits or not Log(run_of(commits[-1]), commits).has_ended:
            # What has completed, and is to be undone all the same, its parent does not count on.
            return SagaCompleted.__name__ not in types_in(commits)
        told = (
            f"{saga} {saga_id} is completed, and a child of {link.stream}, which counts on it:"
            f" `stepsaga undo {link.stream} --why ...` undoes both"
        )
        raise RequestError(told)

    def _forward(self, view: ExecutionView, why: str, *, anew: bool = False) -> None:
        log = self._read_log(view)
        found = self._reconciler.forward(execution_of(view), log, why, by=self._by, anew=anew)
        if found is Found.UNKNOWN:
            raise _not_kept(view)

    def _is_over(self, view: ExecutionView) -> bool:
        """Whether somebody has worked on it from its log, and does no more.

        Raises:
            RequestError: Somebody does.
        """
        worker = self._undo_of(view)
        if worker is not None and worker.status is Status.RUNNING:
            begun = self._read_log(view).latest[1]
            doing = "is going forward from its log" if goes_forward(begun) else "is being undone"
            raise RequestError(f"{view.machine} {view.name} {doing}: `stepsaga show` tells")
        return worker is not None

    def _refuse_short(self, view: ExecutionView) -> None:
        """Refuse to go forward with what is not past its point of no return, as far as is told."""
        log = self._read_log(view)
        if not log.commits:
            text = "nothing is recorded of it yet: the reconciler looks at it within five minutes"
            raise RequestError(f"{view.machine} {view.name} cannot go forward: {text}")
        kept = self._store.get_definition(log.fingerprint)
        if kept is None:
            raise _not_kept(view)
        short = short_of(_run(view, log), from_kept(kept), log, self._now())
        if short is not None:
            left = f", {', '.join(short.steps)} is not done" if short.steps else ""
            text = f"{view.machine} {view.name} cannot go forward: {short.error}{left}"
            raise RequestError(f"{text}: {short.then}")

    def _refuse_past(
        self, saga: str, saga_id: str, view: ExecutionView, *, perhaps: bool = False
    ) -> None:
        """Refuse what is past its point of no return, or perhaps what may be."""
        found = self._planned(view)[1]
        if found.final is not None and (perhaps or found.final.has_result):
            raise RequestError(
                f"{saga} {saga_id} is past its point of no return, {found.final.node.name!r}:"
                " nothing of it is undone any more"
            )

    def _planned(self, view: ExecutionView) -> tuple[Log, Plan]:
        log, found, _ = self._read(view)
        return log, found

    def _read(self, view: ExecutionView) -> tuple[Log, Plan, tuple[Any, ...]]:
        log = self._read_log(view)
        kept = self._store.get_definition(log.fingerprint) if log.commits else None
        if kept is None:
            return log, Plan(), ()
        graph = from_kept(kept)
        log = with_items(log, graph, stream_of(view.machine, view.name), self._store)
        tree, _ = reached(graph, log)
        return log, plan(tree, log), tree

    def _read_log(self, view: ExecutionView) -> Log:
        return log_of(self._store, stream_of(view.machine, view.name), view.started)

    def _view(self, saga: str, saga_id: str) -> ExecutionView:
        engine = self.client.engine
        try:
            return engine.describe(engine.execution_arn(saga, saga_id))
        except (ExecutionMissing, MachineMissing):
            return self._remembered(saga, saga_id)

    def _remembered(self, saga: str, saga_id: str) -> ExecutionView:
        """What the stream tells of an execution that is gone: 90 days ago, or with its machine."""
        commits = list(self._store.read(stream_of(saga, saga_id)))
        if not commits:
            raise SagaMissing(f"there is no {saga} {saga_id}: check the id, and where you look")
        log = Log(run_of(commits[-1]), commits)
        ended = Status.SUCCEEDED if end_of(log.commits) is Ending.COMPLETED else Status.ABORTED
        return ExecutionView(
            arn=log.execution,
            name=saga_id,
            machine=saga,
            status=ended,
            input=log.input,
            started=moment_of(log.run),
        )

    def _undo_of(self, view: ExecutionView) -> ExecutionView | None:
        """The execution that undoes it; None where there is none."""
        log = self._read_log(view)
        generation, _ = log.latest
        if not generation:
            return None
        engine, name = self.client.engine, name_of(_run(view, log), generation)
        try:
            return engine.describe(engine.execution_arn(NAME, name))
        except ExecutionMissing:
            return None

    def _told(self, status: SagaStatus, view: ExecutionView) -> Stuck | None:
        """What is known of a stuck saga; None where it is being undone."""
        undo = self._undo_of(view)
        if undo is not None and undo.status in {Status.RUNNING, Status.SUCCEEDED}:
            return None
        log, found = self._planned(view)
        run = _run(view, log)
        forward = goes_forward(log.latest[1])
        worker = undo or view if forward or found.final is None else view
        if undo is not None and not forward:
            why, redrivable = _message(undo), not worker.unredrivable
            if found.final is not None:
                # Its own execution may have gone on since then, and have failed behind that.
                last = max((undo, view), key=lambda one: one.stopped or one.started)
                why = _message(last)
                then = past(run, found.final, redrivable=redrivable)
                return Stuck(status, (found.final.node.name,), why, then)
            then = _redrive(status) if redrivable else f"after the fix {backward(run)}"
            return Stuck(status, names_of(found.moves), why, then)
        if end_of(log.commits):
            return None
        events = [event for one in log.commits for event in one.events]
        stuck = [event.data for event in events if event.type == SagaStuck.__name__]
        if stuck:
            last = stuck[-1]
            then = last["then"]
            if worker.unredrivable and then != backward(run):
                then = backward(run) if found.final is None else onward(run, redrivable=False)
            return Stuck(status, tuple(last["steps"]), last["error"], then)
        why = view.error or view.status.value
        return Stuck(status, (), why, f"`stepsaga undo {status.saga}#{status.id} --why ...`")


def _not_kept(view: ExecutionView) -> RequestError:
    return RequestError(
        f"{view.machine} {view.name}: the graph of its release is not kept in the event table, so"
        " nothing can be planned: deploy that release again"
    )


def _run(view: ExecutionView, log: Log) -> Run:
    return Run(view.machine, view.name, log.run, view.arn)


def _message(view: ExecutionView) -> str:
    """Why an execution failed, in the words of the function that did."""
    try:
        told = json.loads(view.cause or "")["errorMessage"]
    except (ValueError, LookupError, TypeError):
        return view.cause or view.error or view.status.value
    return f"{view.error}: {told}"


def _redrive(status: SagaStatus) -> str:
    return f"after the fix `stepsaga redrive {status.saga}#{status.id}`"


def _is_sealed(step: Step) -> bool:
    return step.commit is not None and step.commit.outcome is Outcome.SEALED
