"""What happens to each saga, drawn by a seed: the plan is the same each time, its course is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, Final

from handlers.models import Line, Order
from handlers.transfers import Transfer
from sagas.orders import FulfilOrder
from sagas.transfers import FOUR_EYES, TransferMoney

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stepsaga import Saga

CARDS: Final = {"tok_chaos_a": 10_000_000, "tok_chaos_b": 10_000_000, "tok_chaos_poor": 100}
STOCK: Final = {"chaos-kettle": 100_000, "chaos-tea": 100_000, "chaos-rare": 3}
ACCOUNTS: Final = {
    "chaos-ann": 100_000_000,
    "chaos-bob": 100_000_000,
    "chaos-cleo": 100_000_000,
    "chaos-poor": 100,
}
"""Cents by card, pieces by article, cents by account: nobody else's."""

STEPS: Final[Mapping[type[Saga], Mapping[str, int]]] = {
    FulfilOrder: {
        "reserve": 3,
        "charge": 5,
        "ship": 3,
        "thank": 4,
        "undo reserve": 3,
        "undo charge": 3,
        "verify ship": 3,
    },
    TransferMoney: {
        "check input": 3,
        "hold": 3,
        "pay": 3,
        "undo hold": 3,
        "verify pay": 3,
    },
}
"""States in which something can go wrong, and how many attempts of each at most. Where an author
gave a step three attempts, three faults are its end; compensations and probes outlast them. Not
``review``: that a question's function has failed MiniStack sees when the question's time is up."""
UNDOS: Final = {FulfilOrder: "undo reserve", TransferMoney: "undo hold"}
QUICK: Final = ("crashes before", "crashes after", "crashes after commit", "raises", "throttled")
LONG: Final = ("hangs before", "hangs after")
BROKEN: Final = "unreadable"
APPROVE, BY_ORDERER, REJECT, NEVER = "approved", "approved by whoever ordered", "rejected", "never"
ANSWERS: Final = (APPROVE, APPROVE, APPROVE, APPROVE, BY_ORDERER, REJECT, REJECT, NEVER)


@dataclass(frozen=True, slots=True)
class Chances:
    """How probable things are, from 0 to 1.

    Attributes:
        fault: That a state goes wrong, in one attempt or more.
        slow: That what goes wrong is a participant that is slow, or hangs until its time is up.
        broken: That a saga's last compensation fails until somebody mends it.
        stop: That an execution is stopped.
        cancel: That a saga is cancelled by the operator.
    """

    fault: float = 0.25
    slow: float = 0.1
    broken: float = 0.04
    stop: float = 0.1
    cancel: float = 0.05


@dataclass(frozen=True, slots=True)
class Plan:
    """One saga.

    Attributes:
        saga: Its class.
        id: Its id.
        input: Its input.
        faults: By state, a kind for each attempt, or one for all.
        answer: What its question hears, if it asks one.
        stop, cancel: After how many seconds; None for never.
    """

    saga: type[Saga]
    id: str
    input: Order | Transfer
    faults: Mapping[str, str | list[str]] = field(default_factory=dict)
    answer: str = APPROVE
    stop: float | None = None
    cancel: float | None = None

    @property
    def asks(self) -> bool:
        """Whether a second person has to agree."""
        return isinstance(self.input, Transfer) and self.input.amount > FOUR_EYES


def draw(seed: int, number: int, chances: Chances, mark: str = "") -> Plan:
    """The plan of one saga; ``mark`` makes its id new on a stack that was there before."""
    random = Random(f"{seed}/{number}")  # noqa: S311  # a plan, not a secret
    saga: type[Saga] = random.choice((FulfilOrder, TransferMoney))
    faults: dict[str, Any] = {
        state: _kinds(random, most, chances)
        for state, most in STEPS[saga].items()
        if random.random() < chances.fault
    }
    stop = random.uniform(0, 12) if random.random() < chances.stop else None
    cancel = random.uniform(0, 12) if random.random() < chances.cancel else None
    # What is broken for good is mended by a new undo from the log. An undo from the log that fails
    # itself would need a redrive, which MiniStack does not have.
    if stop is None and cancel is None and random.random() < chances.broken:
        faults[UNDOS[saga]] = BROKEN
    name = f"{saga.__name__}-{seed}-{number}{mark}"
    given = _order(random) if saga is FulfilOrder else _transfer(random)
    return Plan(saga, name, given, faults, random.choice(ANSWERS), stop, cancel)


def _kinds(random: Random, most: int, chances: Chances) -> list[str]:
    return [_kind(random, chances) for _ in range(random.randint(1, most))]


def _kind(random: Random, chances: Chances) -> str:
    if random.random() >= chances.slow:
        return random.choice(QUICK)
    return random.choice((*LONG, "slow", "slow"))


def _order(random: Random) -> Order:
    cards, articles = (random.choices(tuple(kind), (9, 9, 2))[0] for kind in (CARDS, STOCK))
    lines = [Line(sku=articles, quantity=random.randint(1, 3))]
    total = random.randint(101, 99_999)
    return Order(customer="chaos@example.com", lines=lines, total=total, card=cards)


def _transfer(random: Random) -> Transfer:
    rich = [name for name in ACCOUNTS if name != "chaos-poor"]
    source = random.choices(tuple(ACCOUNTS), (6, 6, 6, 2))[0]
    target = random.choice([name for name in rich if name != source])
    amount = random.choice((random.randint(101, FOUR_EYES), random.randint(FOUR_EYES, 500_000)))
    return Transfer(source=source, target=target, amount=amount, ordered_by="ann")
