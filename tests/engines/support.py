"""Small machines, and functions that answer from a script."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from stepsaga.engines.simulator import Simulator
from stepsaga.store.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepsaga.engines.protocol import ExecutionView, HistoryEvent

INVOKE = "arn:aws:states:::lambda:invoke"


@dataclass
class Script:
    """Functions that give one answer after the other; the last one for ever.

    An answer is a JSON value, or an exception to raise.
    """

    answers: dict[str, Sequence[Any]] = field(default_factory=dict)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    _left: dict[str, deque[Any]] = field(default_factory=lambda: defaultdict(deque))

    def invoke(self, function: str, payload: Any) -> Any:
        """Give the next answer."""
        self.calls.append((function, payload))
        left = self._left[function]
        if not left:
            left.extend(self.answers.get(function, [None]))
        answer = left.popleft() if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass(frozen=True)
class Run:
    """An execution, and the simulator in which it runs."""

    simulator: Simulator
    arn: str
    script: Script

    def wait(self) -> ExecutionView:
        """Let it come to its end."""
        return self.simulator.wait(self.arn)

    @property
    def history(self) -> Sequence[HistoryEvent]:
        """Its history."""
        return self.simulator.history(self.arn)

    @property
    def types(self) -> list[str]:
        """The types of its events."""
        return [event.type for event in self.history]


def seeded(seed: int = 0) -> Random:
    """A source of random numbers that is the same every time."""
    return Random(seed)  # noqa: S311 -- nothing here is secret


def definition(states: dict[str, Any], **top: Any) -> str:
    """The text of a machine that starts at its first state."""
    return json.dumps({"StartAt": next(iter(states)), **top, "States": states})


def task(function: str = "work", **fields: Any) -> dict[str, Any]:
    """A Task that gives a function its input, and ends."""
    flow = {} if "Next" in fields else {"End": True}
    parameters = {"FunctionName": function, "Payload.$": "$"}
    return {"Type": "Task", "Resource": INVOKE, "Parameters": parameters, **flow, **fields}


def passing(**fields: Any) -> dict[str, Any]:
    """A Pass, the last state where it names no next one."""
    return {"Type": "Pass", **({} if "Next" in fields else {"End": True}), **fields}


def start(
    states: dict[str, Any],
    value: Any = None,
    *,
    script: Script | None = None,
    top: dict[str, Any] | None = None,
    seed: int = 0,
) -> Run:
    """Start an execution ``run`` of a machine ``Machine``."""
    script = script or Script()
    simulator = Simulator.for_sagas(
        {"Machine": definition(states, **(top or {}))},
        store=MemoryStore(),
        functions=script,
        seed=seed,
    )
    return Run(simulator, simulator.start("Machine", value, name="run"), script)


def result_of(states: dict[str, Any], value: Any = None, script: Script | None = None) -> Any:
    """The output of a machine that succeeds."""
    view = start(states, value, script=script).wait()
    assert view.status == "SUCCEEDED", (view.error, view.cause)
    return view.output
