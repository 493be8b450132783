"""What has come of it all: each saga by its log and its effects, and all money and stock."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from handlers import inventory, payments, shipping
from handlers import transfers as money
from handlers.models import Order, quantities
from stepsaga.authoring import graph_of
from stepsaga.client.status import end_of
from stepsaga.engines.endings import Ending
from stepsaga.graph import steps_of
from stepsaga.store.slots import key_of, run_of, slot_text, stream_of
from stepsaga.testing.laws import Story, broken_laws
from tools import transfers
from tools.chaos.place import patiently
from tools.chaos.plan import ACCOUNTS, CARDS, STOCK
from tools.tables import scan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from stepsaga.store.commits import Commit
    from tools.chaos.place import Place
    from tools.chaos.plan import Plan
    from tools.chaos.storm import Storm

DONE: Final[Mapping[str, Mapping[str, str]]] = {
    "FulfilOrder": {
        "reserve": inventory.HELD,
        "charge": payments.CHARGED,
        "ship": shipping.HANDED_OVER,
    },
    "TransferMoney": {"hold": money.PAID, "pay": money.PAID},
}
"""How a step's record stands where its saga is completed."""
NOTHING: Final = frozenset(
    {
        "",
        inventory.RELEASED,
        inventory.SHORT,
        payments.REFUNDED,
        payments.DECLINED,
        shipping.CALLED_OFF,
        money.RETURNED,
        money.PREVENTED,
    }
)
"""How it can stand where its saga is undone: nothing is set aside, charged, sent, held or paid."""
HELD: Final = "held between accounts"
THERE: Final = "there"
RECORDS: Final = {
    "reserve": "hold",
    "charge": "charge",
    "ship": "parcel",
    "thank": "message",
    "hold": "hold",
    "pay": "payment",
}
"""What a step's record is called."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must not be; of one saga, or of all together where ``plan`` is None."""

    plan: Plan | None
    text: str


@dataclass(frozen=True, slots=True)
class Count:
    """All that chaos has put into the tables: cents and pieces, by whose they are."""

    money: Mapping[str, int]
    stock: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What has come of it all.

    Attributes:
        endings: How many sagas ended how, by saga.
        before, after: What was counted.
        violations: What must not be.
    """

    endings: Mapping[str, Counter[str]]
    before: Count
    after: Count
    violations: tuple[Violation, ...]


def count(place: Place) -> Count:
    """Count money and stock; what is held between accounts is all that is, whoever's it was."""
    dynamodb = place.client_of("dynamodb")
    accounts, stock = (scan(dynamodb, name) for name in (place.tables.accounts, place.tables.stock))
    owners = scan(dynamodb, place.transfers)
    cents = {f"card {one}": int(accounts[f"card#{one}"]["balance"]) for one in CARDS}
    cents[payments.MERCHANT] = int(accounts[payments.MERCHANT]["balance"])
    cents |= {f"account {one}": int(owners[money.account(one)]["balance"]) for one in ACCOUNTS}
    cents[HELD] = transfers.books(dynamodb, place.transfers).held
    pieces = {sku: int(stock[f"article#{sku}"]["on_hand"]) for sku in STOCK}
    return Count(cents, pieces)


def judge(storm: Storm, place: Place, plans: Sequence[Plan], before: Count) -> Verdict:
    """Look at every saga's log and effects, and at the sum of them all."""
    items = _items(place)
    endings: dict[str, Counter[str]] = {}
    violations: list[Violation] = []
    records: dict[str, Mapping[str, str]] = {}
    for plan in plans:
        commits = storm.commits(plan)
        run = [one for one in commits if run_of(one) == run_of(commits[-1])]
        status = patiently(lambda plan=plan: storm.client.status(plan.saga, plan.id))  # type: ignore[misc]
        ending = status.ending.value
        endings.setdefault(plan.saga.__name__, Counter())[ending] += 1
        records[plan.id] = _states(plan, run, items)
        story = Story(graph_of(plan.saga), status.ending, status.error, run)
        texts = [f"{one.law}: {one.text}" for one in broken_laws(story)]
        texts += _ending(ending, run)
        texts += _effects(plan, ending, records[plan.id])
        violations += [Violation(plan, text) for text in texts]
    after = count(place)
    violations += [Violation(None, text) for text in _sums(plans, records, before, after)]
    return Verdict(endings, before, after, tuple(violations))


def _ending(ending: str, commits: Sequence[Commit]) -> Iterator[str]:
    if ending not in {Ending.COMPLETED.value, Ending.COMPENSATED.value}:
        yield f"it has not ended: it is {ending}"
    elif end_of(commits) is None:
        yield "it has ended, and its log has no terminal event"


def _effects(plan: Plan, ending: str, states: Mapping[str, str]) -> Iterator[str]:
    """Where a saga's effects are others than its ending says."""
    if ending == Ending.COMPENSATED.value:
        for step, state in states.items():
            if state not in NOTHING:
                yield f"it is {ending}, and {step} has left {state!r}"
    elif ending == Ending.COMPLETED.value:
        done = dict(DONE[plan.saga.__name__])
        if "thank" in states:
            done["thank"] = THERE
        for step, state in done.items():
            if states[step] != state:
                yield f"it is {ending}, and {step} has left {states[step]!r}, not {state!r}"


def _states(plan: Plan, commits: Sequence[Commit], items: Mapping[str, Any]) -> dict[str, str]:
    """How the record of each step stands; empty where there is none."""
    run, found = run_of(commits[-1]) if commits else "", {}
    for node in steps_of(graph_of(plan.saga).nodes):
        if node.name in RECORDS:
            key = key_of(stream_of(plan.saga.__name__, plan.id), slot_text(run, node.slot))
            item = items.get(f"{RECORDS[node.name]}#{key}")
            found[node.name] = "" if item is None else item.get("state", THERE)
    return found


def _items(place: Place) -> dict[str, Any]:
    """Every record of every participant; their ids are no two's."""
    dynamodb, tables = place.client_of("dynamodb"), place.tables
    names = (tables.stock, tables.accounts, tables.parcels, tables.outbox, place.transfers)
    return {key: item for name in names for key, item in scan(dynamodb, name).items()}


def _sums(
    plans: Iterable[Plan], records: Mapping[str, Mapping[str, str]], before: Count, after: Count
) -> Iterator[str]:
    """Where money or stock are others than the sagas' records say: moved twice, or not at all."""
    wanted, pieces = Counter(before.money), Counter(before.stock)
    for plan in plans:
        given, states = plan.input, records[plan.id]
        if isinstance(given, Order):
            moved = given.total if states["charge"] == payments.CHARGED else 0
            wanted[f"card {given.card.get_secret_value()}"] -= moved
            wanted[payments.MERCHANT] += moved
            if states["reserve"] == inventory.HELD:
                pieces.subtract(quantities(given.lines))
        else:
            gone = states["hold"] in {money.HELD, money.PAID}
            wanted[f"account {given.source}"] -= given.amount if gone else 0
            wanted[HELD] += given.amount if states["hold"] == money.HELD else 0
            wanted[f"account {given.target}"] += given.amount if states["pay"] == money.PAID else 0
    for owner, cents in after.money.items():
        if cents != wanted[owner]:
            yield f"{owner} has {cents} cents; by the records it must be {wanted[owner]}"
    for sku, left in after.stock.items():
        if left != pieces[sku]:
            yield f"there are {left} of {sku}; by the records it must be {pieces[sku]}"
    if sum(after.money.values()) != sum(before.money.values()):
        yield "money was lost, or made"
