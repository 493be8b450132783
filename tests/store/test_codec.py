from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepsaga.errors import CommitTooLarge, CommitUnreadable, EventInvalid
from stepsaga.store import EventRecord, Outcome
from stepsaga.store.codec import decode, decode_definition, encode, encode_definition
from stepsaga.store.content import pack
from stepsaga.store.sizes import ITEM_LIMIT_BYTES, attribute_bytes, item_bytes, write_units
from tests.contract.store_commits import commit, event, json_values, noise, seal, texts, unhurried

if TYPE_CHECKING:
    from stepsaga.store import Commit
    from stepsaga.store.content import Pointer

records = st.builds(EventRecord, type=texts, version=st.integers(1, 10**6), data=json_values)
bulky = st.tuples(st.integers(0, 4_000), st.integers(0, 4_000)).map(
    lambda sizes: EventRecord("Bulky", 1, noise(sizes[0]) + "x" * sizes[1])
)


def changed(item: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    """An item with other attributes; None takes one away."""
    merged = item | attributes
    return {name: value for name, value in merged.items() if value is not None}


def contents(item: dict[str, Any]) -> list[dict[str, Any]]:
    """How each event's data is stored: one of data, zdata, object."""
    return [
        {name: one for name, one in event["M"].items() if name in {"data", "zdata", "object"}}
        for event in item["events"]["L"]
    ]


@unhurried
@given(st.lists(records | bulky, min_size=1, max_size=4), st.sampled_from(["", "bucket"]))
def test_the_size_is_the_items(events: list[EventRecord], bucket: str) -> None:
    """What an item weighs is added up while it is made; so much it weighs."""
    encoded = encode(commit(*events), bucket=bucket)
    assert encoded.size == item_bytes(encoded.item)


def test_the_size_of_a_definition_is_the_items() -> None:
    """Likewise of what is kept of a release, compressed or not."""
    for definition in ({"a": 1}, {"a": "x" * 5_000}):
        encoded = encode_definition("9f", definition)
        assert encoded.size == item_bytes(encoded.item)


def test_an_item_is_as_documented() -> None:
    """The item has the attributes of docs/architecture.md, with compact JSON as data."""
    one = commit(event({"amount": 5, "note": "ü"}), EventRecord("Paid", 2, None), attempt=3)
    assert encode(one).item == {
        "stream_id": {"S": one.stream_id},
        "slot": {"S": one.slot},
        "outcome": {"S": "result"},
        "events": {
            "L": [
                {
                    "M": {
                        "type": {"S": "StepCompleted"},
                        "version": {"N": "1"},
                        "data": {"S": '{"step":"charge","value":{"amount":5,"note":"ü"}}'},
                    }
                },
                {"M": {"type": {"S": "Paid"}, "version": {"N": "2"}, "data": {"S": "null"}}},
            ]
        },
        "commit_id": {"S": one.commit_id},
        "correlation_id": {"S": one.correlation_id},
        "causation_id": {"S": one.causation_id},
        "recorded_at": {"S": one.recorded_at},
        "attempt": {"N": "3"},
        "fingerprint": {"S": one.fingerprint},
    }


@unhurried
@given(events=st.lists(records, min_size=1, max_size=4), outcome=st.sampled_from(Outcome))
def test_what_is_encoded_is_decoded(events: list[EventRecord], outcome: Outcome) -> None:
    """Any commit with any JSON comes back equal, of the same types, from an item of plain UTF-8."""
    mine = replace(commit(*events), outcome=outcome)
    item = encode(mine).item
    assert repr(decode(item)) == repr(mine)
    assert item_bytes(item) > 0  # sizes need UTF-8: nothing in an item is half a pair


@unhurried
@given(events=st.lists(bulky, min_size=1, max_size=4))
def test_data_is_compressed_exactly_where_that_saves_a_unit(events: list[EventRecord]) -> None:
    """The item costs as few units as compression can give, and no text is compressed in vain."""
    mine = commit(*events)
    item = encode(mine).item
    units = write_units(item_bytes(item))
    assert decode(item) == mine
    assert units == min(units_if(item, mine, every) for every in (False, True))
    for index, content in enumerate(contents(item)):
        if "zdata" in content:
            text = json.dumps(mine.events[index].data)
            plain = item_bytes(item) + difference(content, {"data": {"S": text}})
            assert write_units(plain) > units


def units_if(item: dict[str, Any], mine: Commit, compressed: bool) -> int:
    """The item's units with no data compressed, or with all that becomes smaller."""
    size = item_bytes(item)
    for content, one in zip(contents(item), mine.events, strict=True):
        text = json.dumps(one.data)
        forms: list[dict[str, Any]] = [{"data": {"S": text}}]
        if compressed:
            forms.append({"zdata": {"B": zlib.compress(text.encode(), 9)}})
        size += min(difference(content, form) for form in forms)
    return write_units(size)


def difference(old: dict[str, Any], new: dict[str, Any]) -> int:
    """How much larger an item becomes by storing a text in another way."""
    before, after = (
        sum(attribute_bytes(name, one) for name, one in form.items()) for form in (old, new)
    )
    return after - before


def test_small_items_stay_readable() -> None:
    """An item of one write unit has its data as text, however well it would compress."""
    assert contents(encode(commit(event("x" * 300))).item) == [
        {"data": {"S": json.dumps({"step": "charge", "value": "x" * 300}, separators=(",", ":"))}}
    ]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_compression_begins_at_the_first_byte_too_many(count: int) -> None:
    """Text stays as it is up to exactly one unit; one byte more, and it is compressed."""
    empty = [EventRecord("Raw", 1, "")] * count
    room = 1024 - item_bytes(encode(commit(*empty)).item)
    full = commit(EventRecord("Raw", 1, "x" * room), *empty[1:])
    over = commit(EventRecord("Raw", 1, "x" * (room + 1)), *empty[1:])
    assert item_bytes(encode(full).item) == 1024
    assert "data" in contents(encode(full).item)[0]
    assert "zdata" in contents(encode(over).item)[0]
    assert write_units(item_bytes(encode(over).item)) == 1


def test_the_limit_is_exact() -> None:
    """An item of exactly 409,600 bytes is written; one byte more is refused."""
    raw = EventRecord("Raw", 1, "")
    # Ids are never compressed, so that the item's size can be chosen to the byte.
    around = item_bytes(encode(commit(raw, causation_id="")).item)
    fits = commit(raw, causation_id="x" * (ITEM_LIMIT_BYTES - around))
    assert item_bytes(encode(fits).item) == ITEM_LIMIT_BYTES
    with pytest.raises(CommitTooLarge, match="409,601 bytes"):
        encode(replace(fits, causation_id=fits.causation_id + "x"))


def test_large_data_goes_to_the_bucket() -> None:
    """Over the limit the largest data goes to S3, under a key from its content; the rest stays."""
    large, small = EventRecord("Large", 1, noise(600_000)), EventRecord("Small", 1, {"n": 1})
    mine = commit(small, large)
    encoded = encode(mine, bucket="archive")
    [plain, pointer] = contents(encoded.item)
    assert plain == {"data": {"S": '{"n":1}'}}
    [(key, content)] = encoded.objects.items()
    digest = hashlib.sha256(content).hexdigest()
    assert content == json.dumps(large.data).encode()
    assert key == f"stepsaga/{digest}.json"
    assert pointer["object"] == {
        "M": {"bucket": {"S": "archive"}, "key": {"S": key}, "sha256": {"S": digest}}
    }
    assert decode(encoded.item, lambda wanted: encoded.objects[wanted.key]) == mine


def test_only_as_much_goes_to_the_bucket_as_must() -> None:
    """No more data is sent to S3 than the item's limit asks, the largest first."""
    sizes = (300_000, 350_000, 100_000)
    mine = commit(*[EventRecord("Raw", 1, noise(size, seed=size)) for size in sizes])
    encoded = encode(mine, bucket="archive")
    assert [next(iter(one)) for one in contents(encoded.item)] == ["zdata", "object", "zdata"]
    assert item_bytes(encoded.item) <= ITEM_LIMIT_BYTES


def test_what_fits_does_not_go_to_the_bucket() -> None:
    """A bucket is for what is over the limit only."""
    assert encode(commit(event(noise(300_000))), bucket="archive").objects == {}


def test_a_bucket_does_not_help_a_commit_of_countless_events() -> None:
    """Where not even pointers fit, the error says that fewer events are the way out."""
    many = commit(*[EventRecord("Raw", 1, noise(300, seed=n)) for n in range(2_000)])
    with pytest.raises(CommitTooLarge, match="emit fewer events"):
        encode(many, bucket="archive")


@pytest.mark.parametrize(
    "data", [float("inf"), {("a", 1): 2}, b"bytes", 10**5000], ids=["inf", "key", "bytes", "digits"]
)
def test_data_that_is_not_json_is_refused(data: Any) -> None:
    """Data that JSON cannot say is refused with the event's name."""
    with pytest.raises(EventInvalid, match="data of Paid is not JSON"):
        encode(commit(EventRecord("Paid", 1, data)))


def test_data_that_contains_itself_is_refused() -> None:
    """A value without end is an error, not a crash."""
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(EventInvalid, match="data of Paid is not JSON"):
        encode(commit(EventRecord("Paid", 1, endless)))


def test_reading_ignores_what_it_does_not_know() -> None:
    """Attributes and event types of a later release or of somebody's tool do not stop a reader."""
    mine = commit(EventRecord("FromTheFuture", 9, {"x": 1}))
    item = encode(mine).item
    item["events"]["L"][0]["M"]["colour"] = {"S": "red"}
    assert decode(changed(item, expires_at={"N": "1"}, tags={"SS": ["a"]})) == mine


ITEM = encode(commit()).item
GOOD_EVENT = ITEM["events"]["L"][0]["M"]


def with_event(**attributes: Any) -> dict[str, Any]:
    """The item with its event changed."""
    return changed(ITEM, events={"L": [{"M": changed(GOOD_EVENT, **attributes)}]})


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        *[
            (changed(ITEM, **{name: None}), name)
            for name in ITEM
            if name not in {"stream_id", "slot"}
        ],
        (changed(ITEM, outcome={"S": "refunded"}), "'refunded' is none of result"),
        (changed(ITEM, outcome={"N": "1"}), "no text 'outcome'"),
        (changed(ITEM, attempt={"S": "0"}), "no number 'attempt'"),
        (changed(ITEM, attempt={"N": "zero"}), "invalid literal"),
        (changed(ITEM, events={"L": []}), "no events"),
        (changed(ITEM, events={"M": {}}), "no events"),
        (changed(ITEM, events={"L": [{"S": "StepCompleted"}]}), "event 1 is not a map"),
        (with_event(type=None), "event 1: it has no text 'type'"),
        (with_event(version=None), "event 1: it has no number 'version'"),
        (with_event(data=None), "none of data, zdata and object"),
        (with_event(data={"N": "1"}), "none of data, zdata and object"),
        (with_event(data={"S": ""}), "not JSON"),
        (with_event(data={"S": "{"}), "not JSON"),
        (with_event(data={"S": "[" * 100_000}), "not JSON"),
        (with_event(data=None, zdata={"B": b"garbage"}), "cannot be decompressed"),
        (with_event(data=None, zdata={"B": zlib.compress(b"\xff")}), "not JSON"),
        (with_event(data=None, object={"M": {}}), "none of data, zdata and object"),
    ],
)
def test_garbage_is_refused_by_name(item: dict[str, Any], reason: str) -> None:
    """An item that cannot be decoded names its stream, its slot and what is wrong with it."""
    with pytest.raises(CommitUnreadable) as caught:
        decode(item)
    for part in (ITEM["stream_id"]["S"], ITEM["slot"]["S"], reason):
        assert part in str(caught.value)


