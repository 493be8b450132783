"""Links that decide: who opens, who presses, once, twice, late, and both at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stepsaga import Approved
from stepsaga.engines.endings import Ending
from stepsaga.errors import AnsweredAlready
from stepsaga.store.commits import Outcome
from tests.links.shop import Buy, BuyEach
from tests.links.world import Shop, request


def test_a_button_approves() -> None:
    """Opening changes nothing; the button records who approved, and the saga goes on."""
    shop = Shop(Buy)
    shop.after(1, lambda: shop.open(shop.link()))
    shop.after(3, lambda: shop.press(shop.link(), by="ann", note="fine"))
    assert shop.end() is Ending.COMPLETED
    assert (shop.hours, shop.reports) == (3, ["shown", "approved"])
    value = next(c for c in shop.commits if c.slot.endswith("/00002")).events[-1].data["value"]
    assert Approved(**value) == Approved(by="ann", note="fine")


def test_a_button_rejects() -> None:
    """The other link undoes, and says why."""
    shop = Shop(Buy)
    shop.after(3, lambda: shop.press(shop.link("reject"), by="ann", note="too dear"))
    assert shop.end() is Ending.COMPENSATED
    assert (shop.hours, shop.mail.done, shop.reports) == (3, [], ["rejected"])
    assert "ann: too dear" in str(shop.view.cause)


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "DELETE", "get", "", None])
def test_other_methods_do_nothing(method: str | None) -> None:
    """Only GET and POST are answered, and neither store nor keys are asked for others."""
    shop = Shop(Buy)
    shop.after(1, lambda: shop.send(request("GET", shop.link()) | {"httpMethod": method}))
    assert shop.end() is Ending.COMPENSATED  # nobody answered
    assert ([status for status, _ in shop.replies], shop.reports) == ([405], [])


def test_whoever_opens_changes_nothing() -> None:
    """Mail scanners open both links, again and again: the log is the same afterwards."""
    shop = Shop(Buy)
    before: list[int] = []

    def scan() -> None:
        before.append(len(shop.commits))
        for word in ("approve", "reject", "approve"):
            assert shop.open(shop.link(word))[0] == 200
        assert len(shop.commits) == before[0]

    shop.after(1, scan)
    shop.after(2, lambda: shop.press(shop.link()))
    assert shop.end() is Ending.COMPLETED
    assert before


def test_pressed_twice_is_pressed_once() -> None:
    """The same again is told that it was done, by whom and when; the other is refused."""
    shop = Shop(Buy)
    shop.after(1, lambda: shop.press(shop.link(), by="ann", note="fine"))
    shop.after(2, lambda: shop.press(shop.link(), by="bob"))
    shop.after(3, lambda: shop.press(shop.link("reject"), by="bob"))
    assert shop.end() is Ending.COMPLETED
    shop.open(shop.link())
    shop.open(shop.link("reject"))
    assert [status for status, _ in shop.replies] == [200, 200, 409, 200, 409]
    assert shop.reports == ["approved", "used", "used", "used", "used"]
    for _, page in shop.replies[1:]:
        assert "ann" in page
        assert "bob" not in page
        assert " UTC" in page
    assert len([c for c in shop.commits if c.outcome is Outcome.RESULT]) == 2  # hold, and review


def test_rejected_before() -> None:
    """Whoever approves what was rejected is told so."""
    shop = Shop(Buy)
    shop.after(1, lambda: shop.press(shop.link("reject"), note="too dear"))
    assert shop.end() is Ending.COMPENSATED
    assert [shop.press(shop.link(word))[0] for word in ("approve", "reject")] == [409, 200]
    assert "too dear" in shop.replies[-1][1]


def test_links_and_commands_answer_the_same_question() -> None:
    """What `stepsaga answer` has decided stands against a link, and the other way round."""
    shop = Shop(Buy)
    shop.after(1, lambda: shop.client.answer(Buy, "one", "review", Approved(by="cli")))
    shop.after(2, lambda: shop.press(shop.link("reject")))
    assert shop.end() is Ending.COMPLETED
    assert shop.replies[-1][0] == 409
    assert "cli" in shop.replies[-1][1]
    other = Shop(Buy)
    other.after(1, lambda: other.press(other.link("reject"), by="ann"))
    assert other.end() is Ending.COMPENSATED
    with pytest.raises(AnsweredAlready, match="rejected: ann"):
        other.client.answer(Buy, "one", "review", Approved())


def test_an_expired_link() -> None:
    """Both end with the question: afterwards neither opens a form, nor decides."""
    shop = Shop(Buy)
    assert shop.end() is Ending.COMPENSATED
    assert shop.hours == 24
    assert {shop.open(shop.link())[0], shop.press(shop.link())[0]} == {410}
    assert shop.reports == ["expired", "expired"]
    lasted = (shop.mail.sent[0].until - shop.view.started).total_seconds()
    assert lasted == pytest.approx(24 * 3600, abs=1)


def test_the_last_second_counts() -> None:
    """A moment before the end a link still decides, and it is the only answer."""
    shop = Shop(Buy)
    shop.after(23.9999, lambda: shop.press(shop.link()))
    assert shop.end() is Ending.COMPLETED
    assert shop.reports == ["approved"]


def test_a_saga_that_was_undone_meanwhile() -> None:
    """What is not asked any more says so, though the link's time is not up."""
    shop = Shop(Buy)
    shop.after(1, lambda: shop.engine.stop(shop.running, error="Stopped", cause=""))
    shop.running = shop.start()
    shop.engine.wait(shop.running)
    shop.seal()
    assert {shop.open(shop.link())[0], shop.press(shop.link())[0]} == {410}
    assert shop.reports == ["over", "over"]


def test_a_saga_that_is_being_undone() -> None:
    """Its slot is not sealed yet: nobody is told that it hears of an answer."""
    shop = Shop(Buy)
    shop.ask()
    token = next(one for one in shop.store.read("Buy#one") if one.outcome is Outcome.ASKED)
    run = token.slot.partition("/")[0]
    shop.store.append(replace(token, slot=f"{run}/90000/00000", outcome=Outcome.STUCK))
    assert shop.open(shop.link())[0] == 200
    shop.store.append(replace(token, slot=f"{run}/90001", outcome=Outcome.BEGUN))
    assert shop.press(shop.link())[0] == 410
    assert shop.reports[-1] == "over"
    assert shop.store.get("Buy#one", token.slot.partition("/token")[0]) is None


def test_asked_again_the_first_links_are_as_good() -> None:
    """A message that is sent in a second attempt has links to the same question."""
    shop = Shop(Buy, faults=None)
    shop.mail.fails = 1
    shop.after(1, lambda: shop.press(shop.link()))
    assert shop.end() is Ending.COMPLETED


def test_each_item_of_a_map_has_links_of_its_own() -> None:
    """A link answers for its lane alone."""
    shop = Shop(BuyEach)
    shop.after(1, lambda: shop.press(shop.link(number=0)))
    shop.after(2, lambda: shop.press(shop.link(number=0)))
    shop.after(3, lambda: shop.press(shop.link(number=1)))
    assert shop.end(lines=[{"sku": "tea"}, {"sku": "rice"}]) is Ending.COMPLETED
    assert shop.hours == 3
    assert shop.reports == ["approved", "used", "approved"]
