"""Whether one model reads what another has written: sound for any two, exact for the usual."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    AliasChoices,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_serializer,
    field_validator,
)

from stepsaga.compat.inclusion import Answer, Verdict, reads
from stepsaga.compat.schemas import Schema, schemas_of
from stepsaga.runtime.values import JsonType
from tests.compat.plans import PLANS, Plan, annotation_of, changed, values_of

YES, NO, UNKNOWN = Verdict.YES, Verdict.NO, Verdict.UNKNOWN


def schema(kind: Any, mode: Any) -> Schema:
    """The schema of a type."""
    schemas, shared = schemas_of([("it", mode, kind)])
    return Schema(schemas["it"], shared)


def compared(old: Any, new: Any, *, raw: bool = False) -> Answer:
    """Whether the new type reads what the old one has written, and has read itself."""
    before = schema(old, "validation")
    written = before if raw else schema(old, "serialization")
    return reads(written, schema(new, "validation"), before, raw=raw)


PAIRS = PLANS.flatmap(lambda plan: st.tuples(st.just(plan), changed(plan))).filter(
    lambda pair: pair[0] != pair[1]
)


@given(pair=PAIRS, data=st.data())
@settings(deadline=None, max_examples=400)
def test_what_is_said_to_be_read_is_read(pair: tuple[Plan, Plan], data: st.DataObject) -> None:
    """Of any two models: where the answer is yes, every value of the old one is read by the new."""
    old, new = map(annotation_of, pair)
    if compared(old, new).verdict is YES:
        for value in data.draw(st.lists(values_of(pair[0]), min_size=1, max_size=8)):
            written = JsonType(old).write(JsonType(old).read("it", value))
            JsonType(new).read("it", written)


@given(pair=PAIRS, data=st.data())
@settings(deadline=None, max_examples=400)
def test_input_that_is_said_to_be_read_is_read(
    pair: tuple[Plan, Plan], data: st.DataObject
) -> None:
    """The same of input as its sender wrote it: without defaults, under any of a field's names."""
    old, new = map(annotation_of, pair)
    if compared(old, new, raw=True).verdict is YES:
        for value in data.draw(st.lists(values_of(pair[0]), min_size=1, max_size=8)):
            JsonType(old).read("it", value)
            JsonType(new).read("it", value)


class Colour(Enum):
    """Two of them."""

    RED = "red"
    BLUE = "blue"


class Colours(Enum):
    """One more."""

    RED = "red"
    BLUE = "blue"
    GREEN = "green"


class Payment(BaseModel):
    """What the others are like, or not."""

    model_config = ConfigDict(extra="forbid")
    id: str
    amount: int


class WithNote(Payment):
    """A field more, with a default."""

    note: str = ""


class WithFee(Payment):
    """A field more, without."""

    fee: int


class Tolerant(BaseModel):
    """A field less, and whatever else there is."""

    id: str


class Renamed(BaseModel):
    """A field under another name."""

    model_config = ConfigDict(extra="forbid")
    id: str
    cents: int


class RenamedWell(BaseModel):
    """The same, which still reads the old name."""

    model_config = ConfigDict(extra="forbid")
    id: str
    cents: int = Field(validation_alias=AliasChoices("cents", "amount"))


class Checked(Payment):
    """The same, which refuses some."""

    @field_validator("amount")
    @classmethod
    def odd(cls, amount: int) -> int:
        """Whatever."""
        return amount


class CheckedMore(Checked):
    """A field more beside the one that is refused by the same words."""

    note: str = ""


class Told(BaseModel):
    """A field that is written by a function."""

    amount: int

    @field_serializer("amount")
    def words(self, amount: int):  # type: ignore[no-untyped-def]  # noqa: ANN201  # that is the point
        """Whatever."""
        return str(amount)


class Tree(BaseModel):
    """A type that meets itself again."""

    left: Tree | None = None
    name: str


class Bush(BaseModel):
    """Another one, with more."""

    left: Bush | None = None
    name: str
    age: int = 0


class Thorns(BaseModel):
    """Another one, which does not read deep ones."""

    left: Thorns | None = None
    name: Annotated[str, Field(max_length=3)]


class Keeps(BaseModel):
    """Whatever else there is it writes again."""

    model_config = ConfigDict(extra="allow")
    id: str


class KeepsNote(Keeps):
    """One of those fields has a type now."""

    note: str = ""


