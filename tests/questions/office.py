"""A saga that asks: a purchase that a manager approves and a carrier picks up."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from pydantic import BaseModel

from stepsaga import (
    Approval,
    Approved,
    Callback,
    Input,
    Map,
    Parallel,
    Participant,
    Rejected,
    Saga,
    SagaContext,
    Step,
)

HOURS_FOR_REVIEW = 24
HOURS_FOR_PICKUP = 6


class Purchase(BaseModel):
    """What is bought. ``trouble`` is what the office cannot be asked about."""

    sku: str
    lines: list[str] = []
    trouble: str = ""


class Pickup(BaseModel):
    """What the carrier answers."""

    day: str
    box: int = 0


@dataclass
class Desk:
    """The world outside: who was asked what, and what stands.

    Attributes:
        asked: The question's step and idempotency key, each time that it was asked.
        done: The steps that had an effect which stands.
        seen: What later steps were given.
        refuses: How often asking fails before it works.
    """

    asked: list[tuple[str, str]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    seen: list[object] = field(default_factory=list)
    refuses: int = 0


participant = Participant(resources={"desk": Desk})


def hold(desk: Desk) -> None:
    """Hold the money."""
    desk.done.append("hold")


def release(desk: Desk) -> None:
    """Let it go again."""
    desk.done.remove("hold")


def ask_manager(purchase: Purchase, desk: Desk, saga: SagaContext) -> None:
    """Write to the manager."""
    if purchase.trouble == "nobody":
        raise Rejected("there is no manager for it")
    if desk.refuses:
        desk.refuses -= 1
        raise ConnectionError("no mail server")
    desk.asked.append((saga.step, saga.idempotency_key))


def ask_carrier(purchase: Purchase, desk: Desk, saga: SagaContext) -> None:
    """Ask the carrier when it comes."""
    ask_manager(purchase, desk, saga)


def order_goods(review: Approved, pickup: Pickup, desk: Desk) -> str:
    """Order them."""
    desk.seen.append((review, pickup))
    desk.done.append("order")
    return pickup.day


def cancel_goods(desk: Desk) -> None:
    """Cancel the order."""
    if "order" in desk.done:
        desk.done.remove("order")


def ask_line(line: str, desk: Desk, saga: SagaContext) -> None:
    """Ask about one line."""
    desk.asked.append((line, saga.idempotency_key))


def collect(lines: list[Approved], desk: Desk) -> None:
    """Take what was answered."""
    desk.seen.append(lines)


def pack(desk: Desk) -> None:
    """Pack the goods."""
    desk.done.append("pack")


def unpack(desk: Desk) -> None:
    """Unpack them, if they are packed."""
    if "pack" in desk.done:
        desk.done.remove("pack")


def take(review: Approved, desk: Desk) -> None:
    """Take what was answered."""
    desk.seen.append(review)


class Buy(Saga):
    """Asks a manager, then a carrier."""

    purchase = Input(Purchase)
    hold = Step(hold, compensation=release)
    review = Approval(ask_manager, timeout=timedelta(hours=HOURS_FOR_REVIEW))
    pickup = Callback(
        ask_carrier,
        answer=Pickup,
        timeout=timedelta(hours=HOURS_FOR_PICKUP),
        heartbeat=timedelta(hours=2),
        on_timeout=Pickup(day="Monday"),
    )
    order = Step(order_goods, compensation=cancel_goods)


class AskFirst(Saga):
    """Asks before anything else."""

    purchase = Input(Purchase)
    review = Approval(ask_manager, timeout=timedelta(hours=1), on_timeout="approve")
    hold = Step(hold, compensation=release)


class AskLast(Saga):
    """Asks in its last step."""

    purchase = Input(Purchase)
    hold = Step(hold, compensation=release)
    review = Approval(ask_manager, timeout=timedelta(hours=1))


class AskEach(Saga):
    """Asks for each line."""

    purchase = Input(Purchase)
    hold = Step(hold, compensation=release)
    each = Map(
        purchase.lines,
        item="line",
        lines=Approval(ask_line, timeout=timedelta(hours=1), on_timeout="reject"),
    )
    done = Step(collect, read_only=True)


class AskBeside(Saga):
    """Asks beside something that is done, and undone once there is an answer."""

    purchase = Input(Purchase)
    both = Parallel(
        review=Approval(ask_manager, timeout=timedelta(hours=1)),
        pack=Step(pack, compensation=unpack),
    )
    done = Step(take, read_only=True)
