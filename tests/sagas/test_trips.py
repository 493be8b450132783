"""BookTrip on the simulator, with its real handlers, and everything going wrong that can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepsaga.engines.bound import HEARING_READS, TELLING_READS
from stepsaga.engines.endings import Ending
from stepsaga.engines.faults import CALL_FAULTS, RECORD_FAULTS
from stepsaga.engines.protocol import Status
from stepsaga.engines.simulator import Simulator
from stepsaga.store.memory import MemoryStore
from tests.sagas.agency import (
    CAR,
    CHILD,
    COMPILED,
    DEPOSIT,
    PRICE,
    ROOM,
    SEAT,
    TRAVELLERS,
    TRIP,
    Agency,
    check_the_books,
    numbers,
    play,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepsaga.engines.once import Faults

SEAT_FEE, ROOM_FEE, CAR_FEE = 1_500, 4_386, 500
SEATS = tuple(f"book.flight[{item}].seat" for item in range(len(TRAVELLERS)))
LANES = {*SEATS, "book.hotel", "book.car"}

# How the saga gets to a state at all.
WAYS: dict[str, Faults] = {
    "check input": {},
    "book.flight.seat": {},
    "book.hotel": {},
    "book.car": {},
    "policy": {},
    "issue": {},
    "tell.itinerary": {},
    "tell.partner": {},
    "verify issue": {"issue": "times out before"},
    "undo policy": {"issue": "rejected"},
    "undo book.hotel": {"issue": "rejected"},
    "undo book.car": {"issue": "rejected"},
    "items of undo book.flight": {"issue": "rejected"},
    "undo book.flight.seat": {"issue": "rejected"},
    "record the end": {"issue": "rejected"},
    "record the completion": {},
    # RentCar's own, which runs beside it.
    "RentCar:rent": {},
    "RentCar:deposit": {},
    "RentCar:driver": {},
    "RentCar:undo driver": {"RentCar:driver": "raises"},
    "RentCar:undo deposit": {"RentCar:driver": "rejected"},
    "RentCar:undo rent": {"RentCar:driver": "rejected"},
}
CHILD_STEPS = ("RentCar:rent", "RentCar:deposit", "RentCar:driver")
BEFORE_THE_PIVOT = (
    *("check input", "book.flight.seat", "book.hotel", "book.car", "policy", "issue"),
    *CHILD_STEPS,
)
RECORDS = ("record the end", "record the completion")
NO_HANDLER = ("check input", "items of undo book.flight")
OF_HANDLERS = ("rejected", "raises", "lands late")
WAITS = "undo book.car"
"""It waits until the child is undone; a child that is not undone in two weeks leaves it stuck."""
TIMEOUTS = ("times out before", "times out after", "lands late")


def kinds(state: str) -> list[str]:
    """The faults that a state can have."""
    if state in RECORDS:
        return list(RECORD_FAULTS)
    waits = (*TIMEOUTS, "rejected") if state == WAITS else ()
    without = OF_HANDLERS if state in NO_HANDLER else waits
    return [kind for kind in CALL_FAULTS if kind not in without]


CASES = [(state, kind) for state in WAYS for kind in kinds(state)]


@pytest.fixture(scope="module")
def dynamodb(shop: Any) -> Any:
    """A client of moto's DynamoDB."""
    return shop.dynamodb


@pytest.mark.parametrize(("state", "kind"), CASES)
def test_a_fault_of_the_first_attempt_never_sticks(dynamodb: Any, state: str, kind: str) -> None:
    """Whatever goes wrong once, in one lane or outside, the saga ends, and the books are right."""
    told = play(dynamodb, {**WAYS[state], state: [kind]})
    assert told.timeline.ending in (Ending.COMPLETED, Ending.COMPENSATED)
    check_the_books(told)


LASTING = ("rejected", "raises", "times out after", "crashes before", "crashes after", "lands late")
"""What goes on for ever in other ways comes to the same; the language's own tests have all."""


@pytest.mark.parametrize(
    ("state", "kind"), [(s, k) for s, k in CASES if k in LASTING or s in RECORDS]
)
def test_a_fault_of_every_attempt_is_undone_or_sticks(dynamodb: Any, state: str, kind: str) -> None:
    """What never works, for any traveller, is undone before the pivot; elsewhere it may stick."""
    told = play(dynamodb, {**WAYS[state], state: kind})
    if state in BEFORE_THE_PIVOT:
        assert told.timeline.ending is not Ending.STUCK
    check_the_books(told)


