"""Links that decide: who opens, who presses, once, twice, late, and both at once."""

from __future__ import annotations

from stepsaga import Approved
from stepsaga.engines.endings import Ending
from stepsaga.store.commits import Outcome
from tests.links.shop import Buy
from tests.links.world import Shop


def test_a_button_approves() -> None:
    """Opening changes nothing; the button records who approved, and the saga goes on."""
    shop = Shop(Buy)
    shop.after(1, lambda: shop.open(shop.link()))
    shop.after(3, lambda: shop.press(shop.link(), by="ann", note="fine"))
    assert shop.end() is Ending.COMPLETED
    assert (shop.hours, shop.reports) == (3, ["shown", "approved"])
    value = next(c for c in shop.commits if c.slot.endswith("/00002")).events[-1].data["value"]
    assert Approved(**value) == Approved(by="ann", note="fine")
