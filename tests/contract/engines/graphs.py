"""Graphs of sagas, made by hand: what authoring would build, without handlers."""

from __future__ import annotations

from typing import Any, Final

from stepsaga.asl.compiler import compile_saga
from stepsaga.asl.text import render
from stepsaga.graph import Call, Compensation, InputNode, Retry, Role, SagaGraph, StepNode

FINGERPRINT: Final = "f" * 64
TABLE: Final = "contract-events"
TWICE: Final = Retry(attempts=2, wait=2, backoff=2.0, longest_wait=60, jitter=False)


def call(name: str, participant: str = "shop", *, retry: Retry | None = TWICE) -> Call:
    """A call of a handler that nobody imports."""
    return Call(
        handler=f"handlers.{participant}:{name}",
        participant=f"handlers.{participant}",
        parameters=(),
        returns=Any,
        seconds=20,
        retry=retry,
    )


def step(
    name: str,
    role: Role = Role.COMPENSATABLE,
    *,
    undo: bool = False,
    verify: bool = False,
    retry: Retry | None = TWICE,
) -> StepNode:
    """A node without its slots, which `saga` gives."""
    return StepNode(
        name=name,
        role=role,
        call=call(name, retry=retry),
        slot=(),
        schema={},
        compensation=Compensation(call(f"undo_{name}"), ()) if undo else None,
        verify=call(f"verify_{name}") if verify else None,
    )


def saga(*nodes: StepNode, deadline: int | None = None) -> SagaGraph:
    """A saga of these steps, with slots as authoring numbers them."""
    numbered, next_undo = [], len(nodes) + 1
    undo = {}
    for index in reversed(range(len(nodes))):
        if nodes[index].compensation:
            undo[index] = (next_undo,)
            next_undo += 1
    for index, node in enumerate(nodes):
        compensation = node.compensation and Compensation(node.compensation.call, undo[index])
        numbered.append(
            StepNode(
                name=node.name,
                role=node.role,
                call=node.call,
                slot=(index + 1,),
                schema=node.schema,
                compensation=compensation,
                verify=node.verify,
            )
        )
    return SagaGraph(
        name="Errand",
        reference="tests:Errand",
        input=InputNode("order", Any, {}),
        nodes=tuple(numbered),
        deadline=deadline,
    )


def compiled(graph: SagaGraph) -> str:
    """The saga's definition as an engine takes it."""
    return substituted(render(compile_saga(graph, FINGERPRINT)))


def substituted(text: str) -> str:
    """A definition with its ``${...}`` filled in, as a deployment does.

    A function is named after its participant; the alias ``live`` and a version are told apart.
    """
    text = text.replace("${EventTable}", TABLE)
    while "${" in text:
        before, _, rest = text.partition("${")
        name, _, after = rest.partition("}")
        function = f"{name[:-4]}:live" if name.endswith("Live") else f"{name}:1"
        text = f"{before}{function.lower()}{after}"
    return text
