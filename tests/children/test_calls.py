"""A child's calls at the runtime: what is refused, and by which name it is started."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from stepsaga.errors import BadCall, Rejected, RejectedInDoubt, StepFailed
from stepsaga.runtime import Runtime
from stepsaga.runtime.call import parse_call
from stepsaga.store import MemoryStore
from tests.runtime.calls import NOW, call

PARTICIPANT = "stepsaga.runtime.children"


@dataclass
class Started:
    """What was started."""

    names: list[tuple[str, str, Any, bool]] = field(default_factory=list)

    def start(self, saga: str, name: str, input: Any, *, again: bool) -> bool:  # noqa: A002  # as there
        """Start it."""
        self.names.append((saga, name, input, again))
        return True

    def undo(self, saga: str, name: str, why: str) -> bool:
        """There is none."""
        raise AssertionError((saga, name, why))

    def settle(self, stream_id: str) -> None:
        """It runs."""


def child_call(**changes: Any) -> dict[str, Any]:
    """The call that starts a child."""
    child = {"saga": "Ship", "input": "parcel", "model": "tests.children.shop:Parcel"}
    given = {
        "handler": f"{PARTICIPANT}:start_child",
        "child": child,
        "token": "secret",
        "takes": {"parcel": ["quote", "parcel"]},
        "results": {"quote": {"value": {"parcel": {"sku": "tea"}}}},
    }
    return call(**(given | changes))


def runtime(started: Started, store: MemoryStore | None = None) -> Runtime:
    """The runtime of the function `Children`."""
    return Runtime(
        participant=PARTICIPANT,
        store=store or MemoryStore(),
        now=lambda: NOW,
        children=started,
    )


def test_a_child_has_one_name_for_its_step() -> None:
    """The same in every attempt, another for another step or lane, and short enough (rule 28)."""
    names = [
        parse_call(child_call(**more)).child_name
        for more in ({}, {"attempt": 3}, {"redrives": 1}, {"slot": [3]}, {"lane": [4, 1_000_001]})
    ]
    assert len(set(names)) == 3
    assert names[0] == names[1] == names[2]
    assert names[0].startswith("order-1-charge-")
    assert max(map(len, names)) <= 80
    undo = child_call(part="compensation", slot=[9], undoes=[2])
    assert parse_call(undo).child_name == names[0]


def test_a_child_is_started_with_what_the_parent_gives() -> None:
    """JSON values as they are recorded: the same in every attempt, as its name wants it."""
    started = Started()
    runtime(started).handle(child_call())
    [(saga, _, value, again)] = started.names
    assert (saga, value, again) == ("Ship", {"sku": "tea"}, False)


@pytest.mark.parametrize("attempt", [0, 2])
def test_what_does_not_fit_the_child_rejects_at_any_attempt(attempt: int) -> None:
    """It is the same every time: nothing was started, and nothing will be (rule 2)."""
    started = Started()
    results = {"quote": {"value": {"parcel": {"fee": "?"}}}}
    with pytest.raises(Rejected, match="Ship"):
        runtime(started).handle(child_call(results=results, attempt=attempt))
    assert started.names == []


def test_what_may_have_been_started_is_rejected_in_doubt() -> None:
    """A model that is gone is no word of the attempts before (rule 1)."""
    child = {"saga": "Ship", "input": "parcel", "model": "tests.children.shop:Gone"}
    with pytest.raises(Rejected):
        runtime(Started()).handle(child_call(child=child))
    with pytest.raises(RejectedInDoubt):
        runtime(Started()).handle(child_call(child=child, attempt=1))


def test_a_child_s_call_without_a_token_is_none() -> None:
    """Nobody could be told of its end."""
    payload = child_call()
    del payload["token"]
    with pytest.raises(BadCall, match="has a task token"):
        parse_call(payload)


def test_a_function_that_cannot_start_anything_says_so() -> None:
    """A participant's own function is not given what starts sagas."""
    store = MemoryStore()
    bare = Runtime(participant=PARTICIPANT, store=store, now=lambda: NOW)
    with pytest.raises(StepFailed, match="nothing here can start Ship"):
        bare.handle(child_call())
