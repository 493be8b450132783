"""A step going forward: every row of its table of outcomes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from stepsaga.errors import (
    CommitTooLarge,
    CommitUnreadable,
    EventInvalid,
    Fenced,
    Rejected,
    RejectedInDoubt,
    StepFailed,
    StepFailedForGood,
    StoreThrottled,
    StoreUnreachable,
)
from stepsaga.limits import DOCUMENT_BYTES
from stepsaga.runtime import SagaContext  # noqa: TC001  # handlers' annotations are read
from stepsaga.store import Event, MemoryStore
from stepsaga.store.counting import CountingStore
from stepsaga.store.slots import key_of, slot_text
from tests.runtime.calls import (
    ARN,
    NOW,
    RUN,
    START,
    STREAM,
    Broken,
    Interrupted,
    Killed,
    Shop,
    call,
    unused,
)

BEFORE_PIVOT = ["compensatable", "read-only", "pivot"]
FORWARD = [*BEFORE_PIVOT, "retriable"]
AGAIN = [{"attempt": 1}, {"redrives": 1}, {"attempt": 2, "redrives": 1}]


class CardDeclined(Rejected):
    """An author's refusal."""


class Paid(Event):
    """An author's event."""

    amount: int


def charges(order: dict[str, Any]) -> str:
    """Have an effect."""
    return f"paid {order['amount']}"


def declines() -> str:
    """Do nothing."""
    raise CardDeclined("no funds")


def breaks() -> str:
    """Leave everybody in doubt."""
    raise ConnectionError("no answer")


@pytest.mark.parametrize("part", FORWARD)
def test_a_first_attempt_writes_once_and_reads_nothing(part: str) -> None:
    """A step that succeeds costs one write of one item, and no read."""
    store = CountingStore(MemoryStore())
    shop = Shop(charges, store=store)
    assert shop.handle(call(part)) == "paid 30"
    assert (store.counts.writes, store.counts.reads) == (1, 0)
    assert shop.outcomes() == {"00002": "result"}


def test_a_result_is_recorded_with_everything_that_identifies_it() -> None:
    """The commit has its keys, cause, clock, attempt and definition (rules 4, 9)."""
    shop = Shop(charges)
    shop.handle(call())
    commit = shop.at(2)
    assert commit is not None
    assert commit.commit_id == key_of(STREAM, slot_text(RUN, [2]))
    assert commit.causation_id == key_of(STREAM, slot_text(RUN, [1]))
    assert commit.correlation_id == "order-1"
    assert commit.recorded_at == "2026-11-21T08:00:02.000Z"
    assert (commit.attempt, commit.fingerprint) == (0, "f1")
    assert shop.events(2) == [("StepCompleted", {"step": "charge", "value": "paid 30"})]


def test_the_first_commit_opens_the_saga() -> None:
    """A commit that can be the first carries SagaStarted and names the execution (rule 8).

    In a choice that comes first it need not stand in the first slot.
    """
    shop = Shop(charges)
    shop.handle(call(slot=[2], opens=True))
    commit = shop.at(2)
    assert commit is not None
    assert commit.causation_id == ARN
    assert shop.events(2)[0] == ("SagaStarted", {"input": {"id": "order-1", "amount": 30}})


def test_a_rejection_can_be_the_first_commit() -> None:
    """SagaStarted is in a first commit also where that is a rejection (rule 8)."""
    shop = Shop(declines)
    with pytest.raises(Rejected):
        shop.handle(call(slot=[1], opens=True))
    assert [name for name, _ in shop.events(1)] == ["SagaStarted", "StepRejected"]


def test_the_last_commit_closes_the_saga_after_what_was_emitted() -> None:
    """SagaCompleted is the last event of the last commit; emitted ones stand before it."""

    def emits(saga: SagaContext) -> None:
        saga.emit(Paid(amount=3))

    shop = Shop(emits)
    shop.handle(call(closes=True))
    assert shop.events(2) == [
        ("StepCompleted", {"step": "charge", "value": None}),
        ("Paid", {"amount": 3}),
        ("SagaCompleted", {}),
    ]


