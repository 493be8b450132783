"""Retriers as text, read by the rules of Step Functions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from stepsaga.asl.retriers import (
    DOUBTFUL,
    THROTTLED,
    THROTTLED_RETRY,
    TRANSIENT,
    TRANSIENT_RETRY,
    attempts,
    pauses,
    retrier,
    retriers,
    worst_seconds,
)
from stepsaga.graph import Call, Retry
from tests.asl.graphs import RETRY
from tests.asl.strategies import retries

CALL = Call("handlers.payments:charge", "handlers.payments", (), int, 20, RETRY)


def waits(text: dict[str, Any]) -> list[float]:
    """The pauses of a retrier as Step Functions makes them, with the defaults of its fields."""
    interval, rate = text.get("IntervalSeconds", 1), text.get("BackoffRate", 2.0)
    longest = text.get("MaxDelaySeconds", float("inf"))
    return [min(interval * rate**n, longest) for n in range(text.get("MaxAttempts", 3))]


def asked(retry: Retry) -> list[float]:
    """The pauses that the author asked for."""
    growing = (retry.wait * retry.backoff**n for n in range(retry.attempts - 1))
    return [min(wait, retry.longest_wait) for wait in growing]


@given(retry=retries())
@settings(deadline=None)
def test_pauses_are_the_authors(retry: Retry) -> None:
    """Whatever is left out of a retrier, Step Functions waits as long as the author said."""
    assert waits(retrier(("A",), retry)) == pytest.approx(asked(retry))


@given(retry=retries())
@settings(deadline=None)
def test_worst_pauses(retry: Retry) -> None:
    """The bound on all pauses is their sum, rounded up."""
    assert sum(asked(retry)) <= pauses(retry) + 1e-6
    assert pauses(retry) < sum(asked(retry)) + 1.001


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"MaxAttempts": 2, "JitterStrategy": "FULL"}),
        ({"jitter": False}, {"MaxAttempts": 2}),
        ({"wait": 2}, {"IntervalSeconds": 2, "MaxAttempts": 2, "JitterStrategy": "FULL"}),
        ({"backoff": 1.5}, {"MaxAttempts": 2, "BackoffRate": 1.5, "JitterStrategy": "FULL"}),
        ({"backoff": 3.0}, {"MaxAttempts": 2, "BackoffRate": 3, "JitterStrategy": "FULL"}),
        (
            {"attempts": 4, "longest_wait": 3},
            {"MaxAttempts": 3, "MaxDelaySeconds": 3, "JitterStrategy": "FULL"},
        ),
        ({"attempts": 4, "longest_wait": 4}, {"MaxAttempts": 3, "JitterStrategy": "FULL"}),
        (
            {"wait": 5, "longest_wait": 5},
            {"IntervalSeconds": 5, "MaxAttempts": 2, "BackoffRate": 1, "JitterStrategy": "FULL"},
        ),
    ],
)
def test_fields(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    """A field stands where Step Functions' default says something else, and nowhere else."""
    assert retrier(("A",), replace(RETRY, **fields)) == {"ErrorEquals": ["A"]} | expected


def test_order() -> None:
    """Throttling first, then what is transient, then what the author says; nothing else."""
    assert [entry["ErrorEquals"] for entry in retriers(CALL)] == [
        list(THROTTLED),
        list(TRANSIENT),
        list(DOUBTFUL),
    ]


def test_certain_answers_are_never_retried() -> None:
    """Answers that are certain, Rejected and Fenced among them, are in no retrier (rule 3)."""
    named = {error for entry in retriers(CALL) for error in entry["ErrorEquals"]}
    certain = {
        "Rejected",
        "RejectedInDoubt",
        "StepFailedForGood",
        "Fenced",
        "BadCall",
        "States.ALL",
    }
    assert not named & certain


def test_without_retry_only_throttling_is_retried() -> None:
    """What must not run twice by itself is tried again only where it certainly did not run."""
    assert [entry["ErrorEquals"] for entry in retriers(replace(CALL, retry=None))] == [
        list(THROTTLED)
    ]


def test_one_attempt_has_no_retrier_of_its_own() -> None:
    """One attempt of the author's leaves the framework's retriers."""
    once = replace(CALL, retry=replace(RETRY, attempts=1))
    assert [entry["ErrorEquals"] for entry in retriers(once)] == [list(THROTTLED), list(TRANSIENT)]


def test_worst_seconds() -> None:
    """Every retrier counts for itself, every attempt takes all its time, every pause is full."""
    further = THROTTLED_RETRY.attempts - 1 + TRANSIENT_RETRY.attempts - 1 + RETRY.attempts - 1
    assert attempts(CALL) == 1 + further == 17
    assert worst_seconds(CALL) == 17 * 35 + (2**8 - 1) + 2 * (2**6 - 1) + 3
