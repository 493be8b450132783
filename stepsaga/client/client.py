"""The client: start a saga once and for ever, wait for it, look at it."""

from __future__ import annotations

import math
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Self

from stepsaga.asl.undo import NAME as UNDO
from stepsaga.authoring import graph_of
from stepsaga.client import answers
from stepsaga.client.inputs import input_of, to_send
from stepsaga.client.stack import clients_of, read_stack, stack_of
from stepsaga.client.status import (
    SagaStatus,
    end_of,
    told_by_execution,
    told_by_list,
    told_by_stream,
)
from stepsaga.engines.answering import give
from stepsaga.engines.endings import Ending, ending_of
from stepsaga.engines.protocol import Status
from stepsaga.engines.simulator.naming import check_name
from stepsaga.engines.stepfunctions import StepFunctionsEngine
from stepsaga.errors import (
    EngineError,
    ExecutionExists,
    ExecutionMissing,
    IdInvalid,
    MachineMissing,
    SagaMissing,
    SagaNotDeployed,
    UsageError,
)
from stepsaga.limits import FIRST_END_SLOT
from stepsaga.recovery.starting import Start, start_once
from stepsaga.runtime.runtime import utc_now
from stepsaga.store.dynamodb import DynamoDBStore
from stepsaga.store.open_sagas import DynamoDBOpenSagas
from stepsaga.store.slots import began, iso, run_of, stream_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from stepsaga.authoring import Saga
    from stepsaga.client.answers import Waiting
    from stepsaga.engines.answering import Answer
    from stepsaga.engines.protocol import Engine, ExecutionView, Listed
    from stepsaga.store.open_sagas import OpenSaga, OpenSagas
    from stepsaga.store.protocol import ClientStore

_SHORTEST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 5.0
_GROWTH: Final = 1.5
"""Seconds between two looks at a saga, and by what the pauses grow."""
_NEARLY: Final = timedelta(milliseconds=2)
_GRACE: Final = 10.0
"""Seconds until a saga that was started must be seen."""


@dataclass(frozen=True, slots=True)
class Started:
    """What became of a start.

    Attributes:
        saga: The saga's name.
        id: Its id.
        execution: The ARN of its execution; empty where that is not known.
        new: Whether this call started it. Two equal starts may both be told so as long as nothing
            is recorded: while an execution runs, Step Functions answers both alike.
    """

    saga: str
    id: str
    execution: str
    new: bool


