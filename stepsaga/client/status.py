"""How a saga is doing: what its execution says, and what its events say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stepsaga.engines.endings import Ending
from stepsaga.store.events import types_in
from stepsaga.store.saga_events import SagaCompensated, SagaCompleted
from stepsaga.store.slots import moment_of, run_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from stepsaga.engines.protocol import ExecutionView, Listed, Status
    from stepsaga.store.commits import Commit


@dataclass(frozen=True, slots=True)
class SagaStatus:
    """How a saga is doing.

    Attributes:
        saga: The saga's name.
        id: Its id.
        ending: How it ended; RUNNING while it has not; OPEN where its execution is not known any
            more and its events tell no end.
        status: Its execution's; None where that is not known any more.
        started: Aware.
        stopped: When it ended; None where it has not.
        execution: The ARN of its execution; empty where that is not known any more.
        error: The execution's error where it failed: ``SagaCompensated``, or why it is stuck.
        cause: Its cause, a text.
    """

    saga: str
    id: str
    ending: Ending
    status: Status | None
    started: datetime
    stopped: datetime | None
    execution: str = ""
    error: str = ""
    cause: str = ""


def told_by_execution(saga: str, view: ExecutionView, ending: Ending) -> SagaStatus:
    """What an execution's description says."""
    return SagaStatus(
        saga=saga,
        id=view.name,
        ending=ending,
        status=view.status,
        started=view.started,
        stopped=view.stopped,
        execution=view.arn,
        error=view.error or "",
        cause=view.cause or "",
    )


def told_by_list(saga: str, one: Listed, ending: Ending) -> SagaStatus:
    """What a list says of an execution."""
    return SagaStatus(saga, one.name, ending, one.status, one.started, one.stopped, one.arn)


def told_by_stream(saga: str, saga_id: str, commits: Sequence[Commit]) -> SagaStatus:
    """What the commits of a stream, at least one, say of its latest run."""
    run = run_of(commits[-1])
    latest = [one for one in commits if run_of(one) == run]
    end = end_of(latest)
    return SagaStatus(
        saga=saga,
        id=saga_id,
        ending=end or Ending.OPEN,
        status=None,
        started=moment_of(run),
        stopped=max(moment_of(one.recorded_at) for one in latest) if end else None,
    )


def end_of(commits: Iterable[Commit]) -> Ending | None:
    """The end that a run's commits tell, as the timeline does."""
    types = types_in(commits)
    if SagaCompensated.__name__ in types:
        return Ending.COMPENSATED
    return Ending.COMPLETED if SagaCompleted.__name__ in types else None
