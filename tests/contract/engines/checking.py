"""How a case is checked: against what is expected, and on two engines against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.engines.expected import ANYTHING
from tests.contract.engines.lacks import LACKS, allowed, failures_of, lacks_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.contract.engines.cases import Case
    from tests.contract.engines.expected import Expected
    from tests.contract.engines.lacks import Lack
    from tests.contract.engines.observe import Run
    from tests.contract.engines.stage import Stage

ENGINES = ("simulator", "moto")


def assert_expected(run: Run, expected: Expected) -> None:
    """A run came to what was expected of it."""
    ends = run.status if run.error is None else f"{run.status} {run.error}"
    assert (ends, run.order) == (expected.ends, list(expected.order))
    if expected.output is not ANYTHING:
        assert run.output == expected.output
    if expected.recorded is not None:
        recorded = tuple((one.slot, one.outcome) for one in run.commits)
        assert recorded == expected.recorded
    if expected.happened is not None:
        assert tuple(event.type for event in run.history) == expected.happened


def compared(case: Case, simulator: Stage, moto: Stage, lacks: Sequence[Lack]) -> tuple[Run, Run]:
    """What both engines made of a case, without what these rows allow."""
    ours, theirs = (allowed(stage.run(case), lacks) for stage in (simulator, moto))
    return ours, theirs


def lacking(engine: str, name: str, values: Sequence[Any]) -> Any:
    """A parameter of a test that is expected to fail where a row says so, and must fail then."""
    rows = failures_of(engine, name)
    marks = [pytest.mark.xfail(reason=f"{engine}: {row.how}", strict=True) for row in rows]
    return pytest.param(*values, id=f"{engine}-{name}", marks=marks)


def with_rows(cases: Iterable[Case]) -> list[Any]:
    """Each case with each row about it."""
    return [
        pytest.param(case, lack, id=f"{case.name}-row{LACKS.index(lack)}")
        for case in cases
        for lack in lacks_of("moto", case.name)
    ]
