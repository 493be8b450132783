"""What a generated saga does when all goes well, and what it may cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepsaga.asl.kept import from_kept, keep
from stepsaga.checks import check
from stepsaga.engines.bound import (
    HEARING_READS,
    TELLING_READS,
    TELLING_WRITES,
    Bound,
    bound_of,
)
from stepsaga.engines.endings import Ending
from stepsaga.graph import steps_of
from stepsaga.testing.answering import Manner
from stepsaga.testing.family import label, returning
from tests.language.running import assert_laws, run

if TYPE_CHECKING:
    from stepsaga.graph import Slot, StepNode
    from stepsaga.testing.children import ChildRun
    from tests.language.sagas import AnySaga


def assert_goes_well(saga: AnySaga) -> None:
    """It is sound, compiles, and does what its text says, at its bound."""
    for name, graph in saga.family.items():
        assert (problems := check(graph)) == [], problems
        kept = saga.all_compiled[name].graph
        assert keep(from_kept(kept)) == kept
    done = run(saga)
    assert done.ending is Ending.COMPLETED, (done.view.error, done.view.cause)
    assert_laws(done)
    wanted, *others = [expected(saga), *(expected(saga, one) for one in done.children)]
    assert sorted(done.slots) == sorted(wanted.slots)
    every, told = [wanted, *others], len(others)
    assert done.transitions == sum(one.transitions for one in every)
    assert done.writes == sum(one.writes for one in every) + TELLING_WRITES * told
    heard = HEARING_READS if len(saga.family) > 1 else 0
    assert done.reads == sum(one.reads for one in every) + TELLING_READS * told + heard


def expected(saga: AnySaga, child: ChildRun | None = None) -> Bound:
    """What a saga, or one of its children, does, and what that costs."""
    name, value = (child.saga, child.view.input) if child else (saga.graph.name, saga.input)
    graph = saga.family[name]

    def result(node: StepNode, _: Slot) -> Any:
        return saga.value_of(graph, node.name)

    never = {one for one, manner in saga.manners.items() if manner is Manner.NEVER}
    silent = {
        node.name for node in steps_of(graph.nodes) if label(saga.graph, name, node.name) in never
    }
    early = {name for name, node in returning(graph) if _comes_early(saga, name, node)}
    return bound_of(graph, value, result, unanswered=silent, kept=early)


def _comes_early(saga: AnySaga, name: str, node: StepNode) -> bool:
    """Whether an event is there before it is waited for; children wait for none."""
    waits = node.question is not None and node.question.event is not None
    return waits and saga.manners.get(name) is Manner.TWICE
