"""The input of every generated saga, and its handlers: stubs that return what a test says.

This module is the participant of every generated saga.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from stepsaga.testing.stubs import Stubs
from stepsaga.testing.world import World

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stepsaga.graph import SagaGraph, StepNode
    from stepsaga.runtime.context import SagaContext

__all__ = ["PARTICIPANT", "Handlers", "Line", "Order", "World"]


class Line(BaseModel):
    """An item of the input, with items of its own."""

    k: int
    sub: list[Line] = []


class Order(BaseModel):
    """The input of every generated saga. All of it but ``lines`` can be left out."""

    lines: list[Line]
    limit: int = 5
    express: bool = False
    note: str | None = None


class Happened(BaseModel):
    """A business event: what a step returns, and the key by which it is waited for."""

    step: str
    n: int
    flag: bool
    list: list[Line]
    k: int


PARTICIPANT: Final = __name__


class Handlers(Stubs):
    """The handlers of one saga, acting on one world at a time.

    Args:
        graph: The saga.
        values: What each step returns, besides its name and key.
        world: What they act on.
    """

    def __init__(
        self,
        graph: SagaGraph,
        values: Mapping[str, Mapping[str, Any]],
        world: World | None = None,
    ) -> None:
        def result(node: StepNode, saga: SagaContext) -> Any:
            return {"step": node.name, "key": saga.idempotency_key, **values[node.name]}

        super().__init__(graph, result, world)
