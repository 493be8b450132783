"""Onboard on the simulator, with its real handlers: a customer, or nothing of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.customers import BONUS
from handlers.onboarding import EmailConfirmed, Signup, email_confirmed, signed_up
from handlers.table import Table
from sagas.customers import LARGE, Onboard, OpenAccount
from stepsaga import Approved
from stepsaga.asl import build
from stepsaga.authoring import graph_of
from stepsaga.client.answers import accepted, rejected
from stepsaga.engines.endings import Ending, ending_of
from stepsaga.engines.events import Arrival
from stepsaga.engines.faults import CALL_FAULTS
from stepsaga.engines.once import run_once
from stepsaga.engines.service_faults import SERVICE_FAULTS
from stepsaga.store.memory import MemoryStore
from tools import customers, tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepsaga.engines.answering import Answer
    from stepsaga.engines.once import Faults, Run
    from tests.sagas.shop import Shop
    from tools.customers import Customers

COMPILED: Final = build(graph_of(Onboard))
CHILD: Final = build(graph_of(OpenAccount))
SMALL: Final = LARGE // 2
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
YES: Final = accepted(Onboard, "agreed", Approved(by="eve"))
NO: Final = rejected(Onboard, "agreed", "eve", "who is ada?")
numbers = count(1)


@dataclass(frozen=True)
class Told:
    """A run, and what was in the tables after it; before, there was the fund and nothing else."""

    run: Run
    after: Customers

    @property
    def ending(self) -> Ending:
        """How the saga has ended."""
        return ending_of(self.run.view)


def confirmed(after: timedelta, number: str = "s1", id_: str = "") -> Arrival:
    """The event that the address is confirmed."""
    return Arrival(email_confirmed, EmailConfirmed(number=number), after, id_)


def play(
    shop: Shop,
    *events: Arrival,
    limit: int = SMALL,
    answer: Answer | None = None,
    faults: Faults | None = None,
    fund: int = customers.MONEY,
) -> Told:
    """Let ada become a customer."""
    number = next(numbers)
    names = customers.CustomerTables(f"customers-{number}", f"customers-outbox-{number}")
    tables.create(shop.dynamodb, [names.customers, names.outbox])
    tables.put(shop.dynamodb, names.customers, "balance", {"fund": fund})
    run = run_once(
        COMPILED,
        {"number": "s1", "customer": "ada", "email": "ada@example.com", "limit": limit},
        saga_id="s1",
        store=MemoryStore(),
        faults=faults,
        answers={"agreed": answer} if answer else None,
        resources={
            "customers": Table(shop.dynamodb, names.customers),
            "outbox": Table(shop.dynamodb, names.outbox),
        },
        children=[CHILD],
        events=events,
    )
    told = Told(run, customers.count(shop.dynamodb, names))
    check_the_books(told, limit, fund)
    return told


def check_the_books(told: Told, limit: int, fund: int = customers.MONEY) -> None:
    """No cent is lost. Completed: an account, a bonus, a limit, a parcel; else nothing of it."""
    after, sent = told.after, told.run.actions
    assert after.money == fund
    if told.ending is Ending.COMPLETED:
        assert (after.accounts, after.admitted) == ({"ada": BONUS}, {"ada": limit})
        assert {str(one.parameters["MessageBody"]) for one in sent} == {
            str({"customer": "ada", "email": "ada@example.com"})
        }
    elif told.ending is Ending.COMPENSATED:
        assert (after.fund, after.accounts, after.admitted) == (fund, {}, {})
        assert (after.requests, sent) == (0, ())
    else:
        # Whoever may buy has an account.
        assert set(after.admitted) <= set(after.accounts)


@pytest.mark.parametrize(
    ("after", "asked"),
    [(-HOUR, 1), (HOUR, 1), (DAY - HOUR, 1), (DAY + HOUR, 2), (6 * DAY, 2)],
)
def test_whoever_confirms_becomes_a_customer(shop: Shop, after: timedelta, asked: int) -> None:
    """Before the saga waits, while it does, or after a reminder, which comes after a day."""
    told = play(shop, confirmed(after))
    assert told.ending is Ending.COMPLETED
    assert told.after.requests == asked


@pytest.mark.parametrize("events", [(), (confirmed(8 * DAY),), (confirmed(HOUR, "s2"),)])
def test_whoever_does_not_leaves_no_trace(shop: Shop, events: Sequence[Arrival]) -> None:
    """A week without a confirmation undoes it, also where one comes late, or somebody else's."""
    assert play(shop, *events).ending is Ending.COMPENSATED


