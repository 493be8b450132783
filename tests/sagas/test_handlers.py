from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from handlers.inventory import ArticleGone, OutOfStock
from handlers.models import Line, Order, quantities
from handlers.payments import CardDeclined, NoCover, NoSuchAccount, charge_card
from handlers.shipping import NotHandedOver
from handlers.table import ABSENT, Busy, Refused, Table, UndoneAlready, Write
from tests.sagas.shop import (
    RESERVATION,
    Interrupting,
    Shop,
    charge,
    context,
    find,
    order,
    outcome,
    refund,
    release,
    reserve,
    ship,
    thank,
)

if TYPE_CHECKING:
    from collections.abc import Callable

PAIRS: list[tuple[Callable[..., object], Callable[..., object]]] = [
    (reserve, release),
    (charge, refund),
    (ship, find),
]
"""Each step and what undoes it, or makes sure that it will not happen."""


@pytest.mark.parametrize("step", [reserve, charge, ship, thank])
def test_a_call_again_has_one_effect_and_the_same_answer(
    shop: Shop, step: Callable[..., object]
) -> None:
    """A step called three times under one key takes effect once and answers thrice the same."""
    key, tables = shop.key(), shop.resources()
    first = step(tables, key, order())
    after = shop.ledger()
    assert [step(tables, key, order()) for _ in range(2)] == [first, first]
    assert shop.ledger() == after


@pytest.mark.parametrize(("step", "undo"), PAIRS[:2])
def test_undoing_again_undoes_once(
    shop: Shop, step: Callable[..., object], undo: Callable[..., object]
) -> None:
    """A compensation called twice gives back what the step took, once."""
    key, tables, before = shop.key(), shop.resources(), shop.ledger()
    step(tables, key, order())
    assert shop.ledger() != before
    undo(tables, key, order())
    undo(tables, key, order())
    after = shop.ledger()
    assert (after.stock, after.cards, after.merchant) == (
        before.stock,
        before.cards,
        before.merchant,
    )


@pytest.mark.parametrize(("step", "undo"), PAIRS)
def test_what_is_undone_first_cannot_happen_later(
    shop: Shop, step: Callable[..., object], undo: Callable[..., object]
) -> None:
    """A compensation or probe that comes first leaves a tombstone: the step fails (rule 10)."""
    key, tables, before = shop.key(), shop.resources(), shop.ledger()
    outcome(lambda: undo(tables, key, order()))
    with pytest.raises(UndoneAlready):
        step(tables, key, order())
    assert shop.ledger() == before


@pytest.mark.parametrize(("step", "undo"), PAIRS[:2])
def test_undone_is_undone_for_ever(
    shop: Shop, step: Callable[..., object], undo: Callable[..., object]
) -> None:
    """A step that was undone cannot take effect again under its key."""
    key, tables = shop.key(), shop.resources()
    step(tables, key, order())
    undo(tables, key, order())
    after = shop.ledger()
    with pytest.raises(UndoneAlready):
        step(tables, key, order())
    assert shop.ledger() == after


def test_a_declined_card_moves_nothing_and_stays_declined(shop: Shop) -> None:
    """A refusal is recorded: the same call gets it again, whatever the card holds now."""
    key, tables, before = shop.key(), shop.resources(), shop.ledger()
    with pytest.raises(CardDeclined):
        charge(tables, key, order(101, card="tok_empty"))
    assert shop.ledger() == before
    with pytest.raises(CardDeclined):
        charge(tables, key, order(99, card="tok_empty"))
    refund(tables, key, order())
    assert shop.ledger() == before


def test_an_unknown_card_is_declined(shop: Shop) -> None:
    """A token that no account has is a refusal, not a crash."""
    with pytest.raises(CardDeclined):
        charge(shop.resources(), shop.key(), order(card="tok_nobody"))


def test_too_little_of_one_article_sets_nothing_aside(shop: Shop) -> None:
    """All lines of an order are set aside or none, and the refusal names what is short."""
    lines = [{"sku": "tea", "quantity": 1}, {"sku": "last", "quantity": 2}]
    what = order().model_copy(update={"lines": [Line.model_validate(line) for line in lines]})
    key, before = shop.key(), shop.ledger()
    for _ in range(2):
        with pytest.raises(OutOfStock, match="not enough of last"):
            reserve(shop.resources(), key, what)
    release(shop.resources(), key, what)
    assert shop.ledger() == before


