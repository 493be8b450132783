"""What one type writes is read by another: the rule, and the law behind it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NewType, Optional, Union

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    SecretStr,
    TypeAdapter,
    ValidationError,
    computed_field,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.dataclasses import dataclass as pydantic_dataclass
from typing_extensions import TypedDict

from stepsaga.checks.annotations import accepts_none, name_of
from stepsaga.checks.fields import fields_of
from stepsaga.checks.fit import fits


class Small(BaseModel):
    """One whole number."""

    x: int


class Wide(BaseModel):
    """Reads what Small writes, and more."""

    x: float
    y: str = "y"


class Strange(BaseModel):
    """Another field."""

    z: int


class Closed(BaseModel):
    """Refuses keys that it does not know."""

    model_config = ConfigDict(extra="forbid")

    x: int


class Sub(Closed):
    """A subclass writes more than its base reads."""

    extra: int = 0


class Aliased(BaseModel):
    """Reads and writes by alias."""

    number: int = Field(alias="x")


class OneWay(BaseModel):
    """Writes what it does not read."""

    number: int = Field(validation_alias="n")


class Left(BaseModel):
    """Leaves a required field out."""

    x: int = Field(exclude=True)


class Computed(BaseModel):
    """Writes a field that it refuses to read."""

    model_config = ConfigDict(extra="forbid")

    x: int

    @computed_field  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def twice(self) -> int:
        """Only written."""
        return 2 * self.x


class Tree(BaseModel):
    """Recursive."""

    x: int
    below: list[Tree] = []


class Branch(BaseModel):
    """Recursive, reads what Tree writes."""

    below: list[Branch] = []


class Texts(RootModel[list[str]]):
    """Its JSON is a list."""


class Before(BaseModel):
    """Takes anything."""

    x: int

    @model_validator(mode="before")
    @classmethod
    def _any(cls, data: Any) -> Any:
        return data if isinstance(data, dict) and "x" in data else {"x": 1}


class Own(BaseModel):
    """Writes itself as text."""

    x: int

    @model_serializer
    def _text(self) -> str:
        return str(self.x)


@dataclasses.dataclass
class Point:
    """A dataclass."""

    x: int
    y: str = "y"


class Keys(TypedDict, total=False):
    """Keys that may be absent."""

    x: int


class Must(TypedDict):
    """A key that is there."""

    x: int


class Colour(Enum):
    """An enum of no other type."""

    RED = "red"


class Code(str, Enum):  # noqa: UP042  # as it is written for older Pythons
    """An enum of texts."""

    A = "a"


class Keeps(BaseModel):
    """Keeps keys that it does not know."""

    model_config = ConfigDict(extra="allow")

    x: int


class ByName(BaseModel):
    """Refuses its own alias."""

    model_config = ConfigDict(validate_by_alias=False, validate_by_name=True)

    x: int = Field(alias="y")


class Lenient(BaseModel):
    """Reads a field by a function of its own."""

    x: int

    @field_validator("x", mode="before")
    @classmethod
    def _count(cls, value: Any) -> int:
        return value if isinstance(value, int) else len(value)


@pydantic_dataclass
class Spot:
    """A dataclass of pydantic's, with an alias."""

    number: int = Field(alias="x")


@dataclasses.dataclass
class Hidden:
    """A dataclass whose alias only pydantic knows."""

    number: Annotated[int, Field(alias="x")]


def _length(value: Any) -> int:
    return value if isinstance(value, int) else len(value)


