"""One run's commits, by where they stand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from stepsaga.runtime.generations import goes_forward, latest_in
from stepsaga.store.commits import Outcome
from stepsaga.store.events import late_effects_left, types_in
from stepsaga.store.saga_events import (
    InputChecked,
    SagaCompensated,
    SagaCompleted,
    SagaStarted,
    StepCompleted,
    UndoStarted,
)
from stepsaga.store.slots import began, iso, run_of, slot_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from stepsaga.store.commits import Commit
    from stepsaga.store.protocol import EventStore, StreamReader

Parts = tuple[int, ...]


DECIDED: Final = frozenset({Outcome.REJECTED, Outcome.SEALED})
"""What leads to the way back, where it stands at the root: lanes wait for each other first."""


@dataclass(frozen=True, slots=True)
class Items:
    """What is recorded of a distributed map: in how many streams, and its items."""

    shards: int
    items: tuple[Any, ...]


class Log:
    """The commits of one run.

    Args:
        run: The execution's start, as its slots begin.
        commits: Of the run; others are left out.
        items: Of distributed maps, by their slot, where they were read: `stepsaga.recovery.many`.
    """

    def __init__(
        self, run: str, commits: Iterable[Commit], items: Mapping[int, Items] | None = None
    ) -> None:
        self.run = run
        self.items = items or {}
        self.commits = tuple(one for one in commits if one.slot.startswith(f"{run}/"))
        slots = ((commit.slot.split("/")[1:], commit) for commit in self.commits)
        numbered = ((parts, commit) for parts, commit in slots if all(map(str.isdigit, parts)))
        self._outcomes = {tuple(map(int, parts)): commit for parts, commit in numbered}

    def at(self, parts: Parts) -> Commit | None:
        """What a slot holds."""
        return self._outcomes.get(parts)

    def result(self, parts: Parts) -> Any:
        """The result in a slot, as it is recorded; None where there is none."""
        commit = self.at(parts)
        if commit is None or commit.outcome is not Outcome.RESULT:
            return None
        return _datum(commit, StepCompleted.__name__, "value")

    def late(self, parts: Parts) -> int:
        """The number of an effect that landed late in a slot, and is not undone; 0 for none."""
        prefix = f"{slot_text(self.run, parts)}/late/"
        left = [one.slot for one in self.late_left if one.slot.startswith(prefix)]
        return int(left[0].removeprefix(prefix)) if left else 0

    @cached_property
    def late_left(self) -> tuple[Commit, ...]:
        """The effects that landed late and are not undone."""
        return tuple(late_effects_left(self.commits))

    def below(self, parts: Parts) -> Iterable[Parts]:
        """The slots under this one that hold something."""
        return (one for one in self._outcomes if one[: len(parts)] == parts and one != parts)

    @cached_property
    def types(self) -> set[str]:
        """The types of its events."""
        return types_in(self.commits)

    @property
    def latest(self) -> tuple[int, Commit | None]:
        """The latest undo from the log; see `stepsaga.runtime.generations.latest`."""
        return latest_in(self.commits)

    @property
    def fingerprint(self) -> str:
        """Of the run's release; empty where nothing is recorded."""
        return self.commits[0].fingerprint if self.commits else ""

    @property
    def execution(self) -> str:
        """The ARN of the run's execution; empty where nothing is recorded."""
        return next(filter(None, map(execution_of, self.commits)), "")

    @property
    def has_ended(self) -> bool:
        """Whether it tells the saga's end, and nobody has asked to undo even that."""
        if SagaCompensated.__name__ in self.types:
            return True
        events = [event for commit in self.commits for event in commit.events]
        begun = [event.data for event in events if event.type == UndoStarted.__name__]
        # What turned out to be past its point of no return was asked to be undone in vain.
        if goes_forward(self.latest[1]):
            begun = []
        return SagaCompleted.__name__ in self.types and not any(one["completed"] for one in begun)

    @property
    def is_over(self) -> bool:
        """Whether it tells the saga's end, and nothing stands that has landed after it."""
        return self.has_ended and not self.late_left

    @property
    def goes_back(self) -> bool:
        """Whether the saga's own execution undoes it already."""
        return any(
            one.outcome is Outcome.COMPENSATED
            or (one.outcome in DECIDED and one.slot.count("/") == 1)
            for one in self.commits
        )

    @property
    def started(self) -> Commit | None:
        """A commit that says with what the run was started."""
        return next((one for one in self.commits if _has(one, SagaStarted.__name__)), None)

    @property
    def input(self) -> Any:
        """What the run was started with; as its model writes it, where that was asked for."""
        if (checked := self.checked) is not None:
            return checked
        return _datum(self.started, SagaStarted.__name__, "input") if self.started else None

    @cached_property
    def checked(self) -> Any:
        """The input as its model writes it; None where nobody has asked for it."""
        found = [one for one in self.commits if one.outcome is Outcome.CHECKED]
        return _datum(found[-1], InputChecked.__name__, "input") if found else None


def log_of(store: EventStore | StreamReader, stream: str, started: datetime) -> Log:
    """The log of the run that began then: its slots begin with its start, in Step Functions' words.

    Raises:
        StoreError: What the store raises.
    """
    commits = list(store.read(stream))
    own = next((run for run in map(run_of, commits) if began(run, started)), iso(started))
    return Log(own, commits)


def execution_of(commit: Commit) -> str:
    """The ARN of the execution that led to a commit; empty where another commit did."""
    return commit.causation_id if ":execution:" in commit.causation_id else ""


def _has(commit: Commit, kind: str) -> bool:
    return any(event.type == kind for event in commit.events)


def _datum(commit: Commit, kind: str, field: str) -> Any:
    data = next(event.data for event in commit.events if event.type == kind)
    # Step Functions itself writes the whole of `$$.Execution` (rule 8).
    return data[field] if field in data else data.get(field.capitalize())
