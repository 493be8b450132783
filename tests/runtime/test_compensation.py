"""A compensation: own slot and step's slot, every combination."""

from __future__ import annotations

from typing import Any

import pytest

from stepsaga.errors import Fenced, Rejected, StepFailed, StepFailedForGood, StoreThrottled
from stepsaga.runtime import SagaContext  # noqa: TC001  # handlers' annotations are read
from stepsaga.store import Event, MemoryStore
from stepsaga.store.counting import CountingStore
from stepsaga.store.slots import key_of
from tests.runtime.calls import RUN, STREAM, Broken, Interrupted, Killed, Shop, call, unused


class Refunded(Event):
    """An author's event."""

    amount: int


class Gone(Rejected):
    """An author's refusal."""


class Refunds:
    """A compensation that keeps what it was given."""

    def __init__(self) -> None:
        self.given: list[Any] = []

    def take(self, charge: str | None) -> None:
        """Undo."""
        self.given.append(charge)


def declines() -> None:
    """A handler that does nothing."""
    raise Gone("no funds")


def undo(**changes: Any) -> dict[str, Any]:
    """A call of the step's compensation."""
    return call("compensation", **changes)


def test_a_recorded_result_is_given_to_the_compensation() -> None:
    """A step that has a result is undone with it (rule 6)."""
    shop, refunds = Shop(), Refunds()
    shop.handle(call(), lambda: "paid")
    assert shop.handle(undo(), refunds.take) is None
    assert refunds.given == ["paid"]
    assert shop.outcomes() == {"00002": "result", "00005": "compensated"}
    assert shop.events(5) == [("StepCompensated", {"step": "charge", "found": "result"})]


def test_a_step_in_doubt_is_sealed_before_it_is_undone() -> None:
    """An empty slot is sealed first, then the handler runs with None (rule 6)."""
    shop = Shop()
    seen: list[dict[str, str]] = []

    def looks(charge: str | None) -> None:
        assert charge is None
        seen.append(shop.outcomes())

    shop.handle(undo(), looks)
    assert seen == [{"00002": "sealed"}]
    assert shop.outcomes() == {"00002": "sealed", "00005": "compensated"}
    assert shop.events(2) == [("StepSealed", {"step": "charge"})]
    assert shop.events(5) == [("StepCompensated", {"step": "charge", "found": "doubt"})]


def test_a_sealed_step_is_undone_with_none() -> None:
    """A compensation that failed after its seal starts again with None (rule 6)."""
    shop, refunds = Shop(), Refunds()

    def fails() -> None:
        raise OSError("no answer")

    with pytest.raises(StepFailed):
        shop.handle(undo(), fails)
    assert shop.outcomes() == {"00002": "sealed"}
    shop.handle(undo(attempt=1), refunds.take)
    assert refunds.given == [None]


def test_a_cleanly_rejected_step_needs_no_undoing() -> None:
    """Nothing to undo is recorded, and the handler is not called (rule 6)."""
    shop = Shop()
    with pytest.raises(Rejected):
        shop.handle(call(), declines)
    assert shop.handle(undo(), unused) is None
    assert shop.events(5) == [("StepCompensated", {"step": "charge", "found": "nothing"})]


def test_a_late_effect_is_given_to_the_compensation() -> None:
    """What landed after the seal is undone with its own result (rule 11)."""
    shop, refunds = Shop(), Refunds()
    with pytest.raises(Killed):
        shop.handle(undo(), _dies)
    with pytest.raises(Fenced):
        shop.handle(call(), lambda: "paid late")
    shop.handle(undo(attempt=1), refunds.take)
    assert refunds.given == ["paid late"]
    assert shop.events(5) == [("StepCompensated", {"step": "charge", "found": "result"})]


def test_a_late_effect_after_a_rejection_is_undone() -> None:
    """Delivered twice, once rejected and once charged: the charge is undone (rule 11)."""
    shop, refunds = Shop(), Refunds()
    with pytest.raises(Rejected):
        shop.handle(call(), declines)
    with pytest.raises(Fenced):
        shop.handle(call(), lambda: "paid late")
    shop.handle(undo(), refunds.take)
    assert refunds.given == ["paid late"]


