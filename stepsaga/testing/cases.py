"""The cases of a fault matrix: what goes wrong in one run, and how that is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stepsaga.engines.faults import CALL_FAULTS, RECORD_FAULTS
from stepsaga.errors import UsageError
from stepsaga.testing.answering import Manner
from stepsaga.testing.children import Telling

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

Pattern = str | tuple[str | None, ...]
"""One kind for every attempt, or one for each; what follows is well."""

WELL: Final = "ok"
"""An attempt without a fault, in a list of faults."""


@dataclass(frozen=True, slots=True)
class Case:
    """What goes wrong in one run of a saga.

    Attributes:
        way: The way that the saga takes.
        faults: By state, in the order in which they were thought of.
        manners: How questions are answered, and the ends of children told, where that is not at
            once.
    """

    way: str
    faults: tuple[tuple[str, Pattern], ...] = ()
    manners: tuple[tuple[str, Manner | Telling], ...] = ()

    def also(self, state: str, pattern: Pattern) -> Case:
        """The same, and one fault more; in the place of another of that state."""
        others = tuple(one for one in self.faults if one[0] != state)
        return Case(self.way, (*others, (state, pattern)), self.manners)

    def answered(self, step: str, manner: Manner | Telling) -> Case:
        """The same, with a question that is answered, or a child that is told of, in a manner."""
        others = tuple(one for one in self.manners if one[0] != step)
        return Case(self.way, self.faults, (*others, (step, manner)))

    @property
    def key(self) -> frozenset[object]:
        """What tells it from other cases: the order of faults does not."""
        return frozenset({self.way, *self.faults, *self.manners})

    @property
    def texts(self) -> tuple[str, ...]:
        """Each fault as it is written on the command line."""
        faults = (f"{state}={pattern_text(pattern)}" for state, pattern in self.faults)
        manners = (f"{step}={manner.value}" for step, manner in self.manners)
        return (*faults, *manners)

    def __str__(self) -> str:
        return ", ".join(self.texts) or "nothing goes wrong"


def pattern_text(pattern: Pattern) -> str:
    """``raises`` for every attempt; ``raises,ok`` for the first one only."""
    if isinstance(pattern, str):
        return pattern
    wanted = next((n for n in range(len(pattern), 0, -1) if pattern[n - 1]), 0)
    return ",".join([*(kind or WELL for kind in pattern[:wanted]), WELL])


def parse_faults(wanted: Sequence[str], option: str = "--fail") -> dict[str, Pattern]:
    """``["charge=times out after", "ship=raises,ok"]`` as the engine takes it.

    Raises:
        UsageError: One is not of that form, or a state is named twice.
    """
    faults: dict[str, Pattern] = {}
    for text in wanted:
        state, kinds = _split(text, option)
        if state in faults:
            raise UsageError(
                f"{option} names {state!r} twice: write its attempts in one, as in"
                f" '{state}=raises,raises,ok'"
            )
        listed = [kind.strip() for kind in kinds.split(",")]
        attempts = tuple(None if kind == WELL else kind for kind in listed)
        faults[state] = listed[0] if len(listed) == 1 and attempts[0] else attempts
    return faults


def parse_case(way: str, wanted: Sequence[str], option: str) -> Case:
    """A case as it is written on the command line: faults, and manners of answering.

    Raises:
        UsageError: One is not of that form.
    """
    manners: dict[str, Manner | Telling] = {one.value: one for one in (*Manner, *Telling)}
    answered = [one for one in wanted if _split(one, option)[1] in manners]
    faults = parse_faults([one for one in wanted if one not in answered], option)
    case = Case(way, tuple(faults.items()))
    for text in answered:
        step, manner = _split(text, option)
        case = case.answered(step, manners[manner])
    return case


def _split(text: str, option: str) -> tuple[str, str]:
    state, sign, kinds = (part.strip() for part in text.partition("="))
    if not (state and sign and kinds):
        raise UsageError(f"{option} {text!r}: write STEP=KIND, as in 'charge=times out after'")
    return state, kinds


# The matrix


@dataclass(frozen=True, slots=True)
class Task:
    """A Task that can have faults, as the matrix sees it.

    Attributes:
        state: Its name.
        record: It records the saga's end.
        handler: Whether a handler stands behind it.
        behind: It is reached only where something has failed.
        probe: It asks what became of a step: that it should lie is no fault.
        asks: The step whose question it is; empty where it is none.
        starts: The step whose child it starts; empty where it is none.
        saga: The child that it belongs to; empty for the saga itself.
        possible: What can go wrong in it at all.
        service: Step Functions itself does a step in it.
    """

    state: str
    record: bool
    handler: bool
    behind: bool
    probe: bool
    asks: str = ""
    starts: str = ""
    saga: str = ""
    possible: tuple[str, ...] = tuple(CALL_FAULTS)
    service: bool = False

    @property
    def kinds(self) -> tuple[str, ...]:
        """What can go wrong in it.

        All that can in a child is tried where that is the saga on trial. In its parent it comes to
        few things: it says no, it is in doubt, it is stuck.
        """
        if self.record:
            return tuple(RECORD_FAULTS)
        if self.service:
            return self.possible if not self.saga else ("raises", "times out after")
        if self.saga:
            return (self.failing,) if self.behind or not self.handler else OF_CHILDREN
        left_out = set()
        if self.probe:
            left_out.add("rejected")
        if self.behind or not self.handler:
            left_out.add("lands late")  # what is late on the way back is made before it
        return tuple(kind for kind in self.possible if kind not in left_out)

    @property
    def failing(self) -> str:
        """The plainest of its faults."""
        if self.record:
            return "throttled"
        if self.service:
            return "raises"
        return "raises" if self.handler else "crashes before"


@dataclass(frozen=True, slots=True)
class Seen:
    """What one run came to, as much as further cases are made of.

    Attributes:
        case: What went wrong.
        entered: How often each Task was entered.
        attempts: How often each of the Tasks that were to fail was tried.
        found: What each compensation found.
    """

    case: Case
    entered: Mapping[str, int]
    attempts: Mapping[str, int]
    found: Mapping[str, str]


OF_CHILDREN: Final = ("rejected", "times out after")
"""What goes wrong in the steps of children: they have done nothing, or nobody knows."""
MOST_ITEMS: Final = 3
"""Of a map, whose items fail one at a time."""
_HAD: Final = frozenset(
    {"times out after", "crashes after", "crashes after commit", "reply lost", "throttled"}
)
"""Faults that come after the effect."""


def going_forward(well: Seen, tasks: Sequence[Task], *, known: Collection[str] = ()) -> list[Case]:
    """Every fault of every Task that is entered where all goes well, once and for good.

    Args:
        well: A run in which nothing goes wrong.
        tasks: The saga's Tasks.
        known: Tasks to leave out.
    """
    cases = []
    for task in tasks:
        times = min(well.entered.get(task.state, 0), MOST_ITEMS)
        if not times or task.behind or task.state in known:
            continue
        for kind in task.kinds:
            once: list[Pattern] = [(*[None] * item, kind) for item in range(times)]
            cases += [well.case.also(task.state, pattern) for pattern in (*once, kind)]
        if task.asks:
            others = (manner for manner in Manner if manner is not Manner.AT_ONCE)
            cases += [well.case.answered(task.asks, manner) for manner in others]
        if task.starts:
            cases += [well.case.answered(task.starts, telling) for telling in Telling]
    return cases


def coming_back(seen: Seen, tasks: Sequence[Task]) -> list[Case]:
    """The same with what leads back failing, too: each Task behind, once and for good."""
    return [
        seen.case.also(task.state, pattern)
        for task in tasks
        if task.behind and seen.entered.get(task.state)
        for pattern in ((task.failing,), task.failing)
    ]


def behind(many: Sequence[Seen], tasks: Sequence[Task], *, each_way: bool) -> list[Case]:
    """Every fault of every Task on the way back, once and for good.

    For a compensation: where there is a result, where nobody knows and the effect was had, or was
    not, or is late, and where there is nothing to undo.

    Args:
        many: Runs that may have led there.
        tasks: The saga's Tasks.
        each_way: Whether that is done for every way through the saga on which it is reached.
    """
    cases = []
    for task in tasks:
        came = [one for one in many if task.behind and one.entered.get(task.state)]
        for one in one_of_each(came, task.state, each_way=each_way):
            cases += [one.case.also(task.state, p) for k in task.kinds for p in ((k,), k)]
    return cases


def one_of_each(many: Sequence[Seen], state: str = "", *, each_way: bool) -> list[Seen]:
    """The first of the runs that are the same to compensations: by what they find and undo.

    With ``state`` they are the same to that one.
    """
    first: dict[object, Seen] = {}
    for one in many:
        found = one.found.get(state, "") if state else frozenset(one.found.items())
        key = (one.case.way if each_way else "", found, _effect(one.case))
        first.setdefault(key, one)
    return list(first.values())


def _effect(case: Case) -> str:
    """Whether what went wrong came after an effect, or before one that lands late."""
    kinds = {kind for _, pattern in case.faults for kind in _kinds(pattern)}
    if kinds & _HAD:
        return "had"
    return "late" if "lands late" in kinds else "not had"


def _kinds(pattern: Pattern) -> Sequence[str | None]:
    return [pattern] if isinstance(pattern, str) else pattern


def pairs(many: Sequence[Seen], tasks: Sequence[Task]) -> list[Case]:
    """Every fault that can come on top of what went wrong in these runs, once.

    A second fault of the same Task comes in its second attempt.
    """
    cases = []
    for one in many:
        if len(one.case.faults) > 1 and isinstance(one.case.faults[-1][1], str):
            continue  # it is stuck there, and nothing comes on top
        known = dict(one.case.faults)
        for task in tasks:
            first = known.get(task.state)
            if first is None and one.entered.get(task.state):
                cases += [one.case.also(task.state, (kind,)) for kind in task.kinds]
            elif isinstance(first, tuple) and one.attempts.get(task.state, 0) > len(first):
                cases += [one.case.also(task.state, (*first, kind)) for kind in task.kinds]
    return cases


def new_ones(cases: Sequence[Case], known: set[frozenset[object]]) -> list[Case]:
    """The cases that are not known yet; they are from now on."""
    found = []
    for case in cases:
        if case.key not in known:
            known.add(case.key)
            found.append(case)
    return found
