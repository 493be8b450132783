from __future__ import annotations

import base64
import hashlib
import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepsaga.engines.jsontext import same
from stepsaga.engines.simulator.errors import MachineError
from stepsaga.engines.simulator.expressions import Scope, parse_expression, parse_template
from stepsaga.engines.simulator.intrinsics import FUNCTIONS
from stepsaga.errors import EngineError
from tests.engines.support import seeded

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


def evaluate(text: str, document: Any = None, context: Any = None, seed: int = 0) -> Any:
    """The value of an expression."""
    return parse_expression("field", text)(Scope(document, context, seeded(seed)))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("States.Format('{} and {}', $.a, 'b')", "1 and b"),
        ("States.Format('{}{}{}', true, null, 1.5)", "truenull1.5"),
        ("States.Format('{}', $)", '{"a":1,"l":[1,2,2,3],"t":"x{}y"}'),
        (r"States.Format('\'\{\}\\{}', 'v')", r"'{}\v"),
        ("States.Format($.t, 7)", "x7y"),
        ("States.Format('{}', States.Format('<{}>', $.a))", "<1>"),
        ("States.Format( 'a' )", "a"),
        (r"States.Array('it\'s', '\{', '\\')", ["it's", "{", "\\"]),
        ("States.Array()", []),
        ("States.Array($.a, null, States.Array(true))", [1, None, [True]]),
        ("States.StringToJson('[1, null]')", [1, None]),
        ("States.JsonToString($.l)", "[1,2,2,3]"),
        ("States.ArrayPartition($.l, 3)", [[1, 2, 2], [3]]),
        ("States.ArrayPartition(States.Array(), 3)", []),
        ("States.ArrayContains($.l, 2)", True),
        ("States.ArrayContains($.l, true)", False),
        ("States.ArrayContains(States.Array(), true)", False),
        ("States.ArrayContains($.none[*].failed, true)", False),
        ("States.ArrayRange(1, 9, 2)", [1, 3, 5, 7, 9]),
        ("States.ArrayRange(3, 0, -1)", [3, 2, 1, 0]),
        ("States.ArrayGetItem($.l, 3)", 3),
        ("States.ArrayLength($.l)", 4),
        ("States.ArrayUnique($.l)", [1, 2, 3]),
        ("States.ArrayUnique(States.Array(1, true, 1.0, 0, false))", [1, True, 0, False]),
        ("States.Base64Encode('é')", "w6k="),
        ("States.Base64Decode('w6k=')", "é"),
        ("States.Base64Encode('\ud800')", "Pw=="),
        ("States.Hash('abc', 'SHA-1')", hashlib.sha1(b"abc").hexdigest()),  # noqa: S324 -- the API's
        ("States.Hash($.l, 'SHA-256')", hashlib.sha256(b"[1,2,2,3]").hexdigest()),
        (
            "States.JsonMerge($, States.StringToJson('{\"a\":2}'), false)",
            {"a": 2, "l": [1, 2, 2, 3], "t": "x{}y"},
        ),
        ("States.MathAdd($.a, -3)", -2),
        ("States.MathAdd(1.5, 1.4)", 3),
        ("States.StringSplit('a.b-c..d', '.-')", ["a", "b", "c", "d"]),
        ("States.StringSplit('', ',')", []),
    ],
)
def test_intrinsic(text: str, value: Any) -> None:
    """Each intrinsic function gives what AWS's documentation says, escapes and nesting included."""
    found = evaluate(text, {"a": 1, "l": [1, 2, 2, 3], "t": "x{}y"})
    assert same(found, value)


@pytest.mark.parametrize(
    "text",
    [
        "States.Format($.number, 1)",
        "States.Format('{}')",
        "States.Format('{}', 1, 2)",
        "States.StringToJson('{')",
        "States.StringToJson('NaN')",
        "States.StringToJson('1e999')",
        "States.ArrayPartition($.list, 0)",
        "States.ArrayPartition('x', 1)",
        "States.ArrayRange(1, 1001, 1)",
        "States.ArrayRange(1, 5, 0)",
        "States.ArrayGetItem($.list, 1)",
        "States.ArrayGetItem($.list, -1)",
        "States.ArrayLength($.number)",
        "States.Base64Encode($.long)",
        "States.Base64Encode(1)",
        "States.Base64Decode('*')",
        "States.Hash($.long, 'MD5')",
        "States.Hash('a', 'MD4')",
        "States.JsonMerge($, $, true)",
        "States.JsonMerge($, 1, false)",
        "States.MathAdd(2147483647, 1)",
        "States.MathAdd('1', 1)",
        "States.MathAdd(true, 1)",
        "States.MathRandom(5, 5)",
        "States.StringSplit(1, ',')",
        "States.Array($.missing)",
        "States.Array($$.missing)",
    ],
)
def test_intrinsic_that_cannot(text: str) -> None:
    """What an intrinsic function cannot do, its limits included, is ``States.Runtime``."""
    with pytest.raises(MachineError):
        evaluate(text, {"number": 1, "list": [1], "long": "x" * 10_001}, {})


