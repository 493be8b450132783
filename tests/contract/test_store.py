from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings

from stepsaga.errors import CommitTooLarge, CommitUnreadable, EngineError, EventInvalid
from stepsaga.store import DynamoDBStore, EventRecord, EventTypes, MemoryStore, Outcome
from stepsaga.store.codec import encode
from stepsaga.store.counting import CountingStore, Counts
from stepsaga.store.records import ConditionFailed, put_record
from stepsaga.store.saga_events import SagaCompensated, SagaStarted
from stepsaga.store.sizes import item_bytes
from stepsaga.store.slots import slot_text
from tests.contract.store_backends import KeepsQueries, local_aws
from tests.contract.store_commits import (
    ARN,
    LATER_RUN,
    RUN,
    STREAM,
    any_texts,
    commit,
    event,
    json_values,
    noise,
    seal,
    unhurried,
)
from tests.contract.store_records import EXECUTION, FAILURE, record_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.store import Commit, EventStore
    from tests.contract.store_backends import LocalAWS

WRITERS = 8
NUMBERS = count(1)
"""Each example of a law gets a slot of its own."""


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAWS]:
    """One moto server for this module."""
    with local_aws() as local:
        yield local


@pytest.fixture(params=["memory", "dynamodb"])
def store(request: pytest.FixtureRequest) -> EventStore:
    """An empty event store of each kind."""
    if request.param == "memory":
        return MemoryStore()
    aws: LocalAWS = request.getfixturevalue("aws")
    return aws.store()


def test_a_commit_is_read_back_as_it_was_written(store: EventStore) -> None:
    """An appended commit is returned, and every attribute of it is read back."""
    mine = commit(event({"amount": "12.30", "note": "grüße 🙂"}), EventRecord("Paid", 3, [1, None]))
    assert store.append(mine) == mine
    assert store.get(mine.stream_id, mine.slot) == mine
    assert list(store.read(mine.stream_id)) == [mine]


def test_first_writer_wins(store: EventStore) -> None:
    """A second commit to a slot changes nothing and gets the first one (rule 5)."""
    result, late = commit(event("first")), commit(event("second"), attempt=1)
    store.append(result)
    assert store.append(late) == result
    assert store.get(result.stream_id, result.slot) == result


@pytest.mark.parametrize("first", ["result", "seal"])
def test_exactly_one_of_result_and_seal_gets_in(store: EventStore, first: str) -> None:
    """Whichever of a step's result and its seal comes second learns of the other (rules 5, 6)."""
    pair = [commit(event("paid")), seal()]
    early, late = pair if first == "result" else pair[::-1]
    assert store.append(early).outcome is early.outcome
    assert store.append(late).outcome is early.outcome


def test_the_same_commit_again_finds_itself(store: EventStore) -> None:
    """A write that is sent again is answered like the first time, and leaves one commit."""
    mine = commit()
    assert store.append(mine) == store.append(mine) == mine
    assert list(store.read(STREAM)) == [mine]


def test_racing_writers_have_one_winner(store: EventStore) -> None:
    """Of threads that race for a slot exactly one wins, and all of them see it (rule 5)."""
    barrier = Barrier(WRITERS)

    def race(writer: int, slot: int) -> tuple[Commit, Commit]:
        mine = commit(event(f"writer {writer}"), slot=slot_text(RUN, (slot,)))
        barrier.wait()
        return mine, store.append(mine)

    for slot in range(1, 11):
        with ThreadPoolExecutor(WRITERS) as pool:
            answers = list(pool.map(race, range(WRITERS), [slot] * WRITERS))
        winners = [mine for mine, seen in answers if seen == mine]
        assert len(winners) == 1
        assert {seen.events[0].data["value"] for _, seen in answers} == {
            winners[0].events[0].data["value"]
        }
        assert store.get(STREAM, slot_text(RUN, (slot,))) == winners[0]


def test_an_empty_slot_holds_nothing(store: EventStore) -> None:
    """A slot that nobody has written is None, and a stream without commits is empty."""
    assert store.get(STREAM, slot_text(RUN, (1,))) is None
    assert list(store.read(STREAM)) == []


