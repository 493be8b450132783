"""The golden definitions of the compiler: the same on every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.engines.cases import GOLDEN, GOLDENS
from tests.contract.engines.checking import compared, with_rows
from tests.contract.engines.lacks import Lack, lacks_of

if TYPE_CHECKING:
    from tests.contract.engines.cases import Case
    from tests.contract.engines.stage import Stage


@pytest.mark.parametrize("case", GOLDENS, ids=lambda case: case.name)
def test_engines_agree(case: Case, simulator: Stage, moto: Stage) -> None:
    """Order of calls, payloads, attempts, ends and records are those of the simulator."""
    ours, theirs = compared(case, simulator, moto, lacks_of("moto", case.name))
    assert ours == theirs


@pytest.mark.parametrize(("case", "row"), with_rows(GOLDENS))
def test_each_row_is_needed(case: Case, row: Lack, simulator: Stage, moto: Stage) -> None:
    """Rule 33: where moto does not differ any more in a row's case, the row must go."""
    others = [lack for lack in lacks_of("moto", case.name) if lack is not row]
    ours, theirs = compared(case, simulator, moto, others)
    assert ours != theirs


def test_there_are_goldens() -> None:
    """All golden definitions that are good take part."""
    names = {case.name.split("-")[1] for case in GOLDENS}
    assert len(names) == len(list(GOLDEN.glob("success_*.asl.json"))) > 10
