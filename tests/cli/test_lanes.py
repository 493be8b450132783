"""Names of steps in lanes, what is told of many items, and why lanes failed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sagas.trips import BookTrip
from stepsaga.asl.kept import from_kept, keep
from stepsaga.authoring import graph_of
from stepsaga.cli.failures import Failure, LaneFailure, explained, failure_of
from stepsaga.cli.folding import fold
from stepsaga.cli.labels import Labels, folded, side_by_side
from stepsaga.cli.timeline import Row, What, timeline_of
from stepsaga.engines.endings import Ending
from stepsaga.engines.protocol import ExecutionView, HistoryEvent, Status
from stepsaga.store.commits import Commit, Outcome
from stepsaga.store.events import late_effects_left
from tests.cli.streams import RUN, commit, event

GRAPH = from_kept(keep(graph_of(BookTrip)))
SEAT = "00001/1000000/00001/1000002/00001"
"""Of the third traveller."""
UNDO_SEAT = "00006/1000000/00001/1000002/00001"


@pytest.mark.parametrize(
    ("slot", "step", "known", "unknown"),
    [
        (SEAT, "seat", "book.flight[2].seat", "1[0].1[2].seat"),
        (UNDO_SEAT, "seat", "book.flight[2].seat", "6[0].1[2].seat"),
        (f"{SEAT}/late/00001", "seat", "book.flight[2].seat", "1[0].1[2].seat"),
        ("00001/1000001/00001", "hotel", "book.hotel", "1[1].hotel"),
        ("00004/1000001/00001", "partner", "tell.partner", "4[1].partner"),
        ("00002", "policy", "policy", "policy"),
        ("99999", "", "", ""),
        ("00001/1000009/00001", "hotel", "1[9].hotel", "1[9].hotel"),
    ],
)
def test_a_slot_says_in_which_lane_a_step_ran(
    slot: str, step: str, known: str, unknown: str
) -> None:
    """The graph gives lanes their names; without it they have the numbers of their slots."""
    assert Labels(GRAPH).of(slot, step) == known
    assert Labels(None).of(slot, step) == unknown


def test_a_state_gets_the_item_that_it_was_of() -> None:
    """A state of a map has one name for all items; where they are known, they are told."""
    labels, lane = Labels(GRAPH), (1, 1_000_000, 1, 1_000_002)
    assert labels.of_state("undo book.flight.seat", lane) == "undo book.flight[2].seat"
    assert labels.of_state("book.hotel", ()) == "book.hotel"


def test_names_of_items_are_put_together() -> None:
    """Items in a row are a range; a name with several indices stands for itself."""
    one = [f"flight[{n}].seat" for n in (0, 1, 2, 4)]
    assert folded([*one, "hotel"]) == ["flight[0-2, 4].seat", "hotel"]
    assert folded(["a[0].b[1].c", "a[1].b[1].c"]) == ["a[0].b[1].c", "a[1].b[1].c"]
    assert side_by_side(["policy", "book.hotel", "book.car", "pay"]) == [
        "policy",
        "side by side book.hotel, book.car",
        "pay",
    ]


def rows(count: int, what: What = What.COMPLETED, **more: Any) -> list[Row]:
    """A row for each item of a map."""
    return [
        Row(timedelta(seconds=n), f"flight[{n}].seat", what, f"seat {n}", **more)
        for n in range(count)
    ]


def test_many_items_that_went_well_are_one_line() -> None:
    """It stands where the last of them did, and says when the first one did."""
    [one] = fold(rows(100))
    assert (one.step, one.after) == ("flight[0-99].seat", timedelta(seconds=99))
    assert one.detail == "100 items, the first after 0 s"


@pytest.mark.parametrize(
    "told",
    [
        rows(5),
        rows(100, What.REJECTED),
        rows(100, What.IN_DOUBT),
        rows(100, attempt=2),
        rows(100, emitted=("SeatBooked",)),
    ],
)
def test_what_one_must_see_is_never_folded(told: list[Row]) -> None:
    """A few items, refusals, doubt, retries and events have their lines."""
    assert fold(told) == told


def landed(item: int, cause: str) -> Commit:
    """A late effect of an item."""
    return commit(item, 9, Outcome.LATE, event("StepLanded", step="seat", value=1), cause=cause)


def test_late_effects_are_those_of_their_lane() -> None:
    """What was undone in one lane says nothing of an effect that landed in another."""
    undone = event("StepCompensated", step="seat", found="result")
    commits = [commit(7, 8, Outcome.COMPENSATED, undone, cause="0"), landed(1, "0"), landed(2, "1")]
    assert late_effects_left(commits) == [commits[2]]


def test_lanes_that_failed_are_explained() -> None:
    """The errors of a fork's lanes are told as words, whether or not they are all there."""
    cause = json.dumps([None, {"Error": "Rejected"}, {"Error": "Rejected"}])
    told = "2 of 3 lanes failed: Rejected (LaneFailed)"
    assert explained(Failure("LaneFailed", cause)) == told
    assert explained(Failure("LaneFailed")) == "lanes failed (LaneFailed)"


def entered(number: int, name: str, document: Any = None) -> HistoryEvent:
    """A state was entered."""
    details = {"name": name} | ({} if document is None else {"input": json.dumps(document)})
    return HistoryEvent(number, "PassStateEntered", datetime(2026, 1, 1, tzinfo=UTC), details)


def test_the_lanes_that_are_stuck_are_named() -> None:
    """The history says which lanes failed, and why; those of an earlier try are not told again."""
    failure = {"Error": "StepFailed", "Cause": json.dumps({"errorMessage": "undo seat: Boom"})}
    stuck = {"failed": False, "failure": failure, "at": [1, 1_000_000, 1, 1_000_002]}
    history = [
        entered(1, "undo book"),
        entered(2, "undo book.car failed", {"failure": failure}),
        entered(3, "settle undo book"),
        entered(4, "undo book"),
        entered(5, "undo book.flight.seat failed", stuck),
        entered(6, "undo book.flight failed in a lane"),
        entered(7, "settle undo book"),
    ]
    start = datetime(2026, 1, 1, tzinfo=UTC)
    view = ExecutionView("a", "n", "m", Status.FAILED, {}, start, error="StepFailedForGood")
    found = failure_of(view, history)
    assert found is not None
    assert found.lanes == (
        LaneFailure(
            "undo book.flight.seat",
            (1, 1_000_000, 1, 1_000_002),
            "StepFailed",
            failure["Cause"],
        ),
    )
    told = timeline_of("BookTrip#x", RUN, [], kept=keep(GRAPH), failure=found)
    assert told.ending is Ending.STUCK
    assert [(row.step, row.what) for row in told.rows] == [("undo book.flight[2].seat", What.STUCK)]
    assert told.reason == "undo book.flight[2].seat: Boom (StepFailed)"