@pytest.mark.parametrize("again", AGAIN)
@pytest.mark.parametrize("part", FORWARD)
def test_a_later_attempt_adopts_the_recorded_result(part: str, again: dict[str, Any]) -> None:
    """A retry or redrive reads first and answers what is recorded (rules 6, 7)."""
    shop = Shop()
    shop.handle(call(part), charges)
    assert shop.handle(call(part, **again), unused) == "paid 30"


@pytest.mark.parametrize("again", AGAIN)
@pytest.mark.parametrize("part", FORWARD)
def test_a_later_attempt_runs_where_nothing_is_recorded(part: str, again: dict[str, Any]) -> None:
    """A retry or redrive of a step with an empty slot runs its handler (rule 6)."""
    shop = Shop(charges)
    assert shop.handle(call(part, **again)) == "paid 30"


@pytest.mark.parametrize("again", AGAIN)
@pytest.mark.parametrize("part", BEFORE_PIVOT)
def test_a_later_attempt_hears_of_a_rejection_in_doubt(part: str, again: dict[str, Any]) -> None:
    """A recorded rejection is repeated as RejectedInDoubt: others ran before (rule 1)."""
    shop = Shop()
    with pytest.raises(Rejected):
        shop.handle(call(part), declines)
    with pytest.raises(RejectedInDoubt, match=r"charge: .*CardDeclined: no funds"):
        shop.handle(call(part, **again), unused)


@pytest.mark.parametrize("again", AGAIN)
@pytest.mark.parametrize("part", BEFORE_PIVOT)
def test_a_later_attempt_is_fenced_by_a_seal(part: str, again: dict[str, Any]) -> None:
    """What finds its slot sealed does nothing: somebody is already undoing (rule 6)."""
    shop = Shop()
    shop.handle(call("compensation"), lambda: None)
    with pytest.raises(Fenced, match=r"charge: the slot .*/00002 was sealed before"):
        shop.handle(call(part, **again), unused)


@pytest.mark.parametrize("part", BEFORE_PIVOT)
def test_a_first_rejection_is_recorded_under_the_authors_class(part: str) -> None:
    """A first Rejected is recorded and raised as plain Rejected, the author's class in its text."""
    shop = Shop(declines)
    with pytest.raises(Rejected) as caught:
        shop.handle(call(part))
    assert type(caught.value) is Rejected
    assert str(caught.value) == f"charge: {CardDeclined.__module__}.CardDeclined: no funds"
    assert isinstance(caught.value.__cause__, CardDeclined)
    assert shop.events(2) == [
        (
            "StepRejected",
            {
                "step": "charge",
                "error": f"{CardDeclined.__module__}.CardDeclined",
                "message": "no funds",
            },
        )
    ]


@pytest.mark.parametrize("again", AGAIN)
@pytest.mark.parametrize("part", BEFORE_PIVOT)
def test_a_later_rejection_is_in_doubt_and_not_recorded(part: str, again: dict[str, Any]) -> None:
    """Rejected speaks for one invocation: an earlier one may have charged (rule 1)."""
    shop = Shop(declines)
    with pytest.raises(RejectedInDoubt, match="no funds"):
        shop.handle(call(part, **again))
    assert shop.outcomes() == {}


@pytest.mark.parametrize("more", [{}, *AGAIN])
def test_a_rejection_after_the_pivot_is_a_failure(more: dict[str, Any]) -> None:
    """After the pivot a Rejected is a failure like any other; nothing is written (rules 3, 5)."""
    shop = Shop(declines)
    with pytest.raises(StepFailed, match="CardDeclined: no funds"):
        shop.handle(call("retriable", **more))
    assert shop.outcomes() == {}


