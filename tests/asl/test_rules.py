"""Our own linter: what only it can see, and what it must bear."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stepsaga.asl import build
from stepsaga.asl.rules import CHARACTERS, CODES, lint, lint_text
from tests.asl.golden_sagas import SAGAS

MIDDLE = build(SAGAS["pivot_in_the_middle"])
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(
        ["$", "$.charge", "charge", "Task", "States.ALL", "${Payments}", "$$.Execution"]
    )
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value but its root."""
    keys: Any = range(len(value)) if isinstance(value, list) else ()
    keys = value if isinstance(value, dict) else keys
    found = []
    for key in keys:
        found += [(*path, key), *places(value[key], (*path, key))]
    return found


PLACES = places(MIDDLE.definition)


def codes(definition: Any) -> set[str]:
    """The codes that a definition breaks."""
    return {problem.code for problem in lint(definition)}


def passing(**state: Any) -> dict[str, Any]:
    """A machine of one Pass state and an end."""
    first = {"Type": "Pass", "Next": "end"} | state
    return {"StartAt": "first", "States": {"first": first, "end": {"Type": "Succeed"}}}


@given(value=ANYTHING)
@settings(deadline=None)
def test_bears_anything(value: Any) -> None:
    """Whatever JSON it is given, the linter says what is wrong and raises nothing."""
    assert lint(value)


@given(place=st.sampled_from(PLACES), value=ANYTHING)
@example(place=("States",), value={"": None})
@settings(deadline=None, max_examples=300)
def test_bears_a_definition_with_anything_in_any_place(place: tuple[Any, ...], value: Any) -> None:
    """With any JSON in any place of a definition it raises nothing, and explains each problem."""
    definition = deepcopy(dict(MIDDLE.definition))
    at: Any = definition
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    for problem in lint(definition):
        assert problem.code in CODES
        assert problem.subject
        assert problem.text
        assert problem.hint


@given(place=st.sampled_from([place for place in PLACES if place[-1] != "Comment"]))
@settings(deadline=None, max_examples=300)
def test_nothing_can_be_left_out(place: tuple[Any, ...]) -> None:
    """Whatever is dropped from a definition, somebody notices, or a default was spelled out."""
    definition = deepcopy(dict(MIDDLE.definition))
    at: Any = definition
    for key in place[:-1]:
        at = at[key]
    del at[place[-1]]
    if not lint(definition):
        assert _may_be_absent(place)


def _may_be_absent(place: tuple[Any, ...]) -> bool:
    """Places without which a definition still is sound, though not the same."""
    retried = "Retry" in place  # fewer retries, or other pauses
    time = place == ("TimeoutSeconds",)  # an execution of a year
    payload = len(place) > 3 and place[-1] in {"deadline", "reads", "takes"}
    record = len(place) > 5 and "Item" in place  # the events in it
    whole = place[:2] == ("States", "reserve") and place[-1] == "ResultPath"  # the default
    told = place == ("States", "saga compensated", "CausePath")
    return retried or time or payload or record or told or whole


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no JSON"),
        ("[]", "no object but list"),
        ('{"StartAt": NaN}', "NaN is no number"),
        ('{"a":' * 100_000, "no JSON"),
        ('{"StartAt": ' + "1" * 10_000 + "}", "no JSON"),
        ('{"StartAt": "a", "StartAt": "b"}', "'StartAt' stands twice"),
    ],
)
def test_text_that_is_no_definition(text: str, said: str) -> None:
    """What a parser would swallow or choke on is named: S627."""
    found = [problem for problem in lint_text(text) if problem.code == "S627"]
    assert said in found[0].text


def test_bears_any_depth() -> None:
    """Content that is nested deeper than Python can follow is refused, not choked on."""
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"a": deep}
    definition = deepcopy(dict(MIDDLE.definition))
    definition["States"]["charge"]["Parameters"]["Payload"]["takes"] = deep
    assert "S627" in codes(definition)


