"""A claim: an effect that cannot be made idempotent is had by one invocation (rule 27)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from stepsaga.errors import (
    Fenced,
    Rejected,
    RejectedInDoubt,
    StepFailed,
    StepFailedForGood,
    StoreThrottled,
)
from stepsaga.runtime import Runtime
from stepsaga.store import MemoryStore
from stepsaga.store.counting import CountingStore
from tests.runtime.calls import (
    NOW,
    PARTICIPANT,
    RUN,
    STREAM,
    Broken,
    Interrupted,
    Killed,
    Shop,
    call,
    unused,
)


@dataclass
class Wire:
    """A transfer that goes out as often as it is ordered."""

    sent: list[str] = field(default_factory=list)

    def send(self) -> str:
        """Order it."""
        self.sent.append("sent")
        return "sent"

    def breaks(self) -> str:
        """Order it, and lose the answer."""
        self.sent.append("sent")
        raise OSError("no answer")

    def dies(self) -> str:
        """Order it, and end the process."""
        self.sent.append("sent")
        raise Killed


def declines() -> str:
    """A handler that does nothing."""
    raise Rejected("no funds")


def claimed(**changes: Any) -> dict[str, Any]:
    """A call of the claimed step."""
    return call(claim=True, **changes)


def verify(**changes: Any) -> dict[str, Any]:
    """A call of its probe."""
    return call("verify", claim=True, **changes)


def settle(**changes: Any) -> dict[str, Any]:
    """The call that settles it without a probe."""
    return verify(handler="", **changes)


def undo(**changes: Any) -> dict[str, Any]:
    """A call of its compensation."""
    return call("compensation", claim=True, **changes)


@dataclass
class Context:
    """Lambda's, as far as a claim is concerned."""

    aws_request_id: str


def handle(store: Any, request: str, payload: dict[str, Any], handler: Any) -> Any:
    """Answer a call in the invocation of that request."""
    runtime = Runtime(
        participant=PARTICIPANT, store=store, now=lambda: NOW, resolve=lambda _: handler
    )
    return runtime.handle(payload, Context(request))["value"]


def test_the_claim_comes_before_the_effect() -> None:
    """One more write, before the handler runs, and no read (rule 27)."""
    store = CountingStore(MemoryStore())
    shop = Shop(store=store)
    seen: list[dict[str, str]] = []

    def sends() -> str:
        seen.append({c.slot.removeprefix(f"{RUN}/"): c.outcome for c in store.read(STREAM)})
        return "sent"

    assert handle(store, "r-1", claimed(opens=True), sends) == "sent"
    assert seen == [{"00002/claim": "claimed"}]
    assert shop.outcomes() == {"00002": "result", "00002/claim": "claimed"}
    assert store.counts.writes == 2
    claim = store.get(STREAM, f"{RUN}/00002/claim")
    assert claim is not None
    assert [event.type for event in claim.events] == ["SagaStarted", "StepClaimed"]
    assert claim.events[1].data == {"step": "charge", "request": "r-1"}


def test_the_success_of_a_claimed_step_reads_nothing() -> None:
    """The bound on the path where nothing fails: two writes, no read (rule 27)."""
    store = CountingStore(MemoryStore())
    Shop(store=store).handle(claimed(), lambda: "sent")
    assert (store.counts.writes, store.counts.reads) == (2, 0)


@pytest.mark.parametrize("again", [{}, {"attempt": 1}, {"redrives": 1}])
@pytest.mark.parametrize("ends", ["breaks", "dies"])
def test_a_foreign_claim_is_never_repeated(again: dict[str, Any], ends: str) -> None:
    """Whoever finds a claim does not call the handler, and is not retried (rule 27)."""
    shop, wire = Shop(), Wire()
    with pytest.raises((StepFailed, Killed)):
        shop.handle(claimed(), getattr(wire, ends))
    with pytest.raises(StepFailedForGood, match="has claimed it before"):
        shop.handle(claimed(**again), wire.send)
    assert wire.sent == ["sent"]
    assert shop.outcomes() == {"00002/claim": "claimed"}


def test_ones_own_claim_is_held() -> None:
    """A put that boto3 sends again finds its own request id: the claim is held (rule 27)."""
    store, wire = MemoryStore(), Wire()
    lost = Broken(store, on_append=StoreThrottled("later"), loses_reply=True)
    with pytest.raises(StepFailed):
        handle(lost, "r-1", claimed(), wire.send)
    assert handle(store, "r-1", claimed(), wire.send) == "sent"
    with pytest.raises(StepFailedForGood, match="the invocation r-1 has claimed it before"):
        handle(_without(store, f"{RUN}/00002"), "r-2", claimed(), wire.send)
    assert wire.sent == ["sent"]


def _without(store: MemoryStore, slot: str) -> MemoryStore:
    """The same commits but for one."""
    copy = MemoryStore()
    for commit in store.read(STREAM):
        if commit.slot != slot:
            copy.append(commit)
    return copy


def test_delivered_twice_is_done_once() -> None:
    """The second delivery finds the claim, then the result, and adopts it (rule 27)."""
    shop, wire = Shop(), Wire()
    assert shop.handle(claimed(), wire.send) == "sent"
    assert shop.handle(claimed(), wire.send) == "sent"
    assert wire.sent == ["sent"]


def test_what_is_refused_claims_nothing() -> None:
    """A bad order and an unknown handler are rejections, before any claim (rules 2, 27)."""
    shop = Shop()
    with pytest.raises(Rejected):
        shop.handle(claimed())
    assert shop.outcomes() == {"00002": "rejected"}


