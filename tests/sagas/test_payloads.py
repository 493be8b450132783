"""Sagas whose results are far larger than a document may be (rule 22)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepsaga.engines.endings import Ending
from stepsaga.limits import DOCUMENT_BYTES
from stepsaga.store import MemoryStore
from stepsaga.testing.runner import SagaRun, SagaRunner
from tests.sagas.heavy import MOST, MakeBook, Sizes

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGE = 200_000
ALL = dict.fromkeys(("plan", "colours", "cover", "sheet", "proof", "bind"), LARGE)
LOOKED_INTO = 30_000
"""What a choice looks into stays in the document, so it cannot be that large."""


def run(
    sizes: Sizes, job: Mapping[str, Any], *, store: MemoryStore | None = None, **options: Any
) -> SagaRun:
    """Run the saga with results of these sizes."""
    runner = SagaRunner(store=store, resources={"sizes": sizes})
    return runner.run(MakeBook, {"pages": list(range(MOST)), **job}, **options)


def document(done: SagaRun) -> str:
    """The execution's output."""
    return str(done.history[-1].details["output"])


def size_of(value: Any) -> int:
    """The bytes of compact JSON."""
    return len(json.dumps(value, separators=(",", ":")).encode())


def test_results_of_megabytes_are_no_reason_to_die() -> None:
    """28 results of 200 KB each, in every place where a result can be: completed, all given."""
    sizes = Sizes(**ALL, draft=LOOKED_INTO)
    done = run(sizes, {})
    assert (done.ending, done.error, done.cause) == (Ending.COMPLETED, "", "")
    assert [len(text) for text in sizes.given] == [LARGE] * (MOST + 3)
    assert size_of(json.loads(document(done))) < DOCUMENT_BYTES
    assert len(sizes.standing) == 4 + 2 * MOST
    assert len(done.results["bind"]) == len(done.results["plan"]) == LARGE


def test_without_a_bucket_they_are() -> None:
    """The first result that does not fit is an error that says the way out, and all is undone."""
    sizes = Sizes(**ALL, draft=LOOKED_INTO)
    done = run(sizes, {}, store=MemoryStore())
    assert done.ending is Ending.COMPENSATED
    assert "keep what is large elsewhere" in done.cause
    assert sizes.standing == {}


def test_what_a_definition_looks_into_must_fit() -> None:
    """Its result cannot be stored, so an error names the reason, and all is undone."""
    sizes = Sizes(plan=LARGE, draft=LARGE)
    done = run(sizes, {})
    assert done.ending is Ending.COMPENSATED
    assert "the definition looks into it" in done.cause
    assert sizes.standing == {}


def test_large_results_are_undone() -> None:
    """Compensations of the root and of items get what was stored, whole (they assert it)."""
    sizes = Sizes(**ALL, draft=LOOKED_INTO)
    done = run(sizes, {"refused": True})
    assert (done.ending, done.error) == (Ending.COMPENSATED, "SagaCompensated")
    assert sizes.standing == {}
    assert done.undone.count("sheet") == MOST


@pytest.mark.parametrize("kind", ["crashes after", "times out after", "lands late", "reply lost"])
@pytest.mark.parametrize("state", ["plan", "making.pages.sheet", "bind"])
def test_large_results_and_faults(state: str, kind: str) -> None:
    """Whatever happens between object, commit and reply, nothing is left that was not wanted."""
    sizes = Sizes(**ALL, draft=LOOKED_INTO)
    done = run(sizes, {}, fail={state: [kind] * 3})
    assert done.ending in (Ending.COMPLETED, Ending.COMPENSATED)
    if done.ending is Ending.COMPENSATED:
        assert sizes.standing == {} or done.left


@pytest.mark.parametrize("state", ["plan", "making.pages.sheet"])
def test_a_lost_reply_is_adopted(state: str) -> None:
    """The retry answers with the pointer that was recorded, and the saga goes on with it."""
    sizes = Sizes(**ALL, draft=LOOKED_INTO)
    done = run(sizes, {}, fail={state: ["reply lost"]})
    assert (done.ending, done.cause) == (Ending.COMPLETED, "")
    assert [len(text) for text in sizes.given] == [LARGE] * (MOST + 3)


near = st.one_of(st.integers(0, 400), st.integers(2_000, 12_000), st.integers(0, 200_000))


@settings(max_examples=25, deadline=None)
@given(
    st.fixed_dictionaries(dict.fromkeys(ALL, near)),
    st.integers(0, 60_000),
    st.integers(0, 60_000),
    st.integers(0, MOST),
)
def test_whatever_the_results_are_the_saga_completes(
    sizes: dict[str, int], looked_into: int, note: int, pages: int
) -> None:
    """Input, its copy and results never exceed the bound, and no size is a reason to fail.

    As long as what must be in the document (the input, and what is looked into) leaves room.
    """
    wanted = Sizes(**sizes, draft=looked_into)
    job = {"pages": list(range(pages)), "note": "n" * min(note, (130_000 - looked_into) // 2)}
    done = run(wanted, job)
    assert (done.ending, done.cause) == (Ending.COMPLETED, "")
    assert size_of(json.loads(document(done))) + size_of(job) <= DOCUMENT_BYTES