def test_state_twice_in_the_text() -> None:
    """Of two states with one name a parser silently drops the first; the text says so."""
    text = MIDDLE.text.replace('"undo charge":', '"undo reserve":')
    assert "S627" in {problem.code for problem in lint_text(text)}


def test_text_over_the_limit() -> None:
    """A text over Step Functions' limit is refused with its size; at the limit it is not."""
    definition = json.dumps(MIDDLE.definition)
    fits = definition + " " * (CHARACTERS - len(definition))
    assert lint_text(fits) == []
    [problem] = lint_text(fits + " ")
    assert problem.code == "S620"
    assert "1048577" in problem.text


def test_substitutions_are_known() -> None:
    """A name that the deployment does not replace is refused where the known names are given."""
    assert lint_text(MIDDLE.text) == []
    problems = lint_text(MIDDLE.text, known=["Payments", "Shipping", "EventTable"])
    assert {problem.code for problem in problems} == {"S619"}
    assert {"thank", "undo charge"} <= {problem.subject for problem in problems}


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({"Parameters": {"a.$": "$.b"}}, "S612"),
        ({"Parameters": {"a.$": "$"}}, None),
        ({"Parameters": {"a.$": "$$.Execution.Input"}}, None),
        ({"Parameters": {"a.$": "$$.Execution.Input.id"}}, "S612"),
        ({"Parameters": {"a.$": "$$.Execution.RedriveCount"}}, "S612"),
        ({"Parameters": {"a.$": "$$.State.RetryCount"}}, "S612"),
        ({"Parameters": {"a.$": "$$.Map.Item.Index"}}, "S612"),
        ({"Parameters": {"a.$": "States.StringToJson('1')"}}, "S612"),
        ({"Parameters": {"a.$": 5}}, "S623"),
        ({"Parameters": {"a.$": "$", "a": 1}}, "S623"),
        ({"Parameters": {".$": "$"}}, "S623"),
        ({"Parameters": {"a": "$.b"}}, "S623"),
        ({"Parameters": [{"a.$": "$.b"}]}, "S612"),
        ({"Result": {"a": 1}, "ResultPath": "$"}, None),
        ({"Result": 5, "ResultPath": "$.a"}, "S612"),
        ({"InputPath": "$.a"}, "S612"),
        ({"OutputPath": "$.a"}, "S612"),
        ({"InputPath": None}, None),
        ({"OutputPath": "a"}, "S611"),
        ({"ResultPath": "$[0]"}, "S612"),
    ],
)
def test_expressions(state: dict[str, Any], code: str | None) -> None:
    """A state that names what an execution's input may not have is refused (rule 7, rule 19)."""
    assert codes(passing(**state)) == ({code} if code else set())


def test_only_what_every_way_has_is_there() -> None:
    """Where two ways meet, only what both have put into the document can be named."""
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.kind", "IsPresent": True, "Next": "one"}],
        "Default": "two",
    }
    states: dict[str, Any] = {
        "first": choice,
        "one": {"Type": "Pass", "Result": {"a": 1, "b": {"c": 1, "d": 2}}, "Next": "met"},
        "two": {"Type": "Pass", "Result": {"b": {"c": 3}}, "Next": "met"},
        "met": {"Type": "Pass", "Parameters": {"x.$": "$.b.c"}, "End": True},
    }
    assert codes({"StartAt": "first", "States": states}) == set()
    for path in ("$.a", "$.b.d"):
        states["met"]["Parameters"] = {"x.$": path}
        assert codes({"StartAt": "first", "States": states}) == {"S612"}


