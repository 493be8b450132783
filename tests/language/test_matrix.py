"""The fault matrix of sagas that nobody wrote: what `stepsaga verify` tries holds for any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepsaga.asl import build
from stepsaga.testing.cases import Case, behind, coming_back, going_forward
from stepsaga.testing.family import returning
from stepsaga.testing.trial import Bench
from stepsaga.testing.ways import Way
from tests.language.sagas import AnySaga, any_sagas

if TYPE_CHECKING:
    from random import Random

    from stepsaga.testing.cases import Seen

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
FEW = 4


@settings(max_examples=25, deadline=None, suppress_health_check=SLOW)
@given(any_sagas(), st.randoms(use_true_random=False))
def test_any_saga_keeps_the_laws_in_any_case(saga: AnySaga, random: Random) -> None:
    """Some of the cases of each wave: no law is broken, and what is wanted strikes."""
    bench = Bench(saga.graph, build(saga.graph))
    results = {name: saga.value(name) for name, _ in returning(saga.graph)}
    way = Way("drawn", saga.input, results)

    def tried(cases: list[Case]) -> list[Seen]:
        some = random.sample(cases, min(FEW, len(cases)))
        verdicts = [bench.run(case, way).verdict for case in some]
        for one in verdicts:
            assert (one.broken, one.idle) == ((), ()), str(one.case)
        return [one.seen for one in verdicts]

    [well] = tried([Case(way.name)])
    forward = tried(going_forward(well, bench.tasks))
    tried([case for seen in forward for case in coming_back(seen, bench.tasks)])
    tried(behind(forward, bench.tasks, each_way=True))
