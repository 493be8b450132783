"""BookTrip on a deployed stack: lanes beside one another, joined, undone, and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handlers.travel import Trip
from sagas.trips import BookTrip
from stepsaga.cli.deployed import story
from stepsaga.engines.endings import Ending
from stepsaga.store.slots import stream_of
from tests.e2e.test_sagas import PATIENCE, new_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.client import SagaStatus
    from tests.e2e.targets import Target
    from tools.trips import TripLedger

TRAVELLERS = ("Ada", "Ben", "Cleo")


def trip(hotel: str = "harbour") -> Trip:
    """A trip for three, with an insurance."""
    return Trip.model_validate(
        {
            "customer": "ada@example.com",
            "account": "acc_ada",
            "travellers": [{"name": name} for name in TRAVELLERS],
            "flight": {"id": "LX318", "price": 12_900},
            "hotel": {"id": hotel, "price": 43_855},
            "car": {"id": "small", "price": 9_900},
            "insurance": {"id": "cancellation", "price": 2_400},
            "hold": 1,
        }
    )


PRICE = 3 * 12_900 + 43_855 + 9_900 + 2_400


def ended(target: Target, value: Trip, saga_id: str) -> SagaStatus:
    """Start a trip, and wait for its end."""
    client = target.sagas()
    BookTrip.start(value, id=saga_id, client=client)
    return client.wait("BookTrip", saga_id, timeout=PATIENCE)


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
        "00002 result",
        "00003 result",
        "00004/1000000/00001 result",
        "00004/1000001/00001 result",
        "99999 ended",
    ]
    assert before.accounts["acc_ada"] - after.accounts["acc_ada"] == PRICE
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
