"""A bank that pays out to many: its models, and its handlers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, Field

from stepsaga import Participant, Rejected, S3Object, SagaContext


class Payout(BaseModel):
    """Money for somebody."""

    to: str
    cents: int = Field(ge=0)
    urgent: bool = False
    share: float = 0.0


class Batch(BaseModel):
    """Payouts, as a list."""

    payouts: list[Payout] = Field(default_factory=list)
    fails: bool = False


class Filed(BaseModel):
    """Payouts, in a file."""

    file: S3Object


@dataclass
class Ledger:
    """What has happened, by idempotency key, with tombstones (rule 10)."""

    effects: dict[str, str] = field(default_factory=dict)
    tombstones: set[str] = field(default_factory=set)
    calls: Counter[str] = field(default_factory=Counter)
    broken: set[str] = field(default_factory=set)
    stuck: set[str] = field(default_factory=set)

    def have(self, saga: SagaContext, what: str) -> None:
        """Have an effect once, and never after it was undone."""
        self.calls[f"{saga.step} {what}"] += 1
        if saga.idempotency_key in self.tombstones:
            raise Rejected("it was undone before")
        if what in self.broken:
            raise Rejected("the account is closed")
        self.effects[saga.idempotency_key] = what

    def undo(self, saga: SagaContext, what: str) -> None:
        """Undo it, or see to it that it does not come."""
        self.calls[f"undo {saga.step} {what}"] += 1
        if what in self.stuck:
            raise RuntimeError("the bank is closed")
        self.effects.pop(saga.step_idempotency_key, None)
        self.tombstones.add(saga.step_idempotency_key)


participant = Participant(resources={"ledger": Ledger})


def hold(batch: Batch, saga: SagaContext, ledger: Ledger) -> int:
    """Hold what is needed."""
    ledger.have(saga, "all")
    return len(batch.payouts)


def release(hold: int | None, saga: SagaContext, ledger: Ledger) -> None:
    """Hold it no longer."""
    del hold
    ledger.undo(saga, "all")


def screen(item: Payout, saga: SagaContext, ledger: Ledger) -> str:
    """Look at somebody."""
    ledger.have(saga, f"screen {item.to}")
    return f"screened {item.to}"


def unscreen(item: Payout, saga: SagaContext, ledger: Ledger) -> None:
    """Forget that."""
    ledger.undo(saga, f"screen {item.to}")


def pay_out(item: Payout, saga: SagaContext, ledger: Ledger) -> str:
    """Pay."""
    ledger.have(saga, item.to)
    return f"paid {item.to}"


def recall(pay: str | None, item: Payout, saga: SagaContext, ledger: Ledger) -> None:
    """Have it back."""
    del pay
    ledger.undo(saga, item.to)


def report(batch: Batch, payouts: dict[str, Any], saga: SagaContext, ledger: Ledger) -> int:
    """Say how many were paid."""
    if batch.fails:
        raise Rejected("nobody listens")
    ledger.have(saga, "report")
    done: int = payouts["done"]
    return done


def unreport(saga: SagaContext, ledger: Ledger) -> None:
    """Take that back."""
    ledger.undo(saga, "report")
