"""The golden definitions of the compiler: the same on every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.engines.cases import GOLDENS, golden_files
from tests.contract.engines.checking import compared, on_others, stage_of, with_rows
from tests.contract.engines.lacks import Lack, lacks_of

if TYPE_CHECKING:
    from tests.contract.engines.cases import Case
    from tests.contract.engines.stage import Stage


@pytest.mark.parametrize(("engine", "case"), on_others(GOLDENS))
def test_engines_agree(
    engine: str, case: Case, simulator: Stage, request: pytest.FixtureRequest
) -> None:
    """Order of calls, payloads, attempts, ends and records are those of the simulator."""
    other = stage_of(engine, request)
    ours, theirs = compared(case, simulator, other, lacks_of(engine, case.name))
    assert ours == theirs


@pytest.mark.parametrize(("engine", "case", "row"), with_rows(GOLDENS))
def test_each_row_is_needed(
    engine: str, case: Case, row: Lack, simulator: Stage, request: pytest.FixtureRequest
) -> None:
    """Rule 33: where an engine does not differ any more in a row's case, the row must go."""
    rest = [lack for lack in lacks_of(engine, case.name) if lack is not row]
    ours, theirs = compared(case, simulator, stage_of(engine, request), rest)
    assert ours != theirs


def test_there_are_goldens() -> None:
    """All golden definitions that are good, and call no services, take part."""
    names = {case.name.split("-")[1] for case in GOLDENS}
    assert len(names) == len(golden_files()) > 10
