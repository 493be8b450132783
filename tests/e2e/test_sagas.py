"""The reference saga on a deployed stack: its endings, its log, and what is left of everything."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from handlers.models import Line, Order
from sagas.orders import FulfilOrder
from stepsaga.asl.release import build, from_kept
from stepsaga.authoring import graph_of
from stepsaga.engines.endings import Ending
from stepsaga.errors import IdTaken, InputInvalid, SagaMissing
from stepsaga.store.commits import Outcome
from stepsaga.store.slots import stream_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepsaga.client import SagaStatus
    from stepsaga.store.commits import Commit
    from tests.e2e.targets import Target
    from tools.local import Ledger

PATIENCE = timedelta(minutes=5)
SEED = {"tok_ada": "completes", "tok_empty": "is declined"}


def order(card: str = "tok_ada", total: int = 100, tea: int = 1) -> Order:
    """An order of tea."""
    lines = [Line(sku="tea", quantity=tea)]
    return Order(customer="ada@example.com", lines=lines, total=total, card=card)


def new_id(name: str) -> str:
    """An id that nobody has had, also on a stack that was there before."""
    return f"{name}-{uuid4().hex[:8]}"


def ended(target: Target, value: Order, saga_id: str) -> SagaStatus:
    """Start an order, and wait for its end."""
    client = target.sagas()
    FulfilOrder.start(value, id=saga_id, client=client)
    return client.wait("FulfilOrder", saga_id, timeout=PATIENCE)


def commits(target: Target, saga_id: str) -> list[Commit]:
    """The saga's stream."""
    return list(target.sagas().store.read(stream_of("FulfilOrder", saga_id)))


def story(target: Target, saga_id: str) -> list[str]:
    """Slots and outcomes, without the run, and without what the reconciler notes when it comes."""
    return [
        f"{one.slot.rpartition('/')[2]} {one.outcome}"
        for one in commits(target, saga_id)
        if one.outcome is not Outcome.STUCK
    ]


@pytest.fixture
def conserved(target: Target) -> Iterator[Target]:
    """A stack of which everything is counted before and after: nothing is lost, nothing made."""
    before = target.count()
    yield target
    assert_conserved(before, target.count())


def assert_conserved(before: Ledger, after: Ledger) -> None:
    """All money and all articles are still there, and what is set aside is what was sent."""
    assert after.money == before.money
    assert after.articles == before.articles
    skus = after.held.keys() | after.shipped.keys()
    for sku in skus:
        held, shipped = after.held.get(sku, 0), after.shipped.get(sku, 0)
        assert held - shipped == before.held.get(sku, 0) - before.shipped.get(sku, 0)


def test_an_order_completes(conserved: Target) -> None:
    """An order that goes well is paid, sent and thanked for, with one commit a step."""
    before, saga_id = conserved.count(), new_id("completes")
    status = ended(conserved, order(total=250, tea=3), saga_id)
    after = conserved.count()
    assert status.ending is Ending.COMPLETED
    assert story(conserved, saga_id) == [
        "00001 result",
        "00002 result",
        "00003 result",
        "00004 result",
    ]
    assert after.merchant - before.merchant == 250
    assert after.shipped["tea"] - before.shipped.get("tea", 0) == 3
    assert (after.parcels, after.messages) == (before.parcels + 1, before.messages + 1)


def test_a_declined_card_leaves_no_trace(conserved: Target) -> None:
    """A rejection undoes what was done before it, and Step Functions records the end itself."""
    before, saga_id = conserved.count(), new_id("declined")
    status = ended(conserved, order("tok_empty", total=5_000), saga_id)
    assert status.ending is Ending.COMPENSATED
    assert story(conserved, saga_id) == [
        "00001 result",
        "00002 rejected",
        "00006 compensated",
        "99999 ended",
    ]
    assert conserved.count() == before


def test_a_bad_order_does_nothing(conserved: Target) -> None:
    """An input that does not fit, started past the client, ends compensated with nothing done."""
    before, saga_id = conserved.count(), new_id("bad")
    value = {"customer": "x", "lines": [], "total": -1, "card": "tok_ada"}
    states = conserved.client_of("stepfunctions")
    states.start_execution(stateMachineArn=conserved.machine, name=saga_id, input=json.dumps(value))
    status = conserved.sagas().wait("FulfilOrder", saga_id, timeout=PATIENCE)
    assert status.ending is Ending.COMPENSATED
    assert story(conserved, saga_id) == ["00001 rejected", "99999 ended"]
    assert conserved.count() == before


def test_a_start_is_one_start(conserved: Target) -> None:
    """Started again, while it runs or after, it is the saga that there is; other input is told."""
    saga_id, client = new_id("once"), conserved.sagas()
    first = FulfilOrder.start(order(), id=saga_id, client=client)
    again = FulfilOrder.start(order(), id=saga_id, client=client)
    with pytest.raises(IdTaken):
        FulfilOrder.start(order(total=1), id=saga_id, client=client)
    client.wait("FulfilOrder", saga_id, timeout=PATIENCE)
    after = FulfilOrder.start(order(), id=saga_id, client=client)
    with pytest.raises(IdTaken):
        FulfilOrder.start(order(total=1), id=saga_id, client=client)
    assert first.execution == again.execution
    assert (first.new, after.new) == (True, False)
    assert len(commits(conserved, saga_id)) == 4