@pytest.mark.parametrize("item", [{}, {"stream_id": {"N": "1"}}, {"stream_id": "x", "slot": None}])
def test_an_item_without_its_key_is_refused(item: dict[str, Any]) -> None:
    """What has not even a key is refused all the same."""
    with pytest.raises(CommitUnreadable, match="it has no text 'stream_id'"):
        decode(item)


def test_a_commit_in_s3_needs_a_client() -> None:
    """Data in S3 read by a store that has no S3 client is an error that says so."""
    item = encode(commit(event(noise(600_000))), bucket="archive").item
    with pytest.raises(CommitUnreadable, match=r"s3://archive/stepsaga/.*\.json.*no S3 client"):
        decode(item)


def test_an_object_that_was_changed_is_refused() -> None:
    """Data in S3 that is not what was recorded is never used."""
    encoded = encode(commit(event(noise(600_000))), bucket="archive")

    def tampered(pointer: Pointer) -> bytes:
        return encoded.objects[pointer.key].replace(b"charge", b"refund")

    with pytest.raises(CommitUnreadable, match=r"was changed: SHA-256"):
        decode(encoded.item, tampered)


def test_a_definition_has_a_stream_of_its_own() -> None:
    """The graph of a release is an item under its fingerprint (rule 9)."""
    item = encode_definition("9f", {"name": "FulfilOrder"}).item
    assert item == {
        "stream_id": {"S": "definition#9f"},
        "slot": {"S": "definition"},
        "fingerprint": {"S": "9f"},
        "data": {"S": '{"name":"FulfilOrder"}'},
    }
    assert decode_definition(item) == {"name": "FulfilOrder"}


