"""Everything that can go wrong around a wait for an event, in every saga of the shop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.events.shop import SellInTwo, SellOnline, SellSideBySide, SellWithReminder

if TYPE_CHECKING:
    from stepsaga.testing import SagaVerifier


@pytest.mark.parametrize("saga", [SellOnline, SellWithReminder, SellInTwo, SellSideBySide])
def test_whatever_goes_wrong_all_or_nothing(saga: Any, verify_saga: SagaVerifier) -> None:
    """The laws hold, whichever Task fails, however the event comes, or does not."""
    report = verify_saga(saga)
    texts = {str(one.case) for one in report.verdicts}
    assert any("answered twice" in text for text in texts)
    assert any("answer not heard" in text for text in texts)
