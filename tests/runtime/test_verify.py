"""A pivot in doubt: settled by its probe, or by its slot alone (rule 17)."""

from __future__ import annotations

from typing import Any

import pytest

from stepsaga.errors import Fenced, Rejected, StepFailed, StepFailedForGood
from stepsaga.runtime import SagaContext  # noqa: TC001  # handlers' annotations are read
from stepsaga.store import MemoryStore
from stepsaga.store.slots import key_of
from tests.runtime.calls import RUN, STREAM, Interrupted, Killed, Shop, call, unused


class NotFound(Rejected):
    """An author's "did not happen"."""


def verify(**changes: Any) -> dict[str, Any]:
    """A call of the pivot's probe."""
    return call("verify", step="ship", **changes)


def ship(**changes: Any) -> dict[str, Any]:
    """A call of the pivot."""
    return call("pivot", step="ship", **changes)


def misses() -> str:
    """A probe that finds nothing."""
    raise NotFound("no parcel")


@pytest.mark.parametrize("handler", ["shop.payments:probe", ""])
def test_a_recorded_result_goes_forward(handler: str) -> None:
    """The pivot happened and only its reply was lost: forward, nobody is asked (rule 17)."""
    shop = Shop()
    shop.handle(ship(), lambda: "parcel 7")
    assert shop.handle(verify(handler=handler), unused) == "parcel 7"


def test_what_the_probe_finds_is_the_pivots_result() -> None:
    """The word "happened" writes the result into the pivot's slot and goes forward (rule 17)."""
    shop = Shop()
    assert shop.handle(verify(closes=True), lambda: "parcel 7") == "parcel 7"
    assert shop.outcomes() == {"00002": "result"}
    assert shop.events(2) == [
        ("StepCompleted", {"step": "ship", "value": "parcel 7"}),
        ("SagaCompleted", {}),
    ]


def test_a_result_that_is_recorded_meanwhile_is_adopted() -> None:
    """The pivot was quicker than its probe: the recorded result is the answer (rule 17)."""
    store = MemoryStore()
    pivot = Shop(lambda: "recorded", store=store)
    shop = Shop(store=Interrupted(store, lambda: pivot.handle(ship())))
    assert shop.handle(verify(), lambda: "probed") == "recorded"


def test_did_not_happen_seals_and_undoes() -> None:
    """A probe's Rejected seals the pivot's slot and goes out as plain Rejected (rule 17)."""
    shop = Shop()
    with pytest.raises(Rejected, match=r"verify ship: .*NotFound: no parcel") as caught:
        shop.handle(verify(), misses)
    assert type(caught.value) is Rejected
    assert shop.outcomes() == {"00002": "sealed"}


@pytest.mark.parametrize("handler", ["shop.payments:probe", ""])
def test_a_result_found_by_the_seal_goes_forward(handler: str) -> None:
    """A pivot that is recorded just before the seal happened: forward (rule 17)."""
    store = MemoryStore()
    pivot = Shop(lambda: "recorded", store=store)
    shop = Shop(store=Interrupted(store, lambda: pivot.handle(ship())))
    assert shop.handle(verify(handler=handler), misses) == "recorded"


def test_without_a_probe_the_slot_decides() -> None:
    """No probe and no result: the slot is sealed, and Rejected goes out (rule 17)."""
    shop = Shop()
    with pytest.raises(Rejected, match="verify ship: its outcome is unknown"):
        shop.handle(verify(handler=""))
    assert shop.outcomes() == {"00002": "sealed"}


@pytest.mark.parametrize("handler", ["shop.payments:probe", ""])
def test_a_decision_whose_reply_was_lost_is_repeated(handler: str) -> None:
    """A second call of a probe that said "did not happen" says so again (rule 17)."""
    shop = Shop(misses)
    for attempt in range(2):
        with pytest.raises(Rejected):
            shop.handle(verify(handler=handler, attempt=attempt))
    assert shop.outcomes() == {"00002": "sealed"}


def test_a_probe_is_not_asked_again_after_its_seal() -> None:
    """A reply that was lost does not open what is decided: the retry is rejected too (rule 17)."""
    shop = Shop()
    with pytest.raises(Rejected):
        shop.handle(verify(), misses)
    with pytest.raises(Rejected, match="verify ship: its slot was sealed before"):
        shop.handle(verify(attempt=1), lambda: "parcel 7")
    assert shop.outcomes() == {"00002": "sealed"}


def test_a_pivot_that_lands_after_its_seal_is_fenced() -> None:
    """A seal keeps a late pivot from being recorded as done (rule 17)."""
    shop = Shop()
    with pytest.raises(Rejected):
        shop.handle(verify(), misses)
    with pytest.raises(Fenced):
        shop.handle(ship(), lambda: "parcel 7")
    assert shop.outcomes() == {"00002": "sealed", "00002/late/00001": "late"}


def test_a_rejection_on_record_goes_backwards() -> None:
    """A pivot that rejected cleanly stays rejected: there is nothing to seal (rule 17)."""
    shop = Shop()
    with pytest.raises(Rejected):
        shop.handle(ship(), misses)
    with pytest.raises(Rejected):
        shop.handle(verify(), misses)
    assert shop.outcomes() == {"00002": "rejected"}


def test_anything_else_decides_nothing() -> None:
    """A probe that fails writes nothing and fails in its Task (rule 17)."""

    def breaks() -> str:
        raise TimeoutError("no answer")

    shop = Shop(breaks)
    with pytest.raises(StepFailed, match="verify ship: TimeoutError: no answer"):
        shop.handle(verify())
    assert shop.outcomes() == {}


def test_a_probe_that_returns_no_result_decides_nothing() -> None:
    """A probe that forgets to raise returns None: it does not fit, nothing is decided (rule 17)."""

    def forgets() -> str:
        return None  # type: ignore[return-value]  # the mistake in question

    shop = Shop(forgets)
    with pytest.raises(StepFailedForGood, match="its result: Input should be a valid string"):
        shop.handle(verify())
    assert shop.outcomes() == {}


def test_a_probe_whose_parameters_do_not_fit_never_undoes() -> None:
    """Bad parameters of a probe are no "did not happen": nothing is sealed (rule 17)."""

    def probe(order: int) -> None: ...

    shop = Shop(probe)
    with pytest.raises(StepFailedForGood, match="verify ship: order: Input should be"):
        shop.handle(verify())
    assert shop.outcomes() == {}


def test_a_missing_probe_never_undoes() -> None:
    """A probe that is not there decides nothing: it may come with the next deployment (rule 17)."""
    shop = Shop()
    with pytest.raises(StepFailed, match="verify ship: unknown handler"):
        shop.handle(verify())
    assert shop.outcomes() == {}


def test_a_probe_that_is_killed_decides_nothing() -> None:
    """A process that ends in a probe leaves the slot as it was (rule 5)."""

    def dies() -> str:
        raise Killed

    shop = Shop(dies)
    with pytest.raises(Killed):
        shop.handle(verify())
    assert shop.outcomes() == {}


def test_a_probe_sees_the_document_with_the_failure_in_it() -> None:
    """After a failure the document holds that beside the results; a probe is given only results."""
    document = {"charge": {"value": "paid"}, "failure": {"Error": "States.Timeout"}}

    def probe(order: dict[str, Any], charge: str, saga: SagaContext) -> str:
        assert saga.idempotency_key == saga.step_idempotency_key == key_of(STREAM, f"{RUN}/00002")
        return f"{charge} {order['amount']}"

    assert Shop(probe).handle(verify(results=document)) == "paid 30"
