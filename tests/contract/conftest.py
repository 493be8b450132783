"""An engine that the contracts of engines and of clients share: started once, when it is needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stepsaga.engines.ministack.deployment import tools
from tests.contract.engines.on_ministack import OnMiniStack

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def ministack_server() -> Iterator[OnMiniStack]:
    """MiniStack. `make test` has made its environment; a test that needs it is not skipped."""
    python, _ = tools(Path(__file__).parents[2])
    with OnMiniStack(python) as server:
        yield server
