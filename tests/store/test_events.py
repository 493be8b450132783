from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from hypothesis import given
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from stepsaga.errors import EventInvalid, UsageError
from stepsaga.store import Event, EventRecord, EventTypes, Upcasters
from stepsaga.store.events import SAGA_EVENTS, record_of
from stepsaga.store.saga_events import (
    SagaCompensated,
    SagaCompleted,
    SagaStarted,
    StepCompensated,
    StepCompleted,
    StepLanded,
    StepRejected,
    StepSealed,
)
from tests.contract.store_commits import ARN, commit, json_of, texts, unhurried


class Line(BaseModel):
    """Part of an event."""

    model_config = ConfigDict(extra="forbid")

    sku: str


class OrderPaid(Event):
    """An event of its third version."""

    version: ClassVar[int] = 3

    amount: Decimal
    paid_at: datetime
    currency: str = Field(default="EUR", alias="curr")
    lines: tuple[Line, ...] = ()


class Strict(Event):
    """An event that takes no conversions."""

    model_config = ConfigDict(strict=True)

    paid_at: datetime


AT = datetime(2026, 11, 21, 8, tzinfo=UTC)
PAID = OrderPaid(amount=Decimal("12.30"), paid_at=AT, curr="USD", lines=(Line(sku="a"),))
STORED = {
    "amount": "12.30",
    "paid_at": "2026-11-21T08:00:00Z",
    "curr": "USD",
    "lines": [{"sku": "a"}],
}

EVENTS: list[Event] = [
    StepCompleted(step="charge", value={"id": "p-1"}),
    StepRejected(step="charge", error="CardDeclined", message="no funds"),
    StepSealed(step="charge"),
    StepCompensated(step="charge", found="doubt"),
    StepLanded(step="charge", value=None),
    SagaCompleted(),
    SagaCompensated(error="Rejected", cause="no funds"),
    PAID,
    Strict(paid_at=AT),
]


def test_an_event_is_stored_as_json_by_alias() -> None:
    """An event is a name, its version, and its fields as JSON by alias, none left out (rule 24)."""
    assert record_of(PAID) == EventRecord("OrderPaid", 3, STORED)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_is_read_as_its_class(event: Event) -> None:
    """What was stored of an event is read as an equal event."""
    assert EventTypes([OrderPaid, Strict]).read(record_of(event)) == event


def test_the_start_is_stored_without_the_execution() -> None:
    """A start stores its input only: the ARN is the commit's causation, and is read from there."""
    start = SagaStarted(execution=ARN, input={"id": 1})
    record = record_of(start)
    assert record.data == {"input": {"id": 1}}
    assert EventTypes().events(commit(record, causation_id=ARN)) == (start,)


def test_every_event_of_a_saga_is_known() -> None:
    """All that a saga writes itself is read without being registered."""
    names = {
        model.__name__ for model in Event.__subclasses__() if "saga_events" in model.__module__
    }
    assert {model.__name__ for model in SAGA_EVENTS} == names


@unhurried
@given(value=json_of(texts))
def test_any_result_is_an_event(value: Any) -> None:
    """A result of any JSON value is stored and read back equal."""
    event = StepCompleted(step="charge", value=value)
    record = record_of(event)
    assert record.data == {"step": "charge", "value": value}
    assert EventTypes().read(record) == event


def test_an_event_past_its_model_is_refused() -> None:
    """An event that was made without validation is refused when it is to be stored, by field."""
    fields: dict[str, Any] = {"amount": Decimal(1), "paid_at": AT}
    nothing: dict[str, Any] = {}
    bad = OrderPaid.model_construct(**fields, lines=(Line.model_construct(**nothing),))
    with pytest.raises(EventInvalid, match=r"OrderPaid does not fit its model: lines\.0\.sku"):
        record_of(bad)


def test_an_event_with_a_value_of_another_type_is_refused() -> None:
    """What Pydantic would only warn of is an error with the field's name."""
    fields: dict[str, Any] = {"amount": Decimal(1), "paid_at": "yesterday", "lines": ()}
    bad = OrderPaid.model_construct(**fields)
    with pytest.raises(EventInvalid, match=r"OrderPaid cannot be stored as JSON.*paid_at"):
        record_of(bad)


@pytest.mark.parametrize("value", [float("nan"), [float("-inf")], object(), b"\xff", {"\ud800": 1}])
def test_an_event_that_is_not_json_is_refused(value: Any) -> None:
    """A value that JSON cannot say is refused with the event's name."""
    with pytest.raises(EventInvalid, match="StepCompleted cannot be stored as JSON"):
        record_of(StepCompleted(step="charge", value=value))


def test_half_a_character_is_refused() -> None:
    """Half a surrogate pair, which most JSON readers refuse, is refused before it is stored."""
    with pytest.raises(EventInvalid, match="StepRejected does not fit its model"):
        record_of(StepRejected(step="charge", error="E", message="\ud800"))


def test_an_event_that_could_not_be_read_is_refused() -> None:
    """An event whose own model does not read the names that it writes is refused on write."""

    class Renamed(Event):
        total: int = Field(serialization_alias="sum")

    with pytest.raises(EventInvalid, match="Renamed does not fit its model"):
        record_of(Renamed(total=1))


def test_a_secret_is_stored_masked() -> None:
    """A secret field of an event never reaches the table."""

    class Charged(Event):
        card: SecretStr

    assert record_of(Charged(card=SecretStr("4242"))).data == {"card": "**********"}


def test_an_unknown_event_is_returned_as_stored() -> None:
    """A type that the reader does not know is left as it is."""
    record = EventRecord("FromElsewhere", 1, {"x": 1})
    assert EventTypes().read(record) is record


