"""The calls of who works from a log: those of the compiled definition, with lanes in numbers.

They carry no input: the runtime reads it from the commit with which that began, so that a hundred
calls side by side fit a document.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.payloads import Payloads
from stepsaga.asl.times import doubt_call, input_call
from stepsaga.graph import MapNode
from stepsaga.limits import FIRST_INDEX, FIRST_OPERATION_SLOT
from stepsaga.recovery.places import slots_of, undo_slots_of
from stepsaga.recovery.plan import Kind
from stepsaga.runtime.call import EVERY, flat
from stepsaga.runtime.values import compact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from stepsaga.graph import SagaGraph
    from stepsaga.recovery.data import Data
    from stepsaga.recovery.plan import Move
    from stepsaga.recovery.reached import Step
    from stepsaga.recovery.undo import Run

MOST_CALLS: Final = 40
"""Side by side: what an inline map runs at the same time.
https://docs.aws.amazon.com/step-functions/latest/dg/state-map.html"""
MOST_BYTES: Final = 96 * 1024
"""Of all calls together, as JSON, if it is more than one: a document has 256 KiB."""
INPUT: Final = "input"
"""The key of the call that checks the input; those of moves have a space."""


class Calls:
    """Makes the calls of one generation of a run.

    Args:
        graph: The saga, as it was when the run was started.
        fingerprint: Of that release.
        run: The run.
        generation: The generation.
    """

    def __init__(self, graph: SagaGraph, fingerprint: str, run: Run, generation: int) -> None:
        self._graph = graph
        self._payloads = Payloads(graph, fingerprint)
        self._execution = {"Id": run.execution, "Name": run.id, "StartTime": run.run}
        self._generation = generation

    def of(self, move: Move, data: Data | None = None) -> dict[str, Any]:
        """The call of a move, without the state that makes it: JSON values.

        Args:
            move: The move.
            data: What the log says, where the call is to hear of every item of a map, and not only
                of those that have a result.
        """
        step, node = move.step, move.step.node
        if move.kind is Kind.UNDO:
            given = self._payloads.compensation(node)
        elif move.kind is Kind.RUN:
            given = self._payloads.forward_again(node)
        elif node.verify is not None:
            given = self._payloads.probe_again(node)
        else:
            given = self._payloads.probe(node, doubt_call(node))
        undo = {"undo": list(undo_slots_of(step.lanes))} if move.kind is Kind.UNDO else {}
        return {
            **{key: value for key, value in given.items() if not key.endswith(".$")},
            "lane": list(slots_of(step.lanes)),
            **undo,
            **({"late": move.late} if move.late else {}),
            **({"shapes": shapes} if (shapes := _shapes(given, step, data)) else {}),
            "items": {
                one.fork.item: one.item for one in step.lanes if isinstance(one.fork, MapNode)
            },
            **_shard(step),
            "execution": self._execution,
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
            "execution": self._execution,
            "generation": self._generation,
        }

    def asking_for_input(self) -> dict[str, Any]:
        """That call, as the machine makes it."""
        asked = input_call(self._graph)
        return {
            "key": INPUT,
            "participant": asked.participant,
            "seconds": asked.seconds,
            "waits": 0,
            "call": self.check_input(),
        }

    def fitting(self, moves: Iterable[Move], data: Data | None = None) -> Iterator[dict[str, Any]]:
        """As many calls as fit a document; what is left comes when these are done."""
        size = 0
        for number, move in enumerate(moves):
            call = self.of(move, data)
            size += len(compact(call))
            if number and (number >= MOST_CALLS or size > MOST_BYTES):
                return
            yield {
                "key": move.key,
                "participant": self.function_of(move),
                "seconds": call["seconds"],
                "waits": self.waits(move),
                "call": call,
            }

    def function_of(self, move: Move) -> str:
        """The participant whose function is called."""
        node = move.step.node
        if move.kind is Kind.RUN:
            return node.call.participant
        if move.kind is Kind.UNDO:
            assert node.compensation is not None  # noqa: S101  # for mypy; plan says so
            return node.compensation.call.participant
        return node.verify.participant if node.verify else node.call.participant


def _shard(step: Step) -> dict[str, int]:
    found = [one.shard for one in step.lanes if one.shard is not None]
    return {"shard": found[0]} if found else {}


def _shapes(given: Mapping[str, Any], step: Step, data: Data | None) -> dict[str, Any]:
    """How many results there are of each step of which the call takes those of all items."""
    if data is None:
        return {}
    many = [name for name, slot in given.get("reads", {}).items() if EVERY in flat(slot)]
    return {name: data.shape(name, step.lanes) for name in many}