def test_the_probe_finds_what_was_handed_over(shop: Shop) -> None:
    """A probe answers as the pivot would have, as often as it is asked (rule 17)."""
    key, tables = shop.key(), shop.resources()
    parcel = ship(tables, key, order())
    assert [find(tables, key, order()) for _ in range(2)] == [parcel, parcel]


def test_the_probe_says_no_for_ever(shop: Shop) -> None:
    """A probe that says "it did not happen" has made sure that it will not (rule 17)."""
    key, tables, before = shop.key(), shop.resources(), shop.ledger()
    for _ in range(2):
        with pytest.raises(NotHandedOver):
            find(tables, key, order())
    with pytest.raises(UndoneAlready):
        ship(tables, key, order())
    assert shop.ledger() == before


def test_lines_of_one_article_are_added_up(shop: Shop) -> None:
    """Two lines of one article take both quantities, on the shelf and in the parcel."""
    line = Line(sku="tea", quantity=2)
    what = order().model_copy(update={"lines": [line, line]})
    before, tables = shop.ledger(), shop.resources()
    reserve(tables, shop.key(), what)
    ship(tables, shop.key(), what)
    after = shop.ledger()
    assert after.stock["tea"] == before.stock["tea"] - 4
    assert after.shipped["tea"] == before.shipped.get("tea", 0) + 4
    assert quantities(what.lines) == {"tea": 4}


def test_a_refund_without_cover_moves_nothing_and_says_so(shop: Shop) -> None:
    """Money that the merchant does not have cannot be refunded: the compensation fails."""
    shop = shop.another()
    key, tables = shop.key(), shop.resources()
    charge(tables, key, order())
    shop.put(shop.names.accounts, "merchant", balance=0)
    before = shop.ledger()
    with pytest.raises(NoCover, match="990 cents"):
        refund(tables, key, order())
    assert shop.ledger() == before
    shop.put(shop.names.accounts, "merchant", balance=990)
    refund(tables, key, order())
    assert shop.ledger().merchant == 0


def test_a_missing_merchant_is_not_the_cards_fault(shop: Shop) -> None:
    """Where the merchant's account is missing the step fails, and can be tried again later."""
    shop = shop.another()
    key, tables = shop.key(), shop.resources()
    shop.remove(shop.names.accounts, "merchant")
    with pytest.raises(NoSuchAccount):
        charge(tables, key, order())
    shop.put(shop.names.accounts, "merchant", balance=0)
    assert charge(tables, key, order()).amount == 990


def test_stock_of_an_article_that_is_gone_is_not_put_back_in_part(shop: Shop) -> None:
    """Where an article is gone the release fails as a whole, and names it."""
    shop = shop.another()
    key, tables = shop.key(), shop.resources()
    reserve(tables, key, order(sku="last", quantity=1))
    shop.remove(shop.names.stock, "article#last")
    with pytest.raises(ArticleGone, match="last"):
        release(tables, key, order())
    shop.put(shop.names.stock, "article#last", on_hand=0)
    release(tables, key, order())
    assert shop.ledger().stock["last"] == 1


class Answers:
    """A client whose transactions are cancelled for given reasons."""

    def __init__(self, *codes: str, code: str = "TransactionCanceledException") -> None:
        self.reply: Any = {
            "Error": {"Code": code, "Message": "cancelled"},
            "CancellationReasons": [{"Code": one} for one in codes],
        }

    def get_item(self, **_: Any) -> Any:
        """Nothing is there."""
        return {}

    def transact_write_items(self, **_: Any) -> Any:
        """Cancelled."""
        raise ClientError(self.reply, "TransactWriteItems")


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (("ConditionalCheckFailed", "None"), Refused),
        (("None", "TransactionConflict"), Busy),
        (("TransactionConflict", "ConditionalCheckFailed"), Busy),
        (("None", "ThrottlingError"), Busy),
        ((), Busy),
    ],
)
def test_only_conditions_refuse(codes: tuple[str, ...], expected: type[Exception]) -> None:
    """A conflict beside a failed condition is no refusal: the other one may be the same call."""
    table = Table(Answers(*codes), "any")
    with pytest.raises(expected):
        table.write(Write("a", ABSENT, put={}), Write("b", ABSENT, put={}))


def test_a_conflict_is_never_said_to_be_a_declined_card() -> None:
    """A step under a conflict fails with an unknown outcome, and is retried (rule 1)."""
    tables = {"accounts": Table(Answers("TransactionConflict", "ConditionalCheckFailed"), "any")}
    with pytest.raises(Busy):
        charge(tables, "key", order())


