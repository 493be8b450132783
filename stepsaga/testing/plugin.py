"""The pytest plugin: the fixture ``saga``.

Installed with the package, so every pytest run imports it: what it needs is imported when a test
asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.testing.runner import SagaRunner
    from stepsaga.testing.stack import LocalStack


@pytest.fixture(scope="session")
def saga_stack() -> Iterator[LocalStack]:
    """DynamoDB on this machine, for the session."""
    from stepsaga.testing.stack import local_stack  # noqa: PLC0415  # only when it is asked for

    with local_stack() as stack:
        yield stack


@pytest.fixture
def saga(request: pytest.FixtureRequest) -> SagaRunner:
    """Runs sagas: ``saga.run(FulfilOrder, order, fail={"charge": "times out after"})``.

    On the simulator, with the real handlers. Where the project has ``tools/local.py``, its tables
    are made anew for each test, on this machine.
    """
    from stepsaga.testing.runner import SagaRunner  # noqa: PLC0415  # only when it is asked for
    from stepsaga.testing.stack import find_setup  # noqa: PLC0415  # as above

    setup = find_setup(request.config.rootpath)
    if setup is not None:
        stack: LocalStack = request.getfixturevalue("saga_stack")
        stack.prepare(setup)
    return SagaRunner()
