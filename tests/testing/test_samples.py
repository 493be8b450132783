"""Values made up from models: they fit, or it is told why there is none."""

from __future__ import annotations

from datetime import datetime, timedelta  # noqa: TC003  # read by pydantic
from decimal import Decimal  # noqa: TC003  # as above
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID  # noqa: TC003  # as above

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel, Field, SecretStr, TypeAdapter, model_validator

from stepsaga.testing.samples import NoSampleError, sample, sample_below


class Colour(Enum):
    """Two of them."""

    RED = "red"
    BLUE = "blue"


class Leaf(BaseModel):
    """A model that can be in itself."""

    name: str
    under: list[Leaf] = []
    beside: Leaf | None = None


class Everything(BaseModel):
    """Every kind of field that models have."""

    text: str = Field(min_length=12, max_length=15)
    short: str = Field(max_length=2)
    code: str = Field(pattern=r"^[A-Z]{3}-\d{3}$")
    number: int = Field(gt=7, multiple_of=5)
    negative: int = Field(lt=-3)
    share: float = Field(gt=0, lt=1)
    price: Decimal
    flag: bool
    colour: Colour
    fixed: Literal["always"]
    at: AwareDatetime
    until: datetime
    lasting: timedelta
    id: UUID
    secret: SecretStr
    many: list[int] = Field(min_length=3)
    none: list[int] = Field(max_length=0)
    pair: tuple[int, str]
    by_name: dict[str, int]
    maybe: int | None
    either: int | str
    leaf: Leaf
    anything: Any
    said: str = Field(examples=["CH93 0076 2011 6238 5295 7"])


def made(annotation: Any) -> Any:
    """A value made up of a type."""
    return sample(TypeAdapter(annotation).json_schema(), annotation, "value")


def test_every_kind_of_field_is_made_up() -> None:
    """A sample is read by its model; the same schema makes the same one."""
    value = made(Everything)
    assert Everything.model_validate(value).colour is Colour.RED
    assert made(Everything) == value
    assert value["said"].startswith("CH93")
    assert len(value["many"]) == 3


def test_fields_and_items_differ() -> None:
    """What is mixed up is seen: texts are named after their fields, items are counted."""

    class Transfer(BaseModel):
        source: str
        target: str
        lines: list[Leaf]

        @model_validator(mode="after")
        def _differ(self) -> Transfer:
            if self.source == self.target:
                raise ValueError("source and target are the same")
            return self

    value = made(Transfer)
    assert value["lines"][0]["name"] != value["lines"][1]["name"]


@pytest.mark.parametrize(
    "annotation",
    [
        Annotated[str, Field(pattern=r"^\d{4} \d{4} \d{4}$")],
        Annotated[int, Field(gt=3, lt=4)],
    ],
)
def test_what_cannot_be_made_up_is_told(annotation: Any) -> None:
    """The message names the model's trouble, and the way out."""
    with pytest.raises(NoSampleError, match=r"no value can be made up .* give fields examples"):
        made(annotation)


def test_what_can_be_absent_can_be_made_up() -> None:
    """A field that may be left out is there, and so is what it is asked for alone."""

    class Trip(BaseModel):
        insurance: Leaf | None = None

    schema = TypeAdapter(Trip).json_schema()
    assert sample(schema, Trip, "trip")["insurance"]["name"] == "name"
    assert sample_below(schema, ["insurance"])["name"] == "name"
    assert sample_below(schema, ["insurance", "name"]) == "name"


@given(st.integers(-50, 50), st.integers(0, 60), st.sampled_from([1, 2, 5]))
def test_numbers_fit_their_bounds(least: int, room: int, step: int) -> None:
    """Whatever the bounds are, the number is between them."""
    most = least + room + step
    annotation = Annotated[int, Field(ge=least, le=most, multiple_of=step)]
    assert least <= made(annotation) <= most
