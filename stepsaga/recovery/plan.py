"""What is to be undone next, from a run's graph and its log (rules 9, 13 and 17).

Nothing is remembered between two looks: each reads what the slots hold. So a plan can be made any
number of times, by anybody, and what was done in the meantime is not done again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from stepsaga.graph import Role
from stepsaga.recovery.places import slots_of, undo_slots_of
from stepsaga.recovery.reached import Side, Step
from stepsaga.store.commits import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stepsaga.recovery.log import Log, Parts
    from stepsaga.recovery.reached import Reached


class Kind(StrEnum):
    """What is done to a step."""

    SEAL = "seal"
    """Nothing may be recorded for it any more."""
    ASK = "ask"
    """Its probe says what became of it."""
    UNDO = "undo"
    """Its compensation is called."""
    RUN = "run"
    """Its handler is called: its saga only goes forward."""


@dataclass(frozen=True, slots=True)
class Move:
    """One thing to do, to one step in one lane."""

    kind: Kind
    step: Step
    late: int = 0
    """Which of its effects that landed late is undone; 0 for the step itself."""

    @property
    def key(self) -> str:
        """What tells it from all others of its run: ``undo 00004/1000001/00001``."""
        parts = (*slots_of(self.step.lanes), *self.step.node.slot)
        late = f" late {self.late}" if self.late else ""
        return f"{self.kind.value} {'/'.join(f'{part:05d}' for part in parts)}{late}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What comes next.

    Attributes:
        seals: What is to be sealed before anything else.
        moves: What can be done now, side by side.
        blocked: What has failed, and holds up what was before it.
        final: The step that makes undoing impossible: it is the point of no return, or behind it,
            and it is done.
    """

    seals: tuple[Move, ...] = ()
    moves: tuple[Move, ...] = ()
    blocked: tuple[Move, ...] = ()
    final: Step | None = None

    @property
    def done(self) -> bool:
        """Whether nothing is left to undo."""
        return not (self.seals or self.moves or self.blocked or self.final)


def plan(tree: Iterable[Reached], log: Log, failed: frozenset[str] = frozenset()) -> Plan:
    """What to do next.

    Args:
        tree: What the run has reached.
        log: Its commits.
        failed: The keys of moves that have failed, and are not tried again now.
    """
    tree = tuple(tree)
    if (final := _final(tree)) is not None:
        return Plan(final=final)
    seals = tuple(Move(Kind.SEAL, step) for step in steps_in(tree) if _to_seal(step))
    if seals:
        return Plan(seals=seals)
    moves = tuple(_ready(tree, log, failed))
    return Plan(
        moves=tuple(move for move in moves if move.key not in failed),
        blocked=tuple(move for move in moves if move.key in failed),
    )


MOST_LEFT: Final = 1_000
"""Calls of one undo from the log: each is a dozen events of a history of 25,000."""


def left(tree: Iterable[Reached], log: Log) -> int:
    """How many calls undoing all of it may take yet."""
    return sum(_move(step, log) is not None for step in steps_in(tree))


def steps_in(tree: Iterable[Reached]) -> Iterable[Step]:
    """Every step that was reached."""
    for one in tree:
        match one:
            case Step():
                yield one
            case Side(lanes=lanes):
                for lane in lanes:
                    yield from steps_in(lane)


FINAL: Final = (Role.PIVOT, Role.RETRIABLE)
"""What nobody undoes once it is done, nor what was before it."""


def _final(tree: tuple[Reached, ...]) -> Step | None:
    """The step after which nothing is undone (rule 16).

    A retriable step that may be running is one as well: nothing takes its effect back.
    """
    for step in steps_in(tree):
        role = step.node.role
        if role in FINAL and (step.has_result or (role is Role.RETRIABLE and step.is_open)):
            return step
    return None


def _to_seal(step: Step) -> bool:
    """Whether it may be running, and its slot alone decides what became of it.

    A probe looks before anything is decided; who claims decides where the claim is (rule 27).
    """
    return step.is_open and step.node.verify is None and not step.node.claim


def _ready(tree: tuple[Reached, ...], log: Log, failed: frozenset[str]) -> Iterable[Move]:
    """The last of a sequence that is not undone; of a fork the last of each lane."""
    for one in reversed(tree):
        if isinstance(one, Step):
            found = [move] if (move := _move(one, log)) else []
        else:
            found = [move for lane in one.lanes for move in _ready(lane, log, failed)]
        if found:
            yield from found
            return


def _move(step: Step, log: Log) -> Move | None:
    """What is to be done to a step; None where that is nothing, or done."""
    node, commit = step.node, step.commit
    late = log.late(parts_of(step))
    if commit is not None and commit.outcome is Outcome.REJECTED and not late:
        return None
    if commit is None and (node.verify or node.compensation is None):
        # What is claimed without a probe only a person can settle, where somebody claimed it.
        return Move(Kind.ASK, step)
    if node.compensation is None:
        return None
    at = (*undo_slots_of(step.lanes), *node.compensation.slot)
    if log.at(at) is None:
        return Move(Kind.UNDO, step)
    return Move(Kind.UNDO, step, late) if late else None


def parts_of(step: Step) -> Parts:
    """A step's own slot."""
    return (*slots_of(step.lanes), *step.node.slot)
