"""What stands in a saga's class body where it waits for a business event: `WaitForEvent`."""

from __future__ import annotations

import inspect
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, get_args, get_origin, overload

from stepsaga.authoring.questions import LONGEST_QUESTION, Question
from stepsaga.authoring.signatures import Signature
from stepsaga.authoring.step import DEFAULT
from stepsaga.checks.annotations import arms, bare, importable_name, is_open, name_of
from stepsaga.checks.fields import did_you_mean, fields_of
from stepsaga.checks.types import hides
from stepsaga.graph import AwaitedEvent, BusinessEvent
from stepsaga.runtime.bus_event import BusEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stepsaga.authoring.options import Options
    from stepsaga.authoring.step import Default, Retry

A = TypeVar("A")
M = TypeVar("M")

WAITING: Final = "stepsaga.runtime.business_events"
"""The participant that waits for events and routes them: a function of ours."""
KEY: Final = "key"
ONE_DAY: Final = timedelta(days=1)
_NAME: Final = re.compile(r"[^#/]{1,256}")
"""A source, or a detail type; what is left out stands between them in the names of streams."""
_LOGICAL_ID: Final = re.compile(r"default|[A-Za-z0-9]{1,255}")


class WaitForEvent(Question[A]):
    """A step that waits for a business event, which is its result.

    As in ``paid = WaitForEvent(payment_received, by="order_id", key=order.id,
    timeout=timedelta(days=2))``. The event comes from an EventBridge bus; it counts also where it
    came before the saga waits. Each wait of a saga takes an event of its own, the earliest first;
    lanes that wait side by side, and other sagas, all get the same. It stands before the point of
    no return, and has no effect itself.

    Args:
        event: The kind of event.
        by: The field of the event that says which saga it is for; ``"order.id"`` for one in a
            field. A text or a whole number, always there, and not sensitive.
        key: What that field has to be: saga data of the same kind.
        timeout: How long an event is waited for: whole seconds, up to 364 days.
        on_timeout: What counts where none came in time: ``"reject"``, which undoes what was done
            before; None, so that the result is None and a `Choice` can tell; or an instance of the
            event's model.
        since: How long before the saga's start an event may have come, and still count.
        retry: For a call that fails before it waits: 3 attempts where not given.
    """

    __slots__ = ("by", "event", "since")

    @overload
    def __init__(
        self: WaitForEvent[M | None],
        event: BusEvent[M],
        *,
        by: str,
        key: object,
        timeout: timedelta,
        on_timeout: None,
        since: timedelta = ONE_DAY,
        retry: Retry | Default | None = DEFAULT,
    ) -> None: ...

    @overload
    def __init__(
        self: WaitForEvent[M],
        event: BusEvent[M],
        *,
        by: str,
        key: object,
        timeout: timedelta,
        on_timeout: M | Literal["reject"] = "reject",
        since: timedelta = ONE_DAY,
        retry: Retry | Default | None = DEFAULT,
    ) -> None: ...

    def __init__(  # noqa: PLR0913  # an author's options, all but one keyword-only
        self,
        event: BusEvent[Any],
        *,
        by: str,
        key: object,
        timeout: timedelta,
        on_timeout: object = "reject",
        since: timedelta = ONE_DAY,
        retry: Retry | Default | None = DEFAULT,
    ) -> None:
        given: object = event
        model: Any = given.model if isinstance(given, BusEvent) else Any
        answer: Any = model | None if on_timeout is None and isinstance(model, type) else model
        super().__init__(
            _waited_for,
            answer,
            wait=timeout,
            heartbeat=None,
            on_timeout=on_timeout,
            retry=retry,
            takes={KEY: key},
        )
        self.event = event
        self.by = by
        self.since = since

    def __repr__(self) -> str:
        return f"WaitForEvent({getattr(self.event, 'name', self.event)})"


def _waited_for() -> None:
    """Stands for the handler, which is no author's."""


def waiting_signature(step: WaitForEvent[Any]) -> Signature:
    """What waits, as a handler: it takes the key, whose type `event_of` looks at."""
    parameter = inspect.Parameter(KEY, inspect.Parameter.KEYWORD_ONLY, annotation=Any)
    name = getattr(step.event, "name", "an event")
    return Signature(
        reference=f"{WAITING}:await_event",
        module=WAITING,
        parameters=(parameter,),
        returns=step.answer,
        doc=f"Waits for {name} whose {step.by} is the key.",
    )


