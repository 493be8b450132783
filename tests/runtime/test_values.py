"""JSON at the border: exact, or refused."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    Secret,
    SecretBytes,
    SecretStr,
    field_serializer,
    model_serializer,
)
from typing_extensions import TypedDict

from stepsaga.runtime.values import JsonType, Unfit, compact


class Colour(Enum):
    """A colour."""

    RED = "red"


class Inner(BaseModel):
    """Fields that JSON cannot hold as they are, under an alias, one of them with a default."""

    at: datetime = Field(alias="createdAt")
    price: Decimal
    colour: Colour = Colour.RED
    nothing: int | None = None


@dataclass
class Point:
    """A standard dataclass."""

    x: int
    y: tuple[int, ...]


class Parcel(TypedDict):
    """A typed dict."""

    id: UUID


class Secretive(BaseModel):
    """Secrets wherever they can be."""

    word: SecretStr
    raw: SecretBytes
    number: Secret[int]
    day: Secret[date]
    many: list[SecretStr] = []
    named: dict[str, SecretStr | None] = {}


INNER = Inner.model_validate(
    {"createdAt": datetime(2026, 1, 2, tzinfo=UTC), "price": Decimal("1.50")}
)


@pytest.mark.parametrize(
    ("annotation", "value", "json"),
    [
        (
            Inner,
            INNER,
            {
                "createdAt": "2026-01-02T00:00:00Z",
                "price": "1.50",
                "colour": "red",
                "nothing": None,
            },
        ),
        (Point, Point(1, (2, 3)), {"x": 1, "y": [2, 3]}),
        (Parcel, {"id": UUID(int=1)}, {"id": "00000000-0000-0000-0000-000000000001"}),
        (set[int], {5}, [5]),
        (dict[int, str], {1: "a"}, {"1": "a"}),
        (type(None), None, None),
        (int, 5, 5),
        (Any, {"a": [1, 2.5, True, None, "ä"]}, {"a": [1, 2.5, True, None, "ä"]}),
    ],
)
def test_results_are_json_by_alias_with_nothing_left_out(
    annotation: Any, value: Any, json: Any
) -> None:
    """Results are written with mode="json", by alias, defaults and None included (rule 24)."""
    kind = JsonType(annotation)
    assert kind.write(value) == json
    assert kind.read("it", json) == value


SECRETIVE = Secretive(
    word=SecretStr("hunter2"),
    raw=SecretBytes("größe".encode()),
    number=Secret(5),
    day=Secret(date(2026, 1, 2)),
    many=[SecretStr(""), SecretStr("**********")],
    named={"a": SecretStr("b"), "c": None},
)


def test_secrets_are_written_as_they_are() -> None:
    """Asterisks would silently corrupt the data of the next step."""
    kind = JsonType(Secretive)
    written = kind.write(SECRETIVE)
    assert written == {
        "word": "hunter2",
        "raw": "größe",
        "number": 5,
        "day": "2026-01-02",
        "many": ["", "**********"],
        "named": {"a": "b", "c": None},
    }
    assert kind.read("it", written) == SECRETIVE


@settings(deadline=None)
@given(
    word=st.text(st.characters(exclude_categories=["Cs"])),
    raw=st.text().map(str),
    many=st.lists(st.text(st.characters(exclude_categories=["Cs"]))),
)
def test_secrets_survive_the_trip(word: str, raw: str, many: list[str]) -> None:
    """Whatever a secret is, the next step has the same."""
    value = Secretive(
        word=SecretStr(word),
        raw=SecretBytes(raw.encode("utf-8", "replace")),
        number=Secret(len(raw)),
        day=Secret(date(2026, 1, 2)),
        many=[SecretStr(one) for one in many],
    )
    kind = JsonType(Secretive)
    assert kind.read("it", kind.write(value)) == value


def test_a_secret_where_no_type_says_so_is_written_as_it_is() -> None:
    """Also under Any, a secret's content is what is written."""
    assert JsonType(dict[str, Any]).write({"a": [SecretStr("b")]}) == {"a": ["b"]}


