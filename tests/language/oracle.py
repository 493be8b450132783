"""What a generated saga does when all goes well, and what it may cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepsaga.engines.bound import Bound, bound_of
from stepsaga.testing.answering import Manner

if TYPE_CHECKING:
    from stepsaga.graph import Slot, StepNode
    from tests.language.sagas import AnySaga


def expected(saga: AnySaga) -> Bound:
    """What a saga does, and what it costs."""

    def result(node: StepNode, _: Slot) -> Any:
        return {"step": node.name, **saga.values[node.name]}

    silent = {name for name, manner in saga.manners.items() if manner is Manner.NEVER}
    return bound_of(saga.graph, saga.input, result, unanswered=silent)
