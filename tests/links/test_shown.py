"""What a page says of a question: what the handler has, and nothing that only looks like it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal  # noqa: TC003  # pydantic reads it
from typing import Annotated, Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, Field, SecretStr

from stepsaga import Sensitive  # noqa: TC001  # as above
from stepsaga.runtime.approval_shown import LABEL_BYTES, MOST_ROWS, VALUE_BYTES, shown
from stepsaga.runtime.sensitive import MASK
from stepsaga.runtime.values import JsonType


class Inner(BaseModel):
    """A part of an order."""

    sku: str
    code: SecretStr = SecretStr("s3cret-code")


class Order(BaseModel):
    """What is asked about."""

    price: Decimal = Field(title="Price in all")
    at: datetime = datetime(2026, 11, 29, tzinfo=UTC)
    pin: Sensitive[str] = "1234"
    inner: Inner | None = None
    tags: list[str] = []


def ask() -> None:
    """Is it too much?

    For developers.
    """


def rows_of(**values: tuple[Any, Any]) -> dict[str, str]:
    """What is shown of values that arrive as JSON, by parameter, with their types."""
    kinds = {name: (JsonType(kind), value) for name, (kind, value) in values.items()}
    read = {name: (kind, kind.read(name, value)) for name, (kind, value) in kinds.items()}
    found = shown(ask, read)
    assert found["about"] == "Is it too much?"
    return dict(found["rows"])


def test_each_field_has_a_row() -> None:
    """By its title, defaults included; nothing that is sensitive, at any depth."""
    assert rows_of(order=(Order, {"price": "12.50", "inner": {"sku": "tea"}})) == {
        "Price in all": "12.50",
        "At": "2026-11-29T00:00:00Z",
        "Pin": MASK,
        "Inner / Sku": "tea",
        "Inner / Code": MASK,
        "Tags": "-",
    }


def test_what_a_model_does_not_know_is_not_shown() -> None:
    """Who starts a saga cannot put a second price beside the one that counts."""
    sent = {"price": "99999", "Price in all": "1.00", "price in all": "1.00"}
    found = rows_of(order=(Order, sent))
    assert found["Price in all"] == "99999"
    assert "1.00" not in found.values()


def test_several_parameters_are_told_apart() -> None:
    """Where a handler takes more than one thing, each row says of which it is."""
    found = rows_of(order=(Inner, {"sku": "tea"}), paid_by=(str, "ann"), hold=(Inner, {"sku": "x"}))
    assert {name: text for name, text in found.items() if text != MASK} == {
        "Order / Sku": "tea",
        "Paid by": "ann",
        "Hold / Sku": "x",
    }


def test_nothing_turns_what_is_around_it() -> None:
    """Characters that are not to be seen, or that reverse others, are marked."""
    assert rows_of(price=(str, "1\u202e00\x00"))["Price"] == "1\ufffd00\ufffd"


def test_many_rows_are_cut() -> None:
    """A page has room for so many rows, and says how many are left out."""
    found = rows_of(order=(dict[str, int], {f"k{n}": n for n in range(100)}))
    assert len(found) == MOST_ROWS + 1
    assert found["…"] == "and 70 more"


def broken(_: str) -> str:
    """Refuse what was read before."""
    raise ValueError("never")


def test_what_cannot_be_written_is_hidden() -> None:
    """A type that cannot tell what is sensitive in a value shows none of it."""
    kind = JsonType(Annotated[str, AfterValidator(broken)])
    assert shown(ask, {"order": (kind, "x")})["rows"] == [["Order", MASK]]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_any_value_can_be_shown(value: Any) -> None:
    """Whatever a saga holds, its rows are few, short, and texts."""
    found = shown(ask, {"order": (JsonType(Any), value)})["rows"]
    assert len(found) <= MOST_ROWS + 1
    for label, text in found:
        assert len(label.encode()) <= LABEL_BYTES
        assert len(text.encode()) <= VALUE_BYTES
