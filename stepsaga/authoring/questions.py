"""What stands in a saga's class body where it asks somebody, and waits: `Approval`, `Callback`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from stepsaga.authoring.awaited import Awaited
from stepsaga.authoring.destinations import destination_of
from stepsaga.authoring.step import DEFAULT
from stepsaga.checks.annotations import name_of
from stepsaga.graph import Question as Asked
from stepsaga.runtime.approved import Approved
from stepsaga.runtime.values import JsonType, Unfit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

    from stepsaga.authoring.destinations import Bus, Queue, Topic
    from stepsaga.authoring.options import Options
    from stepsaga.authoring.step import Default, Retry, Step

A = TypeVar("A")

REJECT: Final = "reject"
APPROVE: Final = "approve"
LONGEST_QUESTION: Final = 364 * 24 * 60 * 60
"""Seconds: an execution may last a year, and has other things to do.
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""


class Question(Awaited[A]):
    """What `Approval` and `Callback` have in common: a step whose result comes from outside.

    Attributes:
        heartbeat: How long nothing may be heard of whoever works at it.
        on_timeout: What counts as the answer where none comes.
    """

    __slots__ = ("heartbeat", "on_timeout")

    def __init__(  # noqa: PLR0913  # an author's options
        self,
        handler: Callable[..., object] | Queue | Topic | Bus,
        answer: type[A],
        *,
        wait: timedelta,
        heartbeat: timedelta | None,
        on_timeout: object,
        retry: Retry | Default | None,
        takes: Mapping[str, object] | None,
    ) -> None:
        super().__init__(handler, answer, wait=wait, retry=retry, read_only=True, takes=takes)
        self.heartbeat = heartbeat
        self.on_timeout = on_timeout


class Approval(Question[Approved]):
    """A question that somebody approves or rejects, with `stepsaga answer` or `Client.answer`.

    As in ``review = Approval(reviews.ask_manager, timeout=timedelta(hours=24))``. A rejection
    undoes what was done before. It stands before the point of no return, and has no effect itself.

    Args:
        handler: Hands the question to the outside world: sends an e-mail, writes to a list of
            things to do. It may be called again for the same question; what it returns is ignored.
            In a parameter of the type `ApprovalLinks` it is given links that answer it.
            Or a `Queue`, `Topic` or `Bus` to send it to: the message has what ``takes`` names.
        timeout: How long an answer is waited for: whole seconds, up to 364 days.
        heartbeat: Where whoever works at it says so with `Client.heartbeat`: how long nothing may
            be heard of them; shorter than ``timeout``.
        on_timeout: What counts where no answer came in time: ``"reject"`` or ``"approve"``.
        retry: For a handler that fails: 3 attempts where not given. A question that could not be
            asked is rejected, whatever ``on_timeout`` says.
        takes: What fills a parameter that is named otherwise; see `Step`.
    """

    __slots__ = ()

    def __init__(  # noqa: PLR0913  # an author's options, all but one keyword-only
        self,
        handler: Callable[..., object] | Queue | Topic | Bus,
        *,
        timeout: timedelta,
        heartbeat: timedelta | None = None,
        on_timeout: Literal["reject", "approve"] = "reject",
        retry: Retry | Default | None = DEFAULT,
        takes: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(
            handler,
            Approved,
            wait=timeout,
            heartbeat=heartbeat,
            on_timeout=on_timeout,
            retry=retry,
            takes=takes,
        )


class Callback(Question[A]):
    """A question whose answer is a value: the work of a system that takes its time.

    As in ``pickup = Callback(carrier.order_pickup, answer=Pickup, timeout=timedelta(days=2))``.

    Args:
        handler: As of an `Approval`.
        answer: The type of the answer, which is the step's result.
        timeout: As of an `Approval`.
        heartbeat: As of an `Approval`.
        on_timeout: ``"reject"``, or the answer that counts where none came in time.
        retry: As of an `Approval`.
        takes: What fills a parameter that is named otherwise; see `Step`.
    """

    __slots__ = ()

    def __init__(  # noqa: PLR0913  # an author's options, all but one keyword-only
        self,
        handler: Callable[..., object] | Queue | Topic | Bus,
        *,
        answer: type[A],
        timeout: timedelta,
        heartbeat: timedelta | None = None,
        on_timeout: A | Literal["reject"] = "reject",
        retry: Retry | Default | None = DEFAULT,
        takes: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(
            handler,
            answer,
            wait=timeout,
            heartbeat=heartbeat,
            on_timeout=on_timeout,
            retry=retry,
            takes=takes,
        )


def question_of(step: Step[Any], options: Options) -> Asked | None:
    """What a step asks, as the graph has it; None for one that asks nothing."""
    if not isinstance(step, Question):
        return None
    seconds = options.seconds("timeout", step.wait, most=LONGEST_QUESTION, otherwise=1)
    heartbeat = None
    if step.heartbeat is not None:
        heartbeat = options.seconds("heartbeat", step.heartbeat, most=LONGEST_QUESTION, otherwise=1)
        if heartbeat >= seconds and not options.problems:
            text = f"heartbeat={step.heartbeat} is not shorter than timeout={step.wait}"
            options.add("S514", text, "make it shorter, or leave it out")
    to = destination_of(step.handler, options)
    return Asked(seconds, heartbeat, _otherwise(step, options), to)


def _otherwise(step: Question[Any], options: Options) -> dict[str, Any] | None:
    given, approval = step.on_timeout, isinstance(step, Approval)
    if isinstance(given, str) and given == REJECT:
        return None
    if approval and isinstance(given, str) and given == APPROVE:
        given = Approved()
    try:
        kind = JsonType(step.answer)
        value = kind.write(given)
        kind.read("on_timeout", value)
    except Unfit as unfit:
        choice = f'"{APPROVE}"' if approval else f"an instance of {name_of(step.answer)}"
        text = f"on_timeout={step.on_timeout!r} is no answer: {unfit}"
        options.add("S514", text, f'write on_timeout="{REJECT}", or {choice}')
        return None
    return {"value": value}
