"""Results that are too large for the document: put into the bucket, pointed to, fetched."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ConnectTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from stepsaga.errors import StepFailed, StepFailedForGood, StoreUnreachable
from stepsaga.limits import DOCUMENT_BYTES, ENTRY_BYTES, POINTER_BYTES, SHARE
from stepsaga.store import DynamoDBStore, MemoryStore
from stepsaga.store.objects import MemoryS3
from tests.runtime.calls import Broken, Interrupted, Shop, call

if TYPE_CHECKING:
    from collections.abc import Mapping

BUCKET = "archive"
LARGE = "x" * 200_000
TEXT = json.dumps(LARGE).encode()
SHA256 = hashlib.sha256(TEXT).hexdigest()
POINTER = {"$stored": {"bucket": BUCKET, "sha256": SHA256, "bytes": len(TEXT)}}
LOOKALIKES = [
    POINTER,
    {"$stored": "mine"},
    {"$value": 1},
    {"$value": POINTER},
    {"$value": {"$value": POINTER}},
]


class Losing(MemoryS3):
    """S3 that cannot be reached."""

    def put_object(self, **parameters: Any) -> Mapping[str, Any]:
        """Have no answer."""
        del parameters
        raise ConnectTimeoutError(endpoint_url="https://s3")

    def get_object(self, **parameters: Any) -> Mapping[str, Any]:
        """Have no answer."""
        del parameters
        raise ConnectTimeoutError(endpoint_url="https://s3")


def shop_with(s3: MemoryS3) -> Shop:
    """A shop whose store has a bucket."""
    return Shop(store=MemoryStore(s3=s3, bucket=BUCKET))


def stored(s3: MemoryS3) -> Any:
    """The content of the only object."""
    [key] = s3.keys
    return s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()


def takes(order: dict[str, Any], reserve: Any) -> Any:
    """Give back what it was given."""
    del order
    return reserve


def test_a_large_result_is_a_pointer() -> None:
    """It is put once under a key that comes from its content; reply and event point to it."""
    s3 = MemoryS3()
    shop = shop_with(s3)
    assert shop.handle(call(), lambda: LARGE) == POINTER
    assert s3.keys == (f"stepsaga/{SHA256}.json",)
    assert stored(s3) == TEXT
    assert shop.events(2) == [("StepCompleted", {"step": "charge", "value": POINTER})]


def test_without_a_bucket_a_large_result_is_refused() -> None:
    """The old way: an error that says the way out, and nothing is recorded."""
    shop = Shop()
    with pytest.raises(StepFailedForGood, match="keep what is large elsewhere"):
        shop.handle(call(), lambda: LARGE)
    assert shop.outcomes() == {}


def test_a_store_that_can_only_read_objects_puts_none() -> None:
    """A store with a client, but no bucket of its own, refuses large results as one without."""
    store = DynamoDBStore(client=None, table="none", s3=MemoryS3())  # type: ignore[arg-type]
    with pytest.raises(StepFailedForGood, match="keep what is large elsewhere"):
        Shop(store=store).handle(call(), lambda: LARGE)


def fair(share: int, *parts: Any) -> int:
    """The largest result, in bytes, that stays in the document."""
    sizes = (len(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    return max((DOCUMENT_BYTES - sum(sizes)) // share - ENTRY_BYTES, POINTER_BYTES)


@pytest.mark.parametrize("share", [1, SHARE, 40, 5000])
@pytest.mark.parametrize("earlier", [{}, {"reserve": {"value": "y" * 90_000}}])
@pytest.mark.parametrize("input_", ["i", "i" * 60_000])
def test_a_result_may_take_its_share(share: int, earlier: Any, input_: str) -> None:
    """What input and earlier results leave free is shared; one byte over its part is stored."""
    most = fair(share, input_, earlier) - 2
    payload = call(share=share, results=earlier, input_=input_)
    assert shop_with(MemoryS3()).handle(payload, lambda: "x" * most) == "x" * most
    reply = shop_with(MemoryS3()).handle(payload, lambda: "x" * (most + 1))
    assert reply["$stored"]["bytes"] == most + 3


def test_where_nothing_is_said_a_sixteenth_is_fair() -> None:
    """The share that the compiler leaves out is the runtime's own."""
    most = fair(SHARE, call()["execution"]["Input"], {}) - 2
    assert shop_with(MemoryS3()).handle(call(), lambda: "x" * most) == "x" * most
    assert "$stored" in shop_with(MemoryS3()).handle(call(), lambda: "x" * (most + 1))