CASES = [
    (Keeps, KeepsNote, UNKNOWN, "note: what was written no type tells"),
    (Keeps, Tolerant, YES, ""),
    (Keeps, dict[str, str], UNKNOWN, "*: what was written no type tells"),
    (Payment, Payment, YES, ""),
    (Payment, WithNote, YES, ""),
    (Payment, WithFee, NO, "fee: it is not there, and is required"),
    (WithNote, Payment, NO, "note: it is not known any more, and what is not known is refused"),
    (Payment, Tolerant, YES, ""),
    (Payment, Renamed, NO, "cents: it is not there, and is required"),
    (Payment, RenamedWell, YES, ""),
    (Payment, Checked, UNKNOWN, "Checked.odd"),
    (Checked, CheckedMore, YES, ""),
    (Told, Told, YES, ""),
    (Told, Tolerant, NO, "id: it is not there"),
    (Payment, dict[str, Any], YES, ""),
    (Payment, dict[str, int], NO, "id: a text was written, a whole number is read"),
    (Payment, Payment | None, YES, ""),
    (Payment | None, Payment, NO, "null was written, an object is read"),
    (int, float, YES, ""),
    (float, int, NO, "a number was written, a whole number is read"),
    (int, int | str, YES, ""),
    (int | str, int, NO, "a text was written"),
    (Colour, Colours, YES, ""),
    (Colours, Colour, NO, "'green'"),
    (Literal["red"], Colour, YES, ""),
    (Colour, str, YES, ""),
    (str, Colour, NO, "a text is not read as 'red' or 'blue'"),
    (Literal[1], Literal[True], NO, "1 is no longer read"),
    (Annotated[int, Field(ge=1)], Annotated[int, Field(ge=0)], YES, ""),
    (
        Annotated[int, Field(ge=1)],
        Annotated[int, Field(gt=1)],
        NO,
        "it must be more than before (1)",
    ),
    (Annotated[int, Field(gt=1)], Annotated[int, Field(ge=1)], YES, ""),
    (int, Annotated[int, Field(le=9)], NO, "it must be less than before (9)"),
    (int, Annotated[int, Field(multiple_of=2)], UNKNOWN, "multipleOf"),
    (str, Annotated[str, Field(max_length=9)], NO, "it may have 9 characters at most"),
    (str, Annotated[str, Field(pattern="^a")], NO, "it must match ^a"),
    (Literal["ab"], Annotated[str, Field(min_length=2)], YES, ""),
    (date, str, YES, ""),
    (str, date, NO, "its format is date"),
    (date, datetime, UNKNOWN, "its format is date-time, and was date"),
    (datetime, AwareDatetime, UNKNOWN, "tz_constraint='aware'"),
    (AwareDatetime, datetime, YES, ""),
    (str, SecretStr, YES, ""),
    (Decimal, Decimal, YES, ""),
    (Decimal, Annotated[Decimal, Field(ge=1)], UNKNOWN, "ge=1"),
    (str, Decimal, UNKNOWN, "a decimal"),
    (list[int], list[float], YES, ""),
    (list[float], list[int], NO, "[]: a number was written, a whole number is read"),
    (list[int], set[int], UNKNOWN, "uniqueItems"),
    (tuple[int, str], list[int | str], YES, ""),
    (list[int], tuple[int, int], NO, "2 items are read one by one"),
    (Any, int, UNKNOWN, "what was written no type tells"),
    (int, Any, YES, ""),
    (int, Annotated[int, Field(strict=True)], UNKNOWN, "strict"),
    (int, Annotated[int, AfterValidator(abs)], UNKNOWN, "abs"),
    (Tree, Bush, YES, ""),
    (Tree, Thorns, NO, "name: it may have 3 characters at most"),
]


@pytest.mark.parametrize(("old", "new", "verdict", "why"), CASES)
def test_two_types(old: Any, new: Any, verdict: Verdict, why: str) -> None:
    """What is read is said to be, what is not is said with its place, and all else is not known."""
    answer = compared(old, new)
    assert answer.verdict is verdict
    assert why in "; ".join(answer.reasons)
    assert bool(answer.reasons) is (verdict is not YES)


class ByName(BaseModel):
    """Two names for a field."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)
    amount: int = Field(alias="a")


class ByAlias(BaseModel):
    """One of them."""

    amount: int = Field(alias="a")


class Strict(BaseModel):
    """What it does not know it refuses."""

    model_config = ConfigDict(extra="forbid")
    id: str


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        (ByName, ByName, YES),
        (ByName, ByAlias, UNKNOWN),
        (ByAlias, ByName, YES),
        (Tolerant, Strict, UNKNOWN),
        (Payment, Tolerant, YES),
        (WithNote, Payment, NO),
    ],
)
def test_what_a_sender_may_have_sent(old: Any, new: Any, verdict: Verdict) -> None:
    """Of input, other names of a field count, and fields that nobody knew."""
    assert compared(old, new, raw=True).verdict is verdict


def test_a_default_is_always_written() -> None:
    """What a model writes has all its fields: a default may become required, yet not for input."""
    optional = schema(WithNote, "serialization")

    class Required(Payment):
        note: str

    assert compared(WithNote, Required).verdict is YES
    assert compared(WithNote, Required, raw=True).verdict is NO
    assert optional.definitions["WithNote"]["required"] == ["id", "amount", "note"]


def test_a_function_with_another_text_is_another() -> None:
    """Who checks beyond a type is known by name and text, so a changed check is seen."""

    def one(limit: int) -> Any:
        def check(value: int) -> int:
            return min(value, limit)

        return Annotated[int, AfterValidator(check)]

    assert compared(one(1), one(1)).verdict is YES
    assert compared(one(1), one(2)).verdict is UNKNOWN
