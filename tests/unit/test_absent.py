from __future__ import annotations

from pathlib import Path

import pytest

from tests.absent import lines

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
CONFTEST = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})

import pytest
from tests.absent import absent, pytest_terminal_summary

@pytest.fixture(scope="session")
def far():
    absent("Far Away", "no road: (closed)")

@pytest.fixture
def near():
    absent("Next Door", "nobody answers")
"""
TESTS = """
import pytest

@pytest.mark.parametrize("number", range(5))
def test_far(far, number): ...

def test_near(near): ...

def test_otherwise():
    pytest.skip("for a reason of its own")

def test_here(): ...
"""
EXPECTED = [
    "not run here: 5 tests on Far Away: no road: (closed)",
    "not run here: 1 test on Next Door: nobody answers",
]


@pytest.mark.parametrize("workers", ["0", "2"])
def test_what_was_absent_is_told_at_the_end(pytester: pytest.Pytester, workers: str) -> None:
    """One line for each engine, the last ones before the count of everything; with xdist too."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_subprocess("-ra", "-n", workers, "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, skipped=7)
    assert result.outlines[-3:-1] == EXPECTED


def test_nothing_is_told_where_nothing_was_absent(pytester: pytest.Pytester) -> None:
    """A run in which every engine was there says nothing of it."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile("def test_here(): ...")
    assert "not run here" not in pytester.runpytest_subprocess("-ra").stdout.str()


def test_each_reason_has_a_line() -> None:
    """An engine that is absent for two reasons has two lines; other skips have none."""
    reasons = ["A is not here: x", "Skipped: A is not here: y", "A is not here: x", "unrelated"]
    assert lines(reasons) == [
        "not run here: 2 tests on A: x",
        "not run here: 1 test on A: y",
    ]