@pytest.mark.parametrize("more", [{}, {"attempt": 1}, {"redrives": 1}])
def test_a_finished_compensation_is_adopted(more: dict[str, Any]) -> None:
    """A compensation whose slot is filled is done: its handler is not called again (rule 6)."""
    shop = Shop()
    shop.handle(undo(), lambda: None)
    before = shop.outcomes()
    assert shop.handle(undo(**more), unused) is None
    assert shop.outcomes() == before


def test_slots_of_other_steps_and_lanes_are_not_mistaken() -> None:
    """Only the step's own slot and its late effects count, not what shares their beginning."""
    shop, refunds = Shop(), Refunds()
    shop.handle(call(slot=[2, 1_000_000, 1]), lambda: "a lane")
    shop.handle(call(slot=[20]), lambda: "another step")
    shop.handle(undo(), refunds.take)
    assert refunds.given == [None]


def test_a_seal_that_finds_a_result_uses_it() -> None:
    """The step was quicker than its seal: the compensation gets its result (rule 6)."""
    store, refunds = MemoryStore(), Refunds()
    step = Shop(lambda: "paid", store=store)
    shop = Shop(store=Interrupted(store, lambda: step.handle(call())))
    shop.handle(undo(), refunds.take)
    assert refunds.given == ["paid"]
    assert shop.outcomes() == {"00002": "result", "00005": "compensated"}


def test_a_seal_that_finds_a_rejection_has_nothing_to_undo() -> None:
    """The step was rejected just before its seal: nothing to undo (rule 6)."""
    store = MemoryStore()
    step = Shop(declines, store=store)

    def reject() -> None:
        with pytest.raises(Rejected):
            step.handle(call())

    shop = Shop(store=Interrupted(store, reject))
    shop.handle(undo(), unused)
    assert shop.events(5) == [("StepCompensated", {"step": "charge", "found": "nothing"})]


def test_two_compensations_at_once_have_one_success() -> None:
    """The second success adopts the first; nobody fails (rule 6)."""
    store = MemoryStore()
    other = Shop(lambda: None, store=store)
    shop = Shop(store=Interrupted(store, lambda: other.handle(undo()), append_number=2))
    assert shop.handle(undo(attempt=1), lambda: None) is None
    [success] = store.read(STREAM, f"{RUN}/00005")
    assert success.attempt == 0


def test_a_success_names_the_commit_that_it_undoes() -> None:
    """The step's commit is the cause of its compensation; the seal's is the step before."""
    shop = Shop()
    shop.handle(undo(), lambda: None)
    seal, success = shop.at(2), shop.at(5)
    assert seal is not None
    assert success is not None
    assert success.causation_id == seal.commit_id == key_of(STREAM, f"{RUN}/00002")
    assert seal.causation_id == key_of(STREAM, f"{RUN}/00001")


def test_the_seal_of_a_first_step_opens_the_saga() -> None:
    """A seal can be a stream's first commit, and then carries SagaStarted (rule 8)."""
    shop = Shop()
    shop.handle(undo(undoes=[1], opens=True), lambda: None)
    assert [name for name, _ in shop.events(1)] == ["SagaStarted", "StepSealed"]
    assert [name for name, _ in shop.events(5)] == ["StepCompensated"]


def test_events_of_a_compensation_are_committed_with_its_success() -> None:
    """Compensations emit as steps do."""

    def refunds(saga: SagaContext) -> None:
        saga.emit(Refunded(amount=3))

    shop = Shop()
    shop.handle(undo(), refunds)
    assert [name for name, _ in shop.events(5)] == ["StepCompensated", "Refunded"]


@pytest.mark.parametrize("error", [OSError("no answer"), Gone("already gone")])
def test_a_failed_compensation_writes_nothing_in_its_slot(error: Exception) -> None:
    """Rejected or not, a compensation that fails is StepFailed, and is repeated (rules 3, 5)."""

    def fails() -> None:
        raise error

    shop = Shop()
    shop.handle(call(), lambda: "paid")
    with pytest.raises(StepFailed, match=f"undo charge: .*{error}"):
        shop.handle(undo(), fails)
    assert shop.outcomes() == {"00002": "result"}
    shop.handle(undo(redrives=1), Refunds().take)
    assert shop.outcomes() == {"00002": "result", "00005": "compensated"}


