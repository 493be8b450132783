"""What the reference saga's tests share: its tables on a moto server in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stepsaga.testing.stack import local_stack
from tests.sagas.shop import Shop

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """The participants' tables, made for one test module; tests look at what changes in them."""
    with local_stack() as stack:
        yield Shop.opened(stack.client())
