"""What stands in a saga's class body where it starts another saga, and waits for it: `Child`."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast, overload

from stepsaga.asl.times import execution_seconds
from stepsaga.authoring.awaited import Awaited
from stepsaga.authoring.options import LONGEST_STEP
from stepsaga.authoring.signatures import Signature
from stepsaga.authoring.step import DEFAULT, Step
from stepsaga.graph import ChildSaga, StepNode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from stepsaga.authoring.options import Options
    from stepsaga.authoring.saga import Saga
    from stepsaga.graph import SagaGraph

A = TypeVar("A")

CHILDREN: Final = "stepsaga.runtime.children"
"""The participant that starts children and has them undone: a function of ours."""
LONGEST_WAIT: Final = 364 * 24 * 60 * 60
"""Seconds: an execution may last a year, and has other things to do.
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""
REDRIVABLE: Final = 14 * 24 * 60 * 60
"""Seconds in which an execution that failed can be redriven: so long a child that is stuck is
waited for. https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html"""
CALL_SECONDS: Final = 30
"""For the call that starts a child, or has it undone; it does not wait."""

assert CALL_SECONDS <= LONGEST_STEP  # noqa: S101  # both are ours


class Child(Awaited[A]):
    """A step that starts another saga, and waits for its end.

    As in ``ship = Child(ShipParcel, takes={"parcel": order.parcel}, result=ShipParcel.label)``.
    A child that has undone itself is a rejection. Where this saga is undone later, the child is
    undone, too, also when it is completed. One that is stuck is waited for: mend and redrive it.

    Args:
        saga: The child's class. All its steps can be undone: it has no point of no return.
        takes: What fills the child's input, where that is named otherwise than the child names it;
            see `Step`.
        result: The step of the child whose result is this step's: ``ShipParcel.label``. It stands
            in the class body of the child itself, so that it has run when the child is completed.
        timeout: How long the child is waited for, before it is stopped and all is undone: whole
            seconds, up to 364 days. By default as long as the child can take at worst, and 14 days
            in which it can be redriven.
    """

    __slots__ = ("saga", "taken")

    @overload
    def __init__(
        self: Child[None],
        saga: type[Saga],
        *,
        takes: Mapping[str, object] | None = None,
        timeout: timedelta | None = None,
    ) -> None: ...

    @overload
    def __init__(
        self,
        saga: type[Saga],
        *,
        result: Step[A],
        takes: Mapping[str, object] | None = None,
        timeout: timedelta | None = None,
    ) -> None: ...

    def __init__(
        self,
        saga: type[Saga],
        *,
        result: Step[Any] | None = None,
        takes: Mapping[str, object] | None = None,
        timeout: timedelta | None = None,
    ) -> None:
        self.saga = saga
        self.taken = result
        node = _node_of(saga, result)
        answer = node.call.returns if node else type(None) if result is None else Any
        super().__init__(
            saga, answer, wait=timeout, retry=DEFAULT, compensation=_undone, takes=takes
        )


def _undone() -> None:
    """Stands for the compensation, which is no author's."""


def child_of(step: Step[Any], options: Options) -> ChildSaga | None:
    """What a step starts, as the graph has it; None for one that starts nothing."""
    if not isinstance(step, Child):
        return None
    graph = _graph_of(step.saga)
    if graph is None:
        text = f"{step.saga!r} is no saga"
        options.add("S416", text, "give a class that subclasses Saga: Child(ShipParcel)")
        return None
    node = _node_of(step.saga, step.taken)
    if step.taken is not None and node is None:
        text = f"result={step.taken!r} is no step that stands in the class body of {graph.name}"
        steps = [f"{graph.name}.{one.name}" for one in graph.nodes if isinstance(one, StepNode)]
        hint = f"give one of {', '.join(steps)}" if steps else "leave it out"
        options.add("S416", text, f"{hint}: what is inside of a branch may not have run")
    return ChildSaga(
        name=graph.name,
        reference=graph.reference,
        input=graph.input.name,
        model=graph.input.model,
        result=node.name if node else "",
        graph=graph,
    )


def times_of(step: Child[Any], child: ChildSaga, options: Options) -> tuple[int, int]:
    """For how many seconds the step waits for its child, and for its undoing."""
    assert child.graph is not None  # noqa: S101  # for mypy: it was just read
    longest = min(execution_seconds(child.graph) + REDRIVABLE, LONGEST_WAIT)
    if step.wait is None:
        return longest, longest
    return options.seconds("timeout", step.wait, most=LONGEST_WAIT, otherwise=1), longest


def start_of(child: ChildSaga, answer: Any) -> Signature:
    """What starts it, as a handler: it takes the child's input, by its name and type."""
    assert child.graph is not None  # noqa: S101  # as above
    given = child.graph.input
    parameter = inspect.Parameter(
        given.name, inspect.Parameter.KEYWORD_ONLY, annotation=given.annotation
    )
    return Signature(
        reference=f"{CHILDREN}:start_child",
        module=CHILDREN,
        parameters=(parameter,),
        returns=answer,
        doc=f"Starts {child.name} and waits for its end. {child.graph.doc}",
    )


UNDO: Final = Signature(reference=f"{CHILDREN}:undo_child", module=CHILDREN, returns=None)
"""What has it undone, as a compensation."""


def _graph_of(saga: object) -> SagaGraph | None:
    found = vars(saga).get("__saga_graph__") if isinstance(saga, type) else None
    return cast("SagaGraph | None", found)


def _node_of(saga: object, taken: Step[Any] | None) -> StepNode | None:
    """The node of a step that stands at a saga's root, and is certain to have run at its end."""
    graph = _graph_of(saga)
    if graph is None or taken is None:
        return None
    names = [name for name, value in vars(saga).items() if value is taken]
    nodes = [one for one in graph.nodes if isinstance(one, StepNode) and one.name in names]
    return nodes[0] if nodes else None