@pytest.mark.parametrize("more", [{}, *AGAIN])
@pytest.mark.parametrize("part", FORWARD)
def test_a_failure_writes_nothing(part: str, more: dict[str, Any]) -> None:
    """An ordinary exception leaves the slot empty, so that a retry can succeed (rule 5)."""
    shop = Shop(breaks)
    with pytest.raises(StepFailed, match="charge: ConnectionError: no answer") as caught:
        shop.handle(call(part, **more))
    assert isinstance(caught.value.__cause__, ConnectionError)
    assert shop.outcomes() == {}
    assert shop.handle(call(part, attempt=1), charges) == "paid 30"


@pytest.mark.parametrize("death", [Killed, SystemExit, KeyboardInterrupt, GeneratorExit])
@pytest.mark.parametrize("part", FORWARD)
def test_a_process_that_ends_writes_nothing(part: str, death: type[BaseException]) -> None:
    """What ends the process between effect and commit passes through, unrecorded (rule 5)."""

    def dies() -> None:
        raise death

    shop = Shop(dies)
    with pytest.raises(death):
        shop.handle(call(part))
    assert shop.outcomes() == {}


def test_no_event_is_recorded_for_a_handler_that_failed() -> None:
    """Emitted events are committed with the outcome, or not at all."""

    def emits_and_declines(saga: SagaContext) -> None:
        saga.emit(Paid(amount=3))
        raise CardDeclined("no funds")

    shop = Shop(emits_and_declines)
    with pytest.raises(Rejected):
        shop.handle(call())
    assert [name for name, _ in shop.events(2)] == ["StepRejected"]


# Races


def test_two_first_attempts_have_one_answer() -> None:
    """Delivered twice: the second result adopts the first one that was recorded."""
    store = MemoryStore()
    other = Shop(lambda: "first", store=store)
    shop = Shop(store=Interrupted(store, lambda: other.handle(call())))
    assert shop.handle(call(), lambda: "second") == "first"
    assert shop.outcomes() == {"00002": "result"}


@pytest.mark.parametrize("part", BEFORE_PIVOT)
def test_a_result_that_loses_to_a_seal_has_landed_late(part: str) -> None:
    """The effect of a fenced invocation is recorded in a slot of its own, then Fenced (rule 11)."""
    store = MemoryStore()
    undo = Shop(lambda: None, store=store)
    shop = Shop(store=Interrupted(store, lambda: undo.handle(call("compensation"))))
    with pytest.raises(Fenced, match="recorded as landed late"):
        shop.handle(call(part), charges)
    assert shop.outcomes() == {
        "00002": "sealed",
        "00002/late/00001": "late",
        "00005": "compensated",
    }
    [late] = store.read(STREAM, f"{RUN}/00002/late/")
    assert late.commit_id == key_of(STREAM, late.slot)
    assert late.causation_id == key_of(STREAM, f"{RUN}/00002")
    assert late.events[0].data == {"step": "charge", "value": "paid 30"}


def test_each_late_effect_has_a_record_of_its_own() -> None:
    """A second effect that lands late does not hide behind the first one (rule 11)."""
    shop = Shop()
    shop.handle(call("compensation"), lambda: None)
    for value in ("one", "two", "three"):
        with pytest.raises(Fenced):
            shop.handle(call(), lambda value=value: value)
    landed = [
        commit.events[0].data["value"] for commit in shop.store.read(STREAM, f"{RUN}/00002/late")
    ]
    assert landed == ["one", "two", "three"]


def test_a_late_effect_emits_nothing() -> None:
    """What a fenced handler emitted is not recorded: the saga is being undone."""

    def emits(saga: SagaContext) -> None:
        saga.emit(Paid(amount=3))

    shop = Shop()
    shop.handle(call("compensation"), lambda: None)
    with pytest.raises(Fenced):
        shop.handle(call(), emits)
    [late] = shop.store.read(STREAM, f"{RUN}/00002/late")
    assert [event.type for event in late.events] == ["StepLanded"]