class Base64(BaseModel):
    """Bytes are base64 in JSON."""

    model_config = ConfigDict(val_json_bytes="base64", ser_json_bytes="base64")

    raw: SecretBytes


class Hides(BaseModel):
    """A serializer of its own, which hides a text in JSON only."""

    word: str

    @field_serializer("word", when_used="json")
    def stars(self, word: str) -> str:
        """Hide it."""
        return "*" * 10 if word else word


class Folds(BaseModel):
    """A serializer of its own for JSON only, of another shape."""

    word: SecretStr
    other: int = 1

    @model_serializer(mode="plain", when_used="json")
    def fold(self) -> list[str]:
        """Write a list."""
        return [str(self.word)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (SecretBytes(b"\xff\xfe"), "a secret in it is no text; keep it as base64"),
        (Base64(raw=SecretBytes(b"hi")), "would not be the same for the next step"),
        (Hides(word="hunter2"), "turns a secret into asterisks"),
        (Folds(word=SecretStr("hunter2")), "hides where a secret belongs"),
    ],
)
def test_a_secret_that_would_be_harmed_is_refused(value: Any, text: str) -> None:
    """Where a secret cannot be written exactly, nothing is written."""
    with pytest.raises(Unfit, match=text):
        JsonType(type(value)).write(value)


class Loose(BaseModel):
    """A float where its type is known, and where it is not."""

    known: float = 0
    unknown: Any = 0


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_have_are_refused(number: float) -> None:
    """NaN and infinity are refused, also where pydantic would write null for them."""
    for annotation, value in [
        (float, number),
        (Any, number),
        (dict[str, Any], {"a": [number]}),
        (Loose, Loose(known=number)),
        (Loose, Loose(unknown={"b": (number,)})),
    ]:
        with pytest.raises(Unfit, match="NaN and infinity are not JSON"):
            JsonType(annotation).write(value)


def _circle() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


def _changed() -> Inner:
    value = INNER.model_copy()
    value.price = "private"  # type: ignore[assignment]  # the mistake in question
    return value


class Angry(BaseModel):
    """A serializer that fails."""

    value: int = 1

    @field_serializer("value")
    def fail(self, value: int) -> str:
        """Fail."""
        raise KeyError("private", value)


@pytest.mark.parametrize(
    ("annotation", "value", "text"),
    [
        (int, "private", "its result: Input should be a valid integer"),
        (Inner, {"createdAt": "x", "price": 1}, "its result.createdAt: Input should be a valid da"),
        (Any, object(), "its result is not JSON: Unable to serialize unknown type"),
        (Any, _circle(), "its result is not JSON: "),
        (Any, "\ud800", "valid Unicode|not JSON"),
        (Inner, _changed(), "its result is not JSON: field price is not decimal"),
        (Angry, Angry(), "its result is not JSON"),
    ],
)
def test_a_result_that_cannot_be_written_is_refused(annotation: Any, value: Any, text: str) -> None:
    """A result that does not fit or is no JSON says which part, and shows no value."""
    with pytest.raises(Unfit, match=text) as caught:
        compact(JsonType(annotation).write(value))
    assert "private" not in str(caught.value)


def test_text_that_is_not_unicode_does_not_validate() -> None:
    """A lone surrogate in JSON is refused like any value that does not fit."""
    with pytest.raises(Unfit, match="order: it holds text that is not valid Unicode"):
        JsonType(Any).read("order", {"a": "\ud800"})


class Uncountable:
    """A type of which pydantic knows nothing."""


def test_a_type_that_pydantic_does_not_know_is_named() -> None:
    """A parameter of such a type cannot be filled from JSON; that is said, not raised as it is."""
    with pytest.raises(Unfit, match=r"it: pydantic\.errors\.PydanticSchemaGenerationError"):
        JsonType(Uncountable).read("it", 5)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
)


@settings(deadline=None)
@given(json_values)
def test_json_passes_unchanged(value: Any) -> None:
    """Any JSON value is written and read back as it is."""
    kind = JsonType(Any)
    assert kind.write(value) == value
    assert kind.read("it", value) == value
