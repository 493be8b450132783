"""Paths and intrinsic functions."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepsaga.asl.expressions import (
    Function,
    IntrinsicError,
    Path,
    PathError,
    functions,
    parse,
    parse_reference,
    paths,
)


@pytest.mark.parametrize(
    ("text", "context", "tokens"),
    [
        ("$", False, ()),
        ("$$", True, ()),
        ("$.charge.value", False, ("charge", "value")),
        ("$$.Execution.Input", True, ("Execution", "Input")),
        ("$['odd key'].a", False, ("odd key", "a")),
        ("$.dispatch[0].failed", False, ("dispatch", 0, "failed")),
        ("$[*].failed", False, (None, "failed")),
        ("$.items.*", False, ("items", None)),
    ],
)
def test_path(text: str, context: bool, tokens: tuple[str | int | None, ...]) -> None:
    """Names, indexes and wildcards are read."""
    assert parse(text) == Path(text, context, tokens)


@pytest.mark.parametrize(
    "text",
    [
        "$.",
        "$..value",
        "$.a b",
        "$.a[",
        "$.a[-1]",
        "$.a[0:2]",
        "$.a[?(@.b)]",
        "$.a,$.b",
        "$x",
        "$.a.length()",
    ],
)
def test_no_path(text: str) -> None:
    """What the compiler never writes is refused: filters, slices, descent, variables."""
    with pytest.raises(PathError):
        parse(text)


@pytest.mark.parametrize("text", ["$[*]", "$.a.*", "$$.Execution", "charge"])
def test_no_reference(text: str) -> None:
    """A place to write to is one place of the document."""
    with pytest.raises(PathError):
        parse_reference(text)


@pytest.mark.parametrize(
    ("text", "names", "named"),
    [
        ("States.UUID()", ["States.UUID"], []),
        ("States.JsonToString($.failure)", ["States.JsonToString"], ["$.failure"]),
        (
            "States.Format('{}#{}', $$.Execution.Name, 'x')",
            ["States.Format"],
            ["$$.Execution.Name"],
        ),
        (r"States.Format('it\'s \{\} {}', $.a)", ["States.Format"], ["$.a"]),
        ("States.MathAdd($.a, -1)", ["States.MathAdd"], ["$.a"]),
        (
            "States.ArrayContains(States.Array($.a, null, true, 1.5), $.b)",
            ["States.ArrayContains", "States.Array"],
            ["$.a", "$.b"],
        ),
    ],
)
def test_intrinsic(text: str, names: list[str], named: list[str]) -> None:
    """Functions are read with their arguments, however deep."""
    expression = parse(text)
    assert isinstance(expression, Function)
    assert list(functions(expression)) == names
    assert [path.text for path in paths(expression)] == named


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "begins with"),
        ("charge", "begins with"),
        ("States.Upper($.a)", "States.Upper is no intrinsic function"),
        ("States.UUID", "no arguments in parentheses"),
        ("States.UUID(1)", "takes 0 to 0 arguments, got 1"),
        ("States.UUID() + 1", "left over"),
        ("States.JsonToString($.a", "separated by commas"),
        ("States.JsonToString($.a $.b)", "separated by commas"),
        ("States.Format($.a)", "begins with its template"),
        ("States.Format('{} {}', $.a)", "2 places for 1 values"),
        ("States.Format('{x}', $.a)", "neither '{}' nor escaped"),
        ("States.Array(" * 11 + ")" * 11, "more than 10 deep"),
    ],
)
def test_no_intrinsic(text: str, said: str) -> None:
    """What Step Functions would refuse, or fail on without a way to catch it, is refused."""
    with pytest.raises(IntrinsicError, match=said.replace("{}", r"\{\}")):
        parse(text)


@given(text=st.text(alphabet="$.[]'(),*{}\\ 0aStates.Format", max_size=40))
@settings(deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever stands there, it is an expression or one of the two errors."""
    try:
        expression = parse(text)
    except (PathError, IntrinsicError):
        return
    assert any(paths(expression)) or any(functions(expression))
