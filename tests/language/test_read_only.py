"""Steps that only look: the laws of effects do not ask for any of them."""

from __future__ import annotations

from dataclasses import replace

from stepsaga.store.commits import Outcome
from tests.language.running import assert_laws, run
from tests.language.test_claims import saga, step


def test_what_only_looks_leaves_nothing_however_late() -> None:
    """The log tells of its call that landed after the seal, and there is no effect to stand."""
    done = run(saga(replace(step("s1"), read_only=True, compensation=None)), {"s1": "lands late"})
    assert Outcome.LATE in {commit.outcome for commit in done.commits}
    assert_laws(done)
