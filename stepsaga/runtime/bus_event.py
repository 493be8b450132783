"""A business event as sagas know it: `BusEvent`, which others put on an EventBridge bus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

M = TypeVar("M")

DEFAULT_BUS: Final = "default"
"""Each account has it in each Region, and no template declares it."""


@dataclass(frozen=True, slots=True)
class BusEvent(Generic[M]):
    """A kind of event on an EventBridge bus: what starts sagas, and what sagas wait for.

    As in ``payment_received = BusEvent(PaymentReceived, source="shop.payments")``, once, beside the
    model. Which saga an event is for says whoever uses it, by a field of the model.

    Attributes:
        model: A pydantic model, or another type that pydantic validates: the event's detail.
        source: The event's source.
        detail_type: The event's detail type; by default the model's name.
        bus: The logical id of the bus in ``template.yaml``; by default the account's own.
    """

    model: type[M]
    source: str
    detail_type: str = ""
    bus: str = DEFAULT_BUS

    @property
    def name(self) -> str:
        """The detail type that events have."""
        return self.detail_type or self.model.__name__
