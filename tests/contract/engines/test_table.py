"""The table of what engines lack is honest: no row is stale, nothing is skipped beside it."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stepsaga.engines.stepfunctions_local import VARIABLES
from tests.contract.engines import reference
from tests.contract.engines.cases import COMPILED, DESCRIBED, GOLDENS, PURE, REDRIVE, REFUSED
from tests.contract.engines.cases import TOKENS as CONTRACTS
from tests.contract.engines.expected import EXPECTED
from tests.contract.engines.hurry import hurried, states_of
from tests.contract.engines.lacks import LACKS
from tests.contract.engines.question_cases import ASKING
from tests.contract.engines.scripts import Hangs
from tests.contract.engines.servers import why_absent
from tests.contract.engines.state_cases import BLOCKS, CHOICES, TOKENS

if TYPE_CHECKING:
    from tests.contract.engines.cases import Case

ALL = [*PURE, *CHOICES, *BLOCKS, *TOKENS, *COMPILED, *GOLDENS]
RUNS = [case.name for case in ALL]


def test_rows_are_about_something() -> None:
    """Rule 33: each pattern of the table names a case or a contract that there is."""
    names = {*RUNS, *reference.CASES, *ASKING}
    contracts = {*EXPECTED, *ASKING, *REFUSED, *REDRIVE, *DESCRIBED, *CONTRACTS}
    for lack in LACKS:
        assert lack.cases or lack.fails
        for pattern in lack.cases:
            assert any(fnmatchcase(name, pattern) for name in names), pattern
        for pattern in lack.unless:
            assert any(fnmatchcase(name, pattern) for name in names), pattern
        for pattern in lack.fails:
            assert any(fnmatchcase(name, pattern) for name in contracts), pattern


def test_names_are_used_once() -> None:
    """Cases are told apart by their names, which are those of their executions too."""
    assert len(set(RUNS)) == len(RUNS)
    assert all(re.fullmatch(r"[\w.-]{1,80}", name) for name in RUNS)


def test_expectations_are_about_cases() -> None:
    """What is expected is expected of cases that there are."""
    assert set(EXPECTED) <= set(RUNS)


def marking(pattern: str) -> dict[str, int]:
    """How often each file here, but this one, has what a pattern finds."""
    here = Path(__file__)
    found = {
        path.name: len(re.findall(pattern, path.read_text("utf-8")))
        for path in here.parent.glob("*.py")
        if path != here
    }
    return {name: count for name, count in found.items() if count}


def test_nothing_is_skipped_beside_the_table() -> None:
    """Rule 33: only `checking.py`, which reads the table, marks tests as expected to fail."""
    marks = r"\bxfail\(|\bskip(?:if)?\(|importorskip|mark\.(?:skip|xfail)"
    assert set(marking(marks)) == {"checking.py"}


def test_one_engine_may_be_absent() -> None:
    """One fixture skips what needs it, where the engine is not here; no other one may."""
    assert marking(r"\babsent\(") == {"conftest.py": 1}
    text = (Path(__file__).parent / "conftest.py").read_text("utf-8")
    [body] = re.findall(r"def local_servers\(.*?(?=\n@|\Z)", text, re.DOTALL)
    assert "absent(NAME, why)" in body


def test_why_it_is_absent() -> None:
    """Docker's reason, unless servers are named; those serve one process, not xdist's workers."""
    named = dict.fromkeys(VARIABLES, "8084")
    reason = "no Docker engine answers: x"
    for worker in (True, False):
        assert why_absent({}, worker=worker, ask=lambda: reason) == reason
        assert why_absent({}, worker=worker, ask=str) == ""
    assert why_absent(named, worker=False, ask=lambda: reason) == ""
    assert "-n 0" in why_absent(named, worker=True, ask=lambda: reason)


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_hurried_definitions(case: Case) -> None:
    """In real time a case waits for seconds, and its limits are in the order that they were in."""
    then, now = (json.loads(text) for text in (case.definition, hurried(case)))
    limit, new_limit = (one.get("TimeoutSeconds", 10**6) for one in (then, now))
    for name, state in states_of(now).items():
        old = states_of(then)[name]
        hangs = any(isinstance(act, Hangs) for act in case.script.get(name, ()))
        assert state.get("Seconds", 0) < 13
        assert not hangs or state["TimeoutSeconds"] < 13
        for field in ("Seconds", "TimeoutSeconds"):
            if field in state:
                assert (state[field] < new_limit) == (old[field] < limit)
        for retrier, before in zip(state.get("Retry", []), old.get("Retry", []), strict=True):
            assert retrier["ErrorEquals"] == before["ErrorEquals"]
            assert retrier["IntervalSeconds"] < 4
