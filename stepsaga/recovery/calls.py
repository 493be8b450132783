"""The calls of an undo from the log: those of the compiled definition, with their lanes in numbers.

They carry no input: the runtime reads it from the commit with which the undo began, so that a
hundred calls side by side fit a document.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepsaga.asl.payloads import Payloads
from stepsaga.asl.times import doubt_call
from stepsaga.graph import MapNode
from stepsaga.limits import FIRST_INDEX, FIRST_OPERATION_SLOT
from stepsaga.recovery.plan import Kind
from stepsaga.recovery.reached import slots_of, undo_slots_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stepsaga.graph import SagaGraph
    from stepsaga.recovery.plan import Move


class Calls:
    """Makes the calls of one run's undo.

    Args:
        graph: The saga, as it was when the run was started.
        fingerprint: Of that release.
        execution: ``$$.Execution`` of the run, without its input.
        generation: Of this undo.
    """

    def __init__(
        self, graph: SagaGraph, fingerprint: str, execution: Mapping[str, Any], generation: int
    ) -> None:
        self._payloads = Payloads(graph, fingerprint)
        self._execution = execution
        self._generation = generation

    def of(self, move: Move) -> dict[str, Any]:
        """The call of a move, without the state that makes it: JSON values."""
        step, node = move.step, move.step.node
        if move.kind is Kind.UNDO:
            given = self._payloads.compensation(node)
        elif node.verify is not None:
            given = self._payloads.probe_again(node)
        else:
            given = self._payloads.probe(node, doubt_call(node))
        lane, undo = list(slots_of(step.lanes)), list(undo_slots_of(step.lanes))
        return {
            **{key: value for key, value in given.items() if not key.endswith(".$")},
            "lane": lane,
            **({"undo": undo} if move.kind is Kind.UNDO else {}),
            **({"late": move.late} if move.late else {}),
            "items": {
                one.fork.item: one.item for one in step.lanes if isinstance(one.fork, MapNode)
            },
            "execution": dict(self._execution),
            "generation": self._generation,
        }

    def waits(self, move: Move) -> int:
        """For how many seconds the call's Task waits for a token; 0 where it does not."""
        undo = move.step.node.compensation
        return undo.call.waits if undo and move.kind is Kind.UNDO else 0

    def check_input(self) -> dict[str, Any]:
        """The call that records the input as its model writes it."""
        return {
            **{k: v for k, v in self._payloads.check_input().items() if not k.endswith(".$")},
            "slot": [FIRST_OPERATION_SLOT + self._generation, FIRST_INDEX],
            "execution": dict(self._execution),
            "generation": self._generation,
        }

    def function_of(self, move: Move) -> str:
        """The participant whose function is called."""
        node = move.step.node
        if move.kind is Kind.UNDO:
            assert node.compensation is not None  # noqa: S101  # for mypy; plan says so
            return node.compensation.call.participant
        return node.verify.participant if node.verify else node.call.participant