class Client:
    """Starts sagas and tells of them. Several threads may use it, if they may use its engine.

    Every method raises what its engine and its store raise: `EngineUnreachable`,
    `EngineThrottled`, `StoreUnreachable` and the like; and `SagaNotDeployed` where the engine has
    no machine of a saga's name.

    Args:
        engine: Where the sagas run.
        store: Where their events are.
        sagas: The names of the sagas that there are, for `list`.
        clock: Seconds, of which differences are taken.
        sleep: How `wait` lets seconds pass; for the simulator one that moves its clock.
        now: When an answer is given; aware.
        open_sagas: Which sagas are open, where somebody follows that.
    """

    def __init__(  # noqa: PLR0913  # all but two are options by name
        self,
        engine: Engine,
        store: ClientStore,
        *,
        sagas: Iterable[str] = (),
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = utc_now,
        open_sagas: OpenSagas | None = None,
    ) -> None:
        self.engine = engine
        self.store = store
        self.open_sagas = open_sagas
        self.sagas = tuple(sorted(sagas))
        self._clock = clock
        self._sleep = sleep
        self._now = now

    @classmethod
    def of_stack(cls, stack: str, *, endpoint_url: str | None = None) -> Self:
        """A client of what a CloudFormation stack has deployed. The stack is asked once, now.

        Args:
            stack: The stack's name.
            endpoint_url: Where AWS is, if it is an emulator; else boto3 finds it.

        Raises:
            SagaNotDeployed: There is no such stack, or it is none of stepsaga's.
            EngineUnreachable: No credentials, no Region, no answer.
            UsageError: The address is none.
        """
        client = clients_of(stack, endpoint_url)
        found = read_stack(client("cloudformation"), stack)
        dynamodb = client("dynamodb")
        return cls(
            StepFunctionsEngine(
                client("stepfunctions"), machines=found.machines, patience=math.inf
            ),
            DynamoDBStore(client=dynamodb, table=found.table, s3=client("s3")),
            sagas=[name for name in found.machines if name != UNDO],
            open_sagas=DynamoDBOpenSagas(client=dynamodb, table=found.open_sagas)
            if found.open_sagas
            else None,
        )

    @classmethod
    def from_environment(cls) -> Self:
        """A client of the stack that ``STEPSAGA_STACK`` names; see `of_stack`.

        Raises:
            UsageError: The variable is not set.
        """
        return cls.of_stack(stack_of(os.environ))

    def start(self, saga: type[Saga], input: Any, *, id: str) -> Started:  # noqa: A002  # as Step Functions says, and a saga has one
        """Start a saga, unless there is one of this id, or ever was.

        Again with the same input is the same as once, for ever. So take an id that the outside
        world has, an order's for instance, and start again whenever in doubt.

        See `stepsaga.recovery.starting`: what is read for that, and what is forgotten.

        Args:
            saga: Its class.
            input: An instance of its input's model, or what makes one. The model's JSON is sent
                and compared: either form, with defaults filled in or not, is the same input.
                Secrets are sent as they are.
            id: The saga's id, which is its execution's name.

        Raises:
            InputInvalid: The input does not fit; names the fields.
            IdInvalid: The id is no name for an execution.
            IdTaken: There is, or was, a saga of this id with another input, or with one that
                nothing tells any more.
        """
        name = _checked(saga, id)
        sent = to_send(saga, input)
        starts = _Starts(self)
        before = start_once(Start(name, id, sent), input_of(saga), self.store, starts)
        execution = before.execution if before else starts.execution
        return Started(name, id, execution, new=before is None)

    def status(self, saga: type[Saga] | str, id: str) -> SagaStatus:  # noqa: A002  # as above
        """How a saga is doing: what its execution says, or its events where that is gone.

        Args:
            saga: Its class, or its name.
            id: Its id. Of several runs it is the latest that is told of.

        Raises:
            SagaMissing: Nobody knows it.
            IdInvalid: The id cannot be any saga's.
        """
        name = _checked(saga, id)
        view = self.view(name, id)
        if view is not None:
            return self._told(name, view)
        commits = tuple(self.store.read(stream_of(name, id)))
        if not commits:
            raise SagaMissing(
                f"there is no {name} {id}: no execution and no event has this id; check the id,"
                " and where you look"
            )
        return told_by_stream(name, id, commits)

    def wait(
        self,
        saga: type[Saga] | str,
        id: str,  # noqa: A002  # as above
        *,
        timeout: timedelta | None = None,
        started: bool = False,
    ) -> SagaStatus:
        """Wait until a saga has ended.

        Args:
            saga: Its class, or its name.
            id: Its id.
            timeout: How long to wait; as long as it takes where none is given.
            started: Whether it has just been started. Step Functions may say for a moment that it
                does not know it, and that is waited out.

        Returns:
            Its status. ``ending`` is still RUNNING where the time was not enough.

        Raises:
            SagaMissing, IdInvalid: As `status`.
        """
        soon = _GRACE if timeout is None else min(_GRACE, timeout.total_seconds())
        status = self._soon(saga, id, soon) if started else self.status(saga, id)
        if timeout is None:
            if status.ending is not Ending.RUNNING:
                return status
            self.engine.wait(status.execution)
            return self.status(saga, id)
        until, pause = self._clock() + timeout.total_seconds(), _SHORTEST_PAUSE
        while status.ending is Ending.RUNNING and (left := until - self._clock()) > 0:
            self._sleep(min(pause, left))
            pause = min(pause * _GROWTH, _LONGEST_PAUSE)
            status = self.status(saga, id)
        return status

    def list(
        self,
        saga: type[Saga] | str | None = None,
        *,
        status: Status | None = None,
        limit: int = 20,
    ) -> tuple[SagaStatus, ...]:
        """The latest sagas, the newest first, as far back as Step Functions knows: 90 days.

        Those that are open and of which it knows nothing are among them, where no status is asked
        for: their machine was deleted, or their 90 days are over.

        One request for each thousand, and one for each that has ended: a list does not tell a
        compensated saga from a stuck one, nor a completed one from one that was undone later. The
        open ones are one request for some three thousand.

        Args:
            saga: Its class, or its name; None for all that this client knows.
            status: Only those whose execution is in it.
            limit: How many at most.

        Raises:
            UsageError: ``limit`` is not above 0, or no saga is named and none is known.
        """
        if limit < 1:
            raise UsageError(f"limit must be 1 or more, got: {limit}")
        names = self.sagas if saga is None else (name_of(saga),)
        if not names:
            raise UsageError("which saga? Name one: this client was not told which there are")
        rows = self.open_rows(saga) if status is None else []
        gone = saga is None or bool(rows)
        each = [self._listed(name, status, may_be_gone=gone) for name in names]
        newest = merge(*each, key=lambda one: one[1].started, reverse=True)
        told = self._told_each(newest, rows)
        return tuple(islice((one for one in told if one is not None), limit))

    def open_rows(self, saga: type[Saga] | str | None = None) -> Sequence[OpenSaga]:
        """The sagas that are open as far as that is followed, the newest first.

        Args:
            saga: Its class, or its name; None for all.
        """
        name = None if saga is None else name_of(saga)
        found = self.open_sagas.rows() if self.open_sagas else ()
        rows = [row for row in found if name in (None, row.saga)]
        return sorted(rows, key=lambda row: row.started, reverse=True)

    def answer(
        self,
        saga: type[Saga],
        id: str,  # noqa: A002  # as above
        step: str,
        value: Any,
        *,
        lane: str | None = None,
    ) -> bool:
        """Answer what a saga asks: an approval with `stepsaga.Approved`, else with its value.

        As in ``client.answer(FulfilOrder, "order-123", "review", Approved(by="ann"))``. What is
        recorded counts, also where the saga hears of it later; the same again is the same as once.

        Args:
            saga: Its class.
            id: Its id. Of several runs it is the latest that is answered.
            step: The step that asks.
            value: An instance of the answer's type, or what makes one.
            lane: Which item of a map asks, from 0 (``"2"``), or of a map in a map (``"0.2"``);
                needed only where several do.

        Returns:
            Whether this call was the first to say so.

        Raises:
            NothingAsked: The step asks nothing, or not yet, or in several lanes.
            AnswerInvalid: The value does not fit.
            AnsweredAlready: There is another answer, time is up, or the saga has ended.
        """
        return self._give(saga, id, step, answers.accepted(saga, step, value), lane)

    def reject(  # noqa: PLR0913  # all but three are options by name
        self,
        saga: type[Saga],
        id: str,  # noqa: A002  # as above
        step: str,
        *,
        by: str = "",
        why: str = "",
        lane: str | None = None,
    ) -> bool:
        """Reject what a saga asks, so that it is undone; see `answer`.

        Args:
            saga: Its class.
            id: Its id.
            step: The step that asks.
            by: Who rejects.
            why: The reason, which is recorded, and shown where the saga is.
            lane: As in `answer`.

        Returns:
            Whether this call was the first to say so.

        Raises:
            NothingAsked, AnsweredAlready: As `answer`.
        """
        return self._give(saga, id, step, answers.rejected(saga, step, by, why), lane)

    def waiting(self, saga: type[Saga] | str, id: str) -> tuple[Waiting, ...]:  # noqa: A002  # as above
        """What a saga's latest run asks, and nobody has answered yet.

        Args:
            saga: Its class, or its name.
            id: Its id.
        """
        commits = list(self.store.read(stream_of(_checked(saga, id), id)))
        run = [one for one in commits if run_of(one) == run_of(commits[-1])]
        return () if end_of(run) else answers.waiting_in(run)

    def heartbeat(
        self,
        saga: type[Saga],
        id: str,  # noqa: A002  # as above
        step: str,
        *,
        lane: str | None = None,
    ) -> None:
        """Say that whoever works at what a saga asks is still there; see ``heartbeat=``.

        Raises:
            NothingAsked: As `answer`.
            TaskTimedOut: It waits no more.
        """
        name = _checked(saga, id)
        commits = list(self.store.read(stream_of(name, id)))
        asked = answers.find(name, id, step, commits, lane)
        self.engine.send_task_heartbeat(asked.token)

    # Inside

    def _soon(self, saga: type[Saga] | str, saga_id: str, seconds: float) -> SagaStatus:
        """The status of what is known to be there, once it is seen.

        DescribeExecution is eventually consistent:
        https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html
        """
        until, pause = self._clock() + seconds, _SHORTEST_PAUSE
        while (left := until - self._clock()) > 0:
            with suppress(SagaMissing):
                status = self.status(saga, saga_id)
                # OPEN is what its events alone say, where its execution is not seen.
                if status.ending is not Ending.OPEN:
                    return status
            self._sleep(min(pause, left))
            pause = min(pause * _GROWTH, _LONGEST_PAUSE)
        return self.status(saga, saga_id)

    def _give(
        self, saga: type[Saga], saga_id: str, step: str, answer: Answer, lane: str | None
    ) -> bool:
        name = _checked(saga, saga_id)
        commits = list(self.store.read(stream_of(name, saga_id)))
        asked = answers.find(name, saga_id, step, commits, lane)
        answers.refuse_if_over(asked, commits)
        answers.refuse_if_too_large(answer, asked, commits)
        return give(answer, asked, engine=self.engine, store=self.store, now=self._now)

    def view(self, name: str, saga_id: str) -> ExecutionView | None:
        """The execution of this name, where it is still known; None where it is not."""
        with _deployed(name):
            try:
                return self.engine.describe(self.engine.execution_arn(name, saga_id))
            except ExecutionMissing:
                return None

    def _told(self, name: str, view: ExecutionView) -> SagaStatus:
        ending = ending_of(view)
        if ending is Ending.STUCK:
            # An end in the stream is the last word: an execution can be stopped after it.
            commits = self.store.read(stream_of(name, view.name))
            ending = end_of(one for one in commits if began(run_of(one), view.started)) or ending
        elif ending is Ending.COMPLETED and self._is_undone(name, view.name, view.started):
            ending = Ending.COMPENSATED
        return told_by_execution(name, view, ending)

    def _is_undone(self, name: str, id: str, started: datetime) -> bool:  # noqa: A002  # as above
        """Whether a saga that was completed has been undone from its log since then."""
        ends = f"{iso(started)}/{FIRST_END_SLOT // 10_000}"
        operations = self.store.read(stream_of(name, id), ends)
        return end_of(operations) is Ending.COMPENSATED

    def _listed(
        self, name: str, status: Status | None, *, may_be_gone: bool
    ) -> Iterator[tuple[str, Listed]]:
        known = suppress(MachineMissing) if may_be_gone and self.open_sagas else _deployed(name)
        with known:
            for one in self.engine.executions(name, status):
                yield name, one

    def _told_each(
        self, listed: Iterable[tuple[str, Listed]], rows: Sequence[OpenSaga]
    ) -> Iterator[SagaStatus | None]:
        """What is listed, and between it the open sagas that are not, the newest first."""
        left = list(reversed(rows))
        seen: set[str] = set()
        for name, one in listed:
            # A list's time and a row's may differ by a millisecond.
            while left and left[-1].started > one.started + _NEARLY:
                yield self._told_by_row(left.pop(), seen)
            seen.add(one.arn)
            yield self._told_briefly(name, one)
        while left:
            yield self._told_by_row(left.pop(), seen)

    def _told_by_row(self, row: OpenSaga, seen: set[str]) -> SagaStatus | None:
        """What the events say of an open saga that was not listed."""
        if row.execution in seen:
            return None
        commits = [one for one in self.store.read(row.stream) if run_of(one) == row.run]
        if not commits:
            return None
        told = told_by_stream(row.saga, row.id, commits)
        return None if told.ending is Ending.COMPLETED else replace(told, execution=row.execution)

    def _told_briefly(self, name: str, one: Listed) -> SagaStatus | None:
        if one.status is Status.RUNNING:
            return told_by_list(name, one, Ending.RUNNING)
        if one.status is Status.SUCCEEDED:
            undone = self._is_undone(name, one.name, one.started)
            return told_by_list(name, one, Ending.COMPENSATED if undone else Ending.COMPLETED)
        view = self.view(name, one.name)
        return None if view is None else self._told(name, view)


