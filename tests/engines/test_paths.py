from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepsaga.engines.simulator.paths import PathMissing, parse_path, parse_reference
from stepsaga.errors import EngineError

DOCUMENT = {"a": {"b": [10, {"c": None}, 30]}, "it's": 1, "x y": 2, "é": 3, "n-1": 4}
NAMES = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$", DOCUMENT),
        ("$.a.b[0]", 10),
        ("$.a.b[1].c", None),
        ("$.a.b[-1]", 30),
        ("$['a']['b'][2]", 30),
        ('$["x y"]', 2),
        (r"$['it\'s']", 1),
        ("$.é", 3),
        ("$.n-1", 4),
        ("$.a.b[*]", [10, {"c": None}, 30]),
        ("$.a.b[0:2]", [10, {"c": None}]),
        ("$.a.b[1:]", [{"c": None}, 30]),
        ("$.a.*", [[10, {"c": None}, 30]]),
        ("$.a.b[*].c", [None]),
        ("$.a.b[*].missing", []),
        ("$.missing[*]", []),
    ],
)
def test_path_reads(path: str, value: Any) -> None:
    """A path reads what it names; with a wildcard or a slice a list, maybe an empty one."""
    assert parse_path(path).read(DOCUMENT) == value


@pytest.mark.parametrize(
    "path", ["$.b", "$.a.b[3]", "$.a.b[-4]", "$.a.b.c", "$.a[0]", "$.a.b[0].c", "$.a.b[0][0]"]
)
def test_missing_path(path: str) -> None:
    """A path to one place that is not there is missing, never null."""
    with pytest.raises(PathMissing):
        parse_path(path).read(DOCUMENT)


@pytest.mark.parametrize(
    "path",
    ["", "a", "$.", "$..a", "$.a[?(@.b)]", "$.a[", "$[a]", "$.a b", "$x", "$.a[1,2]", "$.a()"],
)
def test_unknown_path_is_refused(path: str) -> None:
    """What is no path, or of a kind that the simulator does not know, is refused."""
    with pytest.raises(EngineError, match="path"):
        parse_path(path)


@pytest.mark.parametrize("path", ["$$.a", "$.a[*]", "$.a[0:1]", "$.*"])
def test_reference_path_names_one_place(path: str) -> None:
    """A reference path has no wildcards and no slices, and is none of the context object."""
    with pytest.raises(EngineError, match="reference path"):
        parse_reference(path)


def test_write_makes_missing_objects_and_copies() -> None:
    """Writing makes the objects on the way, and leaves the document that it was given alone."""
    before = {"a": {"b": [1, 2]}}
    assert parse_reference("$.a.b[1]").write(before, 9) == {"a": {"b": [1, 9]}}
    assert parse_reference("$.x.y").write(before, 9) == {"a": {"b": [1, 2]}, "x": {"y": 9}}
    assert before == {"a": {"b": [1, 2]}}


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (5, "$.a"),
        (None, "$.a"),
        ([], "$.a"),
        ({"a": 1}, "$.a.b"),
        ({"a": [1]}, "$.a[1]"),
        ({}, "$[0]"),
    ],
)
def test_write_where_nothing_can_be(document: Any, path: str) -> None:
    """Writing into what is no object, or beyond an array, is refused (rule 19: input is ``5``)."""
    with pytest.raises(PathMissing):
        parse_reference(path).write(document, 1)


@given(VALUES, st.lists(NAMES, max_size=4), VALUES)
def test_what_is_written_is_read(document: Any, names: list[str], value: Any) -> None:
    """A value written into an object is read back at its path, and nothing else has changed."""
    path = parse_reference("$" + "".join(f"['{name}']" for name in names))
    root = {"kept": document}
    if names[:1] == ["kept"]:
        return
    written = path.write(root, value)
    assert path.read(written) == value
    assert not names or written["kept"] == document
