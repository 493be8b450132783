"""Going forward in a later release: what was gone is not gone another way now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, Field

from stepsaga import Choice, Input, Map, Saga, Step, when
from stepsaga.authoring import graph_of
from stepsaga.client import Client
from stepsaga.client.operator import Operator
from stepsaga.engines.endings import Ending
from stepsaga.engines.protocol import Status
from stepsaga.testing.stubs import Stubs
from tests.recovery.shop import Shop

if TYPE_CHECKING:
    from collections.abc import Iterator

GIFT = [False]
"""What counts for a gift where nobody says so, in the release that is deployed."""


class Order(BaseModel):
    """What is wanted."""

    id: str
    gift: bool = Field(default_factory=lambda: GIFT[0])


class Line(BaseModel):
    """One thing of it."""

    sku: str
    heavy: bool = False


class Stock(BaseModel):
    """What is there."""

    lines: list[Line]


def reserve() -> Stock:
    """Reserve it."""
    return Stock(lines=[])


def release() -> None:
    """Release it."""


def pay() -> Any:
    """Pay for good."""


def find() -> Any:
    """Find the payment."""


def wrap() -> Any:
    """Wrap it."""


def unwrap() -> None:
    """Unwrap it."""


def send() -> Any:
    """Send it."""


def tell() -> Any:
    """Tell the customer."""


class WrapsFirst(Saga):
    """Has a way before its point of no return of which nothing is recorded."""

    order = Input(Order)
    way = Choice(gift=when(order.gift, Step(wrap, compensation=unwrap)))
    pay = Step(pay, pivot=True, verify=find)
    tell = Step(tell)


class WrapsLater(Saga):
    """Has one behind it."""

    order = Input(Order)
    pay = Step(pay, pivot=True, verify=find)
    way = Choice(gift=when(order.gift, Step(wrap)))
    send = Step(send)
    tell = Step(tell)


class WrapsSome(Saga):
    """Looks at items of a result there."""

    order = Input(Order)
    reserve = Step(reserve, compensation=release)
    pay = Step(pay, pivot=True, verify=find)
    lines = Map(reserve.result.lines, way=Choice(heavy=when(Map.item.heavy, Step(wrap))))
    tell = Step(tell)


@pytest.fixture(autouse=True)
def _release() -> Iterator[None]:
    """Each test begins in the release before."""
    GIFT[0] = False
    yield
    GIFT[0] = False


def operator_of(shop: Shop) -> Operator:
    """An operator."""
    client = Client(shop.engine, shop.store, sagas=[shop.graph.name], now=shop.clock.now)
    return Operator(client, shop.store, now=shop.clock.now)


def stuck(saga: type[Saga], handler: str) -> Shop:
    """A saga that is stuck at a handler, which is mended in the next release."""
    shop = Shop(graph_of(saga), broken={f"{__name__}:{handler}"})
    arn = shop.start()
    assert shop.engine.wait(arn).status is Status.FAILED
    assert shop.look(arn) == "stuck forward"
    shop.broken.clear()
    return shop


@pytest.mark.parametrize("saga", [WrapsFirst, WrapsLater])
def test_a_way_that_was_passed_is_not_gone_now(saga: type[Saga]) -> None:
    """What is recorded behind a choice says that it is over, whatever the model says today."""
    shop = stuck(saga, "tell")
    GIFT[0] = True
    operator = operator_of(shop)
    operator.forward(saga.__name__, "one", "mended")
    [worker] = shop.undos()
    assert worker.status is Status.SUCCEEDED, worker.cause
    assert operator.client.status(saga.__name__, "one").ending is Ending.COMPLETED
    assert "gift" not in [name for name, _ in shop.world.given]


def test_what_is_chosen_by_an_item_of_a_result_needs_no_input() -> None:
    """Results are recorded as their models write them."""
    shop = Shop(graph_of(WrapsSome), broken={f"{__name__}:wrap"})
    lines = [{"sku": "anvil", "heavy": True}, {"sku": "pen", "heavy": False}]
    shop.stubs = Stubs(shop.graph, lambda *_: {"lines": lines}, shop.world)
    arn = shop.start()
    shop.engine.wait(arn)
    assert shop.look(arn) == "stuck forward"
    shop.broken.clear()
    operator = operator_of(shop)
    operator.forward("WrapsSome", "one", "mended")
    [worker] = shop.undos()
    assert worker.status is Status.SUCCEEDED, worker.cause
    assert "InputChecked" not in shop.events()
    assert [name for name, _ in shop.world.given].count("heavy") == 1
