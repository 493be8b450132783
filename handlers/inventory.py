"""Stock: set aside for an order, and put back.

A hold has the step's idempotency key and is written in one transaction with the stock that it
takes. So it says for ever what came of the call: held, put back, or refused. Where a call is undone
that has not arrived yet, a hold that is put back already stands in its way.
"""

from __future__ import annotations

from typing import Final

from handlers.models import Order, Reservation, quantities
from handlers.table import ABSENT, PRESENT, Refused, Table, UndoneAlready, Write, moves_on, use_of
from stepsaga import Participant, Rejected, SagaContext

TABLE: Final = ("STOCK_TABLE", "stock")
HELD, RELEASED, SHORT = "held", "released", "short"

participant = Participant(
    resources={"stock": lambda: Table.of(*TABLE)},
    environment={TABLE[0]: "${StockTable}"},
    policies=[use_of("${StockTable.Arn}")],
)


class OutOfStock(Rejected):
    """There is not enough of an article; nothing was set aside."""


class ArticleGone(Exception):  # read as a state of the shelf
    """Stock cannot be put back: a person must look. The saga is stuck until then."""


def reserve_stock(order: Order, saga: SagaContext, stock: Table) -> Reservation:
    """Set the order's articles aside."""
    key, wanted = f"hold#{saga.idempotency_key}", quantities(order.lines)
    hold = Write(key, ABSENT, put={"state": HELD, "lines": wanted})
    try:
        stock.write(hold, *(_take(sku, quantity) for sku, quantity in wanted.items()))
    except Refused as refused:
        short = [sku for place, sku in enumerate(wanted, start=1) if place in refused.places]
        answer = {"state": SHORT, "lines": {}, "short": short}
        # The same call may have arrived twice: what is recorded is the answer to both.
        found = stock.settle(key, answer)
        if found["state"] == SHORT:
            raise OutOfStock(f"not enough of {', '.join(found['short'])}") from refused
        if found["state"] != HELD:
            raise UndoneAlready(key) from refused
    return Reservation(id=saga.idempotency_key, lines=order.lines)


def release_stock(reserve: Reservation | None, saga: SagaContext, stock: Table) -> None:
    """Put back what was set aside, if it was; if not, see to it that it never will be."""
    del reserve  # the hold knows what was taken, also where the saga does not
    key = f"hold#{saga.step_idempotency_key}"
    hold = stock.settle(key, {"state": RELEASED, "lines": {}})
    if hold["state"] != HELD:
        return
    returns = [_put_back(sku, int(quantity)) for sku, quantity in hold["lines"].items()]
    try:
        stock.write(moves_on(key, HELD, RELEASED), *returns)
    except Refused as refused:
        if 0 not in refused.places:
            gone = [sku for place, sku in enumerate(hold["lines"], 1) if place in refused.places]
            raise ArticleGone(f"{', '.join(gone)}: no such article any more") from refused


def _take(sku: str, quantity: int) -> Write:
    return Write(
        f"article#{sku}",
        "on_hand >= :n",
        update="SET on_hand = on_hand - :n",
        values={":n": quantity},
    )


def _put_back(sku: str, quantity: int) -> Write:
    return Write(
        f"article#{sku}",
        PRESENT,
        update="SET on_hand = on_hand + :n",
        values={":n": quantity},
    )
