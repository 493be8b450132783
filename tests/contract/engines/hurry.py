"""Cases for an engine whose time is real: the same definitions, with short times in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from tests.contract.engines.scripts import Hangs

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.contract.engines.cases import Case

TIMEOUT: Final = 2
"""Seconds of a Task that is going to hang: others keep theirs, however slow the computer is."""
QUESTION: Final = 2
"""Seconds of a Task that waits for its token; if a heartbeat is expected, one less."""
LIMITED: Final = 1000
"""The execution's seconds in cases about them; their times are scaled, and stay in order."""
LIMIT: Final = 6
"""What it becomes."""


def hurried(case: Case) -> str:
    """The definition of a case."""
    hanging = {name for name, acts in case.script.items() if any(map(_hangs, acts))}
    return with_short_questions(with_short_times(case.definition, hanging), QUESTION)


def with_short_times(definition: str, hanging: Collection[str]) -> str:
    """A definition, where the Tasks of these names will hang."""
    machine = json.loads(definition)
    limited = machine.get("TimeoutSeconds") == LIMITED
    if limited:
        machine["TimeoutSeconds"] = LIMIT
    for name, state in states_of(machine).items():
        if limited:
            _scale(state)
        else:
            _shorten(state, hangs=name in hanging)
    return json.dumps(machine)


def asked_briefly(case: Case) -> str:
    """The definition of a case, in which nobody is waited for very long."""
    return with_short_questions(case.definition, QUESTION)


def with_short_questions(definition: str, seconds: int) -> str:
    """A definition, where a Task waits for its token so long at most."""
    machine = json.loads(definition)
    for state in states_of(machine).values():
        _shorten_question(state, seconds)
    return json.dumps(machine)


def states_of(block: dict[str, Any]) -> dict[str, Any]:
    """The states of a block, and of the blocks in it: their names are used once."""
    states = dict(block["States"])
    for state in block["States"].values():
        inner = [state[field] for field in ("ItemProcessor", "Iterator") if field in state]
        for one in (*state.get("Branches", ()), *inner):
            states |= states_of(one)
    return states


def _hangs(act: object) -> bool:
    return isinstance(act, Hangs)


def _shorten_question(state: dict[str, Any], seconds: int) -> None:
    if state.get("Resource", "").endswith(".waitForTaskToken"):
        for name, most in (("TimeoutSeconds", seconds), ("HeartbeatSeconds", seconds - 1)):
            if name in state:
                state[name] = min(state[name], most)


def _shorten(state: dict[str, Any], *, hangs: bool) -> None:
    if hangs and "TimeoutSeconds" in state:
        state["TimeoutSeconds"] = TIMEOUT
    if "Seconds" in state:
        state["Seconds"] = min(state["Seconds"], 1)
    for retrier in state.get("Retry", []):
        retrier |= {"IntervalSeconds": 1, "BackoffRate": 1.0}


def _scale(state: dict[str, Any]) -> None:
    for place in (state, *state.get("Retry", [])):
        for name in ("Seconds", "TimeoutSeconds", "IntervalSeconds"):
            if name in place:
                # What is over the limit stays over it, by more than a slow computer takes.
                over = place[name] > LIMITED
                place[name] = 2 * LIMIT if over else place[name] * LIMIT // LIMITED
    if state["Type"] == "Task":
        state["TimeoutSeconds"] = max(state["TimeoutSeconds"], 1)
