"""Saga data and steps refuse, at once, to be plain Python values."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import pytest

from stepsaga import DefinitionError, Input, Saga, Step
from tests.authoring import shop
from tests.authoring.problems import only

Use = Callable[[Any], object]


def _for(value: Any) -> None:
    for _ in value:
        pass


def _unpack(value: Any) -> None:
    _one, _two = value


async def _await(value: Any) -> None:
    await value


def _run(value: Any) -> None:
    _await(value).send(None)


def _with(value: Any) -> None:
    with value:
        pass


def _set_item(value: Any) -> None:
    value[0] = 1


def _delete_item(value: Any) -> None:
    del value[0]


def _match(value: Any) -> object:
    match value:
        case 5:
            return True
    return False


USES: dict[str, Use] = {
    "bool": bool,
    "not": operator.not_,
    "and": lambda value: value and 1,
    "or": lambda value: value or 1,
    "if": lambda value: 1 if value else 2,
    "==": lambda value: value == 1,
    "!=": lambda value: value != 1,
    "reflected ==": lambda value: 1 == value,  # noqa: SIM300  # the other side
    "<": lambda value: value < 1,
    ">=": lambda value: value >= 70,
    "sorted": lambda value: sorted([value, 1]),
    "for": _for,
    "list": list,
    "next": next,
    "reversed": reversed,
    "unpack": _unpack,
    "star": lambda value: [*value],
    "sum": sum,
    "len": len,
    "in": lambda value: 1 in value,
    "in a tuple": lambda value: value in (1, 2),
    "index": lambda value: value[0],
    "slice": lambda value: value[:1],
    "set item": _set_item,
    "delete item": _delete_item,
    "f-string": lambda value: f"{value}",
    "f-string with a format": lambda value: f"{value:>5}",
    "str": str,
    "format": "{}".format,
    "percent": lambda value: "%s" % value,  # noqa: UP031  # the use itself
    "print": print,
    "bytes": bytes,
    "+": lambda value: value + 1,
    "reflected +": lambda value: 1 + value,
    "text +": lambda value: "a" + value,
    "-": lambda value: value - 1,
    "*": lambda value: value * 2,
    "/": lambda value: 1 / value,
    "//": lambda value: value // 2,
    "%": lambda value: value % 2,
    "**": lambda value: value**2,
    "@": lambda value: value @ value,
    "&": lambda value: value & 1,
    "|": lambda value: 1 | value,
    "^": lambda value: value ^ 1,
    "<<": lambda value: value << 1,
    ">>": lambda value: 1 >> value,
    "divmod": lambda value: divmod(value, 2),
    "negative": operator.neg,
    "positive": operator.pos,
    "~": operator.invert,
    "abs": abs,
    "round": round,
    "int": int,
    "float": float,
    "complex": complex,
    "range": range,
    "floor": math.floor,
    "ceil": math.ceil,
    "trunc": math.trunc,
    "hash": hash,
    "key": lambda value: {value: 1},
    "set": lambda value: {value},
    "call": lambda value: value(),
    "with": _with,
    "match a literal": _match,
    "await": _run,
}


COMPARISONS = [USES[name] for name in ("==", "!=", "reflected ==", "<", ">=")]


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
@pytest.mark.parametrize(
    "data",
    [Input(shop.Order), Input(shop.Order).total, Step(shop.look), Step(shop.look).result],
    ids=["input", "field", "step", "result"],
)
def test_every_use_is_refused(use: Use, data: Any) -> None:
    """Whatever Python asks of it, saga data answers with S107 and what to do instead.

    Its comparisons are conditions, which refuse everything in their turn.
    """
    if use in COMPARISONS and not isinstance(data, Step):
        data, use = use(data), bool
    with pytest.raises(DefinitionError) as raised:
        use(data)
    [problem] = raised.value.problems
    assert problem.code == "S107"
    assert "exists only when the saga runs" in problem.text
    assert problem.hint
    assert problem.source is not None
    assert problem.source.file == __file__


def test_assigning_a_field_is_refused() -> None:
    """Saga data cannot be changed."""
    order: Any = Input(shop.Order)
    with pytest.raises(DefinitionError) as raised:
        order.total = 5
    assert raised.value.problems[0].code == "S107"


def test_a_refusal_names_class_and_data() -> None:
    """In a class body the problem has the name by which the author knows the data."""

    def make() -> None:
        class FulfilOrder(Saga):
            order = Input(shop.Order)
            charge = Step(shop.pay, compensation=shop.refund_card)
            if charge.result.risk.score > 70:
                ship = Step(shop.ship)

    problem = only(make)
    assert problem.subject == "FulfilOrder.charge.result.risk.score"
    assert problem.code == "S107"
    assert "when(" in problem.hint


def test_a_refusal_says_how_conditions_are_written() -> None:
    """Where Python would ask a condition whether it is true, the hint says what asks it."""

    def make() -> None:
        class FulfilOrder(Saga):
            order = Input(shop.Order)
            assert order.total > 5

    assert "Choice(name=when(condition, ...))" in only(make).hint


@pytest.mark.parametrize(
    ("use", "hint"),
    [
        (lambda order: order.totl, "did you mean 'total'?"),
        (lambda order: order.xyz, "its fields are sku, total"),
        (lambda order: order.cents, "not part of the JSON"),
        (lambda order: order.model_dump, "not part of the JSON"),
        (lambda order: order.total.bit, "take the whole value"),
        (lambda order: order.billing.stret, "did you mean 'street'?"),
    ],
)
def test_a_field_that_is_not_there(use: Use, hint: str) -> None:
    """A field that the model lacks is refused where it is named, with the way out."""
    with pytest.raises(DefinitionError) as raised:
        use(Input(shop.Order))
    [problem] = raised.value.problems
    assert problem.code == "S108"
    assert hint in problem.hint


def test_a_result_is_below_result() -> None:
    """A field named on the step itself leads to its result."""
    charge: Any = Step(shop.pay)
    with pytest.raises(DefinitionError) as raised:
        charge.risk.score  # noqa: B018  # the use itself
    [problem] = raised.value.problems
    assert (problem.code, problem.hint) == (
        "S108",
        "the step's result has fields: .result.risk",
    )


def test_unknown_types_have_any_field() -> None:
    """Where the type is not known, fields cannot be refused yet."""
    data: Any = Input(dict)
    anything: Any = Input(Any)
    assert "a.b" in repr(anything.a.b)
    with pytest.raises(DefinitionError):
        data.a  # noqa: B018  # a dict has no fields


def test_tools_may_look() -> None:
    """Showing and inspecting saga data stays possible: repr, hasattr of Python's own names."""
    order: Any = Input(shop.Order)
    assert repr(order) == "<saga data Order>"
    assert repr(order.address.street) == "<saga data address.street>"
    assert repr(Step(shop.look)) == "Step(look)"
    assert not hasattr(order, "__wrapped__")
    assert not hasattr(Step(shop.look), "_private")
