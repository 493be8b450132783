"""Trips: a flight, a hotel and a car that are only worth something together."""

from __future__ import annotations

from datetime import timedelta

from handlers import cars, flights, hotels, insurance, notifications, partners
from handlers.travel import Hire, Trip
from stepsaga import Child, Choice, Input, Map, Parallel, Retry, Saga, Step, Wait, is_present, when


class RentCar(Saga):
    """Rent a car, with a deposit, for whoever drives it."""

    hire = Input(Hire)

    rent = Step(cars.rent_car, compensation=cars.cancel_car)
    deposit = Step(cars.take_deposit, compensation=cars.return_deposit)
    driver = Step(cars.enter_driver, compensation=cars.strike_driver)


class BookTrip(Saga):
    """Book all of a trip, or cancel what was booked and pay no more than the fees."""

    trip = Input(Trip)
    deadline = timedelta(hours=36)

    book = Parallel(
        flight=Map(
            trip.travellers,
            item="traveller",
            at_most=3,
            most=9,
            # All travellers' seats are one offer of one table: they may have to wait for another.
            seat=Step(
                flights.book_seat,
                compensation=flights.cancel_seat,
                retry=Retry(attempts=6, wait=timedelta(seconds=1)),
            ),
        ),
        hotel=Step(hotels.book_room, compensation=hotels.cancel_room),
        # A saga of its own: whoever mends it when it is stuck has so long before it is called off.
        car=Child(
            RentCar,
            takes={"hire": trip},
            result=RentCar.rent,
            timeout=timedelta(hours=10),
        ),
    )
    insure = Choice(
        wanted=when(
            is_present(trip.insurance),
            policy=Step(insurance.insure_trip, compensation=insurance.cancel_policy),
        ),
    )
    hold = Wait(trip.hold)
    issue = Step(flights.issue_tickets, pivot=True, verify=flights.find_tickets)
    # from here on: forward only
    tell = Parallel(
        itinerary=Step(notifications.send_itinerary),
        partner=Step(partners.report_trip),
    )
