"""Stub handlers of any saga: they take what the saga's own take, and act on a world made up.

They are what rule 10 asks of handlers. So what goes wrong with them is the saga's definition, or
stepsaga itself.
"""

from __future__ import annotations

import inspect
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from stepsaga.engines.functions import FunctionError
from stepsaga.errors import Rejected
from stepsaga.graph import Origin, steps_of
from stepsaga.runtime.business_events import PARTICIPANT as WAITING
from stepsaga.runtime.context import SagaContext
from stepsaga.runtime.question_messages import __name__ as SENDER  # noqa: N812  # a constant
from stepsaga.runtime.runtime import load
from stepsaga.runtime.values import JsonType
from stepsaga.store.slots import stream_of
from stepsaga.testing.family import family_of
from stepsaga.testing.world import TombstoneError, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stepsaga.engines.service_actions import ServiceCall
    from stepsaga.graph import Call, SagaGraph, StepNode

    Result = Callable[[StepNode, SagaContext], Any]
    """What a step returns."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
CONTEXT: Final = "_saga"
"""The parameter that takes the context: no step and no input can be called so."""
_FILLED: Final = frozenset({Origin.INPUT, Origin.STEP, Origin.ITEM})


class Stubs:
    """The handlers of one saga and its children, acting on one world at a time.

    Args:
        graph: The saga.
        result: What each step returns.
        world: What they act on.

    Attributes:
        world: What the saga itself has done.
        worlds: What each of its children has done, by stream.
    """

    def __init__(self, graph: SagaGraph, result: Result, world: World | None = None) -> None:
        self.world = world or World()
        self.worlds: dict[str, World] = {}
        self._result = result
        self._saga = graph.name
        self._steps: dict[tuple[str, str], StepNode] = {}
        calls: dict[str, list[Call]] = {}
        for saga, one in family_of(graph).items():
            self._steps |= {(saga, node.name): node for node in steps_of(one.nodes)}
            for call in _calls(one):
                if call.participant not in {SENDER, WAITING} and call.handler:
                    calls.setdefault(call.handler, []).append(call)
        self._made = {handler: self._stub(handler, same) for handler, same in calls.items()}

    def act(self, call: ServiceCall) -> Any:
        """What a service does: see `stepsaga.engines.service_actions.Services`."""
        context = SagaContext(
            saga=call.saga,
            id=call.id,
            step=call.step,
            attempt=0,
            started=EPOCH,
            deadline=None,
            idempotency_key=call.key,
            step_idempotency_key=call.key,
            correlation_id=call.id,
        )
        node, world = self._steps[call.saga, call.step], self._world_of(context)
        try:
            value = self._do(node, context, world)
        except TombstoneError as error:
            raise FunctionError("Service.TombstoneException", "it was undone before") from error
        service = node.service
        written = JsonType(node.call.returns).write(value) if service and service.reply else None
        return {service.reply: written} if service and service.reply not in {"", "$"} else written

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
        node, world = self._steps[saga.saga, saga.step], self._world_of(saga)
        if saga.idempotency_key != saga.step_idempotency_key:
            world.given.append((f"undo {saga.step}", given))
            return world.undo(saga.step_idempotency_key)
        if node.verify and node.verify.handler == reference:
            return self._look(node, saga, world)
        world.given.append((node.name, given))
        return self._do(node, saga, world)

    def _world_of(self, saga: SagaContext) -> World:
        if saga.saga == self._saga:
            return self.world
        return self.worlds.setdefault(stream_of(saga.saga, saga.id), World())

    def _do(self, node: StepNode, saga: SagaContext, world: World) -> Any:
        if node.question:
            return None  # whoever is asked answers in a way of their own
        if node.claim:
            world.act_again(saga.idempotency_key)
        elif not node.read_only:
            world.act(saga.idempotency_key)
        return self._result(node, saga)

    def _look(self, node: StepNode, saga: SagaContext, world: World) -> Any:
        """Say whether it has happened; where it has not, it never will."""
        if saga.idempotency_key in world.standing:
            return self._result(node, saga)
        if not node.claim:
            world.undo(saga.idempotency_key)
        raise Rejected("it did not happen, and never will")


def _calls(graph: SagaGraph) -> Iterator[Call]:
    for node in steps_of(graph.nodes):
        if node.child:
            continue  # what starts it is ours
        yield node.call
        if node.compensation:
            yield node.compensation.call
        if node.verify:
            yield node.verify
