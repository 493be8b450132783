"""What a saga asks, found in its stream, and an answer to it, checked before it is recorded."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from stepsaga.authoring import graph_of
from stepsaga.client.status import end_of
from stepsaga.engines.answering import Answer, Asked, questions, waiting
from stepsaga.errors import AnsweredAlready, AnswerInvalid, NothingAsked
from stepsaga.graph import steps_of
from stepsaga.limits import DOCUMENT_BYTES, ERROR_TEXT_BYTES
from stepsaga.runtime.approved import Approved
from stepsaga.runtime.texts import cut, joined
from stepsaga.runtime.values import JsonType, Unfit, compact
from stepsaga.store.commits import Outcome
from stepsaga.store.saga_events import SagaStarted, StepCompleted
from stepsaga.store.slots import run_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stepsaga.authoring import Saga
    from stepsaga.graph import StepNode
    from stepsaga.store.commits import Commit


@dataclass(frozen=True, slots=True)
class Waiting:
    """A question that waits for its answer.

    Attributes:
        step: The step that asks.
        lane: Which item of a map asks, as `Client.answer` takes it; empty where only one does.
        since: When it was asked last; aware.
    """

    step: str
    lane: str
    since: datetime


def waiting_in(commits: Iterable[Commit]) -> tuple[Waiting, ...]:
    """The questions that one run's commits leave open, in the order of their slots."""
    return tuple(
        Waiting(one.step, one.lane, datetime.fromisoformat(one.commit.recorded_at))
        for one in waiting(commits)
    )


def accepted(saga: type[Saga], step: str, value: Any) -> Answer:
    """An answer with a value, in the form in which handlers read it.

    Args:
        saga: The saga's class.
        step: The step that asks.
        value: An instance of the answer's type, or what makes one.

    Raises:
        NothingAsked: The step asks nothing.
        AnswerInvalid: The value does not fit. Names fields, no values.
    """
    kind = JsonType(_asking(saga, step).call.returns)
    try:
        read = kind.read(step, value) if _is_json(value) else value
        sent = kind.write(read, step)
        kind.read(step, sent)  # as every later step will
    except Unfit as unfit:
        raise AnswerInvalid(f"{saga.__name__}: {unfit}; nothing was answered") from None
    return Answer(value=sent)


def rejected(saga: type[Saga], step: str, by: str, why: str) -> Answer:
    """A rejection.

    Raises:
        NothingAsked: The step asks nothing.
    """
    _asking(saga, step)
    return Answer(rejected=True, reason=cut(joined(by, why), ERROR_TEXT_BYTES))


def said(saga: type[Saga], step: str, word: Any) -> Answer:
    """An answer as it is said in short: True approves, False rejects, all else is the value.

    Raises:
        NothingAsked: The step asks nothing.
        AnswerInvalid: The value does not fit.
    """
    if word is False and is_approval(saga, step):
        return rejected(saga, step, "", "")
    if word is True and is_approval(saga, step):
        return accepted(saga, step, Approved())
    return accepted(saga, step, word)


def is_approval(saga: type[Saga], step: str) -> bool:
    """Whether a step asks for an approval; else it asks for a value.

    Raises:
        NothingAsked: The step asks nothing.
    """
    return _asking(saga, step).call.returns is Approved


def _asking(saga: type[Saga], step: str) -> StepNode:
    steps = {node.name: node for node in steps_of(graph_of(saga).nodes)}
    if step in steps and steps[step].question is not None:
        return steps[step]
    asking = [name for name, node in steps.items() if node.question is not None]
    there = f"it asks {', '.join(asking)}" if asking else "it asks nothing at all"
    what = "asks nothing" if step in steps else "is no step"
    raise NothingAsked(f"{saga.__name__}: {step!r} {what}; {there}")


def find(name: str, saga_id: str, step: str, commits: Sequence[Commit], lane: str | None) -> Asked:
    """The question of a step in the latest run of a saga.

    Raises:
        NothingAsked: It was not asked, or not in that lane, or in several lanes and none is named.
    """
    run = run_of(commits[-1]) if commits else ""
    asked = [one for one in questions(c for c in commits if run_of(c) == run) if one.step == step]
    if not asked:
        raise NothingAsked(
            f"{name} {saga_id} has not asked {step!r} yet, or asks it no more; nothing was answered"
        )
    if lane is None and len(asked) == 1:
        return asked[0]
    lanes = {one.lane: one for one in asked}
    if lane in lanes:
        return lanes[lane]
    known = ", ".join(map(repr, lanes))
    what = f"not in lane {lane!r}" if lane is not None else f"in {len(asked)} lanes"
    raise NothingAsked(
        f"{name} {saga_id} asks {step!r} {what}; name the lane that is meant: {known}"
    )


def refuse_if_over(asked: Asked, commits: Sequence[Commit]) -> None:
    """Refuse an answer that nothing would hear of.

    Raises:
        AnsweredAlready: The saga has ended, and the question with it.
    """
    run = [commit for commit in commits if run_of(commit) == run_of(asked.commit)]
    ending = end_of(run)
    if ending is not None and all(commit.slot != asked.slot for commit in run):
        raise AnsweredAlready(
            f"the saga is {ending.value}, and {asked.step!r} waits no more; nothing was answered"
        )


def refuse_if_too_large(answer: Answer, asked: Asked, commits: Sequence[Commit]) -> None:
    """Refuse a value that brings input and results over what a document holds (rule 22).

    Raises:
        AnswerInvalid: As said.
    """
    run = run_of(asked.commit)
    known = [c for c in commits if run_of(c) == run and c.slot != asked.slot]
    values = [
        event.data["value"]
        for commit in known
        if commit.outcome is Outcome.RESULT
        for event in commit.events
        if event.type == StepCompleted.__name__
    ]
    inputs = [
        event.data.get("input", event.data.get("Input"))
        for commit in known
        for event in commit.events
        if event.type == SagaStarted.__name__
    ]
    own = len(compact(answer.value))
    others = sum(len(compact(value)) for value in [*values, *inputs[:1]])
    if own + others > DOCUMENT_BYTES:
        raise AnswerInvalid(
            f"the answer to {asked.step!r} has {own:,} bytes as JSON, which with {others:,} of"
            f" input and results is over {DOCUMENT_BYTES:,}; keep what is large elsewhere, in S3"
            " for instance, and answer where it is; nothing was answered"
        )


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True