def test_a_pointer_is_not_larger_than_what_is_kept_free_for_it() -> None:
    """A pointer into the bucket with the longest name, to gigabytes, fits its place (rule 22)."""
    s3 = MemoryS3()
    shop = Shop(store=MemoryStore(s3=s3, bucket="b" * 63))
    reply = shop.handle(call(share=5000), lambda: "x" * 1000)
    reply["$stored"]["bytes"] = 10**12
    assert len(json.dumps(reply, separators=(",", ":"))) <= POINTER_BYTES


def test_what_the_definition_looks_into_stays() -> None:
    """It stays in the document while it fits, and is then refused with the reason (rule 22)."""
    s3 = MemoryS3()
    shop = shop_with(s3)
    assert shop.handle(call(inline=True), lambda: "x" * 150_000) == "x" * 150_000
    with pytest.raises(StepFailedForGood, match="the definition looks into it"):
        shop_with(s3).handle(call(inline=True), lambda: LARGE)
    assert s3.keys == ()


def test_where_not_even_a_pointer_fits_nothing_is_put() -> None:
    """The error says what would help, and leaves no object behind."""
    s3 = MemoryS3()
    shop = shop_with(s3)
    with pytest.raises(StepFailedForGood, match=r"as a mere pointer.*less input"):
        shop.handle(call(input_="x" * (DOCUMENT_BYTES - 100)), lambda: LARGE)
    assert s3.keys == ()
    assert shop.outcomes() == {}


@given(
    st.lists(st.tuples(st.integers(0, 300_000), st.booleans()), min_size=1, max_size=40),
    st.integers(0, DOCUMENT_BYTES),
)
def test_whatever_the_results_are_they_fit(results: list[tuple[int, bool]], size: int) -> None:
    """Input and results never exceed the bound; where there is room for pointers none is refused.

    Each result is anything from nothing to twice the document; some are looked into.
    """
    shop = shop_with(MemoryS3())
    document: dict[str, Any] = {}
    input_ = "i" * size
    room = DOCUMENT_BYTES - size - 2 - len(results) * (POINTER_BYTES + ENTRY_BYTES)
    for number, (length, inline) in enumerate(results):
        share = max(len(results) - number, SHARE)
        payload = call(
            results=document, input_=input_, share=share, inline=inline, slot=[number + 1]
        )
        try:
            reply = shop.handle(payload, lambda length=length: "x" * length)
        except StepFailedForGood:
            assert room < 0 or any(one for _, one in results[: number + 1])
            return
        document[f"step{number}"] = {"value": reply}
        total = sum(len(json.dumps(one, separators=(",", ":"))) for one in (document, input_))
        assert total <= DOCUMENT_BYTES + ENTRY_BYTES


# What takes it


def test_a_later_step_is_given_the_result() -> None:
    """Whoever takes it gets the whole result, checked against its checksum."""
    s3 = MemoryS3()
    shop = shop_with(s3)
    pointer = shop.handle(call(), lambda: LARGE)
    found: list[Any] = []
    later = call(slot=[3], step="ship", results={"reserve": {"value": pointer}})
    shop.handle(later, lambda reserve: found.extend([reserve]))
    assert found == [LARGE]


def test_only_who_takes_it_fetches_it() -> None:
    """A step that does not take it runs while the bucket cannot be reached."""
    shop = shop_with(Losing())
    payload = call(results={"reserve": {"value": POINTER}})
    assert shop.handle(payload, lambda order: order["amount"]) == 30
    with pytest.raises(StepFailed, match="StoreUnreachable: bucket 'archive': no answer"):
        shop.handle(call(slot=[3], results=payload["results"]), takes)


def test_a_part_of_it_is_taken_by_its_path() -> None:
    """``takes`` follows keys into what was fetched."""
    s3 = MemoryS3()
    shop = shop_with(s3)
    pointer = shop.handle(call(), lambda: {"id": "r-1", "blob": LARGE})
    payload = call(
        slot=[3], results={"reserve": {"value": pointer}}, takes={"order": ["reserve", "id"]}
    )
    assert shop.handle(payload, lambda order: order) == "r-1"


