"""The nightly profile: sagas by their numbers, every fault, and what is said of them."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.language.faults import every_fault, is_behind
from tests.language.night import Told, saga_of, shown, told_of
from tests.language.nightly import Tally, nightly
from tests.language.running import run

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
SMALL = (10, 46, 49, 44)
"""Sagas of seed 0 that have few steps: one alone, one with a choice, one that asks, a child."""


def test_seed_and_number_make_a_saga() -> None:
    """The same ones make the same saga with the same input; others make another."""
    assert repr(saga_of(0, 5)) == repr(saga_of(0, 5))
    assert len({repr(saga_of(seed, number)) for seed in (0, 1) for number in range(5)}) == 10


@pytest.mark.parametrize("number", SMALL)
def test_every_fault_strikes_or_cannot(number: int) -> None:
    """Each is counted once, on the way back once for each kind of failure that leads there."""
    told = told_of(0, number)
    assert not told.violation
    faults = list(every_fault(saga_of(0, number)))
    assert told.struck + told.idle == sum(2 if is_behind(target) else 1 for target, *_ in faults)
    assert told.runs > told.struck > 0


@pytest.mark.parametrize("number", SMALL)
def test_what_strikes_is_known_beforehand(number: int) -> None:
    """A fault strikes exactly where a run without it calls the Task often enough."""
    saga = saga_of(0, number)
    called = run(saga, {target.name: [] for target in saga.plan.targets}).called
    for target, first, kinds in every_fault(saga):
        struck = run(saga, {target.name: kinds}).struck
        assert struck == ({target.name} if called.get(target.name, 0) > first else set())


def test_a_fault_is_shown_in_few_words() -> None:
    """What goes wrong until it is mended is no list of a thousand."""
    assert shown([None, *["raises"] * 1000]) == "None, 1000 x raises"
    assert shown("rejected") == "always rejected"


def tally(out: io.StringIO, sagas: int = 5, now: Callable[[], float] = lambda: 0.0) -> Tally:
    """From saga 100 on."""
    return Tally(seed=3, first=100, sagas=sagas, out=out, now=now)


def test_all_is_well() -> None:
    """What was done is added up, and the exit code is 0."""
    out = io.StringIO()
    assert nightly(tally(out), 1, lambda _, number: Told(number, 10, 6, 3)) == 0
    [line] = out.getvalue().splitlines()
    assert "5 sagas (seed 3, from 100), 50 runs: 30 faults struck, 15 can not strike" in line


def test_a_broken_law_is_told_with_what_shows_it_again() -> None:
    """The night goes on, the exit code is 1, and one command runs the saga again."""
    out = io.StringIO()

    def work(seed: int, number: int) -> Told:
        return Told(number, 1, violation=f"{seed}: nothing is left" if number == 102 else "")

    assert nightly(tally(out), 1, work) == 1
    assert "saga 102: not true:\n3: nothing is left\n" in out.getvalue()
    assert "5 sagas" in out.getvalue()
    assert out.getvalue().endswith("again: make nightly SEED=3 FROM=102 SAGAS=1\n")


def test_an_interrupted_night_says_how_to_go_on() -> None:
    """What is done counts; the rest has a command, and the exit code is 1."""
    out = io.StringIO()

    def work(_: int, number: int) -> Told:
        if number == 103:
            raise KeyboardInterrupt
        return Told(number, 1)

    assert nightly(tally(out), 1, work) == 1
    assert "3 sagas" in out.getvalue()
    assert out.getvalue().endswith("to go on: make nightly SEED=3 FROM=103 SAGAS=2\n")


def test_progress_is_said_now_and_then() -> None:
    """Where nobody watches, a line each half minute says how far it is and what is left."""
    out, seconds = io.StringIO(), [0.0]

    def work(_: int, number: int) -> Told:
        seconds[0] += 20
        return Told(number, 400)

    nightly(tally(out, 5, lambda: seconds[0]), 1, work)
    assert out.getvalue().splitlines()[:-1] == [
        "2 of 5 sagas, 800 runs, 20 runs/s, 0 broke a law, 0:01:00 left",
        "4 of 5 sagas, 1,600 runs, 20 runs/s, 0 broke a law, 0:00:20 left",
    ]


def test_processes_share_the_sagas() -> None:
    """Two processes do what one does."""
    said = []
    for workers in ("1", "2"):
        options = ["--sagas", "2", "--from", "10", "--workers", workers]
        command = [sys.executable, "-m", "tests.language.nightly", *options]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603  # our own
        said.append(done.stdout.rpartition(";")[0])
    assert said[0] == said[1]
    assert said[0].startswith("2 sagas (seed 0, from 10), ")
