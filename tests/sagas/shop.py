"""The reference application's tables and handlers, for its tests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from handlers import inventory, notifications, payments, shipping
from handlers.models import Line, Order, Parcel, Payment, Reservation
from handlers.table import Table
from stepsaga import SagaContext
from tools.local import Ledger, Tables, ledger, setup_orders

if TYPE_CHECKING:
    from collections.abc import Callable

PLENTY = 1_000_000
"""Articles and cents enough for every test of a module."""

numbers = count(1)


@dataclass(frozen=True)
class Shop:
    """Tables that hold plenty of kettles and tea, a rich card, and one with 100 cents."""

    dynamodb: Any
    names: Tables

    @classmethod
    def opened(cls, dynamodb: Any) -> Shop:
        """A shop with tables of its own, in which nothing has happened yet."""
        prefix = f"shop-{next(numbers)}"
        names = Tables(*(f"{prefix}-{name}" for name in ("stock", "accounts", "parcels", "outbox")))
        stock = {"kettle": PLENTY, "tea": PLENTY, "last": 1}
        setup_orders(dynamodb, names, stock=stock, cards={"tok_ada": PLENTY, "tok_empty": 100})
        return cls(dynamodb, names)

    def another(self) -> Shop:
        """Another shop: what is in this one's tables makes counting slow after a while."""
        return Shop.opened(self.dynamodb)

    def resources(self, client: Any = None) -> dict[str, Table]:
        """What the handlers use, by parameter name; a client of one's own may stand in front."""
        one = client or self.dynamodb
        return {
            "stock": Table(one, self.names.stock),
            "accounts": Table(one, self.names.accounts),
            "parcels": Table(one, self.names.parcels),
            "outbox": Table(one, self.names.outbox),
        }

    def ledger(self) -> Ledger:
        """What is in the tables now."""
        return ledger(self.dynamodb, self.names)

    def put(self, table: str, key: str, **numbers: int) -> None:
        """Set an item's numbers."""
        item = {name: {"N": str(number)} for name, number in numbers.items()}
        self.dynamodb.put_item(TableName=table, Item={"id": {"S": key}, **item})

    def remove(self, table: str, key: str) -> None:
        """Take an item away."""
        self.dynamodb.delete_item(TableName=table, Key={"id": {"S": key}})

    def key(self) -> str:
        """A step's idempotency key that nobody else has."""
        return f"{next(numbers):08d}-0000-4000-8000-000000000000"


def context(key: str, *, undoes: bool = False) -> SagaContext:
    """What a handler gets: for a step, or for the compensation or the probe that serves it."""
    return SagaContext(
        saga="FulfilOrder",
        id="order-1",
        step="step",
        attempt=0,
        started=datetime(2026, 1, 1, tzinfo=UTC),
        deadline=None,
        idempotency_key=f"undo-{key}" if undoes else key,
        step_idempotency_key=key,
        correlation_id="order-1",
    )


def order(total: int = 990, *, card: str = "tok_ada", sku: str = "tea", quantity: int = 2) -> Order:
    """An order of one line."""
    line = Line(sku=sku, quantity=quantity)
    return Order.model_validate(
        {"customer": "ada@example.com", "lines": [line.model_dump()], "total": total, "card": card}
    )


RESERVATION = Reservation(id="any", lines=[])
PAYMENT = Payment(id="any", amount=0)
PARCEL = Parcel(tracking="any")


def reserve(tables: dict[str, Table], key: str, what: Order) -> Reservation:
    """Call the handler as the runtime does."""
    return inventory.reserve_stock(what, context(key), tables["stock"])


def release(tables: dict[str, Table], key: str, _: Order) -> None:
    """Call the compensation as the runtime does where the outcome is unknown."""
    inventory.release_stock(None, context(key, undoes=True), tables["stock"])


def charge(tables: dict[str, Table], key: str, what: Order) -> Payment:
    """Call the handler as the runtime does."""
    return payments.charge_card(what, RESERVATION, context(key), tables["accounts"])


def refund(tables: dict[str, Table], key: str, _: Order) -> None:
    """Call the compensation as the runtime does where the outcome is unknown."""
    payments.refund_card(None, context(key, undoes=True), tables["accounts"])


def ship(tables: dict[str, Table], key: str, what: Order) -> Parcel:
    """Call the handler as the runtime does."""
    return shipping.hand_to_courier(what, PAYMENT, context(key), tables["parcels"])


def find(tables: dict[str, Table], key: str, _: Order) -> Parcel:
    """Call the probe as the runtime does."""
    return shipping.find_parcel(context(key, undoes=True), tables["parcels"])


def thank(tables: dict[str, Table], key: str, what: Order) -> object:
    """Call the handler as the runtime does."""
    return notifications.thank_customer(what, PARCEL, context(key), tables["outbox"])


class Interrupting:
    """A client that lets something else happen just before one of its requests, once."""

    def __init__(self, client: Any, before: int, action: Callable[[], object]) -> None:
        self._client = client
        self._left = before
        self._action: Callable[[], object] | None = action

    def get_item(self, **request: Any) -> Any:
        """As the client behind."""
        self._count()
        return self._client.get_item(**request)

    def transact_write_items(self, **request: Any) -> Any:
        """As the client behind."""
        self._count()
        return self._client.transact_write_items(**request)

    def _count(self) -> None:
        action, self._left = self._action, self._left - 1
        if self._left < 0 and action is not None:
            self._action = None
            action()


def outcome(call: Callable[[], object]) -> str:
    """What came of a call: "done", or the name of the error."""
    try:
        call()
    except Exception as error:  # noqa: BLE001  # which one it was is the answer
        return type(error).__name__
    return "done"
