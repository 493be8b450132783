"""The history of one execution, as GetExecutionHistory tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stepsaga.engines.protocol import HistoryEvent

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

LIMIT: Final = 25_000
"""Events of an execution: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""


class History:
    """Events, in order, numbered from 1."""

    def __init__(self) -> None:
        self.events: list[HistoryEvent] = []

    @property
    def full(self) -> bool:
        """Whether there is room for the last event only, which has to be the execution's end."""
        return len(self.events) >= LIMIT - 1

    def add(self, kind: str, time: datetime, details: Mapping[str, Any]) -> HistoryEvent:
        """Record an event."""
        event = HistoryEvent(len(self.events) + 1, kind, time, details)
        self.events.append(event)
        return event
