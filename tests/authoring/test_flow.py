"""Choices, parallels, maps and waits in a class body, and what they make of names and types."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga import (
    Choice,
    DefinitionError,
    Input,
    Map,
    Parallel,
    Saga,
    Sequence,
    Step,
    Wait,
    all_of,
    any_of,
    is_in,
    is_present,
    not_,
    when,
)
from stepsaga.authoring import graph_of
from stepsaga.engines.endings import Ending
from stepsaga.graph import (
    AllOf,
    AnyOf,
    ChoiceNode,
    Comparison,
    Condition,
    Datum,
    Kind,
    MapNode,
    Not,
    Operator,
    Origin,
    ParallelNode,
    Present,
    StepNode,
    WaitNode,
    steps_of,
    walk,
)
from stepsaga.testing.runner import SagaRunner
from tests.authoring import trips
from tests.authoring.problems import only

if TYPE_CHECKING:
    from collections.abc import Callable


class BookTrip(Saga):
    """All of it, nested."""

    trip = Input(trips.Trip)
    pay = Step(trips.charge, compensation=trips.refund)
    booking = Parallel(
        seats=Map(trip.travellers, most=9, seat=Step(trips.hold, compensation=trips.release)),
        rooms=Sequence(
            look=Step(trips.quote, read_only=True),
            stay=Choice(long=when(trip.days > 1, hotel=Step(trips.charge, read_only=True))),
        ),
        luggage=Map(
            trip.travellers,
            item="traveller",
            most=9,
            bags=Map(Map.item.bags, tags=Step(trips.tag, read_only=True), at_most=2, most=5),
        ),
    )
    pause = Wait(timedelta(minutes=2))
    done = Step(trips.tell, retriable=True)


def test_the_text_is_the_flow() -> None:
    """Nodes stand in the graph as they are written; a lone node of a branch has its name."""
    names = [node.name for node in walk(graph_of(BookTrip).nodes)]
    assert names == [
        *("pay", "booking", "seats", "seat", "look", "stay", "hotel"),
        *("luggage", "bags", "tags", "pause", "done"),
    ]


def test_results_of_branches_are_lists_and_optional() -> None:
    """Behind a map there is a list, nested where maps are; behind a choice perhaps None."""
    done = next(step for step in steps_of(graph_of(BookTrip).nodes) if step.name == "done")
    given = {parameter.name: parameter.given for parameter in done.call.parameters}
    assert given == {
        "trip": trips.Trip,
        "seat": list[trips.Seat],
        "hotel": int | None,
        "tags": list[list[str]],
    }


def test_slots_count_in_each_lane() -> None:
    """Forks have a slot, and their undoing another; in their lanes both begin anew (rule 8)."""
    nodes = {node.name: node for node in walk(graph_of(BookTrip).nodes)}
    booking, seats, seat = nodes["booking"], nodes["seats"], nodes["seat"]
    assert isinstance(booking, ParallelNode)
    assert isinstance(seats, MapNode)
    assert isinstance(seat, StepNode)
    assert seat.compensation is not None
    assert (booking.slot, booking.undo_slot, seats.slot, seats.undo_slot) == (
        (2,),
        (4,),
        (1,),
        (1,),
    )
    assert (seat.slot, seat.compensation.slot) == ((1,), (1,))
    luggage = nodes["luggage"]
    assert isinstance(luggage, MapNode)
    assert luggage.undo_slot == ()


def of(*path: str) -> Datum:
    """A datum of the input, with any type."""
    return Datum(Origin.INPUT, path=path)


def asked(make: Callable[[Any], object]) -> Condition:
    """The condition that a text becomes, without the types of its data."""

    class Asking(Saga):
        trip = Input(trips.Trip)
        pay = Step(trips.charge, compensation=trips.refund)
        asks = Choice(a=when(make(trip), Step(trips.quote, read_only=True)))  # type: ignore[arg-type]

    choice = graph_of(Asking).nodes[1]
    assert isinstance(choice, ChoiceNode)
    return _untyped(choice.branches[0].condition)


def _untyped(condition: Condition) -> Condition:
    match condition:
        case Comparison(datum=datum, operator=operator, other=other, kind=kind):
            beside = (
                Datum(other.origin, other.name, other.path) if isinstance(other, Datum) else other
            )
            return Comparison(Datum(datum.origin, datum.name, datum.path), operator, beside, kind)
        case Present(datum=datum):
            return Present(Datum(datum.origin, datum.name, datum.path))
        case Not(condition=inner):
            return Not(_untyped(inner))
        case AllOf(conditions=parts):
            return AllOf(tuple(map(_untyped, parts)))
        case AnyOf(conditions=parts):
            return AnyOf(tuple(map(_untyped, parts)))


LONG = Comparison(of("days"), Operator.GREATER, 3, Kind.NUMBER)
WORK = Comparison(of("kind"), Operator.EQUAL, "work", Kind.TEXT)


@pytest.mark.parametrize(
    ("make", "condition"),
    [
        (lambda trip: trip.days > 3, LONG),
        (lambda trip: 3 < trip.days, LONG),  # noqa: SIM300  # the other side
        (lambda trip: trip.kind == "work", WORK),
        (lambda trip: trip.kind != "work", Not(WORK)),
        (lambda trip: is_present(trip.note), Present(of("note"))),
        (lambda trip: not_(trip.days > 3), Not(LONG)),
        (lambda trip: all_of(trip.days > 3, trip.kind == "work"), AllOf((LONG, WORK))),
        (lambda trip: any_of(trip.days > 3, trip.kind == "work"), AnyOf((LONG, WORK))),
        (lambda trip: is_in(trip.kind, {"work"}), AnyOf((WORK,))),
        (
            lambda trip: trip.leaves < datetime(2027, 1, 1, tzinfo=UTC),
            Comparison(of("leaves"), Operator.LESS, "2027-01-01T00:00:00Z", Kind.INSTANT),
        ),
        (
            lambda trip: trip.days < trip.alias,
            Comparison(of("days"), Operator.LESS, of("theAlias"), Kind.NUMBER),
        ),
    ],
)
def test_a_condition_is_what_it_says(make: Callable[[Any], object], condition: Condition) -> None:
    """Python's comparisons become the graph's; fields by the keys under which they are written."""
    assert asked(make) == condition


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda trip: trip.price > 3, "trip.price is Decimal"),
        (lambda trip: trip.rest == trip.rest, "is timedelta"),  # two of one type
        (lambda trip: trip.naive == datetime(2027, 1, 1, tzinfo=UTC), "is datetime"),
        (lambda trip: trip.leaves < datetime(2027, 1, 1), "naive datetime"),  # noqa: DTZ001
        (lambda trip: trip.note == None, "compared with None"),  # noqa: E711  # the mistake
        (lambda trip: trip.days == "3", "compared with text"),
        (lambda trip: trip.to, "is no bool"),
        (lambda _: True, "is no condition"),
        (lambda _: all_of(), "is given nothing"),
        (lambda _: is_present(5), "is no saga data"),
        (lambda _: Map.item.k == 1, "outside of a map"),
        (lambda trip: trip.travellers == trip.travellers, "is list"),
    ],
)
def test_what_cannot_be_decided_is_refused(make: Callable[[Any], object], says: str) -> None:
    """S212 says what is compared, and with what (rule 24)."""
    with pytest.raises(DefinitionError) as raised:
        asked(make)
    [problem] = [one for one in raised.value.problems if one.code == "S212"]
    assert says.replace("trip.price", "price") in problem.text
    assert problem.hint


class Guest(Saga):
    """Conditions over keys that need quotes in a path."""

    odd = Input(trips.Odd)
    kind = Choice(
        vip=when(odd.vip, Step(trips.greet, read_only=True)),
        star=when(odd.stars > 3, Step(trips.greet, read_only=True)),
    )


@pytest.mark.parametrize(
    ("given", "taken"),
    [({"is-vip": True}, "vip"), ({"five ' stars. \\\\ or more": 5}, "star"), ({}, "")],
)
def test_any_key_can_be_asked_for(given: dict[str, Any], taken: str) -> None:
    """An alias may have dots, spaces, dashes and quotes: paths name it in quotes."""
    done = SagaRunner().run(Guest, given)
    assert done.ending is Ending.COMPLETED
    assert [e.data["step"] for e in done.events if e.type == "StepCompleted"] == [taken] * bool(
        taken
    )


def test_a_list_that_may_not_be_there_is_no_list() -> None:
    """S213: a map over None would fail where nothing catches it (rule 24)."""

    def make() -> None:
        class Sad(Saga):
            trip = Input(trips.Trip)
            seats = Map(trip.guests, seat=Step(trips.hold, compensation=trips.release))  # type: ignore[arg-type]

    assert only(make).code == "S213"


@pytest.mark.parametrize("field", ["leaves", "opens"])
def test_a_wait_takes_a_time_or_seconds(field: str) -> None:
    """Until an aware datetime, or for seconds that are in range (rule 24)."""

    class Waits(Saga):
        trip = Input(trips.Trip)
        rests = Wait(getattr(trip, field))
        pay = Step(trips.charge, compensation=trips.refund)

    wait = graph_of(Waits).nodes[0]
    assert isinstance(wait, WaitNode)
    assert wait.until is not None
    most = {"leaves": None, "opens": 3600}[field]
    assert (wait.until.path, wait.seconds) == ((field,), most)


@pytest.mark.parametrize("field", ["days", "naive", "note"])
def test_a_wait_for_what_is_no_time_is_refused(field: str) -> None:
    """S214: an int without bounds, a naive datetime, a text."""

    def make() -> None:
        class Waits(Saga):
            trip = Input(trips.Trip)
            rests = Wait(getattr(trip, field))
            pay = Step(trips.charge, compensation=trips.refund)

    assert only(make).code == "S214"


def test_two_nodes_of_one_name_are_refused() -> None:
    """S104: also in branches that never run together, for handlers know steps by name alone."""

    def make() -> None:
        class Twice(Saga):
            trip = Input(trips.Trip)
            one = Parallel(
                a=Sequence(pay=Step(trips.charge, compensation=trips.refund)),
                b=Sequence(pay=Step(trips.charge, compensation=trips.refund)),
            )

    assert only(make).code == "S104"


def test_siblings_do_not_know_each_other() -> None:
    """S204: what runs beside a step has no result for it."""

    def make() -> None:
        class Beside(Saga):
            trip = Input(trips.Trip)
            both = Parallel(
                pay=Step(trips.charge, compensation=trips.refund),
                back=Step(trips.refund, read_only=True),
            )

    assert only(make).code == "S204"


def test_a_step_that_may_be_passed_over_is_optional() -> None:
    """S301: a handler that takes the result of a branch's step must accept None."""

    def make() -> None:
        class Perhaps(Saga):
            trip = Input(trips.Trip)
            maybe = Choice(far=when(trip.days > 3, seat=Step(trips.quote, read_only=True)))
            told = Step(_told, read_only=True)

    assert only(make).code == "S301"


def _told(seat: trips.Seat) -> None: ...


def test_the_definition_must_be_able_to_check_the_input() -> None:
    """S211: what the definition looks at is validated first, by a class that can be imported."""

    def make() -> None:
        class Local(trips.Trip):
            pass

        class Looks(Saga):
            trip = Input(Local)
            pay = Step(trips.charge, compensation=trips.refund)
            maybe = Choice(far=when(trip.days > 3, seat=Step(trips.quote, read_only=True)))

    assert only(make).code == "S211"