def test_who_holds_the_claim_may_reject_at_any_attempt() -> None:
    """Nobody else has called the handler, so "I did nothing" is certain (rules 1, 27)."""
    shop = Shop()
    with pytest.raises(Rejected) as caught:
        shop.handle(claimed(attempt=1), declines)
    assert type(caught.value) is Rejected
    assert shop.outcomes() == {"00002": "rejected", "00002/claim": "claimed"}
    with pytest.raises(RejectedInDoubt):
        shop.handle(claimed(), unused)


def test_unclaimed_it_is_sealed_and_undone() -> None:
    """Nobody ever called the handler: claim and slot are sealed, and nobody will (rule 27)."""
    shop = Shop()
    with pytest.raises(Rejected, match="settle charge: its outcome is unknown"):
        shop.handle(settle())
    assert shop.outcomes() == {"00002": "sealed", "00002/claim": "sealed"}
    with pytest.raises(Fenced):
        shop.handle(claimed(), unused)


@pytest.mark.parametrize("kept", ["00002/claim", "00002"])
def test_settling_again_after_a_crash(kept: str) -> None:
    """A settling call that died after either of its writes is repeated (rule 27)."""
    shop = Shop()
    with pytest.raises(Rejected):
        shop.handle(settle())
    other = "00002" if kept == "00002/claim" else "00002/claim"
    assert isinstance(shop.store, MemoryStore)
    again = Shop(store=_without(shop.store, f"{RUN}/{other}"))
    with pytest.raises(Rejected):
        again.handle(settle(attempt=1))


@pytest.mark.parametrize("part", [settle, undo])
def test_claimed_without_a_result_is_for_a_person(part: Any) -> None:
    """Nobody knows whether it happened: nothing is sealed, and nothing is undone (rule 27)."""
    shop, wire = Shop(), Wire()
    with pytest.raises(Killed):
        shop.handle(claimed(), wire.dies)
    for again in ({}, {"redrives": 1}):
        with pytest.raises(StepFailedForGood, match="nobody knows whether it happened"):
            shop.handle(part(**again), unused)
    assert shop.outcomes() == {"00002/claim": "claimed"}


def test_a_result_that_lands_late_goes_forward() -> None:
    """The first invocation records its result at last: a redrive goes on with it (rule 27)."""
    store = MemoryStore()
    shop, late = Shop(store=store), Shop(store=Interrupted(store, lambda: None))

    def hangs() -> str:
        with pytest.raises(StepFailedForGood):
            shop.handle(settle())
        return "sent"

    assert late.handle(claimed(), hangs) == "sent"
    assert shop.handle(settle(redrives=1)) == "sent"


def test_a_claim_that_wins_against_the_settling_call() -> None:
    """Between looking and sealing somebody claims: the settling call has lost (rule 27)."""
    store, wire = MemoryStore(), Wire()
    first = Shop(wire.send, store=store)
    shop = Shop(store=Interrupted(store, lambda: first.handle(claimed())))
    assert shop.handle(settle()) == "sent"
    assert wire.sent == ["sent"]


def test_what_is_not_claimed_is_not_looked_for() -> None:
    """The probe is not asked about what nobody began (rule 27)."""
    shop = Shop()
    with pytest.raises(Rejected, match="verify charge: nobody has claimed it"):
        shop.handle(verify(), unused)
    assert shop.outcomes() == {"00002": "sealed", "00002/claim": "sealed"}


def test_a_claimed_step_goes_to_its_probe() -> None:
    """What the probe finds is the step's result; what it does not find is sealed (rule 27)."""
    for probe, outcome in ((Wire().send, "result"), (declines, "sealed")):
        shop, wire = Shop(), Wire()
        with pytest.raises(StepFailed):
            shop.handle(claimed(), wire.breaks)
        if outcome == "result":
            assert shop.handle(verify(), probe) == "sent"
        else:
            with pytest.raises(Rejected):
                shop.handle(verify(), probe)
        assert shop.outcomes() == {"00002": outcome, "00002/claim": "claimed"}


def test_a_probe_asked_while_undoing_reads_what_it_takes() -> None:
    """Where a lane is undone its document is gone: results come from the stream (rule 22)."""
    shop = Shop()
    shop.handle(call(slot=[1], step="reserve"), lambda: "goods")
    with pytest.raises(StepFailed):
        shop.handle(claimed(), Wire().breaks)

    def finds(reserve: str) -> str:
        return f"sent for {reserve}"

    assert shop.handle(verify(reads={"reserve": [1]}), finds) == "sent for goods"


def test_a_claimed_step_with_a_result_is_undone_with_it() -> None:
    """A claim does not stand in the way of undoing what is recorded (rules 6, 27)."""
    shop, wire = Shop(), Wire()
    given: list[str | None] = []

    def recalls(charge: str | None) -> None:
        given.append(charge)

    shop.handle(claimed(), wire.send)
    shop.handle(undo(), recalls)
    assert given == ["sent"]


def test_nothing_is_undone_of_what_nobody_claimed() -> None:
    """The compensation of a step that never began seals it, and is not called (rule 27)."""
    shop = Shop()
    shop.handle(undo(), unused)
    assert shop.outcomes() == {
        "00002": "sealed",
        "00002/claim": "sealed",
        "00005": "compensated",
    }
    assert shop.events(5) == [("StepCompensated", {"step": "charge", "found": "nothing"})]