def test_variable_of_a_choice_has_to_be_there() -> None:
    """A comparison of what may be missing is refused, but behind a question whether it is there."""
    asks: dict[str, Any] = {"Variable": "$.a", "IsPresent": True}
    compares: dict[str, Any] = {"Not": {"Variable": "$.a", "IsNull": True}}
    for rule, refused in (
        ({"And": [asks, compares]}, set()),
        ({"And": [compares, asks]}, {"S612"}),
        ({"Or": [asks, compares]}, {"S612"}),
        ({"And": [asks | {"IsPresent": False}, compares]}, {"S612"}),
    ):
        choice = {"Type": "Choice", "Choices": [rule | {"Next": "end"}], "Default": "end"}
        machine = {"StartAt": "first", "States": {"first": choice, "end": {"Type": "Succeed"}}}
        assert codes(machine) == refused


def test_what_is_asked_for_is_a_path() -> None:
    """Asking whether a value is there takes a path, too, however deep the question stands."""
    for variable, refused in (("$.a.b", set()), ("$['a b']", set()), ("$.a b", {"S611"})):
        rule = {"Not": {"Or": [{"Variable": variable, "IsPresent": True}]}}
        choice = {"Type": "Choice", "Choices": [rule | {"Next": "end"}], "Default": "end"}
        machine = {"StartAt": "first", "States": {"first": choice, "end": {"Type": "Succeed"}}}
        assert codes(machine) == refused


def test_choice_without_default() -> None:
    """A Choice that matches nothing fails, and has no Catch: it needs a Default."""
    choice = {"Type": "Choice", "Choices": [{"Variable": "$", "IsNull": True, "Next": "end"}]}
    machine = {"StartAt": "first", "States": {"first": choice, "end": {"Type": "Succeed"}}}
    assert codes(machine) == {"S602"}


def test_loop_that_can_end_is_followed_once() -> None:
    """A loop with a way out is allowed, and the walk through it ends."""
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$", "IsNull": True, "Next": "back"}],
        "Default": "end",
    }
    states = {
        "first": choice,
        "back": {"Type": "Pass", "Parameters": {"a": 1}, "Next": "first"},
        "end": {"Type": "Succeed"},
    }
    assert codes({"StartAt": "first", "States": states}) == set()


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("Pass", "Seconds", 1),
        ("Pass", "Retry", [{"ErrorEquals": ["A"]}]),
        ("Wait", "Parameters", {}),
        ("Wait", "ResultPath", "$"),
        ("Succeed", "Next", "end"),
        ("Succeed", "ResultPath", "$"),
        ("Fail", "InputPath", "$"),
        ("Fail", "Next", "end"),
        ("Choice", "Next", "end"),
        ("Choice", "Catch", [{"ErrorEquals": ["A"], "Next": "end"}]),
    ],
)
def test_fields_of_other_states(kind: str, field: str, value: Any) -> None:
    """A state takes the fields of its type and no others: S601."""
    bases: dict[str, dict[str, Any]] = {
        "Wait": {"Seconds": 1, "End": True},
        "Pass": {"End": True},
        "Fail": {"Error": "A"},
        "Choice": {"Choices": [{"Variable": "$", "IsNull": True, "Next": "end"}], "Default": "end"},
    }
    states = {
        "first": {"Type": kind, **bases.get(kind, {}), field: value},
        "end": {"Type": "Succeed"},
    }
    assert "S601" in codes({"StartAt": "first", "States": states})


def test_blocks_are_linted_however_deep() -> None:
    """States of branches and of map items are held to the same rules."""
    inner = {"StartAt": "a", "States": {"a": {"Type": "Wait", "End": True}}}
    fork = {"Type": "Parallel", "Branches": [inner], "End": True}
    deep = {"StartAt": "b", "States": {"b": fork}}
    machine = {
        "StartAt": "each",
        "States": {"each": {"Type": "Map", "ItemProcessor": deep, "End": True}},
    }
    assert codes(machine) == {"S622"}


def test_every_code_is_explained() -> None:
    """Each code has a title without a full stop, and a sentence that says why."""
    for code, (title, why) in CODES.items():
        assert code.startswith("S6")
        assert title
        assert not title.endswith(".")
        assert why.endswith(".")