def test_results_of_a_map_are_fetched_one_by_one() -> None:
    """A list of results holds pointers and results beside each other, and what is absent."""
    s3 = MemoryS3()
    shop = shop_with(s3)
    pointer = shop.handle(call(), lambda: LARGE)
    items = [
        {"label": {"value": value}}
        for value in (pointer, "small", None, {"$value": POINTER}, [POINTER])
    ]
    found: list[Any] = []
    payload = call(
        slot=[3],
        results={"labels": {"items": items}},
        places={"reserve": ["labels", "items", "*", "label", "value"]},
    )
    shop.handle(payload, lambda reserve: found.extend([*reserve]))
    assert found == [LARGE, "small", None, POINTER, [POINTER]]


def test_items_and_input_are_never_fetched() -> None:
    """Input and the items of maps are an author's values, whatever they look like."""
    payload = call(
        input_=POINTER,
        results={"items": {"line": POINTER}},
        places={"line": ["items", "line"]},
    )
    shop = shop_with(Losing())
    assert shop.handle(payload, lambda order, line: order == line == POINTER) is True


def test_a_result_that_is_gone_is_told() -> None:
    """Nothing stands in for a result that is gone: it fails for good, and names the place."""
    payload = call(results={"reserve": {"value": POINTER}})
    shop = shop_with(MemoryS3())
    with pytest.raises(StepFailedForGood) as caught:
        shop.handle(payload, takes)
    assert "the result of reserve: s3://archive/stepsaga/" in str(caught.value)
    assert str(caught.value).endswith("is gone")
    assert shop.outcomes() == {}


def test_a_result_that_was_changed_is_refused() -> None:
    """The checksum in the document decides, not what lies in the bucket."""
    s3 = MemoryS3()
    s3.put_object(Bucket=BUCKET, Key=f"stepsaga/{SHA256}.json", Body=b'"y"')
    with pytest.raises(StepFailedForGood, match=f"was changed: SHA-256 .*, recorded {SHA256}"):
        shop_with(s3).handle(call(results={"reserve": {"value": POINTER}}), takes)


def test_a_pointer_without_a_bucket_says_what_is_missing() -> None:
    """A function that has lost its bucket can get it back with a deployment: it is retried."""
    payload = call(results={"reserve": {"value": POINTER}})
    with pytest.raises(StepFailed, match="this function has no bucket: deploy"):
        Shop().handle(payload, takes)


def test_a_form_that_is_none_of_ours_is_refused() -> None:
    """What only begins like a pointer is no result, and is never handed on as one."""
    payload = call(results={"reserve": {"value": {"$stored": {"key": 1}}}})
    with pytest.raises(StepFailedForGood, match="not in the form that stepsaga writes"):
        shop_with(MemoryS3()).handle(payload, takes)


@pytest.mark.parametrize("value", LOOKALIKES, ids=repr)
@pytest.mark.parametrize("bucket", ["", BUCKET])
def test_what_looks_like_a_pointer_is_none(value: Any, bucket: str) -> None:
    """An author's own value arrives as it is, whatever it looks like, with a bucket or without."""
    shop = Shop(store=MemoryStore(bucket=bucket))
    form = shop.handle(call(), lambda: value)
    assert form == {"$value": value}
    later = call(slot=[3], step="ship", results={"reserve": {"value": form}})
    assert shop.handle(later, takes) == {"$value": value}
    assert shop.events(2)[0][1]["value"] == form
    given: list[Any] = []
    shop.handle(call("compensation"), lambda charge: given.extend([charge]))
    assert given == [value]


@pytest.mark.parametrize("value", [{**POINTER, "a": 1}, {"$value": 1, "a": 2}], ids=repr)
def test_what_has_more_fields_is_no_lookalike(value: Any) -> None:
    """Only what consists of that one field has to be told apart, in writing and in reading."""
    shop = shop_with(Losing())
    assert shop.handle(call(), lambda: value) == value
    assert shop.handle(call(slot=[3], results={"reserve": {"value": value}}), takes) == value


def test_a_lookalike_that_is_looked_into_is_refused() -> None:
    """The definition's paths lead into the result itself, so its form must not be another."""
    with pytest.raises(StepFailedForGood, match=r"its only field is '\$value'"):
        shop_with(MemoryS3()).handle(call(inline=True), lambda: {"$value": 1})


# Failures on the way


def test_a_bucket_that_cannot_be_reached_leaves_the_outcome_unknown() -> None:
    """The effect is there, the result is not: retried; the object is put before the commit."""
    shop = shop_with(Losing())
    with pytest.raises(StepFailed, match="StoreUnreachable"):
        shop.handle(call(), lambda: LARGE)
    assert shop.outcomes() == {}


