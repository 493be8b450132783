"""What a model tells about the size of its JSON, held against values of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter

from stepsaga.checks.bounds import Bounds, bounds_of
from stepsaga.runtime.values import compact


class Part(BaseModel):
    """A part of a whole."""

    id: UUID
    colour: Literal["red", "green", "ünï"]
    name: Annotated[str, Field(max_length=5)]
    weight: float
    count: Annotated[int, Field(ge=-(2**63), lt=2**63)]
    made: datetime
    day: date
    at: time
    fragile: bool = False


class Whole(BaseModel):
    """A whole of few parts."""

    parts: Annotated[list[Part], Field(min_length=1, max_length=3)]
    pair: tuple[int, bool]
    lid: Part | None


class Tree(BaseModel):
    """It can hold itself."""

    above: Tree | None = None


texts = st.text(st.characters(codec="utf-8"), max_size=5)
parts = st.builds(
    Part,
    id=st.uuids(),
    colour=st.sampled_from(["red", "green", "ünï"]),
    name=texts,
    weight=st.floats(allow_nan=False, allow_infinity=False),
    count=st.integers(-(2**63), 2**63 - 1),
    made=st.datetimes(timezones=st.sampled_from([UTC, None])),
    day=st.dates(),
    at=st.times(),
    fragile=st.booleans(),
)
wholes = st.builds(
    Whole,
    parts=st.lists(parts, min_size=1, max_size=3),
    pair=st.tuples(st.integers(-(2**40), 2**40), st.booleans()),
    lid=st.none() | parts,
)


def bounds(annotation: Any, *, whole: bool = True) -> Bounds:
    """The bounds of a type."""
    schema = TypeAdapter(annotation).json_schema(mode="serialization" if whole else "validation")
    return bounds_of(schema, whole=whole)


@given(wholes)
def test_values_are_within_the_bounds(value: Whole) -> None:
    """Whatever a model writes has at least and at most as many bytes as is said of it."""
    found = bounds(Whole)
    size = len(compact(value.model_dump(mode="json")))
    assert found.most is not None
    assert found.least <= size <= found.most


@pytest.mark.parametrize(
    ("annotation", "least", "most"),
    [
        (None, 4, 4),
        (bool, 4, 5),
        (Literal["a", "bcd"], 3, 5),
        (str, 2, None),
        (Annotated[str, Field(min_length=3, max_length=4)], 5, 26),
        (list[bool], 2, None),
        (Annotated[list[bool], Field(max_length=2)], 2, 13),
        (Annotated[list[bool], Field(min_length=2, max_length=2)], 11, 13),
        (Annotated[list[str], Field(max_length=2)], 2, None),
        (tuple[bool, None], 11, 12),
        (dict[str, bool], 2, None),
        (Any, 1, None),
        (bool | None, 4, 5),
        (UUID, 38, 38),
        (Tree, 11, None),
    ],
    ids=repr,
)
def test_bounds(annotation: Any, least: int, most: int | None) -> None:
    """The exact bounds of each kind of type."""
    assert bounds(annotation) == Bounds(least, most)


class Loose(BaseModel):
    """One field may be left out."""

    a: bool
    b: bool = True


def test_what_is_read_may_lack_what_is_written() -> None:
    """A model reads input without its defaults, and writes results with them."""
    assert bounds(Loose, whole=False) == Bounds(10, 21)
    assert bounds(Loose) == Bounds(19, 21)


def test_fields_that_are_allowed_besides_have_no_bound() -> None:
    """A model that takes any other field tells no largest size."""

    class Open(BaseModel, extra="allow"):
        a: bool

    assert bounds(Open) == Bounds(10, None)
