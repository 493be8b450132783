"""Whether two inputs are the same one, where defaults are made anew each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel, Field

from stepsaga.errors import InputInvalid
from stepsaga.runtime.inputs import SagaInput


class Line(BaseModel):
    """Part of an input."""

    sku: str
    key: UUID = Field(default_factory=uuid4, alias="lineKey")


class Basket(BaseModel):
    """An input with defaults of all kinds."""

    id: str
    key: UUID = Field(default_factory=uuid4)
    plan: str = "free"
    tags: list[str] = Field(default_factory=list)
    lines: list[Line] = []
    named: dict[str, Any] = {}
    odd: str = Field(default_factory=lambda data: data["id"] + "!")


GIVEN = SagaInput("Buy", "basket", Basket)


def same(first: Any, second: Any) -> bool:
    """Whether a second message is the first one again."""
    value = GIVEN.read(second)
    return GIVEN.same(GIVEN.to_send(value), GIVEN.to_send(GIVEN.read(first)), value)


@pytest.mark.parametrize(
    "message",
    [
        {"id": "a"},
        {"id": "a", "lines": [{"sku": "tea"}, {"sku": "tea"}]},
        {"id": "a", "plan": "pro", "tags": ["x"], "named": {"a": [1]}},
        {"id": "a", "key": str(UUID(int=1)), "lines": [{"sku": "t", "lineKey": str(UUID(int=2))}]},
    ],
)
def test_a_message_that_comes_twice_is_the_same(message: Any) -> None:
    """Whatever its model makes anew each time, inside of lists, too."""
    assert same(message, message)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"id": "a", "plan": "pro"}, {"id": "a"}),
        ({"id": "a", "tags": ["x"]}, {"id": "a"}),
        ({"id": "a", "odd": "b"}, {"id": "a"}),
        ({"id": "a"}, {"id": "a", "key": str(UUID(int=1))}),
        ({"id": "a", "lines": [{"sku": "tea"}]}, {"id": "a"}),
        ({"id": "a", "lines": [{"sku": "tea"}]}, {"id": "a", "lines": [{"sku": "kettle"}]}),
        ({"id": "a", "lines": [{"sku": "tea"}]}, {"id": "a", "lines": [{"sku": "tea"}] * 2}),
        ({"id": "a", "named": {"x": 1}}, {"id": "a", "named": {"x": 2}}),
    ],
)
def test_what_differs_in_what_was_said_is_another(first: Any, second: Any) -> None:
    """A default that is always the same says something, too."""
    assert not same(first, second)


def test_without_the_value_nothing_is_forgiven() -> None:
    """A client that starts with an instance has made its defaults once."""
    one, two = ({"id": "a", "key": str(UUID(int=n))} for n in (1, 2))
    assert not GIVEN.same(GIVEN.to_send(one), GIVEN.to_send(two))


def test_what_is_no_model_is_compared_as_it_is() -> None:
    """Dataclasses, lists, numbers."""

    @dataclass
    class Plain:
        id: str

    for kind, first, second in ((Plain, {"id": "a"}, {"id": "b"}), (list[int], [1], [2])):
        given = SagaInput("Buy", "x", kind)
        value = given.read(first)
        assert given.same(given.to_send(value), given.to_send(first), value)
        assert not given.same(given.to_send(value), given.to_send(second), value)
    with pytest.raises(InputInvalid, match=r"x\.0: "):
        SagaInput("Buy", "x", list[int]).read(["a"])
