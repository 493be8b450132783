"""Single states, paths, intrinsic functions and errors: the same on every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.engines.cases import PURE
from tests.contract.engines.checking import (
    ENGINES,
    assert_expected,
    compared,
    lacking,
    on_others,
    stage_of,
    with_rows,
)
from tests.contract.engines.expected import EXPECTED, Expected
from tests.contract.engines.lacks import Lack, lacks_of
from tests.contract.engines.state_cases import BLOCKS, CHOICES, TOKENS

if TYPE_CHECKING:
    from tests.contract.engines.cases import Case
    from tests.contract.engines.stage import Stage

STATES = [*PURE, *CHOICES, *BLOCKS, *TOKENS]


@pytest.mark.parametrize(("engine", "case"), on_others(STATES))
def test_engines_agree(
    engine: str, case: Case, simulator: Stage, request: pytest.FixtureRequest
) -> None:
    """Status, output, error, cause, calls, history and records are those of the simulator."""
    other = stage_of(engine, request)
    ours, theirs = compared(case, simulator, other, lacks_of(engine, case.name))
    assert ours == theirs


@pytest.mark.parametrize(("engine", "case", "row"), with_rows(STATES))
def test_each_row_is_needed(
    engine: str, case: Case, row: Lack, simulator: Stage, request: pytest.FixtureRequest
) -> None:
    """Rule 33: where an engine does not differ any more in a row's case, the row must go."""
    rest = [lack for lack in lacks_of(engine, case.name) if lack is not row]
    ours, theirs = compared(case, simulator, stage_of(engine, request), rest)
    assert ours != theirs


@pytest.mark.parametrize(
    ("engine", "case", "expected"),
    [
        lacking(engine, case.name, (engine, case, EXPECTED[case.name]))
        for engine in ENGINES
        for case in STATES
        if case.name in EXPECTED
    ],
)
def test_engine_does_as_expected(
    engine: str, case: Case, expected: Expected, request: pytest.FixtureRequest
) -> None:
    """What some cases must come to is written down: no two engines are wrong together."""
    run = stage_of(engine, request).run(case)
    assert_expected(run, expected, together=case.together)
