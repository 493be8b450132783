"""How a case is checked: against what is expected, and on two engines against each other."""

from __future__ import annotations

from fnmatch import fnmatchcase
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

ENGINES = ("simulator", "moto", "stepfunctions_local", "ministack")
OTHERS = ENGINES[1:]
"""What is compared with the simulator."""
NOT_RUN = {"ministack": ("golden-*-hangs*",)}
"""Of all cases, those that an engine is not asked for: it would hang for a quarter of an hour."""


def stage_of(engine: str, request: pytest.FixtureRequest) -> Stage:
    """The stage of an engine by its name."""
    stage: Stage = request.getfixturevalue(engine)
    return stage


def assert_expected(run: Run, expected: Expected, *, together: bool = False) -> None:
    """A run came to what was expected of it; calls that are made together have no order."""
    ends = run.status if run.error is None else f"{run.status} {run.error}"
    order = sorted(run.order) if together else run.order
    assert (ends, order) == (expected.ends, list(expected.order))
    if expected.output is not ANYTHING:
        assert run.output == expected.output
    if expected.recorded is not None:
        recorded = tuple((one.slot, one.outcome) for one in run.commits)
        assert recorded == expected.recorded
    if expected.happened is not None:
        assert tuple(event.type for event in run.history) == expected.happened


def compared(case: Case, simulator: Stage, other: Stage, lacks: Sequence[Lack]) -> tuple[Run, Run]:
    """What both engines made of a case, without what these rows allow."""
    ours, theirs = (allowed(seen_of(stage, case), lacks) for stage in (simulator, other))
    return ours, theirs


def seen_of(stage: Stage, case: Case) -> Run:
    """What an engine made of a case."""
    run = stage.run(case)
    return run.without_order() if case.together else run


def asked(engine: str, case: Case) -> bool:
    """Whether an engine is asked for a case."""
    return not any(fnmatchcase(case.name, pattern) for pattern in NOT_RUN.get(engine, ()))


def on_others(cases: Iterable[Case]) -> list[Any]:
    """Each case on each engine that is compared with the simulator."""
    return [
        pytest.param(engine, case, id=f"{engine}-{case.name}")
        for engine in OTHERS
        for case in cases
        if asked(engine, case)
    ]


def lacking(engine: str, name: str, values: Sequence[Any]) -> Any:
    """A parameter of a test that is expected to fail where a row says so, and must fail then."""
    rows = failures_of(engine, name)
    marks = [pytest.mark.xfail(reason=f"{engine}: {row.how}", strict=True) for row in rows]
    return pytest.param(*values, id=f"{engine}-{name}", marks=marks)


def with_rows(cases: Iterable[Case]) -> list[Any]:
    """Each case on each engine with each row about it."""
    return [
        pytest.param(engine, case, lack, id=f"{engine}-{case.name}-row{LACKS.index(lack)}")
        for engine in OTHERS
        for case in cases
        if asked(engine, case)
        for lack in lacks_of(engine, case.name)
    ]
