"""Sagas of stubs, one for each part of the language, for measuring what the part costs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from stepsaga import (
    Action,
    Approval,
    ApprovalLinks,
    BusEvent,
    Callback,
    Child,
    Choice,
    DistributedMap,
    Input,
    Map,
    Parallel,
    Queue,
    Saga,
    ServiceStep,
    Step,
    Wait,
    WaitForEvent,
    is_present,
    when,
)
from stepsaga.engines.events import Arrival

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LARGE: Final = 200_000
"""Bytes of a result that goes to the bucket."""
DAY: Final = timedelta(days=1)


class Line(BaseModel):
    """An item of a map."""

    sku: str


class Order(BaseModel):
    """The input of them all."""

    lines: list[Line] = [Line(sku=sku) for sku in ("kettle", "tea", "cup")]
    coupon: str | None = None
    number: int = 17


class Offer(BaseModel):
    """What a definition looks into."""

    cents: int = 5470
    hold: int = 5


def do() -> None:
    """Have no effect."""


def undo() -> None:
    """Have none either."""


def find() -> None:
    """Find that it happened."""


def ask() -> None:
    """Ask nobody: who measures answers."""


def ask_by_link(order: Order, links: ApprovalLinks) -> None:
    """Send nobody a link."""
    del order, links


def quote() -> Offer:
    """Make an offer."""
    return Offer()


def write_much() -> str:
    """Return more than the document has room for."""
    return "x" * LARGE


def read_much(much: str) -> int:
    """Take what was returned, from wherever it is."""
    return len(much)


class Chosen(Saga):
    """A choice over a result, after a step; a step in it, and one behind it."""

    order = Input(Order)
    offer = Step(quote, read_only=True)
    dear = Choice(yes=when(offer.result.cents > 0, more=Step(do, compensation=undo)))
    last = Step(do, compensation=undo)


class LooksAtInput(Saga):
    """A choice over the input, no way of it gone; a step on each side."""

    order = Input(Order)
    first = Step(do, compensation=undo)
    cheaper = Choice(coupon=when(is_present(order.coupon), take=Step(do, compensation=undo)))
    last = Step(do, compensation=undo)


class SideBySide(Saga):
    """A parallel of two lanes with a step each; a step behind it."""

    order = Input(Order)
    both = Parallel(one=Step(do, compensation=undo), other=Step(do, compensation=undo))
    last = Step(do, compensation=undo)


class Each(Saga):
    """A map over three items of the input with a step each; a step behind it."""

    order = Input(Order)
    each = Map(order.lines, item="line", label=Step(do, compensation=undo))
    last = Step(do, compensation=undo)


class EachApart(Saga):
    """A distributed map over three items with a step each; a step behind it."""

    order = Input(Order)
    each = DistributedMap(order.lines, item="line", label=Step(do, compensation=undo))
    last = Step(do, compensation=undo)


class Nested(Saga):
    """A map of three in a parallel, beside a wait; a step behind it."""

    order = Input(Order)
    both = Parallel(
        labels=Map(order.lines, item="line", label=Step(do, compensation=undo)),
        pause=Wait(timedelta(minutes=1)),
    )
    last = Step(do, compensation=undo)


class Paused(Saga):
    """A wait between two steps."""

    order = Input(Order)
    first = Step(do, compensation=undo)
    pause = Wait(timedelta(minutes=1))
    last = Step(do, compensation=undo)


class Approved(Saga):
    """An approval between two steps; whoever gives the answer writes it."""

    order = Input(Order)
    first = Step(do, compensation=undo)
    review = Approval(ask, timeout=DAY)
    last = Step(do, compensation=undo)


class Linked(Saga):
    """An approval by links between two steps; the function behind them writes it."""

    order = Input(Order)
    first = Step(do, compensation=undo)
    review = Approval(ask_by_link, timeout=DAY)
    last = Step(do, compensation=undo)


class CalledBack(Saga):
    """A callback between two steps; whoever gives the answer writes it."""

    order = Input(Order)
    first = Step(do, compensation=undo)
    pickup = Callback(ask, answer=Offer, timeout=DAY)
    last = Step(do, compensation=undo)


class Unanswered(Saga):
    """An approval between two steps that nobody answers, with `on_timeout`."""

    order = Input(Order)
    first = Step(do, compensation=undo)
    review = Approval(ask, timeout=DAY, on_timeout="approve")
    last = Step(do, compensation=undo)


class Claimed(Saga):
    """A step with a claim; a step behind it."""

    order = Input(Order)
    once = Step(do, compensation=undo, claim=True, retry=None)
    last = Step(do, compensation=undo)


class Probed(Saga):
    """A step with a probe, a pivot with one, and a step."""

    order = Input(Order)
    first = Step(do, compensation=undo, verify=find)
    pivot = Step(do, pivot=True, verify=find)
    last = Step(do)


class Stored(Saga):
    """A step whose result goes to the bucket, and one that takes it."""

    order = Input(Order)
    much = Step(write_much, read_only=True)
    read = Step(read_much, read_only=True)


class EndsWithAFork(Saga):
    """A step, and a parallel of two steps at the end: a record of the end."""

    order = Input(Order)
    first = Step(do, compensation=undo)
    both = Parallel(one=Step(do, compensation=undo), other=Step(do, compensation=undo))


class Paid(BaseModel):
    """A business event."""

    number: int


paid = BusEvent(Paid, source="tools")


def number(order: Order) -> int:
    """Tell the order's number: the input may lack it."""
    return order.number