def test_a_later_version_is_returned_as_stored() -> None:
    """An event of a later version than the reader's class is left as it is: nobody guesses."""
    record = EventRecord("OrderPaid", 4, STORED)
    assert EventTypes([OrderPaid]).read(record) is record


def test_fields_that_the_class_lacks_are_ignored() -> None:
    """Fields of another release, also inside lists and models, do not stop a reader."""
    lines = [{"sku": "a", "colour": "red"}]
    data = STORED | {"lines": lines, "tip": 1, "note": None}
    assert EventTypes([OrderPaid]).read(EventRecord("OrderPaid", 3, data)) == PAID
    assert data["lines"] == [{"sku": "a", "colour": "red"}]


def test_data_that_does_not_fit_is_refused_by_field() -> None:
    """Stored data that the class cannot take names event, version, field and the way out."""
    data = {"amount": "a lot", "paid_at": "2026-11-21T08:00:00Z", "tip": 1}
    with pytest.raises(EventInvalid, match=r"OrderPaid of version 3 .*amount: .*upcaster"):
        EventTypes([OrderPaid]).read(EventRecord("OrderPaid", 3, data))


def from_one(data: Any) -> Any:
    """Version 1 had cents."""
    cents = data.pop("cents")
    return data | {"amount": f"{cents / 100:.2f}"}


def from_two(data: Any) -> Any:
    """Version 2 had no currency."""
    return data | {"curr": "USD", "lines": [{"sku": "a"}]}


@pytest.fixture
def upcasters() -> Upcasters:
    """The way from version 1 to 3."""
    upcasters = Upcasters()
    upcasters.register(OrderPaid, 1, from_one)
    upcasters.register("OrderPaid", 2, from_two)
    return upcasters


@pytest.mark.parametrize(
    ("version", "data"),
    [(1, {"cents": 1230}), (2, {"amount": "12.30"}), (3, {"amount": "12.30", "curr": "USD"})],
)
def test_old_versions_are_brought_up_step_by_step(
    upcasters: Upcasters, version: int, data: dict[str, Any]
) -> None:
    """Each version passes through every upcaster from it on, and is read as the class of today."""
    record = EventRecord("OrderPaid", version, data | {"paid_at": "2026-11-21T08:00:00Z"})
    before = repr(record)
    event = EventTypes([OrderPaid], upcasters=upcasters).read(record)
    assert isinstance(event, OrderPaid)
    assert (event.amount, event.currency) == (Decimal("12.30"), "USD")
    assert repr(record) == before


def test_a_missing_upcaster_is_named() -> None:
    """A gap between the stored version and today's says which upcaster to write."""
    upcasters = Upcasters()
    upcasters.register(OrderPaid, 1, from_one)
    record = EventRecord("OrderPaid", 1, {"cents": 1, "paid_at": "2026-11-21T08:00:00Z"})
    with pytest.raises(EventInvalid, match=r"version 1 .* version 3: .*register\(OrderPaid, 2,"):
        EventTypes([OrderPaid], upcasters=upcasters).read(record)


def test_an_upcaster_that_fails_is_named() -> None:
    """An upcaster that raises, or makes what is no JSON, is an error that says which."""
    upcasters = Upcasters()
    upcasters.register(OrderPaid, 1, from_one)
    upcasters.register(OrderPaid, 2, lambda data: data | {"amount": Decimal(1)})
    types = EventTypes([OrderPaid], upcasters=upcasters)
    with pytest.raises(EventInvalid, match="upcaster of OrderPaid from version 1 failed: KeyError"):
        types.read(EventRecord("OrderPaid", 1, {}))
    with pytest.raises(EventInvalid, match=r"an upcaster made OrderPaid no JSON: .*Decimal"):
        types.read(EventRecord("OrderPaid", 2, {}))


def test_half_a_character_that_was_stored_is_read() -> None:
    """A result with half a surrogate pair in it does not make its event unreadable."""
    record = EventRecord("StepCompleted", 1, {"step": "charge", "value": ["\ud800"], "new": 1})
    assert EventTypes().read(record) == StepCompleted(step="charge", value=["\ud800"])


def test_two_upcasters_for_one_version_are_refused(upcasters: Upcasters) -> None:
    """A version has one way up."""
    with pytest.raises(UsageError, match="OrderPaid has two upcasters from version 1"):
        upcasters.register(OrderPaid, 1, from_one)


def test_two_events_of_one_name_are_refused() -> None:
    """A name means one class, because the name is what is stored."""
    other = type("OrderPaid", (Event,), {"__module__": __name__})
    with pytest.raises(UsageError, match="two events are called OrderPaid"):
        EventTypes([OrderPaid, other])


def test_a_class_may_be_registered_twice() -> None:
    """The same class, come by two ways, is no contradiction."""
    assert EventTypes([OrderPaid, OrderPaid, SagaStarted]).read(record_of(PAID)) == PAID


def test_a_version_is_no_field() -> None:
    """A class that declares its version as a field is told how to write it."""
    with (
        pytest.warns(UserWarning, match="shadows"),
        pytest.raises(UsageError, match=r"Wrong\.version .*ClassVar\[int\] = 2"),
    ):
        type("Wrong", (Event,), {"__annotations__": {"version": int}, "version": 2})


def test_a_version_begins_at_one() -> None:
    """A version below 1 is refused with what was given."""
    with pytest.raises(UsageError, match=r"Zero\.version must be 1 or more, got: 0"):
        type("Zero", (Event,), {"__annotations__": {"version": ClassVar[int]}, "version": 0})
