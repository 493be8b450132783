"""The engines on which the client's contract is tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.client.worlds import Simulated, World, on_moto, simulated

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def moto() -> Iterator[World]:
    """moto, for all tests of a module."""
    with on_moto() as world:
        yield world


@pytest.fixture
def simulator() -> Simulated:
    """A simulator of its own for each test: its clock is moved."""
    return simulated()


@pytest.fixture(params=["simulator", "moto"])
def world(request: pytest.FixtureRequest) -> World:
    """Each engine. Another one is one more name here, and a fixture that is called so."""
    found: World = request.getfixturevalue(request.param)
    return found