def test_nothing_is_shared_with_the_store(store: EventStore) -> None:
    """What a writer or a reader does to its values later does not change what is stored."""
    items = ["book"]
    mine = commit(event({"items": items}))
    store.append(mine)
    items.append("pen")
    for seen in (store.get(STREAM, mine.slot), *store.read(STREAM), store.append(mine)):
        assert seen is not None
        seen.events[0].data["value"]["items"].append("ink")
    again = store.get(STREAM, mine.slot)
    assert again is not None
    assert again.events[0].data["value"] == {"items": ["book"]}


def test_a_stream_is_read_in_the_order_of_its_slots(store: EventStore) -> None:
    """Runs of one name, lanes, late effects and the end come in order, however written (rule 4)."""
    slots = [
        slot_text(RUN, (1,)),
        slot_text(RUN, (2,)),
        f"{slot_text(RUN, (2,))}/late/1",
        slot_text(RUN, (4, 1_000_002, 1)),
        slot_text(RUN, (4, 1_000_002, 2)),
        slot_text(RUN, (4, 1_000_012, 1)),
        slot_text(RUN, (5,)),
        slot_text(RUN, (10,)),
        slot_text(RUN, (90_000,)),
        slot_text(RUN, (99_999,)),
        slot_text(LATER_RUN, (1,)),
        slot_text(LATER_RUN, (99_999,)),
    ]
    for slot in (*slots[1::2], *reversed(slots[::2])):
        store.append(commit(slot=slot))
    store.append(commit(stream=f"{STREAM}4", slot=slots[0]))
    assert [one.slot for one in store.read(STREAM)] == slots
    assert [one.slot for one in store.read(STREAM, RUN)] == slots[:-2]
    assert [one.slot for one in store.read(STREAM, LATER_RUN)] == slots[-2:]
    assert [one.slot for one in store.read(STREAM, slots[1])] == slots[1:3]
    assert [one.slot for one in store.read(STREAM, slot_text(RUN, (4, 1_000_002)))] == slots[3:5]


def test_the_first_of_a_stream_is_found_alone(aws: LocalAWS) -> None:
    """The commit of the smallest slot, whatever was written first: one item, by both stores."""
    slots = [slot_text(RUN, (1,)), slot_text(RUN, (2,)), slot_text(LATER_RUN, (1,))]
    client = KeepsQueries(aws.dynamodb)
    stores = (MemoryStore(), DynamoDBStore(client=client, table=aws.table()))
    for store in stores:
        assert store.first(STREAM) is None
        for slot in reversed(slots):
            store.append(commit(slot=slot))
        assert store.first(STREAM) == commit(slot=slots[0])
    assert [one["Limit"] for one in client.queries] == [1, 1]
    assert all(one["ConsistentRead"] for one in client.queries)


def test_streams_over_one_page_are_read_whole(store: EventStore) -> None:
    """A stream of more than 1 MB, which DynamoDB gives in pages, is read whole and in order."""
    commits = [
        commit(event(noise(120_000, seed=number)), slot=slot_text(RUN, (number,)))
        for number in range(1, 16)
    ]
    for one in commits:
        store.append(one)
    assert list(store.read(STREAM)) == commits


def test_a_commit_over_the_limit_is_refused_whole(store: EventStore) -> None:
    """A commit over 400 KB is refused with its size and the way out; nothing is written."""
    large = commit(event(noise(600_000)))
    with pytest.raises(CommitTooLarge) as caught:
        store.append(large)
    for part in (large.stream_id, large.slot, "bytes", "409,600", "bucket"):
        assert part in str(caught.value)
    assert list(store.read(STREAM)) == []


def test_a_commit_just_below_the_limit_is_kept(store: EventStore) -> None:
    """An item of nearly 400 KB, compressed already, is written and read back."""
    large = commit(event(noise(531_000)), EventRecord("Small", 1, {}))
    # moto refuses from 405,000 bytes on, DynamoDB over 409,600.
    assert 395_000 < item_bytes(encode(large).item) < 405_000
    store.append(large)
    assert store.get(large.stream_id, large.slot) == large


@pytest.mark.parametrize("data", [float("nan"), {1, 2}, {"at": object()}])
def test_data_that_is_not_json_is_refused(store: EventStore, data: Any) -> None:
    """Data that JSON cannot say is an error that names commit and event; nothing is written."""
    with pytest.raises(EventInvalid, match=r"order-123 .*/00002: the data of Paid is not JSON"):
        store.append(commit(EventRecord("Paid", 1, data)))
    assert list(store.read(STREAM)) == []


