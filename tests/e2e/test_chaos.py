"""Many sagas at once while everything goes wrong; ``make chaos`` is the long version."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from stepsaga.engines.ministack.local_faults import KINDS
from tools.chaos.__main__ import run
from tools.chaos.place import Place
from tools.chaos.plan import CARDS, Chances, draw
from tools.chaos.verdict import judge

if TYPE_CHECKING:
    from tests.e2e.targets import Target

SAGAS, SEED = 20, 1
CARD = next(iter(CARDS))


@pytest.mark.timeout(600)
def test_chaos_leaves_nothing_half_done(stack: Target) -> None:
    """Sagas are broken, killed, stopped and cancelled; each has one end, and no cent is missing."""
    assert stack.faults is not None
    place = Place(stack.deployed, stack.client_of, stack.faults, stack.group)
    # Ids that nobody has had; what hangs takes half a minute of everybody's time.
    mark, chances = f"-{uuid4().hex[:6]}", Chances(slow=0.02)
    plans = [draw(SEED, number, chances, mark) for number in range(SAGAS)]
    report = run(place, plans, at_once=SAGAS, kill_every=3, patience=200)
    verdict = report.verdict
    assert [f"{one.plan}: {one.text}" for one in verdict.violations] == []
    assert sum(endings.total() for endings in verdict.endings.values()) == SAGAS
    assert len(report.struck) > 1
    assert report.killed > 0
    # The same, had the card held nothing before: what must not be is told.
    poorer = replace(verdict.before, money={**verdict.before.money, f"card {CARD}": 0})
    texts = [one.text for one in judge(report.storm, place, plans, poorer).violations]
    assert len(texts) == 2
    assert CARD in texts[0]
    assert texts[1] == "money was lost, or made"


def test_a_plan_is_drawn_by_its_seed() -> None:
    """The same seed plans the same; what is planned is what functions can do."""
    plans = [draw(7, number, Chances()) for number in range(100)]
    assert plans == [draw(7, number, Chances()) for number in range(100)]
    assert plans != [draw(8, number, Chances()) for number in range(100)]
    planned = {
        kind
        for plan in plans
        for kinds in plan.faults.values()
        for kind in ([kinds] if isinstance(kinds, str) else kinds)
    }
    assert planned == set(KINDS)
