from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from stepsaga.asl.names import snake
from stepsaga.cli.failures import Failure
from stepsaga.cli.timeline import Timeline, What, runs_of, timeline_of
from stepsaga.cli.timeline_view import as_json, view
from stepsaga.cli.values import LONGEST, brief, one_line
from stepsaga.cli.words import for_people
from stepsaga.engines.cost import Cost
from stepsaga.engines.endings import Ending
from stepsaga.store.commits import Commit, EventRecord, Outcome
from tests.cli.streams import (
    COMPLETED,
    DECLINED,
    IN_DOUBT,
    KEPT,
    RELEASED,
    RESERVED,
    RUN,
    SEALED,
    STARTED,
    STREAM,
    commit,
    end,
    event,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

COST = Cost(transitions=10, retries=4, writes=5, write_units=6, reads=8)


def timeline(
    commits: Sequence[Commit], kept: dict[str, Any] | None = KEPT, failure: Failure | None = None
) -> Timeline:
    """The timeline of a stream made by hand."""
    return timeline_of(STREAM, RUN, commits, kept=kept, failure=failure)


def text(shown: Timeline, cost: Cost | None = None, **options: Any) -> str:
    """A timeline as it goes into a pipe, without the blanks at line ends."""
    out = io.StringIO()
    console = Console(file=out, width=100, **options)
    console.print(view(shown, cost))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def test_a_stored_result_is_told_by_its_size() -> None:
    """Of a result in the bucket a line says how large it is, not where."""
    pointer = {"$stored": {"bucket": "b", "sha256": "ab", "bytes": 200_002}}
    done = commit(1, 1.0, Outcome.RESULT, event("StepCompleted", step="reserve", value=pointer))
    [row] = timeline([done]).rows
    assert row.detail == "200,002 bytes, in the bucket"


def test_a_completed_saga_at_a_glance() -> None:
    """The whole text of a saga that completed: values, attempts, events, no end to explain."""
    assert text(timeline(COMPLETED), COST) == (
        "FulfilOrder order-123  COMPLETED after 1 min 2 s  (started 2026-11-21 08:00:00 UTC)\n"
        "  10 transitions (4 retries), 5 writes (6 units), 8 reads; $254.75 per million sagas\n"
        "\n"
        "   +0.50 s           started    customer=ada@example.com card=***\n"
        "   +0.50 s  reserve  completed  id=r-1 lines=2 items\n"
        "+1 min 1 s  charge   completed  amount=990 iban=***  attempt 3  emitted CardCharged\n"
        "+1 min 2 s  ship     completed  TRK-1\n"
        "\n"
        "  completed: all steps are done"
    )


def test_a_saga_in_doubt_at_a_glance() -> None:
    """The whole text of a saga whose charge was in doubt: sealed, undone backwards, and why."""
    assert text(timeline([*IN_DOUBT, end("States.Timeout")])) == (
        "FulfilOrder order-123  COMPENSATED after 3 min 22 s  (started 2026-11-21 08:00:00 UTC)\n"
        "\n"
        "    +0.50 s                started    customer=ada@example.com card=***\n"
        "    +0.50 s  reserve       completed  id=r-1 lines=2 items\n"
        "+3 min 20 s  charge        in doubt   nobody knows whether it happened: sealed\n"
        "+3 min 20 s  undo charge   undone     whether or not it had happened\n"
        "+3 min 21 s  undo reserve  undone     by its result\n"
        "\n"
        "  compensated: all that was done is undone\n"
        "  undone, in this order: charge, reserve\n"
        "  because charge: no answer in time (States.Timeout)"
    )


def test_a_claim_is_told_and_its_seal_is_not() -> None:
    """A claim says what may have happened; a seal of one is told by its slot's (rule 27)."""
    claim = replace(
        commit(2, 60, Outcome.CLAIMED, event("StepClaimed", step="charge", request="r-1")),
        slot=f"{SEALED.slot}/claim",
    )
    shown = timeline([RESERVED, claim], failure=Failure("StepFailedForGood", "", "settle charge"))
    assert [(row.step, row.what) for row in shown.rows[2:]] == [
        ("charge", What.CLAIMED),
        ("settle charge", What.STUCK),
    ]
    sealed = replace(claim, outcome=Outcome.SEALED, events=SEALED.events)
    shown = timeline([RESERVED, sealed, SEALED, RELEASED, end("States.Timeout")])
    assert [row.step for row in shown.rows if row.what is What.IN_DOUBT] == ["charge"]


def test_a_refusal_says_who_and_why() -> None:
    """A rejected step shows the author's class and text, and so does the reason of the end."""
    cause = json.dumps({"errorMessage": "charge: handlers.payments.CardDeclined: no funds"})
    shown = timeline([RESERVED, DECLINED, RELEASED, end("Rejected", cause)])
    [row] = [row for row in shown.rows if row.what is What.REJECTED]
    assert (row.step, row.detail) == ("charge", "CardDeclined: no funds")
    assert shown.ending is Ending.COMPENSATED
    assert shown.undone == ("reserve",)
    assert shown.reason == "charge: handlers.payments.CardDeclined: no funds (Rejected)"


@pytest.mark.parametrize(
    ("error", "cause", "reason"),
    [
        ("Lambda.Unknown", "no reply", "charge: no reply (Lambda.Unknown)"),
        ("Lambda.Unknown", None, "charge: Lambda.Unknown"),
        ("Boom", "[1]", "charge: [1] (Boom)"),
        ("Boom", "a\nb\x1b[31m", "charge: a b?[31m (Boom)"),
    ],
)
def test_a_reason_is_one_clean_line(error: str, cause: str | None, reason: str) -> None:
    """Whatever a cause is, the reason names the step, on one line, without control characters."""
    assert timeline([*IN_DOUBT, end(error, cause)]).reason == reason


def test_what_had_done_nothing_is_not_undone() -> None:
    """A compensation that found nothing to undo is told, and not counted among the undone."""
    nothing = event("StepCompensated", step="reserve", found="nothing")
    shown = timeline([DECLINED, commit(5, 2, Outcome.COMPENSATED, nothing), end("Rejected")])
    assert shown.undone == ()
    assert [row.what for row in shown.rows][-2:] == [What.NOTHING, What.ENDED]


def test_an_effect_that_landed_late_is_told() -> None:
    """A late effect has a line of its own, with its value as the schema allows (rule 11)."""
    landed = event("StepLanded", step="charge", value={"amount": 990, "iban": "DE99"})
    shown = timeline([RESERVED, commit(2, 30, Outcome.LATE, landed)])
    [row] = [row for row in shown.rows if row.what is What.LATE]
    assert row.detail == "amount=990 iban=***"


def test_without_an_end_it_has_not_ended() -> None:
    """Commits alone cannot tell a saga that runs from one that is stuck, and say neither."""
    shown = timeline([RESERVED])
    assert (shown.ending, shown.reason) == (Ending.OPEN, "")
    assert "ask Step Functions" in text(shown)


def test_stuck_is_what_the_engine_says() -> None:
    """A failed execution without an end in the stream is stuck, with the engine's reason."""
    cause = json.dumps({"errorMessage": "charge: ValueError: broken"})
    shown = timeline(IN_DOUBT, failure=Failure("StepFailed", cause))
    assert (shown.ending, shown.reason) == (Ending.STUCK, "charge: ValueError: broken (StepFailed)")
    assert "redrive" in text(shown)


def test_an_end_in_the_stream_wins_over_the_engine() -> None:
    """An execution fails when its saga is compensated: that is no reason to call it stuck."""
    failed = Failure("SagaCompensated", "{}")
    shown = timeline([*IN_DOUBT, end("States.Timeout")], failure=failed)
    assert shown.ending is Ending.COMPENSATED


def test_no_commit_at_all_can_be_shown() -> None:
    """A saga that failed before anything was recorded has a timeline, with its reason."""
    shown = timeline([], failure=Failure("StepFailed", "no table"))
    assert (shown.ending, shown.rows) == (Ending.STUCK, ())
    assert "because no table (StepFailed)" in text(shown)


def test_the_start_is_told_once() -> None:
    """Every commit that can be the first says that the saga started; a timeline says it once."""
    again = commit(5, 2, Outcome.COMPENSATED, STARTED)
    shown = timeline([RESERVED, again])
    assert [row.what for row in shown.rows] == [What.STARTED, What.COMPLETED]


def test_the_record_alone_tells_the_start() -> None:
    """Step Functions writes its whole execution into the start: the input is shown from there."""
    execution = {"Id": "arn", "Name": "order-123", "StartTime": RUN, "Input": {"customer": "a"}}
    started = EventRecord("SagaStarted", 1, execution)
    ended = EventRecord("SagaCompensated", 1, {"Error": "Boom"})
    shown = timeline([commit(99_999, 3, Outcome.ENDED, started, ended)])
    assert (shown.rows[0].what, shown.rows[0].detail) == (What.STARTED, "customer=a")
    assert shown.ending is Ending.COMPENSATED


def test_unknown_events_do_not_end_a_timeline() -> None:
    """An event of another release, or one that does not fit, is named and nothing more."""
    newer = EventRecord("StepCompleted", 2, {"what": "ever"})
    broken = EventRecord("StepSealed", 1, {"nothing": "here"})
    shown = timeline([commit(1, 1, Outcome.RESULT, newer, broken)])
    assert [(row.what, row.emitted) for row in shown.rows] == [
        (What.OTHER, ("StepCompleted", "StepSealed"))
    ]


def test_runs_of_one_name_are_kept_apart() -> None:
    """A name that was used again has two runs in its stream, each with its slots (rule 4)."""
    later = commit(1, 5, Outcome.RESULT, STARTED, run="2027-03-01T08:00:00.000Z")
    runs = runs_of([RESERVED, later])
    assert {run: len(commits) for run, commits in runs.items()} == {
        RUN: 1,
        "2027-03-01T08:00:00.000Z": 1,
    }


SECRETS = ("tok_secret", "DE99")


@pytest.mark.parametrize("kept", [KEPT, None, {}])
def test_what_must_not_be_shown_is_not(kept: dict[str, Any] | None) -> None:
    """Sensitive values and emitted data show nowhere; without schemas no value is shown at all."""
    shown = timeline(COMPLETED, kept=kept)
    everything = text(shown) + json.dumps(as_json(shown))
    assert not [secret for secret in SECRETS if secret in everything]
    assert ("ada@example.com" in everything) == (kept is KEPT)


def test_texts_are_never_taken_for_markup() -> None:
    """What looks like rich's markup in a value is shown as it is."""
    odd = event("StepCompleted", step="ship", value="[red]:boom:[/red]")
    assert "[red]:boom:[/red]" in text(timeline([commit(3, 1, Outcome.RESULT, odd)]))


def test_the_ending_is_coloured_on_a_terminal() -> None:
    """Colours say at a glance how it ended; in a pipe there are none."""
    coloured = text(timeline(COMPLETED), force_terminal=True, color_system="standard")
    assert "\x1b[1;32mCOMPLETED" in coloured
    assert "\x1b" not in text(timeline(COMPLETED))


def test_a_timeline_for_machines() -> None:
    """The JSON form holds the same: seconds, rows, the order of undoing, the cost."""
    told = as_json(timeline([*IN_DOUBT, end("States.Timeout")]), COST)
    assert json.loads(json.dumps(told)) == told
    assert (told["ending"], told["seconds"], told["undone"]) == (
        "compensated",
        202.0,
        ["charge", "reserve"],
    )
    assert told["cost"]["dollars_per_million"] == 254.75
    assert told["rows"][2] == {
        "after": 200.0,
        "step": "charge",
        "what": "in doubt",
        "detail": "nobody knows whether it happened: sealed",
        "attempt": 1,
        "emitted": [],
    }


def test_a_cost_in_words() -> None:
    """One is one, and what is not there is not counted."""
    assert str(Cost(1, 0, 1, 1, 0)) == "1 transition, 1 write, 0 reads; $25.62 per million sagas"
    assert str(Cost(3, 1, 1, 2, 1)).startswith("3 transitions (1 retry), 1 write (2 units), 1 read")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.04, "0.04 s"),
        (59, "59 s"),
        (60, "1 min"),
        (192, "3 min 12 s"),
        (7260, "2 h 1 min"),
        (187_200, "2 d 4 h"),
    ],
)
def test_durations_as_people_say_them(seconds: float, words: str) -> None:
    """The two largest units are enough."""
    assert for_people(seconds) == words


