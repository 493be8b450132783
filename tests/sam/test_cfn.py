"""CloudFormation's YAML, written and read again."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stepsaga.sam.cfn import Tag, att, dump, either, load, ref, sub

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
NAMES = st.sampled_from(["Ref", "GetAtt", "Sub", "If", "Equals", "Transform"])
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(TEXTS, inner, max_size=3),
        st.builds(Tag, NAMES, TEXTS),
        st.builds(Tag, NAMES, st.lists(inner, max_size=3)),
        st.builds(Tag, NAMES, st.dictionaries(TEXTS, inner, max_size=3)),
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(TEXTS, VALUES, max_size=3))
@example({"\x85": "a\u2028"})
def test_what_is_written_is_read(value: dict[str, Any]) -> None:
    """Values of all kinds, any text, and functions over all of them come back as they were."""
    assert load(dump(value)) == value


def test_it_is_written_as_people_write_it() -> None:
    """Short tags without quotes, short lists on a line, lists deeper than their key."""
    value = {
        "A": [ref("X"), "b"],
        "B": att("X.Arn"),
        "C": sub("${X}-y"),
        "D": either("IsProd", then=True, otherwise=False),
        "E": either("HasKey", {"K": ref("KeyArn")}),
        "F": [{"G": "h"}],
    }
    assert dump(value) == (
        "A: [!Ref X, b]\n"
        "B: !GetAtt X.Arn\n"
        "C: !Sub '${X}-y'\n"
        "D: !If [IsProd, true, false]\n"
        "E: !If\n  - HasKey\n  - K: !Ref KeyArn\n  - !Ref 'AWS::NoValue'\n"
        "F:\n  - G: h\n"
    )


def test_values_are_written_out() -> None:
    """A value that stands twice is written twice: CloudFormation is shown no anchors."""
    shared = {"X": [1]}
    assert "&" not in dump({"A": shared, "B": shared})


@pytest.mark.parametrize(
    "text", ["A: 1\nA: 2\n", "A: {B: 1, B: 2}\n", "A: !Sub\n  - x\n  - {C: 1, C: 2}\n"]
)
def test_a_key_twice_is_refused(text: str) -> None:
    """Of a key that stands twice YAML's readers take one silently."""
    with pytest.raises(yaml.YAMLError, match="stands here a second time"):
        load(text)
