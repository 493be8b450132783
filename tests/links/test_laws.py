"""Laws of links: whatever is opened, pressed, answered or left, in whichever order."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stepsaga import Approved
from stepsaga.engines.endings import Ending
from stepsaga.errors import AnsweredAlready
from stepsaga.store.commits import Outcome
from stepsaga.store.counting import CountingStore
from tests.links.shop import Buy, BuyEach
from tests.links.world import Shop

if TYPE_CHECKING:
    from stepsaga.store.commits import Commit

ACTIONS = ("open", "press", "press", "forge", "answer", "unheard")
DEEDS = st.tuples(
    st.floats(0.1, 30),
    st.sampled_from(ACTIONS),
    st.sampled_from(["approve", "reject"]),
    st.integers(0, 1),
)


class Unheard:
    """An answer that is recorded by a process which dies before it tells anybody."""

    def success(self, token: str, output: Any) -> None:
        """Say nothing."""

    def failure(self, token: str, error: str, cause: str) -> None:
        """Say nothing."""


def do(shop: Shop, action: str, word: str, which: int) -> None:
    """What somebody does with one of the links."""
    number = which % len(shop.mail.sent)
    token = shop.link(word, number)
    match action:
        case "open":
            before = shop.commits
            shop.open(token)
            assert shop.commits == before
        case "press":
            shop.press(token, by=f"{word} {number}")
        case "forge":
            before = shop.commits
            assert shop.press(f"{token[:-1]}{'A' if token[-1] != 'A' else 'E'}")[0] == 404
            assert shop.commits == before
        case "unheard":
            loud, shop.requests = shop.requests, shop.requests_by(answers=Unheard())
            shop.press(token, by="unheard")
            shop.requests = loud
        case _:
            step, lane = ("review", None) if shop.saga is Buy else ("agreed", str(number))
            with suppress(AnsweredAlready):
                if word == "approve":
                    shop.client.answer(shop.saga, "one", step, Approved(by="cli"), lane=lane)
                else:
                    shop.client.reject(shop.saga, "one", step, by="cli", lane=lane)


def decided(shop: Shop) -> dict[str, list[Commit]]:
    """What was written to each question's slot, in the order of time."""
    slots = {c.slot.rpartition("/token/")[0] for c in shop.commits if c.outcome is Outcome.ASKED}
    return {slot: [c for c in shop.commits if c.slot == slot] for slot in sorted(slots)}


@settings(max_examples=40, deadline=None)
@given(st.lists(DEEDS, max_size=8), st.sampled_from([Buy, BuyEach]))
def test_each_question_is_decided_once(
    deeds: list[tuple[float, str, str, int]], saga: type[Buy | BuyEach]
) -> None:
    """Every question has one answer, the first, and the saga's end is what the answers say.

    No effect is left of one that was rejected, and who presses afterwards is told what stands.
    """
    shop = Shop(saga)
    for hour, *deed in deeds:
        shop.after(hour, lambda deed=deed: do(shop, *deed))  # type: ignore[misc]  # bound at once
    ending = shop.end(lines=[{"sku": "tea"}, {"sku": "rice"}])
    slots = decided(shop)
    assert len(slots) == (1 if saga is Buy else 2)
    assert all(len(commits) == 1 for commits in slots.values())
    outcomes = [commits[0].outcome for commits in slots.values()]
    good = all(outcome is Outcome.RESULT for outcome in outcomes)
    assert ending is (Ending.COMPLETED if good else Ending.COMPENSATED)
    assert shop.mail.done == (["hold"] if good else [])
    said = [what for what in shop.reports if what in {"approved", "rejected"}]
    assert len(said) <= len(slots)
    for number, outcome in enumerate(outcomes):
        for word, same in (("approve", Outcome.RESULT), ("reject", Outcome.REJECTED)):
            status = shop.press(shop.link(word, number))[0]
            assert status in ({200, 410} if outcome is same else {409, 410})
    assert decided(shop) == slots


def test_what_a_request_costs() -> None:
    """A page is two reads. A press is a write and three: what was asked, and the latest token."""
    shop = Shop(Buy)
    shop.ask()
    store = CountingStore(shop.store)
    shop.requests = shop.requests_by(store=store)
    shop.open(shop.link())
    assert (store.counts.reads, store.counts.writes) == (2, 0)
    shop.press(shop.link())
    assert (store.counts.reads, store.counts.writes) == (5, 1)
    shop.open("forged")
    assert (store.counts.reads, store.counts.writes) == (5, 1)
