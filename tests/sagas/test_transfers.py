"""TransferMoney on the simulator, with its real handlers: money is conserved to the cent."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers.table import Table
from sagas.transfers import FOUR_EYES, TransferMoney
from stepsaga import Approved
from stepsaga.asl import build
from stepsaga.authoring import graph_of
from stepsaga.client.answers import accepted, rejected
from stepsaga.engines.endings import Ending, ending_of
from stepsaga.engines.faults import CALL_FAULTS, RECORD_FAULTS
from stepsaga.engines.once import run_once
from stepsaga.store.memory import MemoryStore
from tools import transfers

if TYPE_CHECKING:
    from stepsaga.engines.answering import Answer
    from stepsaga.engines.once import Faults, Run
    from tests.sagas.shop import Shop
    from tools.transfers import Books

SMALL, LARGE = 1_000, FOUR_EYES + 1
COMPILED = build(graph_of(TransferMoney))
YES = accepted(TransferMoney, "review", Approved(by="eve"))
ONESELF = accepted(TransferMoney, "review", Approved(by="ann"))
NO = rejected(TransferMoney, "review", "eve", "who is bob?")
ANSWERS: dict[str, Answer | None] = {"yes": YES, "no": NO, "nobody": None, "oneself": ONESELF}
numbers = count(1)


def play(
    shop: Shop, amount: int, answer: Answer | None, faults: Faults | None = None, **given: Any
) -> tuple[Run, Books]:
    """Run a transfer from ada to bob; the run, and the books after it."""
    table = f"transfers-{next(numbers)}"
    transfers.setup(shop.dynamodb, table)
    value = {"source": "ada", "target": "bob", "amount": amount, "ordered_by": "ann"} | given
    run = run_once(
        COMPILED,
        value,
        saga_id="one",
        store=MemoryStore(),
        faults=faults,
        answers=None if answer is None else {"review": answer},
        resources={"transfers": Table(shop.dynamodb, table)},
    )
    return run, transfers.books(shop.dynamodb, table)


def check_the_books(run: Run, books: Books, amount: int) -> Ending:
    """All the money is there; all of the amount has moved, or nothing."""
    before = transfers.ACCOUNTS
    ending = ending_of(run.view)
    assert books.money == sum(before.values())
    moved = amount if ending is Ending.COMPLETED else 0
    if ending is Ending.STUCK:
        assert books.held in (0, amount)
        return ending
    assert books.held == 0
    assert books.accounts == {"ada": before["ada"] - moved, "bob": before["bob"] + moved}
    return ending


@pytest.mark.parametrize(
    ("amount", "answer", "ending"),
    [
        (SMALL, "nobody", Ending.COMPLETED),
        (FOUR_EYES, "nobody", Ending.COMPLETED),
        (LARGE, "yes", Ending.COMPLETED),
        (LARGE, "no", Ending.COMPENSATED),
        (LARGE, "nobody", Ending.COMPENSATED),
        (LARGE, "oneself", Ending.COMPENSATED),
        (900_000, "yes", Ending.COMPENSATED),
    ],
)
def test_large_amounts_need_a_second_person(
    shop: Shop, amount: int, answer: str, ending: Ending
) -> None:
    """Small ones do not; without a yes of somebody else nothing moves."""
    run, books = play(shop, amount, ANSWERS[answer])
    assert check_the_books(run, books, amount) is ending
    assert books.reviews == (FOUR_EYES < amount < 900_000)


def test_money_for_nobody_comes_back(shop: Shop) -> None:
    """An account that is not there is found when the amount is paid out."""
    run, books = play(shop, SMALL, None, target="carl")
    assert check_the_books(run, books, SMALL) is Ending.COMPENSATED
    run, books = play(shop, SMALL, None, target="ada")
    assert check_the_books(run, books, SMALL) is Ending.COMPENSATED
    assert "same account" in str(run.view.cause)


STATES = {
    "check input": None,
    "hold": None,
    "review": None,
    "review unanswered": ("review", "times out before"),
    "pay": None,
    "verify pay": ("pay", "times out before"),
    "undo hold": ("pay", "rejected"),
    "record the end": ("pay", "rejected"),
}


@pytest.mark.parametrize("state", STATES)
def test_no_fault_of_one_attempt_loses_a_cent(shop: Shop, state: str) -> None:
    """Whatever goes wrong once, all of the money is somewhere, and the saga ends."""
    kinds = RECORD_FAULTS if state == "record the end" else CALL_FAULTS
    bare = state in ("check input", "review unanswered")
    for kind in kinds:
        if bare and kind in ("rejected", "raises"):
            continue
        faults: dict[str, Any] = {state: [kind]}
        if (way := STATES[state]) is not None:
            faults[way[0]] = way[1]
        run, books = play(shop, LARGE, YES, faults)
        assert check_the_books(run, books, LARGE) is not Ending.STUCK, (kind, run.view.cause)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    amount=st.integers(1, 600_000),
    answer=st.sampled_from(list(ANSWERS)),
    faults=st.dictionaries(
        st.sampled_from(["hold", "review", "pay", "undo hold", "verify pay"]),
        st.lists(st.sampled_from([None, *CALL_FAULTS]), min_size=1, max_size=4),
        max_size=3,
    ),
)
def test_no_faults_lose_a_cent(
    shop: Shop, amount: int, answer: str, faults: dict[str, list[str | None]]
) -> None:
    """Many things at once: the money is conserved, however it ends."""
    if "rejected" in faults.get("verify pay", []):
        faults["verify pay"] = ["raises"]  # a probe that lies is another matter
    run, books = play(shop, amount, ANSWERS[answer], faults)
    check_the_books(run, books, amount)
