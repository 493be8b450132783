"""A class becomes a graph."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest

from stepsaga import Input, Retry, Saga, Step
from stepsaga.authoring import graph_of
from stepsaga.errors import UsageError
from stepsaga.graph import Origin, Role
from stepsaga.graph import Retry as Policy
from tests.authoring import shop
from tests.steps import steps

if TYPE_CHECKING:
    from stepsaga.graph import SagaGraph


class FulfilOrder(Saga):
    """Take an order to its end."""

    order = Input(shop.Order)
    deadline = timedelta(hours=48)

    reserve = Step(shop.reserve_stock, compensation=shop.release_stock)
    price = Step(shop.look, read_only=True)
    charge = Step(
        shop.charge_card,
        compensation=shop.refund_card,
        timeout=timedelta(seconds=20),
        retry=Retry(attempts=5, wait=timedelta(seconds=2), only=(OSError,), never=(TimeoutError,)),
        compensation_timeout=timedelta(minutes=1),
    )
    ship = Step(shop.ship, pivot=True, verify=shop.find_parcel)
    thank = Step(shop.thank)


class OnlyForward(Saga):
    """Never undone."""

    order = Input(shop.Order)
    first = Step(shop.look, retriable=True, retry=None)
    then = Step(shop.thank)


@pytest.fixture(scope="module")
def graph() -> SagaGraph:
    """The graph of FulfilOrder."""
    return graph_of(FulfilOrder)


def test_the_saga_itself(graph: SagaGraph) -> None:
    """Name, reference, deadline, docstring and place come from the class."""
    assert graph.name == "FulfilOrder"
    assert graph.reference == f"{__name__}:FulfilOrder"
    assert graph.deadline == 48 * 3600
    assert graph.doc == "Take an order to its end."
    assert graph.source is not None
    assert Path(graph.source.file) == Path(__file__)


def test_input(graph: SagaGraph) -> None:
    """The input has its parameter name, its model and the schema by which it is read."""
    assert graph.input.name == "order"
    assert graph.input.annotation is shop.Order
    assert graph.input.schema["required"] == ["sku", "total", "shipTo", "code"]


def test_roles(graph: SagaGraph) -> None:
    """What a step is follows from its options and its place."""
    assert [node.role for node in steps(graph)] == [
        Role.COMPENSATABLE,
        Role.READ_ONLY,
        Role.COMPENSATABLE,
        Role.PIVOT,
        Role.RETRIABLE,
    ]


def test_slots(graph: SagaGraph) -> None:
    """Steps count up from 1; compensations follow in the order in which they would run."""
    assert [node.slot for node in steps(graph)] == [(1,), (2,), (3,), (4,), (5,)]
    undo = {node.name: node.compensation.slot for node in steps(graph) if node.compensation}
    assert undo == {"charge": (6,), "reserve": (7,)}


def test_a_retriable_step_starts_the_forward_part() -> None:
    """Without a pivot, the first retriable step is the point of no return for all that follow."""
    assert [node.role for node in steps(graph_of(OnlyForward))] == [Role.RETRIABLE, Role.RETRIABLE]


def test_default_retries(graph: SagaGraph) -> None:
    """3 attempts before the pivot, 10 to undo and to probe, 60 over days after it."""
    reserve, _, charge, ship, thank = steps(graph)
    step = Policy(attempts=3, wait=1, backoff=2.0, longest_wait=60, jitter=True)
    undo = Policy(attempts=10, wait=2, backoff=2.0, longest_wait=300, jitter=True)
    assert reserve.call.retry == ship.call.retry == step
    assert ship.verify is not None
    assert charge.compensation is not None
    assert charge.compensation.call.retry == ship.verify.retry == undo
    assert thank.call.retry == Policy(
        attempts=60, wait=2, backoff=2.0, longest_wait=3600, jitter=True
    )


def test_given_options(graph: SagaGraph) -> None:
    """What the author gave is in the graph, in whole seconds and by reference."""
    charge = steps(graph)[2]
    assert charge.call.seconds == 20
    assert charge.compensation is not None
    assert charge.compensation.call.seconds == 60
    assert charge.call.retry == Policy(
        attempts=5,
        wait=2,
        backoff=2.0,
        longest_wait=60,
        jitter=True,
        only=("builtins:OSError",),
        never=("builtins:TimeoutError",),
    )
    assert steps(graph_of(OnlyForward))[0].call.retry is None


def test_a_compensation_has_its_steps_time(graph: SagaGraph) -> None:
    """Without an own timeout, compensation and probe have the step's."""
    reserve = steps(graph)[0]
    assert reserve.compensation is not None
    assert reserve.compensation.call.seconds == reserve.call.seconds == 30


