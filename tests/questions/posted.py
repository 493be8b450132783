"""A saga whose questions go out as messages: to a queue, a topic and a bus."""

from __future__ import annotations

from datetime import timedelta

from stepsaga import (
    Approval,
    Approved,
    Bus,
    Callback,
    Input,
    Map,
    Queue,
    Retry,
    Saga,
    Step,
    Topic,
)
from tests.questions.office import Pickup, Purchase, hold, release


def keep(review: Approved, pickup: Pickup, lines: list[Approved]) -> str:
    """Say what was answered."""
    return f"{review.by} {pickup.day} {len(lines)}"


class Post(Saga):
    """Asks by all three ways, and for each line."""

    purchase = Input(Purchase)
    hold = Step(hold, compensation=release)
    review = Approval(
        Queue("ReviewQueue"),
        takes={"purchase": purchase, "sku": purchase.sku},
        timeout=timedelta(hours=24),
        retry=Retry(attempts=2, wait=timedelta(seconds=1), jitter=False),
    )
    pickup = Callback(Topic("Pickups"), answer=Pickup, timeout=timedelta(hours=6))
    each = Map(
        purchase.lines,
        item="line",
        lines=Approval(Bus("default"), takes={"line": Map.item}, timeout=timedelta(hours=1)),
    )
    done = Step(keep, read_only=True)