def test_a_result_that_loses_to_a_rejection_has_landed_late() -> None:
    """Two first attempts, one rejected, one charged: the charge is on record (rule 11)."""
    shop = Shop()
    with pytest.raises(Rejected):
        shop.handle(call(), declines)
    with pytest.raises(Fenced):
        shop.handle(call(), charges)
    assert shop.outcomes() == {"00002": "rejected", "00002/late/00001": "late"}


def test_a_rejection_that_loses_to_a_result_adopts_it() -> None:
    """Two first attempts, one charged, one rejected: the saga goes on with the recorded charge."""
    shop = Shop()
    shop.handle(call(), charges)
    assert shop.handle(call(), declines) == "paid 30"


def test_a_rejection_that_loses_to_a_seal_is_fenced() -> None:
    """A first attempt whose slot was sealed meanwhile is fenced, and leaves no late effect."""
    shop = Shop()
    shop.handle(call("compensation"), lambda: None)
    with pytest.raises(Fenced):
        shop.handle(call(), declines)
    assert shop.outcomes() == {"00002": "sealed", "00005": "compensated"}


def test_two_first_rejections_are_one() -> None:
    """A rejection that is delivered twice is recorded once, and raised twice."""
    shop = Shop(declines)
    for _ in range(2):
        with pytest.raises(Rejected, match="no funds"):
            shop.handle(call())
    assert shop.outcomes() == {"00002": "rejected"}


# Refused before the handler


def test_the_first_attempt_after_its_time_does_nothing() -> None:
    """An attempt 0 after entered + seconds + 15 s is refused, nothing is written (rule 7)."""
    last = START + timedelta(seconds=1 + 20 + 15)
    assert Shop(charges, now=last).handle(call()) == "paid 30"
    store = CountingStore(MemoryStore())
    late = Shop(unused, store=store, now=last + timedelta(milliseconds=1))
    with pytest.raises(
        StepFailed, match=r"charge: the first attempt arrived at .* nothing was done"
    ):
        late.handle(call())
    assert (store.counts.writes, store.counts.reads) == (0, 0)


def test_lateness_is_for_first_attempts() -> None:
    """A later attempt of the same state is not late: its state was entered long ago (rule 7)."""
    shop = Shop(charges, now=START + timedelta(hours=1))
    assert shop.handle(call(attempt=1)) == "paid 30"


def test_lateness_counts_from_the_redrive() -> None:
    """A state that is redriven after days keeps its entered time, and still runs (rule 7)."""
    shop = Shop(charges, now=START + timedelta(days=3, seconds=30))
    redriven = "2026-11-24T08:00:00.000Z"
    assert shop.handle(call(redrives=1, redriven=redriven)) == "paid 30"
    shop.now += timedelta(seconds=6)
    with pytest.raises(StepFailed, match="nothing was done"):
        shop.handle(call(redrives=1, redriven=redriven, slot=[3]), unused)


def test_lateness_is_not_guessed_where_a_redrive_has_no_time() -> None:
    """A redrive that does not say when it was is never refused as late."""
    payload = call()
    payload["execution"]["RedriveCount"] = 1
    shop = Shop(charges, now=START + timedelta(days=3))
    assert shop.handle(payload) == "paid 30"


@pytest.mark.parametrize("part", BEFORE_PIVOT)
def test_a_deadline_that_has_passed_rejects_a_first_attempt(part: str) -> None:
    """After the deadline nothing new is begun: Rejected at the first attempt (rule 2)."""
    entered = "2026-11-21T08:01:00.000Z"
    shop = Shop(charges, now=START + timedelta(seconds=60))
    assert shop.handle(call(part, deadline=60, entered=entered, slot=[9])) == "paid 30"
    shop.now += timedelta(milliseconds=1)
    with pytest.raises(Rejected, match="the saga's deadline has passed at 2026-11-21T08:01:00"):
        shop.handle(call(part, deadline=60, entered=entered), unused)
    assert shop.outcomes()["00002"] == "rejected"