def test_other_errors_of_dynamodb_go_out_as_they_are() -> None:
    """A missing table is neither a refusal nor a conflict."""
    table = Table(Answers(code="ResourceNotFoundException"), "any")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        table.write(Write("a", ABSENT, put={}))


def test_a_record_that_comes_and_goes_is_not_guessed() -> None:
    """Where a record was there and is gone, nobody says what came of the call."""
    with pytest.raises(Busy, match="is gone"):
        Table(Answers("ConditionalCheckFailed"), "any").settle("a", {})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("total", 79.8),
        ("total", "79"),
        ("total", True),
        ("total", -1),
        ("total", 10**9),
        ("card", ""),
        ("lines", []),
        ("lines", [{"sku": "tea", "quantity": 0}]),
        ("lines", [{"sku": "tea", "quantity": 1.0}]),
        ("lines", [{"sku": "", "quantity": 1}]),
        ("coupon", "free"),
    ],
)
def test_an_order_that_is_none_is_refused(field: str, value: object) -> None:
    """Amounts are whole cents within bounds, nothing is rounded, no field is unknown."""
    good = {"customer": "ada@example.com", "lines": [{"sku": "tea", "quantity": 1}], "total": 1}
    assert Order.model_validate({**good, "card": "tok"}).total == 1
    with pytest.raises(ValidationError):
        Order.model_validate({**good, "card": "tok", field: value})


def test_the_charge_says_what_moved(shop: Shop) -> None:
    """The domain event of a charge is emitted by every call that answers, with the amount."""
    saga = context(shop.key())
    accounts = shop.resources()["accounts"]

    charge_card(order(), RESERVATION, saga, accounts)
    assert [(event.type, event.data) for event in saga.emitted] == [
        ("CardCharged", {"amount": 990})
    ]


STEPS = st.sampled_from([reserve, release, charge, refund, ship, find])
UNDO_OF: dict[Callable[..., object], Callable[..., object]] = dict(PAIRS)


@settings(max_examples=50, deadline=None)
@given(calls=st.lists(st.tuples(STEPS, st.integers(0, 1)), max_size=12))
def test_any_order_of_any_calls_conserves_money_and_stock(
    shop: Shop, calls: list[tuple[Callable[..., object], int]]
) -> None:
    """Whatever is called in any order: a key has at most one effect, and undone none."""
    shop = shop.another()
    keys, tables, before = [shop.key(), shop.key()], shop.resources(), shop.ledger()
    for call, which in calls:
        outcome(lambda call=call, which=which: call(tables, keys[which], order()))  # type: ignore[misc]  # a loop's value, kept
    after = shop.ledger()
    assert after.money == before.money
    assert after.articles == before.articles
    held, charged, shipped = (
        sum(_happened(step, calls, which) for which in (0, 1)) for step in (reserve, charge, ship)
    )
    assert before.stock["tea"] - after.stock["tea"] == 2 * held
    assert after.merchant - before.merchant == 990 * charged
    assert after.parcels - before.parcels == shipped


def _happened(
    step: Callable[..., object], calls: list[tuple[Callable[..., object], int]], which: int
) -> bool:
    """Whether a step's effect must be there: it was called, and is not undone."""
    mine = [call for call, key in calls if key == which and call in (step, UNDO_OF[step])]
    if step is ship:  # the pivot is not undone: the first of the two decides
        return mine[:1] == [ship]
    return bool(mine) and UNDO_OF[step] not in mine


@settings(max_examples=50, deadline=None)
@given(pair=st.sampled_from(PAIRS), swap=st.booleans(), twin=st.booleans(), at=st.integers(0, 3))
def test_calls_that_cross_end_as_if_one_came_first(
    shop: Shop,
    pair: tuple[Callable[..., object], Callable[..., object]],
    *,
    swap: bool,
    twin: bool,
    at: int,
) -> None:
    """Calls that arrive between two requests of another conserve, and undone is undone."""
    shop = shop.another()
    key, tables, before = shop.key(), shop.resources(), shop.ledger()
    outer, inner = reversed(pair) if swap else pair
    inner = outer if twin else inner
    crossing = Interrupting(shop.dynamodb, at, lambda: outcome(lambda: inner(tables, key, order())))
    outcome(lambda: outer(shop.resources(crossing), key, order()))
    between = shop.ledger()
    assert (between.money, between.articles) == (before.money, before.articles)
    outcome(lambda: pair[1](tables, key, order()))
    after = shop.ledger()
    assert (after.stock, after.merchant) == (before.stock, before.merchant)
    assert after.parcels - before.parcels == between.parcels - before.parcels <= 1
