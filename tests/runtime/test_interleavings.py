"""Whatever order a step's invocations come in, its effect is recorded or undone, once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stepsaga.errors import CallError, Rejected
from stepsaga.runtime import SagaContext  # noqa: TC001  # handlers' annotations are read
from tests.runtime.calls import Killed, Shop, call

KINDS = ["succeeds", "rejects", "fails before", "fails after", "dies before", "dies after"]


@dataclass
class Bank:
    """The outside world: charges by idempotency key, and tombstones that refuse what lands late."""

    charged: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    effects: int = 0

    def charge(self, kind: str, key: str) -> str:
        """Charge once under a key, as a participant does, with a fault before or after."""
        if kind == "rejects" or key in self.closed:
            raise Rejected("no funds")
        self._fault(kind, "before")
        if key not in self.charged:
            self.charged.add(key)
            self.effects += 1
        self._fault(kind, "after")
        return f"{kind} {self.effects}"

    def refund(self, kind: str, key: str) -> None:
        """Undo what was charged under a key, and let nothing be charged under it again."""
        self._fault(kind, "before")
        if key in self.charged and key not in self.closed:
            self.effects -= 1
        self.closed.add(key)
        self._fault(kind, "after")

    @staticmethod
    def _fault(kind: str, when: str) -> None:
        if kind == f"fails {when}":
            raise ConnectionError(when)
        if kind == f"dies {when}":
            raise Killed(when)


def invoke(shop: Shop, bank: Bank, part: str, attempt: int, kind: str) -> tuple[str, Any]:
    """One invocation: the name under which it ended, and its value."""

    def charge(saga: SagaContext) -> str:
        return bank.charge(kind, saga.idempotency_key)

    def refund(saga: SagaContext) -> None:
        bank.refund(kind, saga.step_idempotency_key)

    handler = refund if part == "compensation" else charge
    try:
        return "replied", shop.handle(call(part, attempt=attempt), handler)
    except CallError as error:
        return type(error).__name__, None
    except Killed:
        return "Killed", None


def undo_until_done(shop: Shop, bank: Bank, kinds: list[str]) -> None:
    """The compensation's Task: attempts until one succeeds, the last of them after a redrive."""
    for attempt, kind in enumerate([*kinds, "succeeds"]):
        if invoke(shop, bank, "compensation", attempt, kind)[0] == "replied":
            return
    raise AssertionError("a compensation that succeeds did not end")


KIND = st.sampled_from(KINDS)
UNDO = st.sampled_from([kind for kind in KINDS if kind != "rejects"])


@settings(deadline=None)
@given(
    forward=st.lists(KIND, min_size=1, max_size=4),
    undo=st.lists(UNDO, max_size=3),
    zombies=st.lists(st.tuples(st.integers(0, 3), KIND), max_size=3),
    interleaved=st.booleans(),
)
def test_an_undone_step_leaves_nothing(
    forward: list[str], undo: list[str], zombies: list[tuple[int, str]], *, interleaved: bool
) -> None:
    """After Rejected, or after the compensation, no effect is left (rules 1, 6, 10)."""
    shop, bank = Shop(), Bank()
    name, value = "no attempt", None
    for attempt, kind in enumerate(forward):
        name, value = invoke(shop, bank, "compensatable", attempt, kind)
        if name not in {"StepFailed", "Killed"}:
            break
    if name == "replied":
        assert shop.events(2)[0][1]["value"] == value
    if name == "Rejected":  # its own compensation is skipped
        assert bank.effects == 0
        return
    if interleaved:  # attempts that Step Functions has given up land while the undoing runs
        invoke(shop, bank, "compensation", 0, "fails before")
        zombies, late = zombies[1:], zombies[:1]
    else:
        late = []
    for attempt, kind in late:
        assert invoke(shop, bank, "compensatable", attempt, kind)[0] != "Rejected"
    undo_until_done(shop, bank, undo)
    assert bank.effects == 0
    for attempt, kind in zombies:
        ended, adopted = invoke(shop, bank, "compensatable", attempt, kind)
        assert ended != "replied" or (name == "replied" and adopted == value)
        assert bank.effects == 0


PART = st.sampled_from(["compensatable", "compensation"])


@settings(deadline=None)
@given(st.lists(st.tuples(PART, st.integers(0, 2), KIND), max_size=12))
def test_slots_never_change_and_replies_agree_with_them(steps: list[tuple[str, int, str]]) -> None:
    """In any order, delivered as often as you like: what is recorded stays, and is what is told."""
    shop, bank = Shop(), Bank()
    before: dict[str, str] = {}
    for part, attempt, kind in steps:
        name, value = invoke(shop, bank, part, attempt, kind)
        after = shop.outcomes()
        assert before.items() <= after.items()
        if name == "replied" and part == "compensatable":
            assert after["00002"] == "result"
            assert shop.events(2)[0][1]["value"] == value
        if name == "replied" and part == "compensation":
            assert after["00005"] == "compensated"
            assert after["00002"] in {"result", "sealed", "rejected"}
        if name == "Rejected":
            assert (attempt, after["00002"]) == (0, "rejected")
        before = after
