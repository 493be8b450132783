"""Everything that can go wrong in sagas with distributed maps, on the simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.distributed import pay

if TYPE_CHECKING:
    from stepsaga import Saga
    from stepsaga.testing import SagaVerifier


@pytest.mark.parametrize("saga", [pay.PayAll, pay.PayTable])
def test_all_or_nothing(verify_saga: SagaVerifier, saga: type[Saga]) -> None:
    """Each fault of each call, on the way forward and back: all is done, or nothing."""
    report = verify_saga(saga)
    assert len(report.verdicts) > 20
    # An input that is too large for the record is tried elsewhere.
    assert set(report.unreached) <= {"record the end briefly"}
