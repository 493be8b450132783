"""BookTrip on a deployed stack: lanes beside one another, joined, undone, and counted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from handlers import cars
from handlers.travel import Trip
from sagas.trips import BookTrip
from stepsaga.cli.deployed import story
from stepsaga.cli.operating import operator_of
from stepsaga.engines.endings import Ending
from stepsaga.store.slots import stream_of
from tests.e2e.test_sagas import PATIENCE, new_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stepsaga.cli.timeline import Timeline
    from stepsaga.client import SagaStatus
    from stepsaga.store.commits import Commit
    from tests.e2e.targets import Target
    from tools.trips import TripLedger

TRAVELLERS = ("Ada", "Ben", "Cleo")


def trip(hotel: str = "harbour", hotel_price: int = 43_855, **changes: object) -> Trip:
    """A trip for three, with an insurance."""
    return Trip.model_validate(
        {
            "customer": "ada@example.com",
            "account": "acc_ada",
            "travellers": [{"name": name} for name in TRAVELLERS],
            "flight": {"id": "LX318", "price": 12_900},
            "hotel": {"id": hotel, "price": hotel_price},
            "car": {"id": "small", "price": 9_900},
            "insurance": {"id": "cancellation", "price": 2_400},
            "hold": 1,
            **changes,
        }
    )


PRICE = 3 * 12_900 + 43_855 + 9_900 + 2_400


def ended(target: Target, value: Trip, saga_id: str) -> SagaStatus:
    """Start a trip, and wait for its end."""
    client = target.sagas()
    BookTrip.start(value, id=saga_id, client=client)
    return client.wait("BookTrip", saga_id, timeout=PATIENCE)


def rental(target: Target, saga_id: str) -> Timeline:
    """The story of a trip's rental, as soon as there is one."""
    client = target.sagas()
    until = time.monotonic() + PATIENCE.total_seconds()
    while not (streams := _rentals(client.store.read(stream_of("BookTrip", saga_id)))):
        assert time.monotonic() < until, "no rental is started"
        time.sleep(0.2)
    return story(client, client.status("RentCar", streams[0].partition("#")[2]))


def _rentals(commits: Iterable[Commit]) -> list[str]:
    events = [event for commit in commits for event in commit.events]
    return [event.data["child"] for event in events if event.type == "ChildAwaited"]


def assert_undone(before: TripLedger, after: TripLedger, fees: int) -> None:
    """Nothing stands but the fees: no deposit is held, nobody drives."""
    assert_conserved(before, after)
    assert (after.vacant, after.booked) == (before.vacant, before.booked)
    assert (after.deposits, after.drivers) == (before.deposits, before.drivers)
    assert sum(before.accounts.values()) - sum(after.accounts.values()) == fees


def slots(target: Target, saga_id: str) -> list[str]:
    """Slots and outcomes, without the run."""
    commits = target.sagas().store.read(stream_of("BookTrip", saga_id))
    return [f"{one.slot.partition('/')[2]} {one.outcome}" for one in commits]


@pytest.fixture
def conserved(target: Target) -> Iterator[Target]:
    """A stack of which everything is counted before and after: nothing is lost, nothing made."""
    before = target.count_trips()
    yield target
    assert_conserved(before, target.count_trips())


def assert_conserved(before: TripLedger, after: TripLedger) -> None:
    """All money and all offers are still there."""
    assert (after.money, after.offers) == (before.money, before.offers)


def test_a_trip_completes(conserved: Target) -> None:
    """Branches and items write to lanes of their own, join, and all of it is paid and told."""
    before, saga_id = conserved.count_trips(), new_id("trip")
    assert ended(conserved, trip(), saga_id).ending is Ending.COMPLETED
    after = conserved.count_trips()
    assert slots(conserved, saga_id) == [
        "00001/1000000/00001/1000000/00001 result",
        "00001/1000000/00001/1000001/00001 result",
        "00001/1000000/00001/1000002/00001 result",
        "00001/1000001/00001 result",
        "00001/1000002/00001 result",
        "00001/1000002/00001/token/00000-00000 awaited",
        "00002 result",
        "00003 result",
        "00004/1000000/00001 result",
        "00004/1000001/00001 result",
        "99999 ended",
    ]
    assert before.accounts["acc_ada"] - after.accounts["acc_ada"] == PRICE + cars.DEPOSIT
    assert (after.deposits, after.drivers) == (before.deposits + cars.DEPOSIT, before.drivers + 1)
    assert rental(conserved, saga_id).ending is Ending.COMPLETED
    told = (after.tickets, after.reports, after.messages)
    assert told == (before.tickets + 3, before.reports + 1, before.messages + 1)


