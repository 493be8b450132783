"""The table of what engines lack is honest: no row is stale, nothing is skipped beside it."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

from tests.contract.engines import reference
from tests.contract.engines.cases import COMPILED, GOLDENS, PURE, REDRIVE, REFUSED
from tests.contract.engines.expected import EXPECTED
from tests.contract.engines.lacks import LACKS

RUNS = [case.name for case in (*PURE, *COMPILED, *GOLDENS)]


def test_rows_are_about_something() -> None:
    """Rule 33: each pattern of the table names a case or a contract that there is."""
    names = {*RUNS, *reference.CASES}
    contracts = {*EXPECTED, *REFUSED, *REDRIVE}
    for lack in LACKS:
        assert lack.cases or lack.fails
        for pattern in lack.cases:
            assert any(fnmatchcase(name, pattern) for name in names), pattern
        assert set(lack.unless) <= names
        for pattern in lack.fails:
            assert any(fnmatchcase(name, pattern) for name in contracts), pattern


def test_names_are_used_once() -> None:
    """Cases are told apart by their names, which are those of their executions too."""
    assert len(set(RUNS)) == len(RUNS)
    assert all(re.fullmatch(r"[\w.-]{1,80}", name) for name in RUNS)


def test_expectations_are_about_cases() -> None:
    """What is expected is expected of cases that there are."""
    assert set(EXPECTED) <= set(RUNS)


def test_nothing_is_skipped_beside_the_table() -> None:
    """Rule 33: only `checking.py`, which reads the table, marks tests as expected to fail."""
    marks = re.compile(r"\bxfail\(|\bskip(if)?\(|importorskip|mark\.(skip|xfail)")
    here = Path(__file__)
    marking = {
        path.name
        for path in here.parent.glob("*.py")
        if path != here and marks.search(path.read_text("utf-8"))
    }
    assert marking == {"checking.py"}