def test_handlers_are_references(graph: SagaGraph) -> None:
    """A handler is module and name, its participant the module."""
    call = steps(graph)[0].call
    assert call.handler == "tests.authoring.shop:reserve_stock"
    assert call.participant == "tests.authoring.shop"
    assert call.returns is shop.Reservation
    assert call.source is not None
    assert Path(call.source.file).name == "shop.py"


def test_each_step_has_its_line(graph: SagaGraph) -> None:
    """Problems of a step lead to the line on which it is written."""
    lines = Path(__file__).read_text().splitlines()
    for node in steps(graph):
        assert node.source is not None
        assert lines[node.source.line - 1].strip().startswith(f"{node.name} = Step(")


def test_what_fills_each_parameter(graph: SagaGraph) -> None:
    """Input and steps by name, the context by its annotation, resources, defaults."""
    origins = {
        (node.name, parameter.name): (parameter.origin, parameter.step)
        for node in steps(graph)
        for parameter in node.call.parameters
    }
    assert origins == {
        ("reserve", "order"): (Origin.INPUT, ""),
        ("price", "order"): (Origin.INPUT, ""),
        ("charge", "order"): (Origin.INPUT, ""),
        ("charge", "reserve"): (Origin.STEP, "reserve"),
        ("charge", "context"): (Origin.CONTEXT, ""),
        ("ship", "order"): (Origin.INPUT, ""),
        ("ship", "charge"): (Origin.STEP, "charge"),
        ("ship", "table"): (Origin.RESOURCE, ""),
        ("thank", "order"): (Origin.INPUT, ""),
        ("thank", "times"): (Origin.DEFAULT, ""),
    }


def test_schemas_of_results(graph: SagaGraph) -> None:
    """A result's schema is of its JSON as it is written: by alias, computed fields too."""
    charge = steps(graph)[2]
    assert {"cents", "risk"} <= charge.schema["properties"].keys()
    assert "hidden" not in charge.schema["properties"]
    assert steps(graph)[4].schema == {"type": "null"}


def test_the_graph_is_frozen(graph: SagaGraph) -> None:
    """Nobody can change what was checked."""
    with pytest.raises(FrozenInstanceError):
        graph.name = "Other"  # type: ignore[misc]  # that is what is refused


def test_a_step_keeps_docstring(graph: SagaGraph) -> None:
    """The handler's docstring describes the step."""
    assert steps(graph)[0].doc == "Set stock aside.\n\nA second paragraph."


@pytest.mark.parametrize("other", [Saga, int, 5, None])
def test_only_sagas_have_a_graph(other: object) -> None:
    """Anything but a saga's class is refused with what to give."""
    with pytest.raises(UsageError, match="is no saga; give a class"):
        graph_of(other)


def test_a_mixin_may_give_the_deadline() -> None:
    """A class that is no saga may be a second base, with a deadline for several sagas."""

    class Soon:
        deadline: ClassVar[timedelta | None] = timedelta(hours=1)

    class Quick(Soon, Saga):
        order = Input(shop.Order)
        thank = Step(shop.thank, retriable=True)

    assert graph_of(Quick).deadline == 3600


def test_a_body_leaves_nothing_behind() -> None:
    """What the class body remembered is not an attribute of the class."""
    assert [name for name in vars(FulfilOrder) if "body" in name] == []
    assert [name for name in vars(Saga) if "body" in name] == []


def test_a_function_may_make_a_step() -> None:
    """A step made by a function that the body calls stands on the body's line."""

    def forward(handler: object) -> Step[None]:
        return Step(handler, retriable=True)  # type: ignore[arg-type]  # any handler

    class Made(Saga):
        order = Input(shop.Order)
        thank = forward(shop.thank)

    [node] = steps(graph_of(Made))
    assert node.source is not None
    line = Path(__file__).read_text().splitlines()[node.source.line - 1]
    assert line.strip() == "thank = forward(shop.thank)"