def test_a_full_hotel_undoes_a_trip(conserved: Target) -> None:
    """A branch that is refused joins its siblings; then all are undone, for their fees."""
    before, saga_id = conserved.count_trips(), new_id("full-trip")
    status = ended(conserved, trip("full"), saga_id)
    assert status.ending is Ending.COMPENSATED
    shown = story(conserved.sagas(), status)
    assert sorted(shown.undone) == [
        "book.car",
        *(f"book.flight[{item}].seat" for item in range(len(TRAVELLERS))),
    ]
    assert shown.reason.startswith("book.hotel: handlers.bookings.SoldOut: full is sold out")
    after = conserved.count_trips()
    assert before.accounts["acc_ada"] - after.accounts["acc_ada"] == 3 * 1_500 + 500
    assert after.vacant == before.vacant


def test_a_trip_in_doubt_is_undone(stack: Target) -> None:
    """Where a step behind the lanes dies for good after its effect, it and the lanes are undone."""
    before, saga_id = stack.count_trips(), new_id("doubtful-trip")
    stack.go_wrong(saga_id, policy="crashes after")
    status = ended(stack, trip(), saga_id)
    assert status.ending is Ending.COMPENSATED
    undone = story(stack.sagas(), status).undone
    assert (undone[0], len(undone)) == ("policy", len(TRAVELLERS) + 3)
    after = stack.count_trips()
    assert_conserved(before, after)
    paid = before.accounts["acc_ada"] - after.accounts["acc_ada"]
    assert paid == 3 * 1_500 + 4_386 + 500
    assert after.vacant == before.vacant


SEATS_AND_ROOM = 3 * 1_500 + 4_386


def test_a_rental_that_is_refused_undoes_a_trip(conserved: Target) -> None:
    """RentCar gives its car back, because the account does not cover the deposit; the trip ends."""
    before, saga_id = conserved.count_trips(), new_id("poor-trip")
    cheap = trip(
        account="acc_thrifty",
        travellers=[{"name": "Ada"}],
        hotel_price=10_000,
        insurance=None,
    )
    status = ended(conserved, cheap, saga_id)
    assert status.ending is Ending.COMPENSATED
    reason = story(conserved.sagas(), status).reason
    assert reason.startswith("book.car: ChildCompensated: its child RentCar#")
    child = rental(conserved, saga_id)
    assert child.ending is Ending.COMPENSATED
    assert child.reason.startswith("deposit: handlers.cars.DepositDeclined")
    assert_undone(before, conserved.count_trips(), 1_500 + 1_000 + 500)


def test_a_trip_that_is_refused_later_has_its_rental_undone(conserved: Target) -> None:
    """The rental is completed, and undone from its log, driver and deposit first."""
    before, saga_id = conserved.count_trips(), new_id("uninsured-trip")
    none = {"id": "none", "price": 1}
    status = ended(conserved, trip(insurance=none), saga_id)
    assert status.ending is Ending.COMPENSATED
    child = rental(conserved, saga_id)
    assert (child.ending, child.undone) == (Ending.COMPENSATED, ("driver", "deposit", "rent"))
    assert_undone(before, conserved.count_trips(), SEATS_AND_ROOM + 500)


@pytest.mark.parametrize("how", ["stopped", "cancelled"])
def test_a_trip_that_ends_while_its_rental_runs_takes_it_along(stack: Target, how: str) -> None:
    """Whoever ends the trip ends its rental: both are undone, from their logs or by themselves."""
    before, saga_id = stack.count_trips(), new_id(f"{how}-trip")
    stack.go_wrong(f"{saga_id}-*", deposit="slow")
    client = stack.sagas()
    BookTrip.start(trip(), id=saga_id, client=client)
    rental(stack, saga_id)
    if how == "stopped":
        client.engine.stop(client.status("BookTrip", saga_id).execution)
    else:
        operator_of(stack.deployed.stack, None, "ann").cancel("BookTrip", saga_id, "the wrong week")
    until = time.monotonic() + 2 * PATIENCE.total_seconds()
    while client.status("BookTrip", saga_id).ending is not Ending.COMPENSATED:
        assert time.monotonic() < until, "it is not undone"
        time.sleep(0.5)
    assert rental(stack, saga_id).ending is Ending.COMPENSATED
    after = stack.count_trips()
    fees = sum(after.fees.values()) - sum(before.fees.values())
    assert_undone(before, after, fees)
