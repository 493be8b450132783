"""What is masked, and what is not."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AliasChoices, BaseModel, Field, SecretBytes, SecretStr, TypeAdapter

from stepsaga.runtime import Sensitive
from stepsaga.runtime.sensitive import MASK, mask, redact, sensitive_values


class Card(BaseModel):
    """Some of it is sensitive."""

    number: SecretStr
    holder: Sensitive[str]
    brand: str = "visa"


class Tree(BaseModel):
    """Sensitive, and recursive."""

    name: str
    code: Sensitive[str] | None = None
    children: list[Tree] = []


class Cash(BaseModel):
    """Nothing of it is sensitive."""

    number: int


class Order(BaseModel):
    """Sensitive somewhere below."""

    id: str
    paid: Annotated[Card | Cash, Field(validation_alias=AliasChoices("paid", "payment"))]
    cards: dict[str, Card] = {}
    pair: tuple[str, SecretBytes] = ("", SecretBytes(b""))
    whole: Sensitive[Cash] | None = None
    free: Any = None


def schema(annotation: Any) -> dict[str, Any]:
    """The JSON schema of a type."""
    return TypeAdapter(annotation).json_schema()


CARD = {"number": "4111", "holder": "Ann", "brand": "visa"}
MASKED = {"number": MASK, "holder": MASK, "brand": "visa"}


@pytest.mark.parametrize(
    ("annotation", "value", "masked"),
    [
        (Card, CARD, MASKED),
        (list[Card], [CARD, CARD], [MASKED, MASKED]),
        (Card | None, None, None),
        (Card | None, CARD, MASKED),
        (dict[str, SecretStr], {"a": "b", "c": "d"}, {"a": MASK, "c": MASK}),
        (SecretStr, "b", MASK),
        (Sensitive[list[int]], [1, 2], MASK),
        (tuple[int, SecretStr], [1, "b"], [1, MASK]),
        (str, "b", "b"),
        (Cash, {"number": 5, "other": 6}, {"number": 5, "other": 6}),
        (
            Tree,
            {"name": "a", "code": "x", "children": [{"name": "b", "code": "y", "children": []}]},
            {"name": "a", "code": MASK, "children": [{"name": "b", "code": MASK, "children": []}]},
        ),
        (
            Order,
            {
                "id": "1",
                "paid": CARD,
                "cards": {"a": CARD},
                "pair": ["p", "q"],
                "whole": {"number": 1},
            },
            {"id": "1", "paid": MASKED, "cards": {"a": MASKED}, "pair": ["p", MASK], "whole": MASK},
        ),
    ],
)
def test_what_the_schema_marks_is_masked(annotation: Any, value: Any, masked: Any) -> None:
    """Through references, lists, tuples, dicts and alternatives; the rest stays as it is."""
    assert mask(value, schema(annotation)) == masked


def test_a_value_under_another_name_is_masked() -> None:
    """A key that the schema does not name may be a sensitive field's other name: it is hidden."""
    shown = mask({"id": "1", "payment": CARD}, schema(Order))
    assert shown == {"id": "1", "payment": MASK}


def test_what_one_alternative_hides_is_hidden() -> None:
    """Which of several types a value is cannot always be told: then the careful one counts."""
    assert mask({"number": 5}, schema(Card | Cash)) == {"number": MASK}


def test_the_original_is_not_touched() -> None:
    """Masking makes a copy."""
    value = {"number": "4111", "holder": "Ann"}
    mask(value, schema(Card))
    assert value["number"] == "4111"


def test_the_marker_is_in_the_json_schema() -> None:
    """``Sensitive`` shows in JSON schema as writeOnly, without changing a shared definition."""

    class Both(BaseModel):
        hidden: Sensitive[Cash]
        shown: Cash

    text = schema(Both)
    assert text["properties"]["hidden"]["writeOnly"] is True
    assert "writeOnly" not in text["$defs"]["Cash"]
    assert mask({"hidden": {"number": 1}, "shown": {"number": 2}}, text) == {
        "hidden": MASK,
        "shown": {"number": 2},
    }


def test_sensitive_values_are_what_is_masked() -> None:
    """The values to keep out of texts are those that are masked in data."""
    value = {"id": "1", "paid": CARD, "whole": {"number": 7}}
    assert sensitive_values(value, schema(Order)) == ["4111", "Ann", {"number": 7}]


@pytest.mark.parametrize(
    ("text", "values", "redacted"),
    [
        ("card 4111 declined", ["4111"], "card *** declined"),
        ("x4111y", ["4111"], "x***y"),
        ("pin 12 of 123", ["12"], "pin *** of 123"),
        ("a banana", ["a"], "*** banana"),
        ("number 4111.5 and 77", [4111.5, 77], "number *** and ***"),
        ("abcdef abc", ["abcd", "abcdef"], "*** abc"),
        ("said 'it\\'s \"me\"'", ['it\'s "me"'], "said '***'"),
        ('{"k": "gr\\u00f6\\u00dfe"}', ["größe"], '{"k": "***"}'),
        ("nested secret here", [{"a": ["secret"]}], "nested *** here"),
        ("true None 0", [True, None, "", " "], "true None 0"),
        ("(.*) is no pattern", ["(.*)"], "*** is no pattern"),
        ("nothing to hide", [], "nothing to hide"),
    ],
)
def test_texts_are_redacted(text: str, values: list[Any], redacted: str) -> None:
    """Long values go wherever they stand, short ones only as words, in each way of writing them."""
    assert redact(text, values) == redacted


@settings(deadline=None)
@given(st.text(min_size=4).filter(str.strip), st.text(), st.text())
def test_a_long_value_never_stays(value: str, before: str, after: str) -> None:
    """No text keeps a sensitive value of four or more characters, the mask's own aside."""
    hidden = value.strip()
    if len(hidden) >= 4 and not set(hidden) & set(MASK):
        assert hidden not in redact(before + value + after, [value])


def test_references_that_go_in_circles_end() -> None:
    """A schema that refers to itself without end is walked once."""
    circle = {"$defs": {"A": {"anyOf": [{"$ref": "#/$defs/A"}]}}, "$ref": "#/$defs/A"}
    assert mask({"a": 1}, circle) == {"a": 1}
    assert mask({"a": 1}, {"$ref": "#/$defs/Missing"}) == {"a": 1}