def test_a_confirmation_that_comes_twice_is_one(shop: Shop) -> None:
    """The same event again, before and after it is taken, changes nothing."""
    twice = [confirmed(after, id_="one") for after in (HOUR, HOUR, 2 * HOUR)]
    told = play(shop, *twice)
    assert told.ending is Ending.COMPLETED
    assert len(told.run.actions) == 1


@pytest.mark.parametrize(
    ("limit", "answer", "ending", "reviews"),
    [
        (LARGE, None, Ending.COMPLETED, 0),
        (LARGE + 1, YES, Ending.COMPLETED, 1),
        (LARGE + 1, NO, Ending.COMPENSATED, 1),
        (LARGE + 1, None, Ending.COMPENSATED, 1),
    ],
)
def test_somebody_agrees_to_large_limits(
    shop: Shop, limit: int, answer: Answer | None, ending: Ending, reviews: int
) -> None:
    """Small ones are nobody's business; without a yes there is no customer, and no account."""
    told = play(shop, confirmed(HOUR), limit=limit, answer=answer)
    assert told.ending is ending
    assert told.after.reviews == reviews


def test_without_money_for_a_bonus_there_is_no_account(shop: Shop) -> None:
    """The child undoes itself, and that is a refusal to its parent."""
    told = play(shop, confirmed(HOUR), fund=BONUS - 1)
    assert told.ending is Ending.COMPENSATED


# How the saga gets to a state at all, where everything is confirmed at once and agreed to.
WAYS: Final[dict[str, Faults]] = {
    "check input": {},
    "invite": {},
    "confirmed": {},
    "account": {},
    "agreed": {},
    "admit": {},
    "welcome": {},
    "record welcome": {},
    "verify admit": {"admit": "times out before"},
    "undo account": {"admit": "rejected"},
    "undo invite": {"admit": "rejected"},
    "OpenAccount:open": {},
    "OpenAccount:bonus": {},
    "OpenAccount:undo open": {"OpenAccount:bonus": "rejected"},
}
NO_HANDLER: Final = ("check input", "confirmed", "account", "undo account")
OF_HANDLERS: Final = ("rejected", "raises", "lands late")


def kinds(state: str) -> list[str]:
    """The faults that a state can have."""
    if state == "welcome":
        return list(SERVICE_FAULTS)
    if state == "record welcome":
        return ["throttled", "reply lost"]
    left_out: tuple[str, ...] = OF_HANDLERS if state in NO_HANDLER else ()
    if state == "undo account":
        # It waits until the child is undone; what is not told in two weeks leaves it stuck.
        left_out = (*OF_HANDLERS, "times out before", "times out after")
    return [kind for kind in CALL_FAULTS if kind not in left_out]


@pytest.mark.parametrize("state", WAYS)
def test_a_fault_of_the_first_attempt_never_sticks(shop: Shop, state: str) -> None:
    """Whatever goes wrong once, wherever, the saga ends, and the books are right."""
    for kind in kinds(state):
        faults = {**WAYS[state], state: [kind]}
        told = play(shop, confirmed(HOUR), limit=LARGE + 1, answer=YES, faults=faults)
        assert told.ending in (Ending.COMPLETED, Ending.COMPENSATED), kind


@settings(max_examples=15, deadline=None)
@given(
    faults=st.fixed_dictionaries(
        {},
        optional={
            state: st.lists(st.none() | st.sampled_from(kinds(state)), max_size=2)
            for state in WAYS
            # A probe that says "no" although somebody was admitted would be a lie, not a fault.
            if state != "verify admit"
        },
    ),
    after=st.sampled_from([-HOUR, HOUR, DAY - timedelta(seconds=1), DAY + HOUR, 9 * DAY]),
    limit=st.sampled_from([SMALL, LARGE + 1]),
    answer=st.sampled_from([YES, NO, None]),
)
def test_faults_together_never_stick_and_never_cost_a_cent(
    shop: Shop, faults: dict[str, Any], after: timedelta, limit: int, answer: Answer | None
) -> None:
    """Two faults in each of any states, a confirmation at any time: the books are right."""
    told = play(shop, confirmed(after), limit=limit, answer=answer, faults=faults)
    assert told.ending in (Ending.COMPLETED, Ending.COMPENSATED)


def test_what_starts_it_is_the_event() -> None:
    """The detail of SignedUp is the input, and its number the id."""
    [trigger] = graph_of(Onboard).triggers
    assert trigger.name == f"event {signed_up.source} SignedUp"
    assert signed_up.model is Signup