STATES = [state for state in WAYS if state not in RECORDS]
# A probe that says "no" although there are tickets would be a lie, not a fault.
KINDS = {
    state: [kind for kind in kinds(state) if (state, kind) != ("verify issue", "rejected")]
    for state in STATES
}


@settings(max_examples=30, deadline=None)
@given(
    faults=st.fixed_dictionaries(
        {},
        optional={
            state: st.lists(st.none() | st.sampled_from(KINDS[state]), max_size=2)
            for state in STATES
        },
    )
)
def test_faults_together_never_stick_and_never_cost_a_cent(
    dynamodb: Any, faults: dict[str, Sequence[str | None]]
) -> None:
    """Up to two faults in each of any states at once: the saga ends, and the books are right."""
    told = play(dynamodb, dict(faults))
    assert told.timeline.ending in (Ending.COMPLETED, Ending.COMPENSATED)
    check_the_books(told)


def test_a_trip_completes(dynamodb: Any) -> None:
    """All lanes join, the hold passes, and everybody is told."""
    told = play(dynamodb, {})
    assert told.timeline.ending is Ending.COMPLETED
    assert {row.step for row in told.timeline.rows} >= {*LANES, "policy", "issue", "tell.partner"}
    assert told.timeline.took.total_seconds() >= 900
    check_the_books(told)


def test_a_trip_without_insurance_has_no_policy(dynamodb: Any) -> None:
    """What the choice passes over costs nothing, and is not undone either."""
    plain = {key: value for key, value in TRIP.items() if key != "insurance"}
    booked, undone = play(dynamodb, {}, plain), play(dynamodb, {"issue": "rejected"}, plain)
    assert booked.after.tills["insurance"] == 0
    assert booked.paid == len(TRAVELLERS) * SEAT + ROOM + CAR + DEPOSIT
    assert set(undone.timeline.undone) == LANES
    check_the_books(undone)


@pytest.mark.parametrize(
    ("change", "refused", "undone", "paid"),
    [
        (
            {"hotel": {"id": "full", "price": ROOM}},
            "book.hotel: handlers.bookings.SoldOut",
            LANES - {"book.hotel"},
            3 * SEAT_FEE + CAR_FEE,
        ),
        (
            {"car": {"id": "none", "price": CAR}},
            "book.car: ChildCompensated: its child RentCar#trip-",
            LANES - {"book.car"},
            3 * SEAT_FEE + ROOM_FEE,
        ),
        (
            {"flight": {"id": "LX999", "price": SEAT}},
            "book.flight[1-2].seat: SoldOut",
            LANES - set(SEATS[1:]),
            SEAT_FEE + ROOM_FEE + CAR_FEE,
        ),
        (
            {"insurance": {"id": "cancellation", "price": 99_999_999}},
            "policy: handlers.bookings.NotCovered",
            LANES,
            3 * SEAT_FEE + ROOM_FEE + CAR_FEE,
        ),
    ],
)
def test_a_refusal_is_told_and_costs_the_fees_of_the_others(
    dynamodb: Any, change: dict[str, Any], refused: str, undone: set[str], paid: int
) -> None:
    """One branch, or one traveller, is refused: all others are cancelled, for their fees alone."""
    told = play(dynamodb, {}, {**TRIP, **change})
    assert told.timeline.ending is Ending.COMPENSATED
    assert told.timeline.reason.startswith(refused)
    assert set(told.timeline.undone) == undone
    assert told.paid == paid
    check_the_books(told)


def test_a_fee_is_never_more_than_the_price(dynamodb: Any) -> None:
    """A cheap car that is cancelled costs its price, no more."""
    told = play(dynamodb, {"issue": "rejected"}, {**TRIP, "car": {"id": "small", "price": 99}})
    assert told.after.fees["cars"] == 99
    check_the_books(told)


def test_an_account_that_is_empty_pays_nothing(dynamodb: Any) -> None:
    """Where nothing was booked, nothing is to be paid."""
    told = play(dynamodb, {}, {**TRIP, "account": "acc_empty"})
    assert told.timeline.ending is Ending.COMPENSATED
    assert told.timeline.undone == ()
    assert (told.after.accounts, told.after.tills) == (told.before.accounts, told.before.tills)


