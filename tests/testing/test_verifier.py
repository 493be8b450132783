"""The fixture ``verify_saga``: sound sagas pass, and each kind of broken handler is caught."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sagas.orders import FulfilOrder
from sagas.transfers import TransferMoney
from stepsaga.errors import UsageError
from stepsaga.testing import LawBroken, SagaVerifier
from tests.testing.broken import (
    Books,
    IgnoresItsKey,
    NotIdempotent,
    NoTombstone,
    RefusesNone,
    RejectsAfterItsEffect,
    Sound,
)

if TYPE_CHECKING:
    from stepsaga import Saga


def real(books: Books) -> dict[str, Any]:
    """What a test says of the broken sagas' handlers."""
    return {
        "handlers": "real",
        "resources": {"books": books},
        "prepare": books.clear,
        "stands": books.stands,
    }


def test_one_line_tries_a_whole_saga(verify_saga: SagaVerifier) -> None:
    """Every Task of the saga fails in every way, and no law is broken."""
    report = verify_saga(FulfilOrder)
    struck = {text.partition("=")[0] for one in report.verdicts for text in one.case.texts}
    assert struck == {task for one in report.verdicts for task in one.seen.entered}
    assert report.unreached == ()
    assert report.idle == []


def test_questions_are_answered_in_every_manner(verify_saga: SagaVerifier) -> None:
    """A question is answered, late, twice, wrongly, not at all, and not heard."""
    report = verify_saga(TransferMoney)
    manners = {manner for one in report.verdicts for _, manner in one.case.manners}
    assert len(manners) == 7


def test_the_projects_own_handlers_work_on_its_tables(verify_saga: SagaVerifier) -> None:
    """What stands in the tables of tools/local.py after a refund is what stood before."""
    order = {
        "customer": "ada@example.com",
        "lines": [{"sku": "tea", "quantity": 1}],
        "total": 990,
        "card": "tok_ada",
    }
    verify_saga(FulfilOrder, handlers="real", input=order, only=["charge=times out after"])


def test_sound_handlers_break_no_law(verify_saga: SagaVerifier) -> None:
    """Handlers that keep to rule 10 leave nothing, whatever goes wrong."""
    report = verify_saga(Sound, **real(Books()))
    assert len(report.verdicts) > 100


BROKEN = [
    (NotIdempotent, "undo pay=", "the net effect of nothing", "purse: 1"),
    (NoTombstone, "pay=lands late", "has left nothing", "landed after its undoing"),
    (RefusesNone, "pay=", "made to fail for good", "stuck at 'undo pay'"),
    (IgnoresItsKey, "pay=", "", "purse: 80 stands, and should be 90"),
    (RejectsAfterItsEffect, "nothing goes wrong", "the net effect of nothing", "purse: 90 stands"),
]


@pytest.mark.parametrize(("saga", "case", "law", "text"), BROKEN)
def test_a_broken_handler_is_caught(
    verify_saga: SagaVerifier, saga: type[Saga], case: str, law: str, text: str
) -> None:
    """The message says which law, in which run, what happened in it, and how to see it again."""
    with pytest.raises(LawBroken) as caught:
        verify_saga(saga, **real(Books()))
    told = str(caught.value)
    for part in (case, law, text, f"{saga.__name__} trial", f"verify_saga({saga.__name__}, only="):
        assert part in told, told


def test_a_counterexample_is_seen_again(verify_saga: SagaVerifier) -> None:
    """What the message names, alone, breaks the same law."""
    books = Books()
    with pytest.raises(LawBroken) as caught:
        verify_saga(NoTombstone, **real(books), only=["pay=lands late"])
    assert "1 of 1 runs" in str(caught.value)
    verify_saga(NoTombstone, **real(books), only=["pay=times out after"])


def test_the_log_alone_shows_what_landed_late(verify_saga: SagaVerifier) -> None:
    """Where nobody says what stands, the log still tells of an effect that nobody undid."""
    books = Books()
    with pytest.raises(LawBroken, match="an effect of pay landed after its undoing, and stands"):
        verify_saga(NoTombstone, handlers="real", resources={"books": books}, prepare=books.clear)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"only": ["undo pays=raises"]}, "did you mean 'undo pay'"),
        ({"only": ["undo pay=raises"]}, "never struck"),
        ({"only": ["pay"]}, "write STEP=KIND"),
        ({"way": "home"}, "no way through Sound"),
        ({"stands": dict}, "stubs work on nothing of yours"),
    ],
)
def test_what_cannot_be_tried_is_refused(
    verify_saga: SagaVerifier, given: dict[str, Any], words: str
) -> None:
    """A mistake of the test's is told, and never passes as a proof."""
    with pytest.raises(UsageError, match=words):
        verify_saga(Sound, **given)