@pytest.mark.parametrize("again", AGAIN)
def test_a_deadline_that_has_passed_is_doubt_later(again: dict[str, Any]) -> None:
    """After the deadline a later attempt is in doubt: an earlier one may have acted (rule 2)."""
    shop = Shop(unused, now=START + timedelta(seconds=5))
    with pytest.raises(RejectedInDoubt, match="deadline"):
        shop.handle(call(deadline=4, **again))
    assert shop.outcomes() == {}


def test_a_deadline_does_not_hide_a_recorded_result() -> None:
    """A retry after the deadline adopts what is recorded: the slot is read first (rules 6, 16)."""
    shop = Shop()
    shop.handle(call(), charges)
    shop.now = START + timedelta(seconds=5)
    assert shop.handle(call(deadline=4, attempt=1), unused) == "paid 30"


def test_a_call_without_a_deadline_has_none() -> None:
    """Where no deadline is compiled in, as after the pivot, none applies (rule 16)."""
    shop = Shop(charges, now=START + timedelta(days=300))
    assert shop.handle(call("retriable", attempt=1)) == "paid 30"


@pytest.mark.parametrize("again", [{}, *AGAIN])
@pytest.mark.parametrize("part", BEFORE_PIVOT)
def test_input_that_does_not_validate_is_rejected_at_any_attempt(
    part: str, again: dict[str, Any]
) -> None:
    """A bad order is refused cleanly, at every attempt: it is bad every time (rule 2)."""

    def takes_int(order: int) -> None: ...

    shop = Shop(takes_int)
    with pytest.raises(
        Rejected, match=r"charge: .*Rejected: order: Input should be a valid integer"
    ):
        shop.handle(call(part, **again))
    assert shop.outcomes() == {"00002": "rejected"}


def test_input_that_does_not_validate_after_the_pivot_is_final() -> None:
    """After the pivot it is a failure that no retry mends, and nothing is written (rule 3)."""

    def takes_int(order: int) -> None: ...

    shop = Shop(takes_int)
    with pytest.raises(StepFailedForGood, match="order: Input should be a valid integer"):
        shop.handle(call("retriable"))
    assert shop.outcomes() == {}


REFUSALS = {
    "unknown handler": ({}, "unknown handler shop.payments:handler: LookupError: no"),
    "wrong participant": ({"handler": "shop.stock:reserve"}, "is not of the participant shop.pay"),
    "input over the limit": ({"input_": "x" * DOCUMENT_BYTES}, "the input has 163,842 bytes"),
}


@pytest.mark.parametrize(("changes", "text"), REFUSALS.values(), ids=REFUSALS)
def test_what_is_refused_before_the_handler_is_a_rejection(
    changes: dict[str, Any], text: str
) -> None:
    """Refused before the handler: Rejected at first, in doubt at a later attempt (rule 2)."""
    shop = Shop()
    with pytest.raises(RejectedInDoubt, match=text):
        shop.handle(call(attempt=1, **changes))
    assert shop.outcomes() == {}
    with pytest.raises(Rejected, match=text):
        shop.handle(call(**changes))
    assert shop.outcomes() == {"00002": "rejected"}


@pytest.mark.parametrize(("changes", "text"), REFUSALS.values(), ids=REFUSALS)
def test_what_is_refused_after_the_pivot_is_retried(changes: dict[str, Any], text: str) -> None:
    """After the pivot a handler that is missing can come with the next deployment (rules 3, 12)."""
    shop = Shop()
    with pytest.raises(StepFailed, match=text):
        shop.handle(call("retriable", **changes))
    assert shop.outcomes() == {}