def test_limits_are_not_too_narrow() -> None:
    """What is exactly at a limit is allowed."""
    document = {"long": "x" * 10_000}
    assert len(evaluate("States.ArrayRange(1, 1000, 1)")) == 1000
    assert evaluate("States.MathAdd(2147483646, 1)") == 2**31 - 1
    assert base64.b64decode(evaluate("States.Base64Encode($.long)", document)) == b"x" * 10_000


@pytest.mark.parametrize(
    "text",
    [
        "States.Nope(1)",
        "States.Format",
        "States.Format()",
        "States.Format('{')",
        "States.Format('}')",
        r"States.Format('\n')",
        r"States.Array('\n')",
        "States.Array(1 2)",
        "States.Array(1,)",
        "States.Array('a)",
        "States.Array(1",
        "States.Array(1) ",
        "States.Array(a)",
        "States.MathAdd(1)",
        "States.UUID(1)",
        "$.a, $.b",
        "plain",
        "",
        "{% $x %}",
        "$states.input",
        "States.Array(" * 11 + ")" * 11,
    ],
)
def test_expression_that_is_refused(text: str) -> None:
    """What cannot be understood, or is not known, is refused by name before anything runs."""
    with pytest.raises(EngineError) as refused:
        parse_expression("the field", text)
    assert "the field" in str(refused.value) or "path" in str(refused.value)


def test_ten_levels_are_allowed() -> None:
    """Functions may stand in each other ten deep."""
    assert evaluate("States.Array(" * 10 + ")" * 10) == [[[[[[[[[[]]]]]]]]]]


def test_every_intrinsic_of_the_dialect_is_there() -> None:
    """The eighteen functions of the JSONPath dialect are known, no others."""
    names = (
        "Array ArrayContains ArrayGetItem ArrayLength ArrayPartition ArrayRange ArrayUnique"
        " Base64Decode Base64Encode Format Hash JsonMerge JsonToString MathAdd MathRandom"
        " StringSplit StringToJson UUID"
    )
    assert sorted(FUNCTIONS) == [f"States.{name}" for name in names.split()]


@given(st.integers(0, 2**32))
def test_random_values_come_from_the_seed(seed: int) -> None:
    """The same seed gives the same numbers and UUIDs, within their bounds and of version 4."""
    number = evaluate("States.MathRandom(3, 9)", seed=seed)
    assert 3 <= number < 9
    assert number == evaluate("States.MathRandom(3, 9)", seed=seed)
    text = evaluate("States.UUID()", seed=seed)
    assert UUID(text).version == 4
    assert text == evaluate("States.UUID()", seed=seed)
    assert evaluate("States.MathRandom(0, 100, 7)", seed=seed) == evaluate(
        "States.MathRandom(0, 100, 7)"
    )


@given(JSON)
def test_json_to_string_and_back(value: Any) -> None:
    """What JsonToString writes StringToJson reads, and it is compact."""
    text = evaluate("States.JsonToString($)", value)
    assert same(evaluate("States.StringToJson($)", text), value)
    assert text == json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@given(st.text(max_size=20))
def test_escaped_literals(text: str) -> None:
    """Any text can be written as a literal by escaping quotes, braces and backslashes."""
    literal = "".join("\\" + c if c in "'{}\\" else c for c in text)
    assert evaluate(f"States.Array('{literal}')") == [text]
    assert evaluate(f"States.Format('{literal}')") == text


def test_template_computes_and_shares() -> None:
    """A template computes the keys that end in ``.$`` at any depth, in arrays too."""
    template = {"a.$": "$.x", "b": [{"c.$": "$$.y"}, 1], "d": {"e": "$.x"}}
    run = parse_template("Parameters", template)
    value = run(Scope({"x": 1}, {"y": 2}, seeded()))
    assert value == {"a": 1, "b": [{"c": 2}, 1], "d": {"e": "$.x"}}


@pytest.mark.parametrize(
    "template", [{"a.$": 1}, {"a.$": "x"}, {"a": 1, "a.$": "$"}, [{"b.$": "$["}]]
)
def test_template_that_is_refused(template: Any) -> None:
    """A template with an expression that is none, or with a key twice, is refused."""
    with pytest.raises(EngineError):
        parse_template("Parameters", template)


@given(JSON, JSON)
def test_equality_is_that_of_json(left: Any, right: Any) -> None:
    """Two values are the same exactly when their JSON is, whatever the order of keys."""
    assert same(left, right) is (
        json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)
    )