Id = NewType("Id", str)
Length = Annotated[int, BeforeValidator(_length)]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (int, int),
        (int, float),
        (bool, int),
        (int, Any),
        (Any, int),
        (object, int),
        (int, object),
        (int, int | None),
        (int, Optional[int]),  # noqa: UP045  # as it is written for older Pythons
        (None, int | None),
        (None, None),
        (int | None, int | str | None),
        (Union[int, str], str | int),  # noqa: UP007  # likewise
        (Literal["a"], Literal["a", "b"]),
        (Literal["a"], str),
        (Id, str),
        (str, Id),
        (str, SecretStr),
        (Annotated[int, "unit"], int),
        (list[int], list[float]),
        (list[int], Sequence[int]),
        (tuple[int, ...], list[int]),
        (tuple[int, str], list[int | str]),
        (tuple[int, str], tuple[float, str]),
        (set[int], list[int]),
        (list[int], list),
        (list, list[int]),
        (dict[str, int], dict[str, float]),
        (dict[str, int], Mapping[str, int]),
        (Small, Wide),
        (Small, Small),
        (Small, Closed),
        (Small, Point),
        (Small, Must),
        (Point, Small),
        (Must, Small),
        (Small, dict[str, int]),
        (Small, dict[str, Any]),
        (Small, Mapping[str, Any]),
        (Small, Aliased),
        (Aliased, Small),
        (Tree, Tree),
        (Tree, Branch),
        (list[Small], list[Wide]),
        (Small | None, Wide | None),
        (Texts, list[str]),
        (list[str], Texts),
        (Strange, Before),
        (Own, Small),
        (Own, str),
        (Code, str),
        (Colour, Colour),
        (str, Length),
        (list[str], list[Length]),
        (Wide, Lenient),
        (Lenient, Small),
        (Keeps, Small),
        (Small, Spot),
        (Small, ByName),
        (Spot, Small),
        (Hidden, Hidden),
        (dict[str, Small], Mapping[str, Wide]),
    ],
)
def test_fits(written: Any, read: Any) -> None:
    """What is read without loss, and what types cannot tell, passes."""
    assert fits(written, read)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (str, int),
        (float, int),
        (int, str),
        (int | None, int),
        (int | str, int),
        (None, int),
        (str, Literal["a"]),
        (Literal["a", "c"], Literal["a", "b"]),
        (str, Sequence[str]),
        (str, list[str]),
        (SecretStr, str),
        (list[str], list[int]),
        (list[int], tuple[int, int]),
        (tuple[int, str], list[int]),
        (tuple[int, str], tuple[int, int]),
        (tuple[int, str], tuple[int]),
        (dict[str, int], list[int]),
        (dict[str, str], dict[str, int]),
        (list[int], dict[str, int]),
        (Small, Strange),
        (Wide, Small),
        (Small, list[int]),
        (Small, int),
        (Small, dict[str, str]),
        (Wide, Closed),
        (Sub, Closed),
        (OneWay, OneWay),
        (Left, Left),
        (Computed, Computed),
        (Keys, Must),
        (Keys, Small),
        (list[OneWay], list[OneWay]),
        (list[OneWay], Union[list[OneWay], list[int | OneWay]]),  # noqa: UP007  # likewise
        (Tree, list[Tree]),
        (Branch, Tree),
        (Texts, list[int]),
        (Colour, str),
        (str, Colour),
        (Decimal, int),
        (bool, Decimal),
        (Small | None, Wide),
        (Strange, Lenient),
        (Keeps, Closed),
        (ByName, ByName),
        (Spot, Strange),
        (Keeps, dict[str, int]),
        (int, Must),
    ],
)
def test_does_not_fit(written: Any, read: Any) -> None:
    """What some value would break at run time is refused."""
    assert not fits(written, read)


@pytest.mark.parametrize(
    ("sent", "read", "fit"),
    [
        (Wide, Wide, True),
        (OneWay, OneWay, True),
        (Computed, Computed, True),
        (Point, Small, True),
        (Small, Point, True),
        (Wide, Strange, False),
        (Closed, Aliased, True),
        (Small, Closed, False),
        (Closed, dict[str, int], True),
        (Small, dict[str, int], False),
        (Small, dict[str, Any], True),
    ],
)
def test_raw_input(sent: Any, read: Any, *, fit: bool) -> None:
    """The input is as its sender wrote it: its own model reads it, others what must be there."""
    assert fits(sent, read, raw=True) is fit


class NeedsY(BaseModel):
    """Requires what Wide has a default for."""

    y: str


def test_the_input_may_lack_what_has_a_default() -> None:
    """A result is complete, the raw input is not (rule 19)."""
    assert fits(Wide, NeedsY)
    assert not fits(Wide, NeedsY, raw=True)


LEAVES: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(-(2**53), 2**53),
    bool: st.booleans(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    str: st.text(st.characters(codec="utf-8"), max_size=5),
    type(None): st.none(),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False),
    SecretStr: st.just(SecretStr("s")),
    Literal["a"]: st.just("a"),
    Literal["a", "b"]: st.sampled_from(["a", "b"]),
    Code: st.sampled_from(Code),
    Colour: st.sampled_from(Colour),
}
_numbers = LEAVES[int]
STRUCTURES: dict[Any, st.SearchStrategy[Any]] = {
    Small: st.builds(Small, x=_numbers),
    Wide: st.builds(Wide, x=LEAVES[float], y=LEAVES[str]),
    Strange: st.builds(Strange, z=_numbers),
    Closed: st.builds(Closed, x=_numbers),
    Sub: st.builds(Sub, x=_numbers, extra=_numbers),
    Aliased: _numbers.map(lambda x: Aliased(x=x)),
    OneWay: _numbers.map(lambda n: OneWay(n=n)),
    Left: st.builds(Left, x=_numbers),
    Computed: st.builds(Computed, x=_numbers),
    Keeps: st.builds(Keeps, x=_numbers, more=LEAVES[str]),
    ByName: _numbers.map(lambda x: ByName(x=x)),
    Spot: _numbers.map(lambda x: Spot(x=x)),
    Hidden: _numbers.map(Hidden),
    Point: st.builds(Point, x=_numbers, y=LEAVES[str]),
    Must: st.fixed_dictionaries({"x": _numbers}),
    Keys: st.fixed_dictionaries({}, optional={"x": _numbers}),
    Texts: st.lists(LEAVES[str], max_size=2).map(Texts),
    Branch: st.recursive(
        st.just(Branch()), lambda below: st.lists(below, max_size=2).map(lambda b: Branch(below=b))
    ),
}


@dataclasses.dataclass(frozen=True)
class Kind:
    """A type and its values."""

    annotation: Any
    values: st.SearchStrategy[Any]


