"""`Saga`: a class body becomes a graph when the class is created, or every problem is raised."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ClassVar, cast

from stepsaga.authoring.build import build
from stepsaga.authoring.declared import declared
from stepsaga.authoring.place import Body, here
from stepsaga.authoring.source import unseen_uses
from stepsaga.authoring.standin import Standin
from stepsaga.checks import check
from stepsaga.errors import DefinitionError, Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from datetime import timedelta

    from stepsaga.authoring.triggers import Start
    from stepsaga.client import Client, Started
    from stepsaga.errors import Source
    from stepsaga.graph import SagaGraph

_BODY = "__saga_body__"


class SagaType(type):
    """Gives the class body a namespace that sees a name assigned twice."""

    @classmethod
    def __prepare__(
        cls, name: str, bases: tuple[type, ...], /, **kwargs: Any
    ) -> MutableMapping[str, object]:
        del name, bases, kwargs
        return Body()

    def __new__(
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], /, **kwargs: Any
    ) -> SagaType:
        """Hand the body on to `Saga.__init_subclass__`, which takes it off the class again."""
        body = namespace if isinstance(namespace, Body) else Body()
        return super().__new__(mcs, name, bases, {**namespace, _BODY: body}, **kwargs)


class Saga(metaclass=SagaType):
    """The base of every saga.

    Assign one `Input`, then the steps in the order in which they run::

        class FulfilOrder(Saga):
            order = Input(Order)
            deadline = timedelta(hours=48)
            reserve = Step(inventory.reserve_stock, compensation=inventory.release_stock)

    The whole flow stands in one class: a saga is not a base of other sagas. A mixin without steps
    may give several sagas the same deadline.

    Raises:
        DefinitionError: When the class is created, with every problem found (``docs/errors.md``).
    """

    deadline: ClassVar[timedelta | None] = None
    """From the start to the pivot; later steps are refused and the saga is undone."""

    starts: ClassVar[tuple[Start, ...]] = ()
    """What starts the saga besides clients: `OnEvent`, `OnSchedule`, `OnQueue`, `OnRequest`."""

    __saga_graph__: ClassVar[SagaGraph]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        source = here()
        body: Body = cls.__dict__[_BODY]
        delattr(cls, _BODY)
        problems = [*declared(cls, body, source), *_unseen(cls, body, source)]
        graph, found = build(cls, source, body.places)
        problems += found
        if graph is not None:
            problems += check(graph, sound=not problems)
            cls.__saga_graph__ = graph
        if problems:
            raise DefinitionError(_in_order(problems))

    @classmethod
    def start(cls, input: Any, *, id: str, client: Client | None = None) -> Started:  # noqa: A002  # as `Client.start`
        """Start a saga, unless there is one of this id, or ever was; see `Client.start`.

        As in ``FulfilOrder.start(order, id="order-123")``. Again with the same input is the same
        as once.

        Args:
            input: An instance of its input's model, or what makes one.
            id: The saga's id.
            client: Whom to ask; by default the client of the stack that ``STEPSAGA_STACK`` names.

        Raises:
            InputInvalid, IdInvalid, IdTaken, SagaNotDeployed: As `Client.start`.
            UsageError: Neither a client nor the variable is there; or it is `Saga` itself.
        """
        # Who writes sagas needs no engine; who starts one does.
        from stepsaga.client import default_client  # noqa: PLC0415  # as the line above says

        return (client or default_client()).start(cls, input, id=id)


delattr(Saga, _BODY)


def graph_of(saga: object) -> SagaGraph:
    """The graph of a saga's class.

    Raises:
        UsageError: What was given is no saga: another class, or `Saga` itself.
    """
    graph = vars(saga).get("__saga_graph__") if isinstance(saga, type) else None
    if graph is None:
        raise UsageError(f"{saga!r} is no saga; give a class that subclasses Saga")
    return cast("SagaGraph", graph)


def _unseen(cls: type, body: Body, source: Source) -> list[Problem]:
    names = {name for name, value in body.items() if isinstance(value, Standin)}
    place = body.steps[0].source if body.steps else source
    scope = vars(sys.modules[cls.__module__]) if cls.__module__ in sys.modules else {}
    return unseen_uses(cls, place, names, scope) if names else []


def _in_order(problems: list[Problem]) -> list[Problem]:
    """Each problem once, as a reader goes through the file."""

    def place(problem: Problem) -> tuple[str, int, str]:
        source = problem.source
        return (source.file, source.line, problem.code) if source else ("", 0, problem.code)

    return sorted(dict.fromkeys(problems), key=place)
