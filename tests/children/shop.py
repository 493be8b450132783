"""Sagas with children: an order that ships parcels, each by a saga of its own; and their ledger."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta

from pydantic import BaseModel

from stepsaga import (
    Child,
    Choice,
    Input,
    Map,
    Parallel,
    Participant,
    Rejected,
    Saga,
    SagaContext,
    Sequence,
    Step,
    Wait,
    when,
)


class Parcel(BaseModel):
    """What is shipped. ``trouble`` is the step that refuses it."""

    sku: str
    fee: int = 5
    trouble: str = ""


class Order(BaseModel):
    """What is ordered. ``trouble`` is the step that refuses it."""

    price: int
    parcel: Parcel
    parcels: list[Parcel] = []
    by_air: bool = False
    trouble: str = ""


class Label(BaseModel):
    """What the carrier gives."""

    text: str


@dataclass
class Ledger:
    """Who has how much, by moves with keys: a key moves once, and never after it was undone.

    Attributes:
        moves: What stands: the accounts and the amount, by key.
        undone: Keys that must not move any more.
        done: Every key that was ever moved, in order.
        broken: Handlers that fail, by name.
        calls: Every call of a handler, by name.
    """

    moves: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    undone: set[str] = field(default_factory=set)
    done: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)

    def move(self, what: str, saga: SagaContext, *, to: str, amount: int) -> None:
        """Move money from the customer, once a key."""
        self.meet(what)
        key = saga.idempotency_key
        if key in self.undone:
            raise ConnectionError("it was undone before")
        if key not in self.moves:
            self.done.append(key)
        self.moves[key] = ("customer", to, amount)

    def take_back(self, what: str, saga: SagaContext) -> None:
        """Move it back, and let it never come again."""
        self.meet(what)
        self.undone.add(saga.step_idempotency_key)
        self.moves.pop(saga.step_idempotency_key, None)

    def meet(self, what: str) -> None:
        """Note a call, or fail it."""
        self.calls.append(what)
        if what in self.broken:
            raise ConnectionError(f"{what} is down")

    @property
    def balances(self) -> dict[str, int]:
        """What each account has got, and the customer has paid."""
        found: defaultdict[str, int] = defaultdict(int)
        for source, target, amount in self.moves.values():
            found[source] -= amount
            found[target] += amount
        return {name: amount for name, amount in found.items() if amount}


participant = Participant(resources={"ledger": Ledger})


def _refuse(trouble: str, what: str) -> None:
    if trouble == what:
        raise Rejected(f"no {what} for this")


def pack(parcel: Parcel, saga: SagaContext, ledger: Ledger) -> str:
    """Pay for the box."""
    _refuse(parcel.trouble, "pack")
    ledger.move("pack", saga, to="packer", amount=1)
    return parcel.sku


def unpack(pack: str | None, saga: SagaContext, ledger: Ledger) -> None:
    """Give the box back."""
    del pack
    ledger.take_back("unpack", saga)


def label(parcel: Parcel, saga: SagaContext, ledger: Ledger) -> Label:
    """Pay the carrier."""
    _refuse(parcel.trouble, "label")
    ledger.move("label", saga, to="carrier", amount=parcel.fee)
    return Label(text=f"label of {parcel.sku}")


def unlabel(label: Label | None, saga: SagaContext, ledger: Ledger) -> None:
    """Get the fee back."""
    del label
    ledger.take_back("unlabel", saga)


def hand_over(parcel: Parcel, saga: SagaContext, ledger: Ledger) -> None:
    """Pay the courier."""
    _refuse(parcel.trouble, "hand_over")
    ledger.move("hand_over", saga, to="courier", amount=2)


def fetch_back(parcel: Parcel, saga: SagaContext, ledger: Ledger) -> None:
    """Have the courier bring it back."""
    del parcel
    ledger.take_back("fetch_back", saga)


def charge(order: Order, saga: SagaContext, ledger: Ledger) -> int:
    """Take the price."""
    _refuse(order.trouble, "charge")
    ledger.move("charge", saga, to="shop", amount=order.price)
    return order.price


def refund(charge: int | None, saga: SagaContext, ledger: Ledger) -> None:
    """Give it back."""
    del charge
    ledger.take_back("refund", saga)


def thank(order: Order, saga: SagaContext, ledger: Ledger) -> None:
    """Send a card that costs one."""
    _refuse(order.trouble, "thank")
    ledger.move("thank", saga, to="post", amount=1)


def unthank(saga: SagaContext, ledger: Ledger) -> None:
    """Stop the card."""
    ledger.take_back("unthank", saga)


def thank_for(order: Order, ship: Label, saga: SagaContext, ledger: Ledger) -> str:
    """Send a card that says what was shipped."""
    thank(order, saga, ledger)
    return f"thank you for {ship.text}"


class ShipParcel(Saga):
    """Ship one parcel."""

    parcel = Input(Parcel)
    pack = Step(pack, compensation=unpack)
    label = Step(label, compensation=unlabel)
    send = Step(hand_over, compensation=fetch_back)


class Sell(Saga):
    """Take the money, ship, and say thank you."""

    order = Input(Order)
    charge = Step(charge, compensation=refund)
    ship = Child(ShipParcel, takes={"parcel": order.parcel}, result=ShipParcel.label)
    thank = Step(thank_for, compensation=unthank)


class ShipSlowly(Saga):
    """Ship a parcel that has to wait for days."""

    parcel = Input(Parcel)
    pack = Step(pack, compensation=unpack)
    pause = Wait(timedelta(days=3))
    label = Step(label, compensation=unlabel)


class SellSlowly(Saga):
    """The same with such a parcel."""

    order = Input(Order)
    charge = Step(charge, compensation=refund)
    ship = Child(ShipSlowly, takes={"parcel": order.parcel}, timeout=timedelta(days=4))
    last = Step(thank, compensation=unthank)


class ShipSideBySide(Saga):
    """Ship a parcel whose label may be refused while it rests in another lane."""

    parcel = Input(Parcel)
    pack = Step(pack, compensation=unpack)
    both = Parallel(
        label=Step(label, compensation=unlabel),
        send=Sequence(rest=Wait(timedelta(days=30)), send=Step(hand_over, compensation=fetch_back)),
    )


class SellSideBySide(Saga):
    """The same with such a parcel."""

    order = Input(Order)
    charge = Step(charge, compensation=refund)
    ship = Child(ShipSideBySide, takes={"parcel": order.parcel})
    last = Step(thank, compensation=unthank)


class SellInTime(Saga):
    """The same within a time."""

    order = Input(Order)
    deadline = timedelta(days=20)
    charge = Step(charge, compensation=refund)
    ship = Child(ShipParcel, takes={"parcel": order.parcel})
    last = Step(thank, compensation=unthank)


class SellFirst(Saga):
    """A child is the first thing that is done, and the last."""

    order = Input(Order)
    ship = Child(ShipParcel, takes={"parcel": order.parcel})


class SellMany(Saga):
    """Parcels side by side: one for each item, and one in a branch; and by a choice."""

    order = Input(Order)
    charge = Step(charge, compensation=refund)
    parcels = Map(order.parcels, item="parcel", each=Child(ShipParcel, result=ShipParcel.label))
    both = Parallel(
        ship=Child(ShipParcel, takes={"parcel": order.parcel}, result=ShipParcel.label),
        also=Step(thank, compensation=unthank),
    )
    way = Choice(
        air=when(order.by_air, fly=Child(ShipParcel, takes={"parcel": order.parcel})),
    )
    last = Step(thank, compensation=unthank)


class Bundle(Saga):
    """A child that has a child."""

    order = Input(Order)
    sell = Child(Sell, result=Sell.ship)
    last = Step(thank, compensation=unthank)
