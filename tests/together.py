"""Which tests stay on one worker of pytest-xdist, as their fixtures are the module's.

Groups by its own marker have no effect: pytest 9.2 reads the ids of tests from elsewhere than
pytest-xdist 3.8 writes the group to.
"""

from __future__ import annotations

from typing import Final

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # it has no types

E2E: Final = "tests/e2e/"
DEPLOYED: Final = "deployed"
"""The group of the tests on the deployed stack: it is deployed once."""
ALONE: Final = frozenset(
    f"{E2E}test_{name}.py"
    for name in (
        *("approval_links", "aws", "deploying", "events", "mended", "messages", "releases"),
        *("server", "services", "triggers"),
    )
)
"""Files with a stack of their own, or none."""


def group_of(nodeid: str) -> str:
    """The group of a test: its file, or that of the deployed stack."""
    file = nodeid.partition("::")[0]
    return DEPLOYED if file.startswith(E2E) and file not in ALONE else file


class Together(LoadScopeScheduling):  # type: ignore[misc]  # as above
    """Gives the tests of a group to one worker."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
