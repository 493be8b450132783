"""The pytest plugin: the fixtures ``saga`` and ``verify_saga``.

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
    from stepsaga.testing.trial import Surroundings
    from stepsaga.testing.verifier import SagaVerifier


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


@pytest.fixture
def verify_saga(request: pytest.FixtureRequest) -> SagaVerifier:
    """Tries everything that can go wrong in a saga: ``verify_saga(FulfilOrder)``.

    With stubs, or with ``handlers="real"``: those work on the tables of the project's
    ``tools/local.py``, made anew for each run, or on what the test gives them.
    """
    from stepsaga.cli.counterexample import as_text  # noqa: PLC0415  # only when it is asked for
    from stepsaga.testing.matrix import tables  # noqa: PLC0415  # as above
    from stepsaga.testing.stack import find_setup  # noqa: PLC0415  # as above
    from stepsaga.testing.trial import Surroundings  # noqa: PLC0415  # as above
    from stepsaga.testing.verifier import SagaVerifier  # noqa: PLC0415  # as above

    def local() -> Surroundings:
        root = request.config.rootpath
        if find_setup(root) is None:
            return Surroundings()
        return tables(request.getfixturevalue("saga_stack"), root)

    return SagaVerifier(as_text, local)
