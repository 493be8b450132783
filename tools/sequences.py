"""Sagas of any length, made without a class body."""

from __future__ import annotations

from stepsaga.graph import Call, Compensation, InputNode, Retry, Role, SagaGraph, StepNode

STEP_RETRY = Retry(attempts=3, wait=1, backoff=2, longest_wait=60, jitter=True)
UNDO_RETRY = Retry(attempts=10, wait=2, backoff=2, longest_wait=300, jitter=True)
MODULE = "tools.stubs"


def sequence(steps: int, *, module: str = MODULE, do: str = "do", undo: str = "undo") -> SagaGraph:
    """A saga of so many steps with compensations, as the defaults make it."""
    nodes = tuple(
        StepNode(
            name=f"step_{n:03d}",
            role=Role.COMPENSATABLE,
            call=_call(module, do, STEP_RETRY),
            slot=(n,),
            schema={"type": "null"},
            compensation=Compensation(_call(module, undo, UNDO_RETRY), (2 * steps + 1 - n,)),
        )
        for n in range(1, steps + 1)
    )
    return SagaGraph(
        name=f"Sequence{steps}",
        reference=f"tools.sequences:Sequence{steps}",
        input=InputNode("order", dict, {"type": "object"}),
        nodes=nodes,
    )


def _call(module: str, name: str, retry: Retry) -> Call:
    return Call(f"{module}:{name}", module, (), None, 30, retry)