def test_a_compensation_that_is_killed_writes_nothing_in_its_slot() -> None:
    """A process that ends between effect and commit leaves the success unrecorded (rule 5)."""
    shop = Shop()
    shop.handle(call(), lambda: "paid")
    with pytest.raises(Killed):
        shop.handle(undo(), _dies)
    assert shop.outcomes() == {"00002": "result"}


def test_a_compensation_that_does_not_accept_none_fails_for_good() -> None:
    """Values that do not fit fail in the Task at once: no retry mends them (rule 3)."""

    def refunds(charge: str) -> None: ...

    shop = Shop(refunds)
    with pytest.raises(StepFailedForGood, match="undo charge: charge: Input should be a valid str"):
        shop.handle(undo())
    assert shop.outcomes() == {"00002": "sealed"}


def test_a_compensation_whose_handler_is_missing_is_retried() -> None:
    """The alias that compensations call may get the handler by the next deployment (rule 12)."""
    shop = Shop()
    with pytest.raises(StepFailed, match="undo charge: unknown handler"):
        shop.handle(undo())
    assert shop.outcomes() == {"00002": "sealed"}


def test_other_results_are_read_from_the_stream() -> None:
    """A compensation's call carries slots, and no results: those are read (rule 22)."""

    def refunds(
        order: dict[str, Any], charge: str | None, reserve: str, review: str | None
    ) -> None:
        assert (order["amount"], charge, reserve, review) == (30, "paid", "reserved", None)
        raise Gone("seen")

    shop = Shop()
    shop.handle(call(step="reserve", slot=[1]), lambda: "reserved")
    shop.handle(call(), lambda: "paid")
    with pytest.raises(StepFailed, match="seen"):
        shop.handle(undo(reads={"reserve": [1], "review": [3]}), refunds)


def test_a_compensation_has_the_keys_of_itself_and_of_its_step() -> None:
    """Two keys: its own, and the step's, under which a tombstone is left (rule 10)."""
    keys: list[tuple[str, str]] = []

    def keeps(saga: SagaContext) -> None:
        keys.append((saga.idempotency_key, saga.step_idempotency_key))

    shop = Shop(keeps)
    shop.handle(call(slot=[7]))
    shop.handle(call())
    shop.handle(undo())
    other, step, (own, undone) = keys
    assert step == (undone, undone)
    assert len({own, undone, *other}) == 3


def test_what_a_compensation_returns_is_nobodys_business() -> None:
    """Its success is recorded whatever it returns: nobody reads it."""
    shop = Shop()
    assert shop.handle(undo(), object) is None
    assert shop.outcomes()["00005"] == "compensated"


def test_a_compensation_costs_three_reads_and_a_write() -> None:
    """Who may undo is read, its own slot and the step's; its success is written (rules 6, 15)."""
    store = CountingStore(MemoryStore())
    shop = Shop(store=store)
    shop.handle(call(), lambda: "paid")
    shop.handle(undo(), Refunds().take)
    assert (store.counts.writes, store.counts.reads) == (2, 3)


def test_a_store_that_cannot_seal_stops_the_compensation() -> None:
    """Without the seal nothing is undone: the step could still be recorded (rule 6)."""
    shop = Shop(unused, store=Broken(MemoryStore(), on_append=StoreThrottled("slow down")))
    with pytest.raises(StepFailed, match="undo charge: StoreThrottled"):
        shop.handle(undo())


def test_a_slot_of_a_compensation_that_holds_something_else_is_fenced() -> None:
    """A compensation slot that somebody else decided is not taken for its success (rule 15)."""
    shop = Shop()
    shop.handle(call(slot=[5]), lambda: "a step where a compensation should be")
    with pytest.raises(Fenced, match=r"undo charge: the slot .*/00005 was result before"):
        shop.handle(undo(), unused)


def _dies() -> None:
    raise Killed
