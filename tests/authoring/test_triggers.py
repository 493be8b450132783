"""Triggers in a class body: what becomes of them, and what is refused with which code."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, SecretStr

from stepsaga import (
    BusEvent,
    DefinitionError,
    Input,
    OnEvent,
    OnQueue,
    OnRequest,
    OnSchedule,
    Saga,
    Sensitive,
    Step,
)
from stepsaga.asl.fingerprint import fingerprint
from stepsaga.asl.kept import keep
from stepsaga.authoring import graph_of
from stepsaga.graph import BusinessEvent, EventTrigger, QueueTrigger, RequestTrigger

if TYPE_CHECKING:
    from stepsaga.graph import SagaGraph


class Colour(Enum):
    """A field's type."""

    RED = "red"


class Inner(BaseModel):
    """Below a field."""

    number: int = Field(alias="no")
    maybe: int | None
    price: float
    colour: Colour
    key: UUID


class Ordered(BaseModel):
    """An input."""

    inner: Inner = Field(serialization_alias="in", validation_alias="in")
    name: str
    later: str = ""


class Paid(BaseModel):
    """A detail of another shape."""

    reference: str


def look(order: Ordered) -> None:
    """Have no effect."""


def order_of(detail: Paid) -> Ordered:
    """Make an input."""
    raise NotImplementedError(detail)


def of_two(detail: Paid, more: int) -> Ordered:
    """Take too much."""
    raise NotImplementedError(detail, more)


def no_order(detail: Paid) -> int:
    """Make something else."""
    raise NotImplementedError(detail)


paid = BusEvent(Paid, source="payments", bus="Partners")
ordered = BusEvent(Ordered, source="shop", detail_type="OrderPlaced")


def graph(*starts: Any) -> SagaGraph:
    """The graph of a saga with these triggers."""
    triggers = starts

    class Trade(Saga):
        order = Input(Ordered)
        starts = triggers
        look = Step(look, read_only=True)

    return graph_of(Trade)


def codes(*starts: Any) -> list[str]:
    """The codes that these triggers give."""
    with pytest.raises(DefinitionError) as caught:
        graph(*starts)
    return [problem.code for problem in caught.value.problems]


def test_triggers_become_data() -> None:
    """Kinds, keys by alias as the model writes them, functions by reference."""
    found = graph(
        OnEvent(paid, id="reference", input=order_of, where={"reference": [{"prefix": "A"}]}),
        OnEvent(ordered, id="inner.number"),
        OnQueue("Orders", id="name"),
        OnRequest("POST", "/orders", auth="NONE"),
    )
    assert found.triggers == (
        EventTrigger(
            BusinessEvent("payments", "Paid", "Partners", f"{__name__}:Paid"),
            ("reference",),
            {"reference": [{"prefix": "A"}]},
            f"{__name__}:order_of",
        ),
        EventTrigger(
            BusinessEvent("shop", "OrderPlaced", "default", f"{__name__}:Ordered"), ("in", "no")
        ),
        QueueTrigger("Orders", ("name",)),
        RequestTrigger("POST", "/orders", (), "NONE"),
    )


def test_a_trigger_makes_no_release() -> None:
    """What starts a saga does not change what runs: neither the fingerprint nor what is kept."""
    with_, without = graph(OnQueue("Orders", id="name")), graph()
    assert fingerprint(with_) == fingerprint(replace(with_, triggers=()))
    assert keep(with_) == keep(replace(without, reference=with_.reference))


@pytest.mark.parametrize("id_", ["name", "inner.number", "inner.colour", "inner.key"])
def test_what_is_text_or_a_whole_number_in_json_can_be_an_id(id_: str) -> None:
    """Enumerations and UUIDs, too."""
    assert graph(OnQueue("Orders", id=id_)).triggers


@pytest.mark.parametrize(
    "id_", ["later", "nmae", "inner", "inner.maybe", "inner.price", "name.x", "in.no", "", 5, "."]
)
def test_what_can_be_absent_or_is_no_text_is_no_id(id_: Any) -> None:
    """S531: two sagas would have one id, or none."""
    if id_ == "":
        assert graph(OnQueue("Orders", id=id_)).triggers
    else:
        assert codes(OnQueue("Orders", id=id_)) == ["S531"]


