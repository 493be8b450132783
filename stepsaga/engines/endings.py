"""How sagas end, and what an execution says of it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from stepsaga.asl.names import UNDONE
from stepsaga.engines.protocol import Status

if TYPE_CHECKING:
    from stepsaga.engines.protocol import ExecutionView


class Ending(StrEnum):
    """How a saga ended. The first three are all the endings there are; the others are none yet.

    ``STUCK`` and ``RUNNING`` only an engine can say. ``OPEN`` is what commits alone say of a saga
    that has not ended: it runs, waits, or is stuck.
    """

    COMPLETED = "completed"
    COMPENSATED = "compensated"
    STUCK = "stuck"
    RUNNING = "running"
    OPEN = "not ended"


def ending_of(view: ExecutionView) -> Ending:
    """What an execution says of its saga's ending."""
    if view.status is Status.RUNNING:
        return Ending.RUNNING
    if view.status is Status.SUCCEEDED:
        return Ending.COMPLETED
    return Ending.COMPENSATED if view.error == UNDONE else Ending.STUCK