def test_what_is_refused_starts_nothing(target: Target) -> None:
    """An input that does not fit is refused by the client, and the id stays free."""
    saga_id, client = new_id("refused"), target.sagas()
    with pytest.raises(InputInvalid, match="total"):
        FulfilOrder.start({"customer": "ada@example.com"}, id=saga_id, client=client)
    with pytest.raises(SagaMissing):
        client.status("FulfilOrder", saga_id)


def test_the_graph_of_the_release_is_kept(target: Target) -> None:
    """Rule 9: what is deployed has its graph in the event table, by its fingerprint."""
    compiled = build(graph_of(FulfilOrder))
    kept = target.sagas().store.get_definition(compiled.fingerprint)
    assert kept == compiled.graph
    assert from_kept(kept or {}).name == "FulfilOrder"


def test_many_at_once(conserved: Target) -> None:
    """Twenty orders at once, some of them declined, all end, and to the cent."""
    before = conserved.count()
    cards = ["tok_ada", "tok_empty"] * 10
    ids = [new_id(f"many-{number}") for number in range(len(cards))]

    def play(number: int) -> Ending:
        return ended(conserved, order(cards[number], total=101), ids[number]).ending

    with ThreadPoolExecutor(len(cards)) as pool:
        endings = list(pool.map(play, range(len(cards))))
    assert endings == [Ending.COMPLETED, Ending.COMPENSATED] * 10
    assert conserved.count().merchant - before.merchant == 10 * 101


FAULTS: dict[str, tuple[dict[str, Any], Ending, list[str]]] = {
    "crashes once after its effect": (
        {"charge": ["crashes after", ""]},
        Ending.COMPLETED,
        ["00001 result", "00002 result", "00003 result", "00004 result"],
    ),
    "crashes once after its commit": (
        {"reserve": ["crashes after commit", ""]},
        Ending.COMPLETED,
        ["00001 result", "00002 result", "00003 result", "00004 result"],
    ),
    "finds the store throttled once": (
        {"charge": ["throttled", ""]},
        Ending.COMPLETED,
        ["00001 result", "00002 result", "00003 result", "00004 result"],
    ),
    "finds a store that stays unreadable": (
        {"charge": "unreadable"},
        Ending.COMPENSATED,
        ["00001 result", "00002 sealed", "00005 compensated", "00006 compensated", "99999 ended"],
    ),
    "crashes for good before its effect": (
        {"charge": "crashes before"},
        Ending.COMPENSATED,
        ["00001 result", "00002 sealed", "00005 compensated", "00006 compensated", "99999 ended"],
    ),
    "crashes for good after its effect": (
        {"charge": "crashes after"},
        Ending.COMPENSATED,
        ["00001 result", "00002 sealed", "00005 compensated", "00006 compensated", "99999 ended"],
    ),
    "raises for good in the first step": (
        {"reserve": "raises"},
        Ending.COMPENSATED,
        ["00001 sealed", "00006 compensated", "99999 ended"],
    ),
    "the pivot crashes for good after its effect": (
        {"ship": "crashes after"},
        Ending.COMPLETED,
        ["00001 result", "00002 result", "00003 result", "00004 result"],
    ),
    "the pivot crashes for good before its effect": (
        {"ship": "crashes before"},
        Ending.COMPENSATED,
        [
            "00001 result",
            "00002 result",
            "00003 sealed",
            "00005 compensated",
            "00006 compensated",
            "99999 ended",
        ],
    ),
    "a compensation crashes once after its effect": (
        {"charge": "crashes after", "undo_charge": ["crashes after", ""]},
        Ending.COMPENSATED,
        ["00001 result", "00002 sealed", "00005 compensated", "00006 compensated", "99999 ended"],
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_process_that_dies(stack: Target, name: str) -> None:
    """Real processes die at the worst moments, and a saga still ends in one of its endings."""
    faults, ending, told = FAULTS[name]
    before, saga_id = stack.count(), new_id("faulty")
    stack.go_wrong(saga_id, **faults)
    assert ended(stack, order(total=77), saga_id).ending is ending
    assert story(stack, saga_id) == told
    after = stack.count()
    assert_conserved(before, after)
    assert after.merchant - before.merchant == (77 if ending is Ending.COMPLETED else 0)


def test_a_compensation_that_never_succeeds_is_stuck(stack: Target) -> None:
    """Rule 12: where a compensation keeps failing, the execution fails in its Task."""
    saga_id = new_id("stuck")
    stack.go_wrong(saga_id, charge="crashes after", undo_charge="raises")
    status = ended(stack, order(), saga_id)
    assert status.ending is Ending.STUCK
    assert story(stack, saga_id)[-1] == "00002 sealed"


def test_time_of_a_step_ends_its_process(stack: Target) -> None:
    """Rule 23: a handler that hangs is ended by the kernel when its time is up, and undone."""
    saga_id = new_id("hangs")
    stack.go_wrong(saga_id, charge=["hangs after", "raises", "raises", "raises", "raises"])
    before, began = stack.count(), time.monotonic()
    assert ended(stack, order(), saga_id).ending is Ending.COMPENSATED
    assert time.monotonic() - began >= 20
    assert_conserved(before, stack.count())
