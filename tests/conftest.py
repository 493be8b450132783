"""For every test: what was not run is told, and properties are tried on the same examples.

Those of `tests/e2e` begin first, because they take longest. With pytest-xdist the tests of a file
stay on one worker (`tests.together`).

A build must not be red by chance on one machine and green on the next. To look for new examples,
run with ``HYPOTHESIS_PROFILE=search``; what that finds becomes an example in the test.
"""

from __future__ import annotations

import os
from typing import Any, Final

import pytest
from hypothesis import settings

from tests.absent import pytest_terminal_summary

__all__ = ["pytest_terminal_summary"]

E2E: Final = "tests/e2e/"

settings.register_profile("repeatable", derandomize=True)
settings.register_profile("search", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let those begin that take longest."""
    items.sort(key=lambda item: not item.nodeid.startswith(E2E))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give whole files to workers."""
    from tests.together import Together  # noqa: PLC0415  # pytest-xdist may be switched off

    return Together(config, log)