class Card(BaseModel):
    """An input with what nobody is to see."""

    iban: Sensitive[str]
    pin: SecretStr


def charge(card: Card) -> None:
    """Have no effect."""


@pytest.mark.parametrize("id_", ["iban", "pin"])
def test_what_is_sensitive_is_no_id(id_: str) -> None:
    """S531: ids are in names, logs and answers; and a secret is written as the same for all."""
    with pytest.raises(DefinitionError) as caught:

        class Charge(Saga):
            card = Input(Card)
            starts = (OnQueue("Cards", id=id_),)
            charge = Step(charge, read_only=True)

    assert [problem.code for problem in caught.value.problems] == ["S531"]


@pytest.mark.parametrize(
    ("starts", "code"),
    [
        (("x",), "S530"),
        ((OnEvent("x"),), "S530"),  # type: ignore[arg-type]  # what is refused
        ((OnEvent(BusEvent(Ordered, source="")),), "S530"),
        ((OnEvent(paid),), "S532"),
        ((OnEvent(paid, input=of_two),), "S532"),  # type: ignore[arg-type]  # as above
        ((OnEvent(paid, input=no_order),), "S532"),
        ((OnEvent(paid, input=lambda detail: detail),), "S201"),
        ((OnEvent(BusEvent(list[int], source="x")),), "S536"),
        ((OnEvent(ordered, where={}),), "S535"),
        ((OnEvent(ordered, where={"name": []}),), "S535"),
        ((OnEvent(ordered, where={"name": "tea"}),), "S535"),
        ((OnEvent(ordered, where={"name": [None]}),), "S535"),
        ((OnEvent(ordered, where={"name": [{"a": None}]}),), "S535"),
        ((OnEvent(ordered, where={"name": [object()]}),), "S535"),
        ((OnEvent(BusEvent(Ordered, source="x", bus="a-b")),), "S535"),
        ((OnSchedule("rate(2 day)", input=None),), "S533"),
        ((OnSchedule("rate(1 day)", input={"name": 5}),), "S533"),
        ((OnQueue("a-queue"),), "S535"),
        ((OnQueue(5),), "S535"),  # type: ignore[arg-type]  # as above
        ((OnRequest("GET", "/orders"),), "S535"),
        ((OnRequest("POST", "orders"),), "S535"),
        ((OnRequest("POST", "/orders/{name}"),), "S535"),
        ((OnRequest("POST", "/orders", auth="no"),), "S535"),
        ((OnQueue("Orders"), OnQueue("Orders", id="name")), "S534"),
        ((OnRequest("POST", "/a"), OnRequest("POST", "/a", auth="NONE")), "S534"),
    ],
)
def test_what_cannot_be_a_trigger_is_refused(starts: tuple[Any, ...], code: str) -> None:
    """When the class is created, with its code."""
    assert set(codes(*starts)) == {code}


@pytest.mark.parametrize(
    "expression",
    ["rate(1 minute)", "rate(12 hours)", "cron(0 6 * * ? *)", "cron(0/15 8-17 ? * MON-FRI *)"],
)
def test_schedules_are_those_of_eventbridge(expression: str) -> None:
    """The input is written once, as the model has it."""
    inner = {"no": 1, "maybe": None, "price": 1, "colour": "red", "key": str(UUID(int=1))}
    [trigger] = graph(OnSchedule(expression, input={"in": inner, "name": "a"})).triggers
    assert trigger.name == f"schedule {expression}"


@pytest.mark.parametrize(
    "expression", ["rate(0 days)", "rate(1 week)", "cron(0 6 * * *)", "cron(0 6 * * * *)", "5", 5]
)
def test_what_eventbridge_refuses_is_refused_here(expression: Any) -> None:
    """Not when it is deployed."""
    assert "S533" in codes(OnSchedule(expression, input={}))
