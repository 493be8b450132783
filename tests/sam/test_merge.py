"""What a user wrote beside the generated parts of a template, and what becomes of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stepsaga.errors import DeploymentError
from stepsaga.sam.cfn import Tag, load
from stepsaga.sam.merge import BEGIN, END, SECTIONS, Page

GENERATED: dict[str, dict[str, Any]] = {
    "Conditions": {"IsProd": Tag("Equals", [Tag("Ref", "Stage"), "prod"])},
    "Resources": {
        "Table": {"Type": "T", "Properties": {"Text": "a\nb", "Odd": "\u2028 \x85"}},
        "Topic": {"Type": "U"},
    },
    "Outputs": {"Arn": {"Value": Tag("Ref", "Table")}},
}
PART = re.compile(
    rf"^[ \t]*{re.escape(BEGIN)}.*?^[ \t]*{re.escape(END)}\r?\n?", re.DOTALL | re.MULTILINE
)


def merged(text: str) -> str:
    """The text with generated parts."""
    return Page(text, "t.yaml").with_generated(GENERATED)


def refused(text: str) -> str:
    """What is said of a text that cannot be completed."""
    with pytest.raises(DeploymentError) as caught:
        merged(text)
    return str(caught.value)


def without_parts(text: str) -> str:
    """What is left of a text when the generated parts are cut out."""
    return PART.sub("", text)


COMMENTS = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\0"), max_size=12).map(
    lambda text: "# " + "".join(c for c in text if c.isprintable())
)
BLANKS = st.sampled_from(["", "  "])
RESOURCES = st.sampled_from(
    [
        ["Mine:", "  Type: A", "  Properties: {X: [1, 2], Y: !Ref Stage}  # why"],
        ["Mine:", "  Code: |", "    def f():", "      pass", "    # the end", ""],
        ["Mine:", "  Code: >+", "    folded", "", "", ""],
        ["Mine: &mine", "  Type: A", "Other: *mine"],
        ["Mine:", "  Type: A", "  # DeletionPolicy: Retain"],
        ["Mine:", "  Text: 'two", "    lines: of it'", "  List:", "    - a", "    - b # end"],
        ["'Mine': {Type: A}"],
    ]
)


@st.composite
def sections(draw: st.DrawFn, name: str) -> list[str]:
    """A section as somebody writes it: comments, blank lines, any depth, marks at any place."""
    around = st.lists(st.one_of(COMMENTS, BLANKS), max_size=2)
    indent = " " * draw(st.integers(1, 5))
    key = draw(st.sampled_from([f"{name}:", f"{name}:  # mine", f'"{name}":', f"{name} :"]))
    own = draw(st.one_of(st.just([]), RESOURCES))
    own = [f"{indent}{line}".replace("mine", name) if line else "" for line in own]
    marks = draw(st.sampled_from(["none", "before", "after"]))
    part = [f"{indent}{BEGIN}", f"{indent}<<<<<<< what a merge left: [", f"{indent}{END}"]
    body = {"none": own, "before": [*part, *own], "after": [*own, *part]}[marks]
    return [*draw(around), key, *body, *draw(around)]


@st.composite
def pages(draw: st.DrawFn) -> str:
    """A template: some of the sections in any order, with others between them."""
    names = draw(st.lists(st.sampled_from(SECTIONS), unique=True))
    lines = ["Transform: x", *draw(st.lists(COMMENTS, max_size=2))]
    for number, name in enumerate(names):
        lines += draw(sections(name))
        if draw(st.booleans()):
            lines += [f"Metadata{number}:", "  Resources: not the section", ""]
    text = "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n"]))
    # What keeps all blank lines would keep the end of the last one, which has to be added.
    text += "\n" if ">+" in text else ""
    return text.replace("\n", "\r\n") if draw(st.booleans()) else text


@settings(deadline=None)
@given(pages())
@example("Transform: x\nResources:\n  A: |\n    # all of it")
@example("Transform: x")
def test_what_somebody_wrote_is_kept(text: str) -> None:
    """All that stands outside the marks is there afterwards, byte for byte and in its order."""
    own, after = without_parts(text), without_parts(merged(text))
    added = [f"{name}:" for name in SECTIONS if name not in keys(text)]
    place = 0
    for line in own.splitlines(keepends=True):
        found = after.find(line.rstrip("\r\n"), place)
        assert found >= 0, line
        between = after[place:found].split()
        assert all(word in added for word in between), between
        place = found + len(line.rstrip("\r\n"))
    if not added:
        assert after.rstrip("\r\n") == own.rstrip("\r\n")


@settings(deadline=None)
@given(pages())
def test_again_is_the_same(text: str) -> None:
    """To generate twice gives what to generate once gives."""
    once = merged(text)
    assert merged(once) == once


@settings(deadline=None)
@given(pages())
@example("Transform: x\nOutputs:\nResources:")
@example("Resources:\n  Mine: >+\n    folded\n\n\n")
def test_both_are_in_the_result(text: str) -> None:
    """The result's content is what somebody wrote and what is generated, and no more."""
    own, after = Page(text, "t.yaml").own(), load(merged(text))
    for section in SECTIONS:
        assert after[section] == {**own[section], **GENERATED[section]}
    others = own.keys() - {*SECTIONS, "Parameters"}
    assert {name: after[name] for name in others} == {name: own[name] for name in others}