@pytest.mark.parametrize(
    ("name", "file"),
    [("FulfilOrder", "fulfil_order"), ("HTTPCall", "http_call"), ("Order2Go", "order2_go")],
)
def test_names_of_files(name: str, file: str) -> None:
    """A class's name becomes a file's."""
    assert snake(name) == file


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (True, "true"),
        (7, "7"),
        ("x", "x"),
        ([], "0 items"),
        ([1], "1 item"),
        ({}, ""),
        ({"a": None, "b": {}, "c": {"d": 1}}, "a=null b={} c={...}"),
        ("0f8fad5b-d9cb-469f-a165-70867728950e", "0f8fad5b..."),
    ],
)
def test_values_in_a_few_words(value: Any, shown: str) -> None:
    """A value is shown shortly, and what is inside it is only hinted at."""
    assert brief(value, {}) == shown


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(value=json_values)
def test_any_value_is_one_short_line(value: Any) -> None:
    """Whatever a value is, it fits one line and holds no control characters."""
    shown = brief(value, {})
    assert len(shown) <= LONGEST
    assert all(one.isprintable() for one in shown)


@given(value=json_values, words=st.text(max_size=200))
def test_no_schema_no_value(value: Any, words: str) -> None:
    """Where nothing says what is sensitive, nothing is shown."""
    assert brief(value, None) == ""
    assert len(one_line(words, 20)) <= 20


@given(order=st.permutations([*IN_DOUBT, end("States.Timeout")]))
def test_order_comes_from_times_and_slots(order: list[Commit]) -> None:
    """In whatever order commits are given, the timeline is the same, and time never runs back."""
    shown = timeline(order)
    assert shown == timeline([*IN_DOUBT, end("States.Timeout")])
    offsets = [row.after for row in shown.rows]
    assert offsets == sorted(offsets)
    assert offsets[0] >= timedelta()
