"""Single states, paths, intrinsic functions and errors: the same on every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.engines.cases import PURE
from tests.contract.engines.checking import ENGINES, assert_expected, compared, lacking, with_rows
from tests.contract.engines.expected import EXPECTED, Expected
from tests.contract.engines.lacks import Lack, lacks_of

if TYPE_CHECKING:
    from tests.contract.engines.cases import Case
    from tests.contract.engines.stage import Stage


@pytest.mark.parametrize("case", PURE, ids=lambda case: case.name)
def test_engines_agree(case: Case, simulator: Stage, moto: Stage) -> None:
    """Status, output, error, cause, calls, history and records are those of the simulator."""
    ours, theirs = compared(case, simulator, moto, lacks_of("moto", case.name))
    assert ours == theirs


@pytest.mark.parametrize(("case", "row"), with_rows(PURE))
def test_each_row_is_needed(case: Case, row: Lack, simulator: Stage, moto: Stage) -> None:
    """Rule 33: where moto does not differ any more in a row's case, the row must go."""
    others = [lack for lack in lacks_of("moto", case.name) if lack is not row]
    ours, theirs = compared(case, simulator, moto, others)
    assert ours != theirs


@pytest.mark.parametrize(
    ("engine", "case", "expected"),
    [
        lacking(engine, case.name, (engine, case, EXPECTED[case.name]))
        for engine in ENGINES
        for case in PURE
        if case.name in EXPECTED
    ],
)
def test_engine_does_as_expected(
    engine: str, case: Case, expected: Expected, request: pytest.FixtureRequest
) -> None:
    """What some cases must come to is written down: both engines cannot be wrong together."""
    stage: Stage = request.getfixturevalue(engine)
    assert_expected(stage.run(case), expected)
