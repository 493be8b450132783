"""One run on trial: stuck and mended, waiting for a person, and a definition that is broken."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagas.orders import FulfilOrder
from stepsaga import Input, Saga, Step
from stepsaga.asl import build
from stepsaga.authoring import graph_of
from stepsaga.engines.endings import Ending
from stepsaga.engines.faults import CALL_FAULTS
from stepsaga.errors import UsageError
from stepsaga.testing.answering import Manner
from stepsaga.testing.cases import Case, parse_case
from stepsaga.testing.matrix import Court, explore, is_short
from stepsaga.testing.trial import Bench, difference

if TYPE_CHECKING:
    from stepsaga.testing.ways import Way

GRAPH = graph_of(FulfilOrder)


def act() -> None:
    """Have an effect that cannot be repeated."""


def undo() -> None:
    """Take it back."""


class Claims(Saga):
    """A step that nobody can tell about, between two others."""

    order = Input(dict)
    first = Step(act, compensation=undo)
    once = Step(act, compensation=undo, claim=True, retry=None)
    last = Step(act, compensation=undo)


def way_of(saga: type[Saga]) -> Way:
    """The one way through a saga."""
    [way] = Court().ways(saga, {})
    return way


def tried(*faults: str, saga: type[Saga] = FulfilOrder) -> Any:
    """The verdict of one case, as the command line writes it."""
    way = way_of(saga)
    return Court().run(saga, parse_case(way.name, faults, "--only"), way).verdict


def test_what_is_stuck_has_a_next_action_and_ends_when_mended() -> None:
    """A compensation that fails for good leaves the saga stuck there, and breaks no law."""
    verdict = tried("ship=rejected", "undo charge=raises")
    assert (verdict.ending, verdict.broken) == (Ending.STUCK, ())
    assert verdict.stuck.state == "undo charge"
    assert verdict.stuck.next_action == "mend what 'undo charge' fails of, redrive"


def test_what_no_probe_can_tell_waits_for_a_person() -> None:
    """A claimed step whose outcome is lost is stuck until somebody says what happened (rule 27)."""
    for fault in ("crashes after", "times out before", "times out after"):
        verdict = tried(f"once={fault}", saga=Claims)
        assert verdict.broken == ()
        assert verdict.stuck is None or "find out what became of it" in verdict.stuck.next_action
    assert tried("once=crashes after", saga=Claims).stuck.person


def test_every_case_of_a_claimed_step_keeps_the_laws() -> None:
    """What a person does is truthful, so that the saga ends well behind it, forward or back."""
    report = explore(Court(), Claims, [way_of(Claims)], both=False)
    assert report.broken == []
    assert any(one.stuck and one.stuck.person for one in report.verdicts)


def test_once_is_once_and_for_good_is_for_good() -> None:
    """A fault of one attempt is retried; one of every attempt is undone, or sticks."""
    assert tried("charge=raises,ok").ending is Ending.COMPLETED
    assert tried("charge=raises").ending is Ending.COMPENSATED
    assert tried("thank=raises,ok").ending is Ending.COMPLETED
    assert tried("thank=raises").ending is Ending.STUCK


def test_what_never_struck_is_told() -> None:
    """A fault behind an end that comes before proves nothing, and is named."""
    assert tried("reserve=rejected", "ship=raises,ok").idle == ("ship",)
    assert tried("charge=raises,raises,raises,raises,raises,raises,raises").idle == ("charge",)


FAILED = '["States.ALL"], "ResultPath":"$.failure", "Next":"undo {}"'
"""Where a step leads whose outcome nobody knows."""


def broken(old: str, new: str) -> Bench:
    """FulfilOrder, compiled wrongly."""
    compiled = build(GRAPH)
    text = compiled.text.replace(old, new)
    assert text != compiled.text
    return Bench(GRAPH, replace(compiled, text=text, definition=json.loads(text)))


@pytest.mark.parametrize(
    ("old", "new", "faults", "law"),
    [
        (
            FAILED.format("charge"),
            FAILED.format("reserve"),
            "charge=times out after",
            "left nothing",
        ),
        ('"undoes":[2]', '"undoes":[1]', "ship=rejected", "made to fail for good"),
        ('"States.ALL"', '"States.Timeouts"', "charge=raises", "made to fail for good"),
        ('"$.Payload.value"', '"$.Payload.values"', "charge=raises,ok", "completed, compensated"),
    ],
)
def test_a_definition_that_is_compiled_wrongly_is_caught(
    old: str, new: str, faults: str, law: str
) -> None:
    """Stubs do all as they should, so what breaks a law is the state machine."""
    way = way_of(FulfilOrder)
    verdict = broken(old, new).run(parse_case(way.name, [faults], "--only"), way).verdict
    assert any(law in one.law for one in verdict.broken), verdict


@given(
    st.dictionaries(
        st.sampled_from(["charge", "undo charge", "record the end"]),
        st.sampled_from(sorted(CALL_FAULTS))
        | st.lists(st.none() | st.sampled_from(sorted(CALL_FAULTS)), min_size=1).map(tuple),
    ),
    st.dictionaries(st.sampled_from(["review", "pickup"]), st.sampled_from(Manner)),
)
def test_a_case_is_written_as_it_is_read(
    faults: dict[str, Any], manners: dict[str, Manner]
) -> None:
    """What a counterexample names is the case that it was."""
    case = Case("sample", tuple(faults.items()), tuple(manners.items()))
    again = parse_case("sample", case.texts, "--only")
    assert again.texts == case.texts
    assert again.manners == case.manners


def test_a_case_that_is_no_case_is_refused() -> None:
    """Words without a sign, a state named twice."""
    with pytest.raises(UsageError, match="write STEP=KIND"):
        parse_case("sample", ["charge raises"], "--only")
    with pytest.raises(UsageError, match="names 'charge' twice"):
        parse_case("sample", ["charge=raises", "charge=rejected"], "--only")


def test_pairs_are_tried_on_short_sagas() -> None:
    """Two faults at once, in two Tasks or in two attempts of one, each pair once."""
    assert is_short(GRAPH)

    class One(Saga):
        order = Input(dict)
        only = Step(act, compensation=undo)

    report = explore(Court(), One, [way_of(One)])
    two = [one.case for one in report.verdicts if len(one.case.faults) == 2]
    assert {len(one.case.faults) for one in report.verdicts} >= {0, 1, 2}
    assert any(("only", ("raises", "crashes after")) in one.case.faults for one in report.verdicts)
    assert len({case.key for case in two}) == len(two)
    assert report.broken == []


def test_a_difference_is_told_where_it_is() -> None:
    """Of two states of a world only what differs is named."""
    before = {"money": 5, "stock": {"tea": 1, "kettle": 2}}
    after = {"money": 5, "stock": {"tea": 1, "kettle": 3}}
    assert difference(before, after) == "stock: kettle: 3 stands, and should be 2"
