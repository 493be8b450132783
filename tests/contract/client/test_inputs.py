"""One form for every input: what is sent, and what is the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from stepsaga import Input, Saga, Step
from stepsaga.client.inputs import same_input, to_send
from stepsaga.errors import InputInvalid
from stepsaga.runtime.inputs import differing


def look() -> None:
    """Have no effect."""


class Item(BaseModel):
    """Part of an input."""

    sku: str
    price: Decimal = Decimal("1.50")


class Basket(BaseModel):
    """An input of many kinds of fields."""

    items: list[Item] = Field(default=[], alias="lines")
    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    card: SecretStr = SecretStr("tok")
    gift: bool = False
    extra: dict[str, Any] = {}


class Buy(Saga):
    """Takes a model."""

    basket = Input(Basket)
    look = Step(look, read_only=True)


class Count(Saga):
    """Takes a number."""

    number = Input(int)
    look = Step(look, read_only=True)


@dataclass
class Pair:
    """No model of pydantic's."""

    left: int
    right: SecretStr


class Compare(Saga):
    """Takes a dataclass."""

    pair = Input(Pair)
    look = Step(look, read_only=True)


class Stamped(BaseModel):
    """An input with a default that is made anew each time."""

    stamp: UUID = Field(default_factory=uuid4)


class Stamp(Saga):
    """Takes a stamped input."""

    stamped = Input(Stamped)
    look = Step(look, read_only=True)


class Meeting(BaseModel):
    """An input that takes text for a time in JSON, and nowhere else."""

    model_config = ConfigDict(strict=True)

    at: datetime
    seats: int = Field(default=1, ge=1)


class Meet(Saga):
    """Takes a strict input."""

    meeting = Input(Meeting)
    look = Step(look, read_only=True)


class Growing(BaseModel):
    """An input that is another one each time it is read."""

    n: Annotated[int, AfterValidator(lambda n: n + 1)]


class Grow(Saga):
    """Takes an input that grows."""

    growing = Input(Growing)
    look = Step(look, read_only=True)


MEETING = Meeting(at=datetime(2026, 1, 1, tzinfo=UTC))
PLAIN = {
    "lines": [{"sku": "tea", "price": "1.50"}],
    "at": "2026-01-01T00:00:00Z",
    "card": "tok_1",
    "gift": True,
    "extra": {"a": [1, None]},
}


@pytest.mark.parametrize(
    "value",
    [
        PLAIN,
        Basket.model_validate(PLAIN),
        {**PLAIN, "lines": [Item(sku="tea")], "card": SecretStr("tok_1")},
        {**PLAIN, "lines": ({"sku": "tea"},), "at": datetime(2026, 1, 1, tzinfo=UTC)},
    ],
)
def test_json_and_python_values_are_sent_alike(value: Any) -> None:
    """A model, a dict of JSON values, one of Python's and a mixture are sent as the same JSON."""
    assert to_send(Buy, value) == PLAIN


@pytest.mark.parametrize(
    ("saga", "value", "sent"),
    [
        (Count, 7, 7),
        (Compare, Pair(1, SecretStr("tok")), {"left": 1, "right": "tok"}),
        (Compare, {"left": 1, "right": "tok"}, {"left": 1, "right": "tok"}),
        (Meet, {"at": "2026-01-01T00:00:00Z"}, {"at": "2026-01-01T00:00:00Z", "seats": 1}),
        (Meet, MEETING, {"at": "2026-01-01T00:00:00Z", "seats": 1}),
    ],
)
def test_inputs_that_are_no_models(saga: type[Saga], value: Any, sent: Any) -> None:
    """Numbers and dataclasses are inputs like others."""
    assert to_send(saga, value) == sent


@pytest.mark.parametrize("value", [float("nan"), "seven", None, [7]])
def test_what_does_not_fit_is_named(value: Any) -> None:
    """The field, or the input itself, is named as handlers know it."""
    with pytest.raises(InputInvalid, match="Count: number"):
        to_send(Count, value)


def test_an_instance_is_not_trusted() -> None:
    """An instance whose model never saw its values is read as every step would read it."""
    with pytest.raises(InputInvalid, match=r"Meet: meeting\.seats: Input should be greater"):
        to_send(Meet, MEETING.model_copy(update={"seats": 0}))


def test_a_default_that_is_made_anew_is_made_once() -> None:
    """It is sent, so that every step sees the same; but two starts make two, and two inputs."""
    first, second = to_send(Stamp, {}), to_send(Stamp, {})
    assert set(first) == {"stamp"}
    assert not same_input(Stamp, second, first)
    assert same_input(Stamp, to_send(Stamp, first), first)


@pytest.mark.parametrize(
    ("known", "same"),
    [
        (PLAIN, True),
        ({**PLAIN, "lines": [{"sku": "tea"}]}, True),
        ({**PLAIN, "gift": 1}, True),
        ({**PLAIN, "gift": False}, False),
        ({**PLAIN, "extra": {"a": [True, None]}}, False),
        ({**PLAIN, "extra": {"a": [1.0, None]}}, True),
        ({**PLAIN, "unknown": 1}, True),
        ({**PLAIN, "at": "yesterday"}, False),
        (5, False),
        (None, False),
    ],
)
def test_inputs_are_compared_as_their_model_reads_them(known: Any, same: bool) -> None:
    """What was started past the client is the same where the saga would see the same."""
    assert same_input(Buy, to_send(Buy, PLAIN), known) is same


def test_what_was_sent_is_the_same_as_itself() -> None:
    """Also where its type makes something else of it each time."""
    sent = to_send(Grow, {"n": 1})
    assert same_input(Grow, sent, sent)


def test_a_difference_is_told_without_values() -> None:
    """Only the names of fields are told, also of those that one of them lacks."""
    assert differing({"a": 1, "b": 2, "c": True}, {"a": 1, "b": 3, "c": 1, "d": 0}) == "b, c, d"
    assert differing(1, {"a": 1}) == "its value"


baskets = st.builds(
    Basket,
    lines=st.lists(
        st.builds(Item, sku=st.text(st.characters(codec="utf-8"), max_size=5)), max_size=3
    ),
    at=st.datetimes(timezones=st.just(UTC)),
    card=st.text(st.characters(codec="utf-8"), max_size=8).map(SecretStr),
    gift=st.booleans(),
)


@given(basket=baskets)
def test_what_is_sent_is_sent_again(basket: Basket) -> None:
    """What was sent is itself an input, sent as it is; and it is the one that it came from."""
    sent = to_send(Buy, basket)
    assert to_send(Buy, sent) == sent
    assert same_input(Buy, to_send(Buy, basket), sent)
    assert Basket.model_validate(sent) == basket


@given(one=baskets, other=baskets)
def test_two_inputs_are_the_same_if_their_models_are(one: Basket, other: Basket) -> None:
    """The comparison tells apart what the models tell apart, and nothing else."""
    assert same_input(Buy, to_send(Buy, one), to_send(Buy, other)) is (one == other)
