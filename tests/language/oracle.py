"""What a generated saga does when all goes well, and what it may cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepsaga.asl.kept import from_kept, keep
from stepsaga.checks import check
from stepsaga.engines.bound import Bound, bound_of
from stepsaga.engines.endings import Ending
from stepsaga.testing.answering import Manner
from tests.language.running import assert_laws, run

if TYPE_CHECKING:
    from stepsaga.graph import Slot, StepNode
    from tests.language.sagas import AnySaga


def assert_goes_well(saga: AnySaga) -> None:
    """It is sound, compiles, and does what its text says, at its bound."""
    assert (problems := check(saga.graph)) == [], problems
    kept = saga.compiled.graph
    assert keep(from_kept(kept)) == kept
    done = run(saga)
    assert done.ending is Ending.COMPLETED, (done.view.error, done.view.cause)
    assert_laws(done)
    wanted = expected(saga)
    assert sorted(done.slots) == sorted(wanted.slots)
    assert done.transitions == wanted.transitions
    assert (done.writes, done.reads) == (wanted.writes, wanted.reads)


def expected(saga: AnySaga) -> Bound:
    """What a saga does, and what it costs."""

    def result(node: StepNode, _: Slot) -> Any:
        return {"step": node.name, **saga.values[node.name]}

    silent = {name for name, manner in saga.manners.items() if manner is Manner.NEVER}
    return bound_of(saga.graph, saga.input, result, unanswered=silent)