def test_a_crash_before_the_commit_leaves_an_object_only() -> None:
    """The retry puts the same object under the same key, and then commits."""
    s3 = MemoryS3()
    inner = MemoryStore(s3=s3, bucket=BUCKET)
    shop = Shop(store=Broken(inner, on_append=StoreUnreachable("no network")))
    with pytest.raises(StepFailed):
        shop.handle(call(), lambda: LARGE)
    assert shop.outcomes() == {}
    assert stored(s3) == TEXT
    shop.store = inner
    assert shop.handle(call(attempt=1), lambda: LARGE) == POINTER
    assert stored(s3) == TEXT
    assert shop.outcomes() == {"00002": "result"}


def test_the_object_is_there_before_the_commit() -> None:
    """No commit ever points to nothing."""
    s3 = MemoryS3()
    there: list[bool] = []
    store = Interrupted(MemoryStore(s3=s3, bucket=BUCKET), lambda: there.append(bool(s3.keys)))
    Shop(store=store).handle(call(), lambda: LARGE)
    assert there == [True]


def test_a_stored_result_is_adopted_as_it_was_recorded() -> None:
    """A later attempt answers with the recorded pointer, and asks neither handler nor bucket."""
    s3 = MemoryS3()
    store = MemoryStore(s3=s3, bucket=BUCKET)
    Shop(store=store).handle(call(), lambda: LARGE)
    [key] = s3.keys
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"damaged")
    assert Shop(store=store).handle(call(attempt=1)) == POINTER
    assert Shop(store=store).handle(call("verify", handler="")) == POINTER


# Backwards


def test_a_compensation_is_given_the_stored_result() -> None:
    """It reads the commit, and what the commit points to."""
    shop = shop_with(MemoryS3())
    shop.handle(call(), lambda: LARGE)
    given: list[Any] = []
    shop.handle(call("compensation"), lambda charge: given.extend([charge]))
    assert given == [LARGE]


def test_a_compensation_that_does_not_take_it_needs_no_bucket() -> None:
    """Damage to a result that nobody takes keeps no saga from being undone."""
    s3 = MemoryS3()
    shop = shop_with(s3)
    shop.handle(call(), lambda: LARGE)
    [key] = s3.keys
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"damaged")
    shop.handle(call("compensation"), lambda: None)
    assert shop.outcomes() == {"00002": "result", "00005": "compensated"}


def test_a_compensation_takes_stored_results_of_others() -> None:
    """Of one other step, and of all items of a map, it gets the results."""
    shop = shop_with(MemoryS3())
    shop.handle(call(slot=[1], step="reserve"), lambda: LARGE)
    for item in (1_000_000, 1_000_001):
        shop.handle(call(slot=[7], lane=[3, item], step="label"), lambda: f"{LARGE}!")
    shop.handle(call(), lambda: "paid")
    payload = call("compensation", reads={"reserve": [1], "label": [3, "*", 7]})
    given: list[Any] = []
    shop.handle(payload, lambda charge, reserve, label: given.extend([charge, reserve, label]))
    assert given == ["paid", LARGE, [f"{LARGE}!", f"{LARGE}!"]]


def test_a_damaged_result_stops_its_undoing() -> None:
    """The compensation never runs with something else; after a repair it can."""
    s3 = MemoryS3()
    shop = shop_with(s3)
    shop.handle(call(), lambda: LARGE)
    [key] = s3.keys
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"damaged")
    with pytest.raises(StepFailedForGood, match="the result of charge: its data in s3://"):
        shop.handle(call("compensation"), lambda charge: charge)
    s3.put_object(Bucket=BUCKET, Key=key, Body=TEXT)
    assert shop.handle(call("compensation", redrives=1), lambda charge: charge) is None


def test_a_late_effect_is_given_back_whole() -> None:
    """An effect that landed after its slot was sealed is undone with its result (rule 11)."""
    s3 = MemoryS3()
    inner = MemoryStore(s3=s3, bucket=BUCKET)
    other = Shop(store=inner)

    def undo() -> None:
        other.handle(call("compensation"), lambda: None)

    shop = Shop(store=Interrupted(inner, undo))
    with pytest.raises(Exception, match="landed late"):
        shop.handle(call(), lambda: LARGE)
    given: list[Any] = []
    undoing = call("compensation", slot=[6])
    other.handle(undoing, lambda charge: given.extend([charge]))
    assert given == [LARGE]