def event_of(
    step: WaitForEvent[Any], given: Mapping[str, Any], options: Options
) -> AwaitedEvent | None:
    """What a step waits for, as the graph has it; None for what is no event.

    Args:
        step: The step.
        given: The types of what fills its parameters.
        options: Takes what is wrong.
    """
    event = _business_event(step.event, options)
    if event is None:
        return None
    found = _field(step, options)
    if found is None:
        return None
    by, kind = found
    _check_key(step, given.get(KEY, Any), kind, options)
    since = options.seconds("since", step.since, most=LONGEST_QUESTION, otherwise=1)
    return AwaitedEvent(event, by, since)


def _business_event(event: object, options: Options) -> BusinessEvent | None:
    if not isinstance(event, BusEvent):
        hint = 'declare it beside its model: paid = BusEvent(Paid, source="shop.payments")'
        options.add("S520", f"{event!r} is no BusEvent", hint)
        return None
    model: Any = event.model
    reference = importable_name(model)
    if not reference:
        text = f"the model {name_of(model)} of the event has no name to be imported by"
        options.add("S520", text, "make it a class at the top of a module in handlers/")
        return None
    texts: dict[str, object] = {"source": event.source, "detail_type": event.name}
    for what, given in texts.items():
        if not isinstance(given, str) or not _NAME.fullmatch(given):
            hint = f"write 1 to 256 characters, without # and /: {what}=..."
            options.add("S520", f"{what}={given!r} is none of an event", hint)
            return None
    bus: Any = event.bus
    if not isinstance(bus, str) or not _LOGICAL_ID.fullmatch(bus):
        hint = 'write the logical id of the bus in template.yaml, or leave it out for "default"'
        options.add("S520", f"bus={bus!r} names no resource of a template", hint)
        return None
    return BusinessEvent(event.source, event.name, bus, reference)


def _field(step: WaitForEvent[Any], options: Options) -> tuple[tuple[str, ...], type] | None:
    """The keys of the field in JSON, and whether it is a text or a number."""
    given: object = step.by
    if not isinstance(given, str) or not given:
        options.add("S521", f"by={given!r} names no field", 'write by="order_id"')
        return None
    annotation: Any = step.event.model
    keys: list[str] = []
    for part in given.split("."):
        fields = fields_of(annotation) or {}
        found = fields.get(part)
        if found is None:
            text = f"by={given!r}: {name_of(annotation)} has no field {part!r}"
            hint = did_you_mean(part, fields) or f"its fields are {', '.join(fields) or 'none'}"
            options.add("S521", text, hint)
            return None
        if not found.required or not found.written or len(found.writes) != 1:
            text = f"by={given!r}: an event may lack {part!r}"
            options.add("S521", text, "name a field without a default, which every event has")
            return None
        keys.append(found.writes[0])
        annotation = found.annotation
    kind = _kind(annotation)
    if kind is None or is_open(annotation):
        text = f"by={given!r} is {name_of(annotation)}"
        options.add("S521", text, "name a field that is a str or an int, and never None")
        return None
    if hides(annotation):
        text = f"by={given!r} is sensitive, and keys stand in the names of streams"
        options.add("S521", text, "name a field that everybody may see")
        return None
    return tuple(keys), kind


def _check_key(step: WaitForEvent[Any], given: Any, kind: type, options: Options) -> None:
    if is_open(given):
        return
    if _kind(given) is not kind:
        text = f"the key is {name_of(given)}, and {step.by!r} of {step.event.name} is"
        hint = "name saga data of the same kind, which is never None"
        options.add("S522", f"{text} {kind.__name__}", hint)
    elif hides(given):
        text = "the key is sensitive, and keys stand in the names of streams"
        options.add("S522", text, "name what everybody may see")


def _kind(annotation: Any) -> type | None:
    """`str` or `int`, as which a type is written; None for any other."""
    if get_origin(bare(annotation)) is Literal:
        found = {type(value) for value in get_args(bare(annotation))}
    else:
        found = {_plain(arm) for arm in arms(annotation)}
    return found.pop() if len(found) == 1 and found <= {str, int} else None


def _plain(arm: Any) -> Any:
    if isinstance(arm, type) and not issubclass(arm, bool):
        return next((kind for kind in (str, int) if issubclass(arm, kind)), arm)
    return arm
