"""What stands in a saga's class body where Step Functions itself calls a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar, cast, overload

from stepsaga.authoring.actions import Action
from stepsaga.authoring.data import Reference, SagaData
from stepsaga.authoring.parameters import Reader
from stepsaga.authoring.signatures import Signature
from stepsaga.authoring.step import DEFAULT, TIMEOUT, Default, Step
from stepsaga.graph import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

    from stepsaga.authoring.options import Options
    from stepsaga.authoring.step import Retry
    from stepsaga.authoring.wiring import Scope
    from stepsaga.graph import Call

A = TypeVar("A")

PARTICIPANT: Final = "stepsaga.runtime.service_steps"
"""The participant that settles what became of a step that has no compensation's."""
LONGEST_HTTP: Final = 60
"""Seconds. https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""


class ServiceStep(Step[A]):
    """A step that Step Functions itself does: a message, an event, an item, any action of AWS.

    As in ``announce = ServiceStep(Action.send_message(Queue("Parcels"), {"order": order.id}),
    compensation=parcels.withdraw, repeatable=True)``. It costs two transitions and one write, and
    no invocation. Whatever fails in it leaves it in doubt: its compensation is called, with None.

    Args:
        action: What is done.
        repeatable: Whether it may be done twice for the same saga. It must be said: what may not is
            never tried again by itself, and stands before the point of no return.
        result: The type of the result: None where the reply is of no interest; ``str`` for the
            message id of a queue or a topic; else a type for all of the reply, as Step Functions
            gives it, which is read when a handler takes it.
        compensation: As of a `Step`; its parameter for this step's own result must accept None.
        timeout: For one attempt; whole seconds, 1 to 870.
        retry: 3 attempts where not given, and the action may be repeated; after the point of no
            return 60. By ``only`` and ``never`` nothing can be told apart here.
        compensation_retry, compensation_timeout: As of a `Step`.
        pivot, verify, read_only, retriable: As of a `Step`.
        takes: For the compensation and the probe; see `Step`.
    """

    __slots__ = ("action", "answer", "repeatable")

    @overload
    def __init__(
        self: ServiceStep[None],
        action: Action,
        *,
        repeatable: bool,
        compensation: Callable[..., object] | None = None,
        timeout: timedelta = TIMEOUT,
        retry: Retry | Default | None = DEFAULT,
        compensation_retry: Retry | Default | None = DEFAULT,
        compensation_timeout: timedelta | None = None,
        pivot: bool = False,
        verify: Callable[..., None] | None = None,
        read_only: bool = False,
        retriable: bool = False,
        takes: Mapping[str, object] | None = None,
    ) -> None: ...

    @overload
    def __init__(
        self,
        action: Action,
        *,
        repeatable: bool,
        result: type[A],
        compensation: Callable[..., object] | None = None,
        timeout: timedelta = TIMEOUT,
        retry: Retry | Default | None = DEFAULT,
        compensation_retry: Retry | Default | None = DEFAULT,
        compensation_timeout: timedelta | None = None,
        pivot: bool = False,
        verify: Callable[..., A] | None = None,
        read_only: bool = False,
        retriable: bool = False,
        takes: Mapping[str, object] | None = None,
    ) -> None: ...

    def __init__(  # noqa: PLR0913  # an author's options, all but one keyword-only
        self,
        action: Action,
        *,
        repeatable: bool | Default = DEFAULT,
        result: type[Any] | None = None,
        compensation: Callable[..., object] | None = None,
        timeout: timedelta = TIMEOUT,
        retry: Retry | Default | None = DEFAULT,
        compensation_retry: Retry | Default | None = DEFAULT,
        compensation_timeout: timedelta | None = None,
        pivot: bool = False,
        verify: Callable[..., Any] | None = None,
        read_only: bool = False,
        retriable: bool = False,
        takes: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(
            cast("Callable[..., A]", action),
            compensation=compensation,
            timeout=timeout,
            retry=retry,
            compensation_retry=compensation_retry,
            compensation_timeout=compensation_timeout,
            pivot=pivot,
            verify=verify,
            read_only=read_only,
            retriable=retriable,
            takes=takes,
        )
        self.action = action
        self.repeatable = repeatable
        self.answer: Any = type(None) if result is None else result

    @property
    def result(self) -> A:
        """The step's result as saga data."""
        return cast("A", SagaData(Reference(self, (), self.answer)))

    def __repr__(self) -> str:
        return f"ServiceStep({getattr(self.action, 'name', repr(self.action))})"


def service_of(step: ServiceStep[Any], call: Call, scope: Scope, options: Options) -> Service:
    """What a step has done, as the graph has it.

    Args:
        step: The step.
        call: Its call, with its time.
        scope: What is known where it stands.
        options: Takes what is wrong with it.
    """
    action: object = step.action
    repeatable = _repeatable(step, options)
    if not isinstance(action, Action):
        hint = 'write ServiceStep(Action.send_message(Queue("Parcels"), {...}), ...)'
        options.add("S540", f"{action!r} is no Action", hint)
        return Service("", {}, repeatable)
    if action.name == "http:invoke" and call.seconds > LONGEST_HTTP:
        text = f"timeout={step.timeout} is longer than an HTTP call may take"
        hint = f"write timeout=timedelta(seconds={LONGEST_HTTP}), or less"
        options.add("S502", text, hint)
    retry = step.retry
    if not repeatable and not isinstance(retry, Default) and retry is not None:
        text = "retry=... is given, but the action may not be repeated"
        options.add("S542", text, "drop retry=...; or say repeatable=True, if it may")
    if call.retry is not None and (call.retry.only or call.retry.never):
        text = "retry names errors of handlers, which a service does not raise"
        options.add("S542", text, "drop only=... and never=...: any failure is tried again")
    return Service(
        action=action.name,
        parameters=Reader(action, scope, options).read(),
        repeatable=repeatable,
        reply=_reply(step),
        done=action.done,
        policies=action.policies,
    )


def _repeatable(step: ServiceStep[Any], options: Options) -> bool:
    given: object = step.repeatable
    if isinstance(given, Default):
        text = "nobody says whether the action may be done twice"
        hint = (
            "say repeatable=True, if a second one changes nothing or its receiver knows it by"
            " Action.key; else repeatable=False: then it is never tried again by itself"
        )
        options.add("S541", text, hint)
        return False
    options.flag("repeatable", given)
    return given is True


def _reply(step: ServiceStep[Any]) -> str:
    if step.answer is type(None) or step.action.done:
        return ""
    return step.action.reply if step.answer is str and step.action.reply else "$"


def signature_of(step: ServiceStep[Any], undo: Signature | None) -> Signature:
    """Whose function settles what became of it: the compensation's, or a function of ours."""
    module = undo.module if undo and undo.module else PARTICIPANT
    action: object = step.action
    doc = action.doc if isinstance(action, Action) else ""
    return Signature(module=module, returns=step.answer, doc=doc)