@settings(deadline=None)
@given(pages())
def test_line_ends_are_the_file_s(text: str) -> None:
    """A file with Windows' line ends has no other ones afterwards."""
    after = merged(text)
    if "\r\n" in text:
        assert after.count("\n") == after.count("\r\n")
    else:
        assert "\r" not in after


def keys(text: str) -> set[str]:
    """The sections that a text has."""
    return {name for name in SECTIONS if re.search(rf'^"?{name}"? ?:', text, re.MULTILINE)}


def order(text: str) -> list[str]:
    """The top-level keys of a text, in their order."""
    return [line.partition(":")[0] for line in text.splitlines() if re.match(r"[A-Z]\w*:", line)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Transform: x\n", ["Transform", "Conditions", "Resources", "Outputs"]),
        ("Transform: x\nResources:\n  A: 1\n", ["Transform", "Conditions", "Resources", "Outputs"]),
        ("Transform: x\nOutputs:\n  A: 1\n", ["Transform", "Conditions", "Resources", "Outputs"]),
        ("Outputs:\n  A: 1\nTransform: x\n", ["Conditions", "Resources", "Outputs", "Transform"]),
        ("Resources:\n  A: 1\nConditions:\n  B: 1\n", ["Resources", "Conditions", "Outputs"]),
    ],
)
def test_missing_sections_come_in_a_good_order(text: str, expected: list[str]) -> None:
    """Conditions stand before resources, and those before outputs, wherever there is a choice."""
    assert order(merged(text)) == expected


def test_a_section_keeps_the_comment_above_it() -> None:
    """What is added before a section does not come between it and what is said of it."""
    after = merged("Transform: x\n\n# All of it.\n# Really.\nResources:\n  A: 1\n")
    assert "\n\n# All of it.\n# Really.\nResources:\n" in after
    assert order(after) == ["Transform", "Conditions", "Resources", "Outputs"]


def test_generated_parts_are_as_deep_as_the_rest() -> None:
    """Also where somebody indents by four, and the marks stood elsewhere."""
    after = merged(f"Resources:\n    A: 1\n  {BEGIN}\n  {END}\n")
    assert "\n    Table:\n" in after


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (f"Resources:\n  {BEGIN}\n", 2, "does not end"),
        (f"Resources:\n  {END}\n", 2, "did not begin"),
        (f"Resources:\n  {BEGIN}\n  {BEGIN}\n  {END}\n", 2, "does not end"),
        (f"Resources:\n  {BEGIN}\n  {END}\n  {END}\n", 4, "did not begin"),
        (f"Resources:\n  {BEGIN}\n  {END}\n  {BEGIN}\n  {END}\n", 4, "a second generated part"),
        (f"Resources:\n  {BEGIN}\nOutputs:\n  {END}\n", 3, "would go"),
        (f"Resources:\n  A: 1\nMetadata:\n  {BEGIN}\n  {END}\n", 4, "in Metadata"),
        (f"{BEGIN}\n{END}\nResources:\n  A: 1\n", 1, "in no section"),
    ],
)
def test_marks_that_do_not_go_in_pairs(text: str, line: int, words: str) -> None:
    """Marks that are broken, doubled or misplaced are refused by line, with the way out."""
    said = refused(text)
    assert said.startswith(f"t.yaml:{line}: ")
    assert words in said
    assert "`stepsaga template` writes them anew" in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Resources: {A: {Type: T}}\n", "t.yaml:1: write Resources as a block"),
        ("X: 1\nOutputs: {}\n", "t.yaml:2: write Outputs as a block"),
        ("Conditions: ~\n", "t.yaml:1: write Conditions as a block"),
        ("Resources: [1]\n", "t.yaml: Resources must be a mapping"),
        ("Resources: text\n", "t.yaml: Resources must be a mapping"),
        ('{"Resources": {"A": {"Type": "T"}}}', "t.yaml is written as JSON is"),
        ("- a\n", "t.yaml is no template: it must be a mapping"),
        ("", "t.yaml is no template: it must be a mapping"),
        ("Resources:\n  A: [1\nOutputs:\n", "t.yaml:3: it is no YAML"),
        ("Resources:\n\tA: 1\n", "t.yaml:2: it is no YAML"),
        ("A: 1\n---\nB: 2\n", "t.yaml:2: it is no YAML: but found another document"),
        ("A: \0\n", "t.yaml: it is no YAML: unacceptable character #x0000"),
        ("Resources:\n  A: 1\nResources:\n  B: 1\n", "Resources stands here a second time"),
        ("Resources:\n  A: 1\n  B: 2\n  A: 3\n", "t.yaml:4: it is no YAML: A stands here"),
    ],
)
def test_what_cannot_be_completed(text: str, words: str) -> None:
    """A file that has no place for generated parts is refused, by line where there is one."""
    assert words in refused(text)


def test_lines_are_counted_as_editors_do() -> None:
    """A character that ends a line for YAML alone does not move the number that is told."""
    assert refused("X: 'a \u2028 b'\nResources:\n\tA: 1\n").startswith("t.yaml:3: ")


def test_an_anchor_is_no_key_twice() -> None:
    """What is merged into a mapping may be written over in it."""
    text = "X: &x {A: 1, B: 1}\nY:\n  <<: *x\n  A: 2\n"
    assert Page(text, "t.yaml").own()["Y"] == {"A": 2, "B": 1}
