"""A small saga, whose input says how it is to end, and a hook into its first step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from stepsaga import Input, Participant, Rejected, Saga, SagaContext, Step

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Hook:
    """What happens while the first step is under way."""

    do: Callable[[], object] | None = None


participant = Participant(resources={"hook": Hook})


class Order(BaseModel):
    """The input."""

    model_config = ConfigDict(extra="forbid")

    sku: str
    count: int = Field(default=1, ge=1)
    end: str = "completed"
    card: SecretStr = SecretStr("tok_none")


class Declined(Rejected):
    """Nothing was done."""


def reserve(hook: Hook) -> str:
    """Set something aside."""
    if hook.do is not None:
        hook.do()
    return "reserved"


def release(order: Order) -> None:
    """Give it back, if the order is not one that gets stuck."""
    if order.end == "stuck":
        raise OSError("no connection")


def charge(order: Order) -> str:
    """Take the money, if the order is one that completes."""
    if order.end != "completed":
        raise Declined("no funds")
    return f"paid for {order.count}"


def refund(saga: SagaContext) -> None:
    """Give the money back."""


class PlaceOrder(Saga):
    """Reserve and charge."""

    order = Input(Order)

    reserve = Step(reserve, compensation=release, retry=None)
    charge = Step(charge, compensation=refund)