LIST: Any = list
DICT: Any = dict
TUPLE: Any = tuple
UNION: Any = Union


def _larger(kinds: st.SearchStrategy[Kind]) -> st.SearchStrategy[Kind]:
    """Types made of one or two others."""
    texts = LEAVES[str]
    return st.one_of(
        kinds.map(lambda k: Kind(LIST[k.annotation], st.lists(k.values, max_size=2))),
        kinds.map(lambda k: Kind(UNION[k.annotation, None], st.none() | k.values)),
        kinds.map(
            lambda k: Kind(TUPLE[k.annotation, ...], st.lists(k.values, max_size=2).map(tuple))
        ),
        kinds.map(
            lambda k: Kind(DICT[str, k.annotation], st.dictionaries(texts, k.values, max_size=2))
        ),
        st.tuples(kinds, kinds).map(
            lambda two: Kind(
                TUPLE[two[0].annotation, two[1].annotation],
                st.tuples(two[0].values, two[1].values),
            )
        ),
        st.tuples(kinds, kinds).map(
            lambda two: Kind(
                UNION[two[0].annotation, two[1].annotation], two[0].values | two[1].values
            )
        ),
    )


KINDS = st.recursive(
    st.sampled_from([Kind(kind, values) for kind, values in (LEAVES | STRUCTURES).items()]),
    _larger,
    max_leaves=3,
)


def _near(kind: Kind) -> st.SearchStrategy[Kind]:
    """Types that have something to do with one: most pairs of types have not."""
    others = KINDS.map(lambda other: Kind(UNION[kind.annotation, other.annotation], st.nothing()))
    return st.one_of(st.just(kind), others, KINDS)


@settings(max_examples=500, deadline=None)
@given(KINDS, st.data())
def test_law_what_fits_is_read(written: Kind, data: st.DataObject) -> None:
    """If a type fits another, every value that it writes by alias as JSON is read as the other."""
    read = data.draw(_near(written))
    if not fits(written.annotation, read.annotation):
        return
    value = data.draw(written.values)
    text = TypeAdapter(written.annotation).dump_json(value, by_alias=True)
    TypeAdapter(read.annotation).validate_json(text)


ADAPTERS = {kind: TypeAdapter(kind) for kind in LEAVES | STRUCTURES}


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_law_of_every_pair(data: st.DataObject) -> None:
    """The same, of each pair of the types that the others are made of."""
    for written, values in (LEAVES | STRUCTURES).items():
        text = ADAPTERS[written].dump_json(data.draw(values), by_alias=True)
        for read, adapter in ADAPTERS.items():
            if fits(written, read):
                adapter.validate_json(text)


@settings(max_examples=300, deadline=None)
@given(KINDS, st.data())
def test_law_types_fit_themselves(kind: Kind, data: st.DataObject) -> None:
    """A type that is refused as its own reader really cannot read some of what it writes."""
    if fits(kind.annotation, kind.annotation):
        value = data.draw(kind.values)
        text = TypeAdapter(kind.annotation).dump_json(value, by_alias=True)
        TypeAdapter(kind.annotation).validate_json(text)
    else:
        name = name_of(kind.annotation)
        assert any(one in name for one in ("OneWay", "Left", "Computed", "ByName"))


def _accepts(kind: Any, raw: dict[str, Any]) -> bool:
    try:
        TypeAdapter(kind).validate_json(json.dumps(raw))
    except ValidationError:
        return False
    return True


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(sorted(STRUCTURES, key=name_of)), KINDS, st.data())
def test_law_raw_input_that_fits_is_read(sent: Any, read: Kind, data: st.DataObject) -> None:
    """If the input's model fits, all that the model accepts is read, without its defaults too."""
    fields = fields_of(sent)
    if fields is None or not fits(sent, read.annotation, raw=True):
        return
    values = {int: 1, float: 1.5, str: "y"}
    raw = {
        field.reads[0]: values.get(field.annotation, [])
        for field in fields.values()
        if field.reads and (field.required or data.draw(st.booleans()))
    }
    if data.draw(st.booleans()):
        more = raw | {"more": [1]}
        raw = more if _accepts(sent, more) else raw
    TypeAdapter(sent).validate_json(json.dumps(raw))
    TypeAdapter(read.annotation).validate_json(json.dumps(raw))


@pytest.mark.parametrize(
    ("annotation", "accepts"),
    [
        (int | None, True),
        (None, True),
        (Any, True),
        (object, True),
        (Annotated[int | None, "unit"], True),
        (int, False),
        (Small, False),
        (Literal["a"], False),
    ],
)
def test_accepting_none(annotation: Any, *, accepts: bool) -> None:
    """None is taken by unions with it and by types that say nothing."""
    assert accepts_none(annotation) is accepts


@pytest.mark.parametrize(
    ("annotation", "name"),
    [
        (int | None, "int | None"),
        (list[Small], "list[Small]"),
        (dict[str, int | str], "dict[str, int | str]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (Small, "Small"),
        (None, "None"),
        (Any, "Any"),
    ],
)
def test_names_of_types(annotation: Any, name: str) -> None:
    """Types are named as an author would write them."""
    assert name_of(annotation) == name
