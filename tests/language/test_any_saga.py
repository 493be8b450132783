"""Laws of every saga that the language can say, and of every single thing that goes wrong in it."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepsaga.asl import build
from stepsaga.asl.kept import from_kept, keep
from stepsaga.checks import check
from stepsaga.engines.endings import Ending
from stepsaga.engines.faults import CALL_FAULTS, RECORD_FAULTS
from stepsaga.engines.simulator.sagas import plan_of
from stepsaga.graph import Role, steps_of
from stepsaga.testing.answering import Manner
from tests.language.oracle import expected
from tests.language.running import assert_laws, run
from tests.language.sagas import AnySaga, any_sagas

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stepsaga.engines.faults import Target

    Wanted = Mapping[str, str | Sequence[str | None]]

EXAMPLES: Final = int(os.environ.get("STEPSAGA_SAGAS", "200"))
"""Sagas in all; `make nightly` has 2,000, each with every fault, and takes a night."""
EVERY: Final = EXAMPLES > 200
PARTS: Final = 4
"""So many tests share the sagas, for as many processes to run them."""
SLOW: Final = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
AnyPart = settings(
    max_examples=EXAMPLES // PARTS, deadline=None, suppress_health_check=SLOW, derandomize=False
)
MOST_FAULTS: Final = 20
FIRST: Final = (0, 1) if EVERY else (0, 1, 2)
TIMES: Final = (1, 40) if EVERY else (1, 2, 40)


@pytest.mark.parametrize("part", range(PARTS))
@AnyPart
@given(saga=any_sagas())
def test_what_goes_well_is_completed(part: int, saga: AnySaga) -> None:
    """Without a fault every saga is sound, compiles, and does what its text says, at its bound."""
    del part
    assert check(saga.graph) == []
    compiled = build(saga.graph)
    assert keep(from_kept(compiled.graph)) == compiled.graph
    done = run(saga)
    assert done.ending is Ending.COMPLETED, (done.view.error, done.view.cause)
    assert_laws(done)
    wanted = expected(saga)
    assert sorted(done.slots) == sorted(wanted.slots)
    assert done.transitions == wanted.transitions
    assert (done.writes, done.reads) == (wanted.writes, wanted.reads)


@pytest.mark.timeout(0 if EVERY else 900)
@pytest.mark.parametrize("part", range(PARTS))
@AnyPart
@given(saga=any_sagas(), data=st.data())
def test_whatever_goes_wrong_all_or_nothing(part: int, saga: AnySaga, data: st.DataObject) -> None:
    """Whatever fails, once or until it is mended, all is done or nothing is left."""
    del part
    wanted = list(every_fault(saga))
    if not EVERY:
        wanted = data.draw(st.lists(st.sampled_from(wanted), min_size=1, max_size=MOST_FAULTS))
    for faults in wanted:
        manners = {name: data.draw(st.sampled_from(Manner)) for name in saga.manners}
        assert_laws(run(replace(saga, manners=manners), faults))


def every_fault(saga: AnySaga) -> Iterator[Wanted]:
    """Every single fault, once and until it is mended; on the way back, behind what leads there."""
    targets = plan_of([build(saga.graph)]).targets
    final = {one.name for one in steps_of(saga.graph.nodes) if one.role is Role.RETRIABLE}
    forward = [
        target
        for target in targets
        if not is_behind(target) and target.state.rpartition(".")[2] not in final
    ]
    # A night is long enough for one failure that leads back; by day they are drawn from all.
    triggers = [one for one in forward if one.handler][-1 if EVERY else 0 :]
    for target, times in product(targets, TIMES):
        for kind in faults_of(target):
            if not is_behind(target):
                yield from ({target.state: [*[None] * n, *[kind] * times]} for n in FIRST)
            elif kind != "lands late":  # what is late there is made before it is undone
                for trigger, why in product(triggers, ("rejected", "times out after")):
                    yield {trigger.state: why, target.state: [kind] * times}


def is_behind(target: Target) -> bool:
    """Whether a Task is reached only when another has failed."""
    behind = target.state.startswith(("undo ", "verify ", "settle ", "items of "))
    return target.record or behind or target.state.endswith(" unanswered")


def faults_of(target: Target) -> list[str]:
    """What can go wrong in a Task, but a probe that lies."""
    if target.record:
        return list(RECORD_FAULTS)
    kinds = list(CALL_FAULTS)
    if not target.handler:
        return [kind for kind in kinds if kind not in {"rejected", "raises"}]
    if target.state.startswith("verify "):
        kinds.remove("rejected")
    return kinds
