"""What executions share, what the blocks of one execution share, and where a block stands."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stepsaga.engines.simulator.naming import machine_arn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta
    from random import Random

    from stepsaga.engines.simulator.clock import VirtualClock
    from stepsaga.engines.simulator.integrations import Integration
    from stepsaga.engines.simulator.interpreter import Interpreter
    from stepsaga.engines.simulator.map_runs import MapRun
    from stepsaga.engines.simulator.tokens import Tokens
    from stepsaga.store.objects import Objects


@dataclass(frozen=True, slots=True)
class World:
    """What all executions share."""

    clock: VirtualClock
    random: Random
    integrations: Mapping[str, Integration]
    latency: timedelta
    tokens: Tokens
    objects: Objects | None = None


@dataclass(slots=True)
class Journey:
    """What all blocks of one execution share.

    Attributes:
        machine: The machine's name.
        execution: ``$$.Execution``; a redrive replaces it.
        transitions: The state transitions that Step Functions bills: states entered, retries,
            redrives.
        inside: How often the states of items' own executions were entered.
    """

    world: World
    machine: str
    execution: dict[str, Any]
    transitions: int = 0
    inside: Counter[str] = field(default_factory=Counter)

    def context(self, state: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """The context object in a state."""
        machine = {"Id": machine_arn(self.machine), "Name": self.machine}
        return {"Execution": self.execution, "State": state, "StateMachine": machine, **more}


@dataclass(frozen=True, slots=True)
class Document:
    """A value, and the same as JSON."""

    value: Any
    text: str


@dataclass(slots=True)
class Child:
    """A branch, or an item of a Map.

    Attributes:
        interpreter: What runs its block.
        begun: Whether it has begun; where there are many items, some wait for others to end.
    """

    interpreter: Interpreter
    begun: bool = False

    @property
    def over(self) -> bool:
        """Whether it has come to its end."""
        return self.interpreter.position.state is None


@dataclass(slots=True)
class Position:
    """Where a block stands.

    Attributes:
        state: The state to run; None at the end.
        document: Its input.
        text: The document as JSON.
        entered: When it was entered; None before. A redrive does not change it.
        event: The id of the event that says so.
        children: The branches or items that it has under way; a redrive goes on in them.
        run: The same of a distributed Map.
    """

    state: str | None
    document: Any
    text: str
    entered: datetime | None = None
    event: int = 0
    children: list[Child] = field(default_factory=list)
    run: MapRun | None = None
