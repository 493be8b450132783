from __future__ import annotations

from typing import Any

import pytest

from stepsaga.store import EventRecord
from stepsaga.store.codec import encode
from stepsaga.store.events import record_of
from stepsaga.store.saga_events import SagaCompleted, SagaStarted, StepCompensated, StepCompleted
from stepsaga.store.sizes import item_bytes, value_bytes, write_units
from stepsaga.store.slots import slot_text, stream_of
from tests.contract.store_commits import RUN, commit, noise

SAGA = "FulfilTheOrderOfACustomerAtOnce"[:30]
SAGA_ID = noise(40)
MACHINE_ARN = "arn:aws:states:ap-southeast-2:123456789012:execution:"
EXECUTION_ARN = f"{MACHINE_ARN}{noise(140 - len(MACHINE_ARN) - 41)}:{SAGA_ID}"
STEP = "charge the card of the payer"
FIXED_FIRST = 635
FIXED_LATER = 590


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": ""}, 0),
        ({"S": "grüße"}, 7),
        ({"S": "🙂"}, 4),
        ({"B": b"\x00\x01"}, 2),
        ({"N": "0"}, 1),
        ({"N": "7"}, 2),
        ({"N": "-7"}, 3),
        ({"N": "100"}, 2),
        ({"N": "12345"}, 4),
        ({"N": "0.0012"}, 2),
        ({"N": "1.5E10"}, 2),
        ({"NULL": True}, 1),
        ({"BOOL": False}, 1),
        ({"L": []}, 3),
        ({"L": [{"S": "ab"}, {"N": "1"}]}, 3 + 3 + 3),
        ({"M": {}}, 3),
        ({"M": {"key": {"S": "ab"}}}, 3 + 1 + 3 + 2),
        ({"SS": ["a", "bc"]}, 3),
        ({"NS": ["1", "2"]}, 4),
    ],
)
def test_values_weigh_what_dynamodb_documents(value: dict[str, Any], size: int) -> None:
    """Each type's size follows the rules that DynamoDB documents."""
    assert value_bytes(value) == size


def test_an_item_weighs_its_names_too() -> None:
    """The names of an item's attributes count."""
    assert item_bytes({"slot": {"S": "abc"}, "n": {"N": "1"}}) == 4 + 3 + 1 + 2


def test_a_type_that_dynamodb_lacks_is_refused() -> None:
    """What is no value in DynamoDB JSON has no size."""
    with pytest.raises(ValueError, match="no type 'X'"):
        value_bytes({"X": "1"})


@pytest.mark.parametrize(
    ("size", "units"), [(0, 1), (1, 1), (1024, 1), (1025, 2), (2048, 2), (409_600, 400)]
)
def test_a_write_unit_is_a_kilobyte(size: int, units: int) -> None:
    """A put costs a write unit for each KB that is begun."""
    assert write_units(size) == units


def realistic(*events: EventRecord) -> dict[str, Any]:
    """The item of a commit with ids as long as real ones are."""
    item: dict[str, Any] = encode(
        commit(
            *events,
            stream=stream_of(SAGA, SAGA_ID),
            slot=slot_text(RUN, (2,)),
            correlation_id=SAGA_ID,
            causation_id=EXECUTION_ARN,
        )
    ).item
    return item


def started(length: int) -> EventRecord:
    """The start with an input of this many bytes of JSON."""
    return record_of(SagaStarted(execution=EXECUTION_ARN, input=noise(length - 2)))


def completed(length: int) -> EventRecord:
    """A step with a result of this many bytes of JSON."""
    return record_of(StepCompleted(step=STEP, value=noise(length - 2, seed=1)))


def is_plain(item: dict[str, Any]) -> bool:
    """Whether a person can read all of it in the console."""
    return all("data" in event["M"] for event in item["events"]["L"])


@pytest.mark.parametrize("given", [2, 100, 150, 298])
def test_a_first_commit_fits_one_write_unit(given: int) -> None:
    """Input and result of 300 bytes together cost one write unit, and stay readable."""
    item = realistic(started(given), completed(300 - given))
    assert item_bytes(item) == FIXED_FIRST + 300
    assert write_units(item_bytes(item)) == 1
    assert is_plain(item)


def test_a_saga_of_one_step_fits_one_write_unit() -> None:
    """A commit that is first and last at once still costs one write unit."""
    item = realistic(started(150), completed(150), record_of(SagaCompleted()))
    assert write_units(item_bytes(item)) == 1
    assert is_plain(item)


@pytest.mark.parametrize("emitted", [0, 1, 2, 3])
def test_a_later_commit_fits_one_write_unit(emitted: int) -> None:
    """Result and events (name and data) of 300 bytes together cost one unit, also at the end."""
    share, name = 300 // (emitted + 1), "PaymentAuthorised"
    domain = [EventRecord(name, 1, noise(share - len(name) - 2)) for _ in range(emitted)]
    item = realistic(completed(share), *domain, record_of(SagaCompleted()))
    assert write_units(item_bytes(item)) == 1
    assert is_plain(item)


def test_a_compensation_fits_one_write_unit() -> None:
    """The success of a compensation costs one write unit."""
    item = realistic(record_of(StepCompensated(step=STEP, found="doubt")))
    assert write_units(item_bytes(item)) == 1


def test_the_fixed_bytes_of_an_item_are_known() -> None:
    """What a commit weighs besides input, result and events is pinned: it is most of a unit."""
    assert item_bytes(realistic(completed(2))) - 2 == FIXED_LATER
    assert item_bytes(realistic(started(2), completed(2))) - 4 == FIXED_FIRST