def test_a_definition_over_the_limit_needs_a_bucket() -> None:
    """A graph too large for an item goes to S3 where there is a bucket, else is refused by name."""
    graph = {"schema": noise(600_000)}
    with pytest.raises(CommitTooLarge, match="definition#9f"):
        encode_definition("9f", graph)
    encoded = encode_definition("9f", graph, bucket="archive")
    assert decode_definition(encoded.item, lambda one: encoded.objects[one.key]) == graph


@pytest.mark.parametrize("text", ["[]", "null", "{"])
def test_a_definition_that_is_none_is_refused(text: str) -> None:
    """What is kept as a definition is a JSON object, or an error."""
    item = encode_definition("9f", {}).item | {"data": {"S": text}}
    with pytest.raises(CommitUnreadable, match="definition#9f"):
        decode_definition(item)


def test_a_definition_that_is_not_json_is_refused() -> None:
    """A graph with something else than JSON in it is an error that names the fingerprint."""
    with pytest.raises(EventInvalid, match="definition 9f is not JSON"):
        encode_definition("9f", {"returns": int})


def test_nothing_to_pack_is_packed() -> None:
    """No texts need no room."""
    assert pack([], around=5_000, bucket="archive").attributes == ()


def test_a_seal_is_an_item_like_any_other() -> None:
    """The outcome of a seal survives the way to the table and back (rule 5)."""
    assert decode(encode(seal()).item).outcome is Outcome.SEALED