class _Starts:
    """A client's engine, as `start_once` needs it."""

    def __init__(self, client: Client) -> None:
        self.execution = ""
        self._client = client

    def start(self, saga: str, name: str, input: Any) -> bool:  # noqa: A002  # as Step Functions names it
        with _deployed(saga):
            try:
                self.execution = self._client.engine.start(saga, input, name=name)
            except (ExecutionExists, ExecutionMissing):  # an engine may look itself, and as late
                return False
        return True

    def find(self, saga: str, name: str) -> ExecutionView | None:
        return self._client.view(saga, name)


def default_client() -> Client:
    """The client of the stack that ``STEPSAGA_STACK`` names, made once in a process.

    Raises:
        UsageError: The variable is not set. Else as `Client.of_stack`.
    """
    return _client_of(stack_of(os.environ))


@lru_cache(maxsize=8)
def _client_of(stack: str) -> Client:
    return Client.of_stack(stack)


def name_of(saga: type[Saga] | str) -> str:
    """A saga's name, of its class or as it is.

    Raises:
        UsageError: A class that is no saga.
    """
    return saga if isinstance(saga, str) else graph_of(saga).name


def _checked(saga: type[Saga] | str, saga_id: str) -> str:
    """The saga's name, where the id is one that a saga can have."""
    name = name_of(saga)
    try:
        check_name("execution", saga_id)
    except EngineError as error:
        raise IdInvalid(f"{name}: a saga's id is its execution's name: {error}") from error
    return name


@contextmanager
def _deployed(name: str) -> Iterator[None]:
    try:
        yield
    except MachineMissing as error:
        raise SagaNotDeployed(f"{name} is not deployed here: {error}") from error
