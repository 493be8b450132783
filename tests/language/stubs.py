"""A world of effects, and handlers that have them: no saga knows more of them than their keys.

This module is the participant of every generated saga.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from stepsaga.errors import Rejected
from stepsaga.graph import Origin, steps_of
from stepsaga.runtime.context import SagaContext

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stepsaga.graph import Call, SagaGraph, StepNode


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


PARTICIPANT: Final = __name__


class TombstoneError(Exception):
    """An effect arrived after it was undone, and is refused."""


@dataclass
class World:
    """What the outside world knows: effects by idempotency key.

    Attributes:
        done: Every effect that was had, in order: the key.
        undone: Every effect that was taken back, in order: the key.
        standing: Effects that were had and not taken back.
        twice: Effects that were had a second time, of steps that are claimed.
        given: What each call of a handler was given, by parameter.
    """

    done: list[str] = field(default_factory=list)
    undone: list[str] = field(default_factory=list)
    standing: set[str] = field(default_factory=set)
    twice: list[str] = field(default_factory=list)
    given: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    _tombstones: set[str] = field(default_factory=set)

    def act(self, key: str) -> None:
        """Have an effect, once; refuse it where it was undone before (rule 10)."""
        if key in self._tombstones:
            raise TombstoneError
        if key not in self.standing:
            self.done.append(key)
            self.standing.add(key)

    def act_again(self, key: str) -> None:
        """Have an effect, however often one has been had or undone: it knows no keys."""
        if key in self.done:
            self.twice.append(key)
        self.done.append(key)
        self.standing.add(key)

    def undo(self, key: str) -> None:
        """Take an effect back, and let it never come again."""
        self._tombstones.add(key)
        if key in self.standing:
            self.standing.remove(key)
            self.undone.append(key)


class Handlers:
    """The handlers of one saga, acting on one world.

    Args:
        graph: The saga.
        world: What they act on.
        values: What each step returns, besides its name and key.
    """

    def __init__(
        self, graph: SagaGraph, world: World, values: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self._world = world
        self._values = values
        self._made: dict[str, Callable[..., Any]] = {}
        for node in steps_of(graph.nodes):
            self._made[node.call.handler] = self._forward(node)
            if node.compensation:
                undo = node.compensation.call
                self._made[undo.handler] = self._handler(undo, self._undo)
            if node.verify:
                self._made[node.verify.handler] = self._handler(node.verify, self._probe(node))

    def resolve(self, reference: str) -> Callable[..., Any]:
        """The handler of a reference, as a runtime finds it."""
        return self._made[reference]

    def _forward(self, node: StepNode) -> Callable[..., Any]:
        def act(saga: SagaContext, given: dict[str, Any]) -> Any:
            self._world.given.append((node.name, given))
            if node.question:
                return None  # whoever is asked answers in a way of their own
            if node.claim:
                self._world.act_again(saga.idempotency_key)
            elif not node.read_only:
                self._world.act(saga.idempotency_key)
            return self._result(node, saga)

        return self._handler(node.call, act)

    def _undo(self, saga: SagaContext, given: dict[str, Any]) -> None:
        self._world.given.append((f"undo {saga.step}", given))
        self._world.undo(saga.step_idempotency_key)

    def _probe(self, node: StepNode) -> Callable[..., Any]:
        def look(saga: SagaContext, given: dict[str, Any]) -> Any:
            del given
            if saga.idempotency_key in self._world.standing:
                return self._result(node, saga)
            if not node.claim:
                self._world.undo(saga.idempotency_key)
            raise Rejected("it did not happen, and never will")

        return look

    def _result(self, node: StepNode, saga: SagaContext) -> Any:
        return {"step": node.name, "key": saga.idempotency_key, **self._values[node.name]}

    def _handler(
        self, call: Call, act: Callable[[SagaContext, dict[str, Any]], Any]
    ) -> Callable[..., Any]:
        def handler(**values: Any) -> Any:
            saga = values.pop("saga")
            return act(saga, values)

        names = [one.name for one in call.parameters if one.origin is not Origin.CONTEXT]
        keyword = inspect.Parameter.KEYWORD_ONLY
        given = [inspect.Parameter(name, keyword) for name in ["saga", *names]]
        handler.__signature__ = inspect.Signature(given)  # type: ignore[attr-defined]  # PEP 362
        handler.__annotations__ = {"saga": SagaContext, **dict.fromkeys(names, Any)}
        return handler
