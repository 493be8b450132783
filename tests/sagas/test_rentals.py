"""RentCar beside BookTrip, which starts it: refused, undone, stuck, stopped; and on its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from handlers import cars
from handlers.table import Table, UndoneAlready
from handlers.travel import Hire, Rental
from sagas.trips import BookTrip, RentCar
from stepsaga.engines.endings import Ending, ending_of
from stepsaga.engines.protocol import Status
from stepsaga.testing import SagaRunner
from tests.children.world import MOMENT, World
from tests.sagas.agency import CAR, DEPOSIT, PRICE, TRAVELLERS, TRIP, Agency, numbers
from tests.sagas.shop import context
from tests.sagas.test_trips import CAR_FEE, ROOM_FEE, SEAT_FEE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handlers.table import Write
    from tools.trips import TripLedger

OTHERS_FEES = len(TRAVELLERS) * SEAT_FEE + ROOM_FEE
HIRE = {key: TRIP[key] for key in ("account", "travellers", "car")}
ALL_BUT_THE_DEPOSIT = {"id": "small", "price": 200_000 - DEPOSIT + 1}
"""A car that leaves too little in the account to cover the deposit."""
TOO_DEAR = {"insurance": {"id": "cancellation", "price": 99_999_999}}
"""What is refused when the car is rented already."""


class Desk(Table):
    """The table of cars; records whose ids begin with ``down`` cannot be written."""

    down = ""

    def write(self, *writes: Write) -> None:
        """Write, or fail."""
        if self.down and any(one.id.startswith(self.down) for one in writes):
            raise ConnectionError(f"no {self.down} can be written")
        super().write(*writes)


@dataclass
class Place:
    """Trips with their rentals, and the books that are kept of them."""

    world: World
    desk: Desk
    agency: Agency
    before: TripLedger

    def book(self, **changes: Any) -> str:
        """Start a trip; its execution."""
        return self.world.start("BookTrip", {**TRIP, **changes})

    @property
    def rental(self) -> str:
        """The id of the one rental."""
        return self.world.child("RentCar").name

    def check(self, ending: Ending, car_fee: int = 0) -> None:
        """No cent is lost: all is paid for, or nothing but the fees; no deposit is left behind."""
        after = self.agency.ledger()
        paid = self.before.accounts["acc_ada"] - after.accounts["acc_ada"]
        assert after.money == self.before.money
        held = (after.deposits, after.drivers)
        if ending is Ending.COMPLETED:
            assert (paid, *held) == (PRICE + DEPOSIT, DEPOSIT, 1)
        else:
            assert (paid, *held) == (sum(after.fees.values()), 0, 0)
            assert after.fees["cars"] == car_fee
            assert after.vacant == self.before.vacant


@pytest.fixture
def place(shop: Any) -> Iterator[Place]:
    """A place of which nobody knows yet."""
    agency = Agency.opened(shop.dynamodb)
    desk = Desk(shop.dynamodb, agency.names.cars)
    world = World((BookTrip,), resources={**agency.resources(), "cars": desk})
    yield Place(world, desk, agency, agency.ledger())
    agency.close()


@pytest.mark.parametrize(
    ("car", "fee"),
    [({"id": "none", "price": CAR}, 0), (ALL_BUT_THE_DEPOSIT, CAR_FEE)],
    ids=["no car", "no deposit"],
)
def test_a_rental_that_is_refused_undoes_the_trip(place: Place, car: Any, fee: int) -> None:
    """At its first step or a later one: RentCar undoes itself, for its fee; the trip follows."""
    view = place.world.engine.wait(place.book(car=car))
    place.world.rest(1)
    assert ending_of(view) is Ending.COMPENSATED
    assert place.world.ends_of("RentCar") == ["SagaCompensated"]
    place.check(Ending.COMPENSATED, fee)


def test_a_trip_that_is_refused_later_undoes_its_rental(place: Place) -> None:
    """RentCar is completed, and is undone from its log: the driver first, then the deposit."""
    view = place.world.engine.wait(place.book(**TOO_DEAR))
    place.world.rest(1)
    assert ending_of(view) is Ending.COMPENSATED
    assert place.world.ends_of("RentCar") == ["SagaCompleted", "SagaCompensated"]
    undone = [
        event.data["step"]
        for commit in place.world.commits(f"RentCar#{place.rental}")
        for event in commit.events
        if event.type == "StepCompensated"
    ]
    assert undone == ["driver", "deposit", "rent"]
    place.check(Ending.COMPENSATED, CAR_FEE)


def test_a_stuck_rental_is_mended_and_the_trip_goes_on(place: Place) -> None:
    """Whoever looks at the trip is told which command helps; after it both come to their end."""
    place.desk.down = "driver#"
    arn = place.book()
    place.world.rest(0.1)
    assert place.world.engine.describe(arn).status is Status.RUNNING
    [waited] = place.world.operator.waits_for("BookTrip", "one")
    assert waited.stuck is not None
    assert f"stepsaga redrive RentCar#{place.rental}" in waited.stuck.then
    place.desk.down = ""
    place.world.operator.redrive("RentCar", place.rental)
    assert ending_of(place.world.engine.wait(arn)) is Ending.COMPENSATED
    place.check(Ending.COMPENSATED, CAR_FEE)


def test_a_rental_that_is_stuck_for_too_long_calls_the_trip_off(place: Place) -> None:
    """After ten hours the trip is undone; it ends when somebody has mended its rental."""
    place.desk.down = "driver#"
    arn = place.book()
    place.world.rest(1)
    assert place.world.engine.describe(arn).status is Status.RUNNING
    assert "StepSealed" in place.world.types("BookTrip#one")
    place.desk.down = ""
    place.world.operator.redrive("RentCar", place.rental)
    assert ending_of(place.world.engine.wait(arn)) is Ending.COMPENSATED
    place.check(Ending.COMPENSATED, CAR_FEE)


@pytest.mark.parametrize("moments", range(1, 22, 2))
def test_a_trip_that_is_stopped_takes_its_rental_along(place: Place, moments: int) -> None:
    """Wherever both of them are: nothing is left but fees."""
    arn = place.book()
    place.world.after(MOMENT * moments, partial(place.world.engine.stop, arn))
    place.world.engine.wait(arn)
    place.world.rest(1)
    assert place.world.types("BookTrip#one").count("SagaCompensated") == 1
    rented = place.agency.ledger().fees["cars"]
    place.check(Ending.COMPENSATED, rented)


def test_a_trip_that_is_cancelled_while_it_holds_seats_returns_the_car(place: Place) -> None:
    """The rental was completed minutes ago, and is undone with the rest."""
    arn = place.book()
    cancel = partial(place.world.operator.cancel, "BookTrip", "one", "the wrong week")
    place.world.after(timedelta(minutes=5), cancel)
    place.world.engine.wait(arn)
    place.world.rest(1)
    assert place.world.ends_of("RentCar") == ["SagaCompleted", "SagaCompensated"]
    place.check(Ending.COMPENSATED, CAR_FEE)


def test_a_rental_that_is_cancelled_undoes_the_trip(place: Place) -> None:
    """The desk calls it off: to the trip that is a refusal."""
    place.desk.down = "deposit#"
    arn = place.book()

    def cancel() -> None:
        place.desk.down = ""
        place.world.operator.cancel("RentCar", place.rental, "the desk is closed")

    place.world.after(timedelta(seconds=1), cancel)
    assert ending_of(place.world.engine.wait(arn)) is Ending.COMPENSATED
    place.world.rest(1)
    place.check(Ending.COMPENSATED, CAR_FEE)


@pytest.mark.parametrize("value", [HIRE, TRIP], ids=["what it needs", "a whole trip"])
def test_a_car_is_rented_without_a_trip(place: Place, value: Any) -> None:
    """RentCar is a saga like any other; what it does not need of its input is passed over."""
    run = SagaRunner(resources={"cars": place.desk}).run(RentCar, value)
    assert run.ending is Ending.COMPLETED
    after = place.agency.ledger()
    assert (after.tills["cars"], after.deposits, after.drivers) == (CAR, DEPOSIT, 1)


# The handlers

FOR_HIRE = Hire.model_validate(TRIP)
RENT = Rental(booking="A1")


def deposit(desk: Desk, key: str) -> object:
    """Take the deposit."""
    return cars.take_deposit(FOR_HIRE, RENT, context(key), desk)


def undeposit(desk: Desk, key: str) -> object:
    """Return it."""
    return cars.return_deposit(None, context(key), desk)  # type: ignore[func-returns-value]


def driver(desk: Desk, key: str) -> object:
    """Enter who drives."""
    return cars.enter_driver(FOR_HIRE, RENT, context(key), desk)


def undriver(desk: Desk, key: str) -> object:
    """Strike out who drives."""
    return cars.strike_driver(None, context(key), desk)  # type: ignore[func-returns-value]


PAIRS = pytest.mark.parametrize(("step", "undo"), [(deposit, undeposit), (driver, undriver)])


@PAIRS
def test_a_call_again_has_one_effect(
    place: Place, step: Callable[[Desk, str], object], undo: Callable[[Desk, str], object]
) -> None:
    """However often it comes, the step takes once, and its compensation gives back once."""
    key = f"key-{next(numbers)}"
    first = step(place.desk, key)
    taken = place.agency.ledger()
    assert step(place.desk, key) == first
    assert place.agency.ledger() == taken != place.before
    for _ in range(2):
        undo(place.desk, key)
        assert place.agency.ledger() == place.before


@PAIRS
def test_what_is_undone_first_cannot_happen_later(
    place: Place, step: Callable[[Desk, str], object], undo: Callable[[Desk, str], object]
) -> None:
    """The compensation leaves a tombstone, at which the step is refused (rule 10)."""
    undo(place.desk, "late")
    with pytest.raises(UndoneAlready):
        step(place.desk, "late")
    assert place.agency.ledger() == place.before


def test_a_declined_deposit_stays_declined(place: Place) -> None:
    """The same call gets the same answer, and its compensation has nothing to give back."""
    poor = FOR_HIRE.model_validate({**HIRE, "account": "acc_empty"})
    for _ in range(2):
        with pytest.raises(cars.DepositDeclined):
            cars.take_deposit(poor, RENT, context("poor"), place.desk)
    undeposit(place.desk, "poor")
    assert place.agency.ledger() == place.before


def test_a_missing_place_for_deposits_is_not_the_customer_s_fault(place: Place) -> None:
    """It is no refusal: a person must look, and nothing has moved."""
    key = {"id": {"S": cars.DEPOSITS}}
    place.agency.dynamodb.delete_item(TableName=place.agency.names.cars, Key=key)
    with pytest.raises(cars.NoDeposits):
        deposit(place.desk, "nowhere")
