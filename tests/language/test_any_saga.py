"""Laws of every saga that the language can say, and of every single thing that goes wrong in it.

These are samples; `tests.language.nightly` goes through all that can go wrong, in more sagas.
"""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepsaga.testing.answering import Manner
from tests.language.faults import faults
from tests.language.oracle import assert_goes_well
from tests.language.running import assert_laws, run
from tests.language.sagas import AnySaga, any_sagas

EXAMPLES: Final = 200
PARTS: Final = 4
"""So many tests share the sagas, for as many processes to run them."""
SLOW: Final = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
AnyPart = settings(
    max_examples=EXAMPLES // PARTS, deadline=None, suppress_health_check=SLOW, derandomize=False
)
MOST_FAULTS: Final = 20


@pytest.mark.parametrize("part", range(PARTS))
@AnyPart
@given(saga=any_sagas())
def test_what_goes_well_is_completed(part: int, saga: AnySaga) -> None:
    """Without a fault every saga is sound, compiles, and does what its text says, at its bound."""
    del part
    assert_goes_well(saga)


@pytest.mark.parametrize("part", range(PARTS))
@AnyPart
@given(saga=any_sagas(), data=st.data())
def test_whatever_goes_wrong_all_or_nothing(part: int, saga: AnySaga, data: st.DataObject) -> None:
    """Whatever fails, once or until it is mended, all is done or nothing is left."""
    del part
    for wanted in data.draw(st.lists(faults(saga), min_size=1, max_size=MOST_FAULTS)):
        manners = {name: data.draw(st.sampled_from(Manner)) for name in saga.manners}
        assert_laws(run(saga, wanted, manners=manners))