def test_a_seat_in_doubt_is_cancelled_for_its_fee(dynamodb: Any) -> None:
    """A seat of which nobody knows is found by its key, and costs its fee (rule 10)."""
    told = play(dynamodb, {"book.flight.seat": "times out after"})
    assert set(told.timeline.undone) == LANES
    assert told.after.fees["flights"] == 3 * SEAT_FEE
    check_the_books(told)


def test_a_room_that_comes_after_its_cancellation_is_refused(dynamodb: Any) -> None:
    """The tombstone stands in the way of a late booking, and no fee is due for it (rule 10)."""
    told = play(dynamodb, {"book.hotel": "lands late"})
    assert "book.hotel" in told.timeline.undone
    assert told.after.fees["hotels"] == 0
    assert told.timeline.left == ()
    check_the_books(told)


def test_tickets_that_were_issued_are_found(dynamodb: Any) -> None:
    """A pivot whose answer is lost is settled by its probe, and all goes forward (rule 17)."""
    told = play(dynamodb, {"issue": "times out after"})
    assert told.timeline.ending is Ending.COMPLETED
    check_the_books(told)


@pytest.mark.parametrize(
    "value",
    [
        5,
        None,
        {},
        {**TRIP, "travellers": []},
        {**TRIP, "travellers": [{"name": "Ada"}] * 10},
        {**TRIP, "hold": "soon"},
    ],
)
def test_a_trip_that_is_none_ends_before_anything_is_done(dynamodb: Any, value: Any) -> None:
    """Input that does not fit is refused by the first call, whatever it is (rules 2, 20)."""
    told = play(dynamodb, {}, value)
    assert told.timeline.ending is Ending.COMPENSATED
    assert told.after == told.before


@pytest.mark.parametrize(
    ("state", "attempts"),
    [
        ("undo book.flight.seat", 10 * len(TRAVELLERS)),
        ("undo book.hotel", 10),
        ("tell.partner", 60),
    ],
)
def test_a_lane_that_is_stuck_goes_on_after_it_is_mended(
    dynamodb: Any, state: str, attempts: int
) -> None:
    """After the fix a redrive goes on in the lanes that failed; the others are not run again."""
    agency = Agency.opened(dynamodb)
    before = agency.ledger()
    store = MemoryStore()
    for one in (COMPILED, CHILD):
        store.put_definition(one.fingerprint, one.graph)
    simulator = Simulator.for_sagas(
        [COMPILED, CHILD],
        store=store,
        resources=agency.resources(),
        faults={**WAYS[state], state: ["raises"] * attempts},
    )
    arn = simulator.start("BookTrip", TRIP, name=f"trip-{next(numbers)}")
    stuck = simulator.wait(arn)
    assert (stuck.status, stuck.error) == (Status.FAILED, "StepFailedForGood")
    simulator.redrive(arn)
    ended = simulator.wait(arn)
    after = agency.ledger()
    agency.close()
    assert after.money == before.money
    if state == "tell.partner":
        assert ended.status is Status.SUCCEEDED
        assert (after.reports, after.messages) == (1, 1)
        assert before.accounts["acc_ada"] - after.accounts["acc_ada"] == PRICE + DEPOSIT
    else:
        assert ended.error == "SagaCompensated"
        assert after.tills == after.fees
        assert after.vacant == before.vacant


def test_a_trip_costs_what_its_bound_says(dynamodb: Any) -> None:
    """One transition and one write a step, one transition for each node that decides; no reads.

    But for the child: its step writes who waits for it, besides, and whoever hears of its end reads
    what there is to tell, and writes the result.
    """
    cost = play(dynamodb, {}).run.cost
    steps, records = len(SEATS) + 2 + 1 + 1 + 2, 1
    own = len(CHILD_STEPS)
    deciding = len(
        ("check input", "book", "book.flight", "joined", "insure", "hold", "tell", "joined")
    )
    assert cost.writes == steps + records + own + len(("who waits", "its result"))
    assert cost.reads == TELLING_READS + HEARING_READS
    assert cost.transitions == steps + records + own + deciding + len(("book.flight joined",))
