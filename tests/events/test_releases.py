"""What a new release means for sagas that wait for an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stepsaga.compat.findings import Weight
from tests.compat.worlds import compared

if TYPE_CHECKING:
    from pathlib import Path

BEFORE = """
from stepsaga import BusEvent, WaitForEvent


class Order(BaseModel):
    id: str


class Paid(BaseModel):
    order_id: str
    id: str


paid = BusEvent(Paid, source="shop")


def look(order: Order) -> str: ...


class Sell(Saga):
    order = Input(Order)
    paid = WaitForEvent(paid, by="order_id", key=order.id, timeout=timedelta(hours=1))
    look = Step(look, read_only=True)


class Other(Saga):
    order = Input(Order)
    came = WaitForEvent(paid, by="id", key=order.id, timeout=timedelta(hours=1))
"""
CHANGES = {
    "it waits longer": ("hours=1", "hours=2", []),
    "by another field": ('by="order_id"', 'by="id"', ["S708"]),
    "from another source": ('source="shop"', 'source="store"', ["S708", "S708"]),
    "another saga waits for it by another field": (
        '    paid = WaitForEvent(paid, by="order_id", key=order.id, timeout=timedelta(hours=1))\n',
        "",
        ["S708"],
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_an_event_that_is_brought_to_none_any_more(name: str, tmp_path: Path) -> None:
    """Who waits for it has the definition of the old release, and the router is the new one's."""
    old, new, codes = CHANGES[name]
    (tmp_path / "shop.py").write_text("", "utf-8")
    found = compared(tmp_path, BEFORE, BEFORE.replace(old, new), committed=False)
    assert [one.code for one in found if one.weight is Weight.BREAK] == codes