def test_a_commit_without_events_is_refused(store: EventStore) -> None:
    """A commit says at least one thing."""
    with pytest.raises(EventInvalid, match="at least one event"):
        store.append(replace(commit(), events=()))


@settings(unhurried, max_examples=30)
@given(data=json_values, text=any_texts)
def test_any_json_is_kept(store: EventStore, data: Any, text: str) -> None:
    """Any JSON value comes back equal and of the same types, whatever the characters in it."""
    slot = slot_text(RUN, (next(NUMBERS),))
    mine = commit(EventRecord("Any", 1, data), EventRecord("Text", 2, [text]), slot=slot)
    assert repr(store.append(mine)) == repr(mine)
    assert repr(store.get(STREAM, slot)) == repr(mine)


def test_a_definition_is_kept(store: EventStore) -> None:
    """A release's graph is found by its fingerprint; kept twice is kept once (rule 9)."""
    graph = {"name": "FulfilOrder", "nodes": [{"name": "charge", "slot": [2]}] * 400}
    assert store.get_definition("9f") is None
    store.put_definition("9f", graph)
    store.put_definition("9f", graph)
    store.put_definition("aa", {"name": "Other"})
    assert store.get_definition("9f") == graph
    assert store.get_definition("aa") == {"name": "Other"}


def test_a_definition_that_is_large_is_compressed(store: EventStore) -> None:
    """A graph whose text is over 400 KB is kept where its compressed text fits."""
    graph = {"nodes": [{"name": f"step {number}", "schema": "x" * 100} for number in range(5_000)]}
    store.put_definition("9f", graph)
    assert store.get_definition("9f") == graph


def test_the_record_of_step_functions_is_read(store: EventStore) -> None:
    """The end record that Step Functions puts is a commit that tells the whole story (rule 8)."""
    put_record(store, record_parameters())
    [end] = store.read(STREAM, RUN)
    assert (end.slot, end.outcome, end.attempt) == (slot_text(RUN, (99_999,)), Outcome.ENDED, 0)
    assert end.causation_id == ARN
    started, compensated = EventTypes().events(end)
    assert started == SagaStarted(execution=ARN, input=EXECUTION["Input"])
    assert compensated == SagaCompensated(error=FAILURE["Error"], cause=FAILURE["Cause"])


def test_the_record_is_put_into_an_empty_slot_only(store: EventStore) -> None:
    """A record for a slot that is taken fails by name and changes nothing (rule 8)."""
    put_record(store, record_parameters())
    other = record_parameters()
    other["Item"]["attempt"] = {"N": "1"}
    with pytest.raises(ConditionFailed):
        put_record(store, other)
    assert [one.attempt for one in store.read(STREAM)] == [0]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"ConditionExpression": None}, EngineError),
        ({"ConditionExpression": "attribute_exists(slot)"}, EngineError),
        ({"ReturnValues": "ALL_OLD"}, EngineError),
        ({"Item": {}}, CommitUnreadable),
        ({"Item": {"stream_id": {"S": STREAM}, "slot": {"S": RUN}}}, CommitUnreadable),
    ],
)
def test_any_other_put_of_step_functions_is_refused(
    store: EventStore, change: dict[str, Any], error: type[Exception]
) -> None:
    """A put that is no conditional put of a commit is refused, and nothing is written (rule 31)."""
    with pytest.raises(error):
        put_record(store, record_parameters() | change)
    assert list(store.read(STREAM)) == []


def test_a_counting_store_counts_what_is_asked(store: EventStore) -> None:
    """Every append is a write with its units, refused ones too; every get and read is a read."""
    counting = CountingStore(store)
    counting.append(commit())
    counting.append(seal())
    assert counting.counts == Counts(writes=2, write_units=2, reads=0)
    counting.append(commit(event(noise(3_000)), slot=slot_text(RUN, (3,))))
    counting.get(STREAM, slot_text(RUN, (2,)))
    assert len(list(counting.read(STREAM))) == 2
    assert counting.counts.writes == 3
    assert counting.counts.write_units > 4
    assert counting.counts.reads == 2
    counting.put_definition("9f", {"name": "FulfilOrder"})
    assert counting.get_definition("9f") == {"name": "FulfilOrder"}
    assert (counting.counts.writes, counting.counts.reads) == (4, 3)
