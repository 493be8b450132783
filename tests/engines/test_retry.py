from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stepsaga.engines.simulator.errors import StateError, matches
from stepsaga.engines.simulator.retry import Retrier, Retries
from tests.engines.support import seeded

if TYPE_CHECKING:
    from random import Random

RETRIERS = st.builds(
    Retrier,
    errors=st.just(("E",)),
    interval=st.integers(1, 99_999_999),
    attempts=st.integers(0, 20),
    backoff=st.floats(1, 1e6),
    longest=st.none() | st.integers(1, 31_622_400),
    jitter=st.booleans(),
)


@given(RETRIERS, st.integers(0, 5_000))
def test_pauses_grow_to_their_cap(retrier: Retrier, made: int) -> None:
    """A pause is never shorter than the one before it, and never longer than its cap."""
    top = retrier.longest if retrier.longest is not None else 31_622_400
    assert retrier.seconds(made) <= retrier.seconds(made + 1) <= top


@given(RETRIERS, st.integers(0, 50))
def test_a_pause_is_the_product(retrier: Retrier, made: int) -> None:
    """Below its cap a pause is the interval times the rate to the power of the retries made."""
    assume(retrier.seconds(made) < (retrier.longest or 31_622_400))
    assert retrier.seconds(made) == retrier.interval * retrier.backoff**made


@given(RETRIERS, st.integers(0, 50), st.randoms(use_true_random=False))
def test_jitter_only_shortens(retrier: Retrier, made: int, random: Random) -> None:
    """With full jitter a pause is between nothing and the whole, without it is the whole."""
    whole = timedelta(seconds=retrier.seconds(made))
    pause = retrier.pause(made, random)
    slack = timedelta(milliseconds=1)
    assert timedelta(0) <= pause <= whole + slack
    assert retrier.jitter or pause >= whole - slack


@given(RETRIERS)
def test_a_retrier_retries_as_often_as_it_says(retrier: Retrier) -> None:
    """``MaxAttempts`` counts the attempts after the first, and 0 is none."""
    retries = Retries((retrier,))
    pauses = 0
    while retries.pause(StateError("E"), seeded()) is not None:
        pauses += 1
    assert pauses == retries.count == retrier.attempts


@given(st.lists(st.sampled_from("AB"), max_size=12), st.integers(0, 5), st.integers(0, 5))
def test_retriers_count_for_themselves(errors: list[str], first: int, second: int) -> None:
    """One retrier's retries take nothing from another's, whatever the order of the errors."""
    retries = Retries((Retrier(("A",), attempts=first), Retrier(("B",), attempts=second)))
    made = [error for error in errors if retries.pause(StateError(error), seeded()) is not None]
    assert made.count("A") == min(errors.count("A"), first)
    assert made.count("B") == min(errors.count("B"), second)
    assert retries.count == len(made)


def test_an_exhausted_retrier_hides_the_next() -> None:
    """Only the first retrier that matches is asked, also when it is used up."""
    retries = Retries((Retrier(("A",), attempts=0), Retrier(("States.ALL",), attempts=9)))
    assert retries.pause(StateError("A"), seeded()) is None
    assert retries.pause(StateError("B"), seeded()) is not None


@pytest.mark.parametrize(
    ("names", "error", "expected"),
    [
        (["E"], "E", True),
        (["E"], "e", False),
        (["E"], "EE", False),
        (["States.ALL"], "E", True),
        (["States.ALL"], "States.Timeout", True),
        (["States.ALL"], "States.Runtime", False),
        (["States.Runtime"], "States.Runtime", False),
        (["States.ALL"], "States.DataLimitExceeded", False),
        (["States.DataLimitExceeded"], "States.DataLimitExceeded", True),
        (["States.TaskFailed"], "E", True),
        (["States.TaskFailed"], "States.Timeout", False),
        (["States.TaskFailed"], "States.DataLimitExceeded", False),
        (["States.Timeout"], "States.Timeout", True),
        (["States.ALL"], None, True),
        (["E"], None, False),
        (["States.ALL"], "States.NoChoiceMatched", False),
    ],
)
def test_which_names_match(names: list[str], error: str | None, expected: bool) -> None:
    """Names match exactly, but for the wildcards; ``States.Runtime`` is matched by nothing."""
    assert matches(names, error) is expected
