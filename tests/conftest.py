"""For every test: what was not run is told, and properties are tried on the same examples.

With pytest-xdist the tests of a file stay on one worker, as their fixtures are the module's. Those
of `tests/e2e` that share the deployed stack stay together, so that it is deployed once, and begin
first, because they take longest.

A build must not be red by chance on one machine and green on the next. To look for new examples,
run with ``HYPOTHESIS_PROFILE=search``; what that finds becomes an example in the test.
"""

from __future__ import annotations

import os
from typing import Final

import pytest
from hypothesis import settings

from tests.absent import pytest_terminal_summary

__all__ = ["pytest_terminal_summary"]

DEPLOYED: Final = "deployed"
"""The group of the tests on the deployed stack."""
_E2E: Final = "tests/e2e/"
_STACKS: Final = {"target", "stack"}

settings.register_profile("repeatable", derandomize=True)
settings.register_profile("search", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group the tests for pytest-xdist, and let those begin that take longest."""
    for item in items:
        file = item.nodeid.partition("::")[0]
        deployed = file.startswith(_E2E) and _STACKS.intersection(getattr(item, "fixturenames", ()))
        item.add_marker(pytest.mark.xdist_group(DEPLOYED if deployed else file))
    items.sort(key=lambda item: not item.nodeid.startswith(_E2E))
