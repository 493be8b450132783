"""Ways through a saga: every branch of every choice is taken by one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from sagas.orders import FulfilOrder
from sagas.transfers import TransferMoney
from sagas.trips import BookTrip
from stepsaga import Choice, Input, Map, Saga, Step, all_of, is_present, not_, when
from stepsaga.testing.matrix import Court

if TYPE_CHECKING:
    from stepsaga.testing.ways import Way


class Item(BaseModel):
    """One of several."""

    weight: int = 1


class Basket(BaseModel):
    """What is looked at."""

    items: list[Item]
    express: bool = False
    note: str | None = None
    total: int = 10


class Checked(BaseModel):
    """What a step found out."""

    risk: int
    country: str


def check(basket: Basket) -> Checked:
    """Look."""
    return Checked(risk=basket.total, country="CH")


def act() -> None:
    """Have an effect."""


def undo() -> None:
    """Take it back."""


class Branches(Saga):
    """Choices over the input, a result, and an item."""

    basket = Input(Basket)
    look = Step(check, read_only=True)
    fast = Choice(
        yes=when(
            all_of(basket.express, not_(is_present(basket.note))), a=Step(act, compensation=undo)
        ),
        noted=when(is_present(basket.note), b=Step(act, compensation=undo)),
        otherwise=Step(act, compensation=undo),
    )
    risky = Choice(
        high=when(look.result.risk >= 70, c=Step(act, compensation=undo)),
        abroad=when(look.result.country == "LI", d=Step(act, compensation=undo)),
    )
    each = Map(
        basket.items,
        item="one",
        most=5,
        heavy=Choice(yes=when(Map.item.weight > 20, e=Step(act, compensation=undo))),
    )


def states(ways: list[Way]) -> set[str]:
    """The Tasks to which the ways lead."""
    bench = Court().bench(Branches)
    return {one for way in ways for one in bench.trail(way).places if isinstance(one, str)}


def test_every_branch_is_taken() -> None:
    """Inputs, results and items are varied until each branch is taken, and each choice passed."""
    ways = Court().ways(Branches, {})
    steps = {"look", "a", "b", "otherwise", "c", "d"}
    assert steps <= {one.rpartition(".")[2] for one in states(ways)}
    assert any(one.endswith("e") and one.startswith("each.") for one in states(ways))
    assert len(ways) < 10


def test_no_way_is_there_twice() -> None:
    """Each way comes to something to which the others do not; the longest comes first."""
    assert [way.name for way in Court().ways(FulfilOrder, {})] == ["sample"]
    assert [way.name for way in Court().ways(TransferMoney, {})] == [
        "sample+amount=100001",
        "sample",
    ]
    assert [way.name for way in Court().ways(BookTrip, {})] == ["sample", "sample+insurance=null"]


def test_an_input_that_is_given_stays_as_it_is() -> None:
    """Only what is made up is varied; what does not fit the saga is left out."""
    transfer = {"source": "ada", "target": "bob", "amount": 5, "ordered_by": "ann"}
    [way] = Court().ways(TransferMoney, {"small": transfer, "other": {"x": 1}})
    assert (way.name, way.input) == ("small", transfer)