def test_input_at_the_limit_is_taken() -> None:
    """The limit itself is allowed, counted in bytes of compact UTF-8 JSON (rule 22)."""
    shop = Shop(lambda: None)
    text = "ä" * ((DOCUMENT_BYTES - 2) // 2)
    with pytest.raises(StepFailedForGood, match="earlier results is over"):
        shop.handle(call(input_=text))  # input fits, with the result it does not
    text = text[:-10]
    assert shop.handle(call(input_=text, attempt=1)) is None


def test_a_result_over_the_limit_is_refused_before_the_commit() -> None:
    """Input and results together over the limit are no result: nothing is written (rule 22)."""
    shop = Shop(lambda: "x" * 1000)
    results = {"reserve": {"value": "y" * (DOCUMENT_BYTES - 1500)}}
    with pytest.raises(StepFailedForGood) as caught:
        shop.handle(call(results=results, input_="i" * 600))
    assert "its result has 1,002 bytes as JSON, which with 602 of input" in str(caught.value)
    assert shop.outcomes() == {}
    assert shop.handle(call(results=results, input_="i" * 400)) == "x" * 1000


# The store fails


@pytest.mark.parametrize("error", [StoreThrottled("slow down"), StoreUnreachable("no network")])
def test_a_store_that_does_not_write_leaves_the_outcome_unknown(error: Exception) -> None:
    """A commit that fails is StepFailed, retried; the next attempt runs and is recorded."""
    store = MemoryStore()
    shop = Shop(charges, store=Broken(store, on_append=error))
    with pytest.raises(StepFailed, match=f"charge: {type(error).__name__}: {error}"):
        shop.handle(call())
    shop.store = store
    assert shop.outcomes() == {}
    assert shop.handle(call(attempt=1)) == "paid 30"


@pytest.mark.parametrize(
    "error", [CommitTooLarge("400 KB"), CommitUnreadable("garbage"), EventInvalid("no fit")]
)
def test_a_store_that_can_never_take_it_is_not_tried_again(error: Exception) -> None:
    """What no retry mends is StepFailedForGood, and nothing is half-written."""
    shop = Shop(charges, store=Broken(MemoryStore(), on_append=error))
    with pytest.raises(StepFailedForGood, match=f"charge: {type(error).__name__}: {error}"):
        shop.handle(call())
    assert shop.outcomes() == {}


def test_a_commit_whose_reply_is_lost_is_adopted() -> None:
    """A write that happened although the store failed is found by the next attempt (rule 7)."""
    store = MemoryStore()
    broken = Broken(store, on_append=StoreUnreachable("no answer"), loses_reply=True)
    shop = Shop(charges, store=broken)
    with pytest.raises(StepFailed):
        shop.handle(call())
    shop.store = store
    assert shop.handle(call(attempt=1), unused) == "paid 30"


def test_a_store_that_cannot_be_read_stops_a_retry_before_its_effect() -> None:
    """Without knowing the slot no later attempt runs its handler (rule 7)."""
    shop = Shop(unused, store=Broken(MemoryStore(), on_read=StoreThrottled("slow down")))
    with pytest.raises(StepFailed, match="charge: StoreThrottled: slow down"):
        shop.handle(call(attempt=1))


def test_a_bug_of_the_store_is_a_failure_that_is_retried() -> None:
    """Whatever else goes wrong reaches Step Functions under a name that it knows."""
    shop = Shop(charges, store=Broken(MemoryStore(), on_append=KeyError("events")))
    with pytest.raises(StepFailed, match="charge: KeyError: 'events'"):
        shop.handle(call())


def test_now_is_asked_for_when_the_commit_is_made() -> None:
    """recorded_at is the time of the commit, not of the arrival."""
    shop = Shop(now=NOW)

    def takes_a_second() -> None:
        shop.now += timedelta(seconds=1.5)

    shop.handle(call(), takes_a_second)
    commit = shop.at(2)
    assert commit is not None
    assert commit.recorded_at == "2026-11-21T08:00:03.500Z"
