"""Tests whose engine is not here: they are skipped for that reason, and counted at the end.

A fixture that finds its engine absent calls `absent`. Whatever was skipped so is told in one line
for each engine, after everything else that pytest tells: nobody shall take a green run for one that
has tried everything. The line comes from the reports, so it is the same with pytest-xdist.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

_REASON: Final = re.compile(r"(?:Skipped: )?(?P<target>.+?) is not here: (?P<why>.*)", re.DOTALL)


def absent(target: str, why: str) -> NoReturn:
    """Skip the test, or every test that needs the fixture: the engine that it needs is not here.

    Args:
        target: The engine's name: ``Step Functions Local``.
        why: The reason, in one line.
    """
    pytest.skip(f"{target} is not here: {why}")


def lines(reasons: Iterable[str]) -> list[str]:
    """A line for each engine that was absent, from the reasons of all tests that were skipped."""
    found = [match for match in map(_REASON.fullmatch, reasons) if match]
    counted = Counter((match["target"], match["why"]) for match in found)
    return [
        f"not run here: {count} {'test' if count == 1 else 'tests'} on {target}: {why}"
        for (target, why), count in sorted(counted.items())
    ]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: Any) -> Generator[None]:
    """Tell what was not run, after pytest's own summary."""
    result = yield
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = [report.longrepr[2] for report in skipped if isinstance(report.longrepr, tuple)]
    for line in lines(reasons):
        terminalreporter.write_line(line, yellow=True)
    return result
