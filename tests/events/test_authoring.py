"""What an author can get wrong about a wait for an event, and what the graph has of a right one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from stepsaga import BusEvent, DefinitionError, Input, Saga, Sensitive, Step, WaitForEvent
from stepsaga.asl import build
from stepsaga.asl.awaited_events import routed_events
from stepsaga.asl.kept import from_kept, keep
from stepsaga.authoring import graph_of
from stepsaga.errors import DeploymentError
from stepsaga.graph import AwaitedEvent, BusinessEvent
from stepsaga.runtime.event_router import Routed
from tests.events.shop import SellOnline, SellWithReminder
from tests.events.till import Order, PaymentReceived, payment_received

HOUR = timedelta(hours=1)


class Inner(BaseModel):
    """A part of an event."""

    id: str
    number: int


class Odd(BaseModel):
    """An event with fields of all kinds."""

    inner: Inner
    kind: Literal["a", "b"]
    maybe: str | None
    default: str = "x"
    flag: bool
    secret: Sensitive[str]
    other: int = Field(serialization_alias="otherName")
    named: str = Field(validation_alias="theName", serialization_alias="theName")


odd = BusEvent(Odd, source="shop.odd")


def codes(**options: Any) -> list[str]:
    """The problems of a saga with such a wait."""
    event = options.pop("event", odd)
    given: dict[str, Any] = {"by": "inner.id", "timeout": HOUR} | options
    with pytest.raises(DefinitionError) as caught:

        class Sell(Saga):
            order = Input(Order)
            paid = WaitForEvent(event, key=given.pop("key", order.id), **given)

    return [f"{one.code} {one.text}" for one in caught.value.problems]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"event": PaymentReceived}, "S520"),
        ({"event": BusEvent(list[int], source="a")}, "S520"),  # type: ignore[arg-type, type-var, unused-ignore]  # no class
        ({"event": BusEvent(Odd, source="a#b")}, "S520 source"),
        ({"event": BusEvent(Odd, source="a", detail_type="a/b")}, "S520 detail_type"),
        ({"event": BusEvent(Odd, source="a", bus="my-bus")}, "S520 bus"),
        ({"by": "innr.id"}, "S521"),
        ({"by": ""}, "S521"),
        ({"by": "maybe"}, "S521"),
        ({"by": "default"}, "S521"),
        ({"by": "flag"}, "S521"),
        ({"by": "inner"}, "S521"),
        ({"by": "secret"}, "S521"),
        ({"by": "inner.number"}, "S522"),
        ({"key": "order-1"}, "S208"),
        ({"timeout": 5}, "S501"),
        ({"since": timedelta(days=-1)}, "S502"),
        ({"on_timeout": 5}, "S514"),
    ],
)
def test_what_is_wrong_has_a_code(options: dict[str, Any], words: str) -> None:
    """Each by itself, when the class is created."""
    found = codes(**options)
    assert len(found) == 1
    assert found[0].startswith(words)


def test_a_wrong_field_has_a_suggestion() -> None:
    """As everywhere: the nearest name."""
    with pytest.raises(DefinitionError, match="did you mean 'order_id'"):

        class Sell(Saga):
            order = Input(Order)
            paid = WaitForEvent(payment_received, by="ordr_id", key=order.id, timeout=HOUR)


def test_a_wait_is_a_question_that_names_its_event() -> None:
    """The graph has the keys as they are written in JSON; it is kept, and read again."""

    class Sell(Saga):
        order = Input(Order)
        paid = WaitForEvent(odd, by="named", key=order.id, timeout=HOUR, since=HOUR)
        more = WaitForEvent(odd, by="kind", key=order.id, timeout=HOUR)

    graph = graph_of(Sell)
    first = graph.nodes[0].question  # type: ignore[union-attr]  # a step
    event = BusinessEvent("shop.odd", "Odd", "default", f"{__name__}:Odd")
    assert first is not None
    assert first.event == AwaitedEvent(event, ("theName",), 3600)
    assert keep(from_kept(keep(graph))) == keep(graph)
    assert routed_events([graph]) == (
        Routed("shop.odd", "Odd", f"{__name__}:Odd", (("kind",), ("theName",))),
    )


def test_what_comes_may_be_none_where_nothing_need_come() -> None:
    """The type of the result says so, so that what takes it has to."""
    with pytest.raises(DefinitionError, match="S301"):

        class Sell(Saga):
            order = Input(Order)
            paid = WaitForEvent(
                payment_received, by="order_id", key=order.id, timeout=HOUR, on_timeout=None
            )
            send = Step(send, read_only=True)


def send(paid: PaymentReceived) -> None:
    """Send what was paid for."""


def test_a_wait_stands_before_the_point_of_no_return() -> None:
    """Its rejection could undo nothing behind it."""
    with pytest.raises(DefinitionError, match="S413"):

        class Sell(Saga):
            order = Input(Order)
            keep = Step(_keep, pivot=True, verify=_keep)
            paid = WaitForEvent(payment_received, by="order_id", key=order.id, timeout=HOUR)


def _keep(order: Order) -> None:
    """A point of no return."""


def test_two_kinds_of_one_name_are_refused() -> None:
    """Nothing that is delivered would tell which of the two it is."""
    other = BusEvent(Odd, source="shop.payments", detail_type="PaymentReceived")

    class Sell(Saga):
        order = Input(Order)
        paid = WaitForEvent(other, by="inner.id", key=order.id, timeout=HOUR)

    with pytest.raises(DeploymentError, match="which is two events"):
        routed_events([graph_of(SellOnline), graph_of(Sell)])


def test_sagas_without_such_waits_are_what_they_were() -> None:
    """Only who waits for an event has it in the graph that is kept, and in its definition."""
    for saga in (SellOnline, SellWithReminder):
        assert '"event"' in build(graph_of(saga)).text