class Waits(Saga):
    """A wait for an event between two steps, which comes later; its router writes it."""

    order = Input(Order)
    first = Step(number, read_only=True)
    paid = WaitForEvent(paid, by="number", key=first.result, timeout=DAY)
    last = Step(do, compensation=undo)


class WaitsForWhatCame(Saga):
    """A wait for an event between two steps, which came before."""

    order = Input(Order)
    first = Step(number, read_only=True)
    paid = WaitForEvent(paid, by="number", key=first.result, timeout=DAY)
    last = Step(do, compensation=undo)


class WaitsInVain(Saga):
    """A wait for an event between two steps, which does not come, with `on_timeout`."""

    order = Input(Order)
    first = Step(number, read_only=True)
    paid = WaitForEvent(paid, by="number", key=first.result, timeout=DAY, on_timeout=None)
    last = Step(do, compensation=undo)


class Served(Saga):
    """A step; a message and an item by Step Functions itself; a step."""

    order = Input(Order)
    first = Step(do, compensation=undo)
    tell = ServiceStep(
        Action.send_message(Queue("Orders"), {"order": Action.saga_id, "key": Action.key}),
        compensation=undo,
        repeatable=True,
        result=str,
    )
    note = ServiceStep(
        Action.dynamodb("putItem", "Notes", Item={"id": {"S": Action.key}}),
        compensation=undo,
        repeatable=True,
    )
    last = Step(do, compensation=undo)


class ServedFirst(Saga):
    """A message and nothing else: the input is checked before it."""

    order = Input(Order)
    tell = ServiceStep(
        Action.send_message(Queue("Orders"), {"order": Action.saga_id}),
        compensation=undo,
        repeatable=False,
    )


class Small(Saga):
    """What others start: a single step."""

    order = Input(Order)
    only = Step(do, compensation=undo)


class StartsOne(Saga):
    """A child of a single step between two steps; both sagas together."""

    order = Input(Order)
    first = Step(do, compensation=undo)
    child = Child(Small, result=Small.only)
    last = Step(do, compensation=undo)


class StartsEach(Saga):
    """A child of a single step for each of three items; all sagas together."""

    order = Input(Order)
    each = Map(order.lines, item="line", child=Child(Small))


ANSWERS: Final[Mapping[type[Saga], Mapping[str, Any]]] = {
    Approved: {"review": True},
    Linked: {"review": True},
    CalledBack: {"pickup": {}},
}
EVENTS: Final[Mapping[type[Saga], Sequence[Arrival]]] = {
    Waits: [Arrival(paid, Paid(number=17), timedelta(hours=1))],
    WaitsForWhatCame: [Arrival(paid, Paid(number=17), -timedelta(hours=1))],
}
PARTS: Final[tuple[type[Saga], ...]] = (
    LooksAtInput,
    Chosen,
    SideBySide,
    Each,
    EachApart,
    Nested,
    Paused,
    Approved,
    Linked,
    CalledBack,
    Unanswered,
    Claimed,
    Probed,
    Stored,
    EndsWithAFork,
    Waits,
    WaitsForWhatCame,
    WaitsInVain,
    Served,
    ServedFirst,
    StartsOne,
    StartsEach,
)
