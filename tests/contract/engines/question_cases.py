"""Cases of questions: sagas that ask, and what somebody says to them, when, and how often."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from stepsaga import Approved
from stepsaga.engines.endings import Ending
from tests.questions.office import AskBeside, AskEach, AskFirst, AskLast, Buy, Pickup

if TYPE_CHECKING:
    from stepsaga.authoring import Saga
    from stepsaga.client import Client

Times = Mapping[str, int | None]
SOON: Final = 0.3
"""Seconds after which somebody answers who was asked."""
BRIEFLY: Final[Times] = {"TimeoutSeconds": 5}
"""How long a question is open that nobody answers: longer than a busy computer takes to ask it."""
SILENCE: Final[Times] = {"TimeoutSeconds": 8, "HeartbeatSeconds": 4}
WATCHED: Final[Times] = {"TimeoutSeconds": 60, "HeartbeatSeconds": 5}


@dataclass(frozen=True)
class Desk:
    """From where somebody speaks: to the saga of a case, by a client of its engine.

    Attributes:
        unheard: A client whose messages get lost: what it says is recorded, and no Task hears it.
    """

    client: Client
    unheard: Client
    saga: type[Saga]
    id: str


Act = Callable[[Desk], object]


@dataclass(frozen=True)
class Says:
    """Something that is said, so many seconds after a question or after what was said before."""

    act: Act
    after: float = SOON


@dataclass(frozen=True)
class Asking:
    """One run.

    Attributes:
        name: Its id in the tests, and the name of its execution.
        saga: What is run.
        says: What is said once a step has asked, by the step, or by step and lane: ``lines 0``.
        ends: How it ends.
        done: What then stands.
        said: What came of what was said, question by question: whether it was the first, or the
            error.
        input: Besides what every purchase has.
        times: Other times of a state; None for none.
        refuses: How often the office cannot be asked.
        together: Whether parts of it happen at the same time: their order is not compared.
        calls: The calls in order, as in `Run.order`; not looked at by default.
    """

    name: str
    saga: type[Saga]
    says: Mapping[str, tuple[Says, ...]]
    ends: Ending
    done: tuple[str, ...] = ()
    said: tuple[object, ...] = ()
    input: Mapping[str, Any] = field(default_factory=dict)
    times: Mapping[str, Times] = field(default_factory=dict)
    refuses: int = 0
    together: bool = False
    calls: tuple[str, ...] = ()


def approves(step: str = "review", *, by: str = "ann", lane: str | None = None) -> Act:
    """Somebody approves."""
    return partial(_answers, step, Approved(by=by), lane)


def answers(step: str, value: Any) -> Act:
    """Somebody answers with a value."""
    return partial(_answers, step, value, None)


def _answers(step: str, value: Any, lane: str | None, desk: Desk) -> object:
    return desk.client.answer(desk.saga, desk.id, step, value, lane=lane)


def rejects(step: str = "review", *, lane: str | None = None) -> Act:
    """Somebody rejects, with a reason."""

    def act(desk: Desk) -> object:
        told = {"by": "ann", "why": "too dear"}
        return desk.client.reject(desk.saga, desk.id, step, lane=lane, **told)

    return act


def beats(step: str) -> Act:
    """Somebody says that they are at work."""

    def act(desk: Desk) -> None:
        desk.client.heartbeat(desk.saga, desk.id, step)

    return act


def unheard(step: str = "review") -> Act:
    """Somebody approves, and the message gets lost."""

    def act(desk: Desk) -> object:
        return desk.unheard.answer(desk.saga, desk.id, step, Approved(by="ann"))

    return act


def says(*acts: Act) -> tuple[Says, ...]:
    """One after the other."""
    return tuple(map(Says, acts))


COMPLETED, COMPENSATED = Ending.COMPLETED, Ending.COMPENSATED
APPROVED: Final = {"review": says(approves())}
TUESDAY: Final = {"pickup": says(answers("pickup", Pickup(day="Tuesday")))}
BOUGHT: Final = ("hold", "order")
OTHERS: Final = "AnsweredAlready"
_LINES: Final = {"lines": ["x", "y"]}
_EACH: Final = {
    f"lines {lane}": says(approves("lines", by=f"b{lane}", lane=lane)) for lane in ("0", "1")
}
_CASES: Final = (
    # At the root
    Asking("answered", Buy, {**APPROVED, **TUESDAY}, COMPLETED, BOUGHT, (True, True)),
    Asking(
        "answered-twice",
        Buy,
        {
            "review": says(approves(), approves(), approves(by="eve"), rejects()),
            **TUESDAY,
        },
        COMPLETED,
        BOUGHT,
        (True, False, OTHERS, OTHERS, True),
    ),
    Asking("rejected", Buy, {"review": says(rejects())}, COMPENSATED, said=(True,)),
    Asking(
        "rejected-twice",
        Buy,
        {"review": says(rejects(), rejects(), approves())},
        COMPENSATED,
        said=(True, False, OTHERS),
    ),
    Asking("asked-first", AskFirst, APPROVED, COMPLETED, ("hold",), (True,)),
    Asking("asked-last", AskLast, APPROVED, COMPLETED, ("hold",), (True,)),
    Asking("asked-last-rejected", AskLast, {"review": says(rejects())}, COMPENSATED, said=(True,)),
    # Nobody answers in time
    Asking("time-is-up-rejects", Buy, {}, COMPENSATED, times={"review": BRIEFLY}),
    Asking("time-is-up-approves", AskFirst, {}, COMPLETED, ("hold",), times={"review": BRIEFLY}),
    Asking(
        "time-is-up-is-a-value",
        Buy,
        APPROVED,
        COMPLETED,
        BOUGHT,
        (True,),
        times={"pickup": {**BRIEFLY, "HeartbeatSeconds": None}},
    ),
    Asking("time-is-up-last", AskLast, {}, COMPENSATED, times={"review": BRIEFLY}),
    Asking(
        "answered-too-late",
        Buy,
        {"review": (Says(approves(), 9),)},
        COMPENSATED,
        said=(OTHERS,),
        times={"review": BRIEFLY},
    ),
    # Whoever works at it says so
    Asking("no-heartbeat", Buy, APPROVED, COMPLETED, BOUGHT, (True,), times={"pickup": SILENCE}),
    Asking(
        "no-heartbeat-rejects",
        AskLast,
        {},
        COMPENSATED,
        times={"review": SILENCE},
    ),
    Asking(
        "heartbeats",
        Buy,
        {
            **APPROVED,
            "pickup": (
                *[Says(beats("pickup"), 2)] * 3,
                Says(answers("pickup", Pickup(day="Tuesday"))),
            ),
        },
        COMPLETED,
        BOUGHT,
        (True, *[None] * 3, True),
        times={"pickup": WATCHED},
    ),
    # What can go wrong on the way
    Asking(
        "message-lost",
        AskLast,
        {"review": says(unheard())},
        COMPLETED,
        ("hold",),
        (True,),
        times={"review": BRIEFLY},
    ),
    Asking(
        "message-lost-then-again",
        AskLast,
        {"review": says(unheard(), approves())},
        COMPLETED,
        ("hold",),
        (True, False),
    ),
    # By then it has been asked again.
    Asking(
        "asked-again",
        AskFirst,
        {"review": (Says(approves(), 3),)},
        COMPLETED,
        ("hold",),
        (True,),
        refuses=1,
        calls=("review", "review again", "hold"),
    ),
    Asking(
        "answered-before-asked-again",
        AskLast,
        {"review": (Says(unheard(), 0),)},
        COMPLETED,
        ("hold",),
        (True,),
        times={"review": BRIEFLY},
        refuses=1,
        calls=("hold", "review", "review again"),
    ),
    Asking("cannot-be-asked", AskFirst, {}, COMPENSATED, times={"review": BRIEFLY}, refuses=9),
    Asking(
        "is-not-to-be-asked",
        Buy,
        {},
        COMPENSATED,
        input={"trouble": "nobody"},
        times={"review": BRIEFLY},
    ),
    # In lanes
    Asking(
        "in-a-branch",
        AskBeside,
        {"review 0": APPROVED["review"]},
        COMPLETED,
        ("pack",),
        (True,),
        together=True,
    ),
    Asking(
        "in-a-branch-rejected",
        AskBeside,
        {"review 0": says(rejects())},
        COMPENSATED,
        said=(True,),
        together=True,
    ),
    Asking(
        "in-a-branch-time-is-up",
        AskBeside,
        {},
        COMPENSATED,
        times={"both.review": BRIEFLY},
        together=True,
    ),
    Asking("in-items", AskEach, _EACH, COMPLETED, ("hold",), (True, True), _LINES, together=True),
    Asking(
        "in-items-one-rejected",
        AskEach,
        {**_EACH, "lines 1": says(rejects("lines", lane="1"))},
        COMPENSATED,
        (),
        (True, True),
        _LINES,
        together=True,
    ),
    Asking(
        "in-items-one-silent",
        AskEach,
        {"lines 1": _EACH["lines 1"]},
        COMPENSATED,
        (),
        (True,),
        _LINES,
        times={"each.lines": BRIEFLY},
        together=True,
    ),
)
ASKING: Final[Mapping[str, Asking]] = {f"question-{case.name}": case for case in _CASES}
"""The cases by their names."""
