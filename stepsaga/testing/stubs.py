"""Stub handlers of any saga: they take what the saga's own take, and act on a world made up.

They are what rule 10 asks of handlers. So what goes wrong with them is the saga's definition, or
stepsaga itself.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

from stepsaga.errors import Rejected
from stepsaga.graph import Origin, steps_of
from stepsaga.runtime.context import SagaContext
from stepsaga.runtime.question_messages import __name__ as SENDER  # noqa: N812  # a constant
from stepsaga.runtime.runtime import load
from stepsaga.testing.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stepsaga.graph import Call, SagaGraph, StepNode

    Result = Callable[[StepNode, str], Any]
    """What a step returns, by the step and its idempotency key."""

CONTEXT: Final = "_saga"
"""The parameter that takes the context: no step and no input can be called so."""
_FILLED: Final = frozenset({Origin.INPUT, Origin.STEP, Origin.ITEM})


class Stubs:
    """The handlers of one saga, acting on one world at a time.

    Args:
        graph: The saga.
        result: What each step returns.
        world: What they act on.
    """

    def __init__(self, graph: SagaGraph, result: Result, world: World | None = None) -> None:
        self.world = world or World()
        self._result = result
        self._steps = {node.name: node for node in steps_of(graph.nodes)}
        calls: dict[str, list[Call]] = {}
        for call in _calls(graph):
            if call.participant != SENDER:
                calls.setdefault(call.handler, []).append(call)
        self._made = {handler: self._stub(handler, same) for handler, same in calls.items()}

    def resolve(self, reference: str) -> Callable[..., Any]:
        """The handler of a reference, as a runtime finds it."""
        return self._made.get(reference) or load(reference)

    def _stub(self, reference: str, calls: list[Call]) -> Callable[..., Any]:
        """A handler that takes what the saga gives to the one of that name, with its types."""

        def handler(**values: Any) -> Any:
            return self._act(reference, values.pop(CONTEXT), values)

        types: dict[str, Any] = {CONTEXT: SagaContext}
        given = [inspect.Parameter(CONTEXT, inspect.Parameter.KEYWORD_ONLY)]
        filled = [{p.name: p for p in call.parameters if p.origin in _FILLED} for call in calls]
        for name, parameter in {k: v for one in filled for k, v in one.items()}.items():
            always = all(name in one for one in filled)
            default = inspect.Parameter.empty if always else None
            given.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default))
            types[name] = parameter.annotation
        handler.__signature__ = inspect.Signature(given)  # type: ignore[attr-defined]  # PEP 362
        handler.__annotations__ = {**types, "return": calls[0].returns}
        return handler

    def _act(self, reference: str, saga: SagaContext, given: dict[str, Any]) -> Any:
        node = self._steps[saga.step]
        if saga.idempotency_key != saga.step_idempotency_key:
            self.world.given.append((f"undo {saga.step}", given))
            return self.world.undo(saga.step_idempotency_key)
        if node.verify and node.verify.handler == reference:
            return self._look(node, saga.idempotency_key)
        self.world.given.append((node.name, given))
        return self._do(node, saga.idempotency_key)

    def _do(self, node: StepNode, key: str) -> Any:
        if node.question:
            return None  # whoever is asked answers in a way of their own
        if node.claim:
            self.world.act_again(key)
        elif not node.read_only:
            self.world.act(key)
        return self._result(node, key)

    def _look(self, node: StepNode, key: str) -> Any:
        """Say whether it has happened; where it has not, it never will."""
        if key in self.world.standing:
            return self._result(node, key)
        if not node.claim:
            self.world.undo(key)
        raise Rejected("it did not happen, and never will")


def _calls(graph: SagaGraph) -> Iterator[Call]:
    for node in steps_of(graph.nodes):
        yield node.call
        if node.compensation:
            yield node.compensation.call
        if node.verify:
            yield node.verify
