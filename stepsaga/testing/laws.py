"""What must be true of every saga, however it ended and whatever went wrong (README, promises).

Each law looks at one run, and says in words where it is broken. The laws of the log hold with any
handlers; those of effects need stubs, whose world is known (`stepsaga.testing.stubs`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Final

from stepsaga.engines.endings import Ending
from stepsaga.graph import distributed_of, steps_of
from stepsaga.store.commits import Outcome
from stepsaga.store.events import effects_left
from stepsaga.store.slots import key_of, service_key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from stepsaga.graph import SagaGraph
    from stepsaga.store.commits import Commit, EventRecord
    from stepsaga.testing.world import World

UNCATCHABLE: Final = frozenset({"States.Runtime", "States.ExceedToleratedFailureThreshold"})
"""Errors that no catcher sees, so that nothing would be undone.
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html"""
TERMINAL: Final = frozenset({"SagaCompleted", "SagaCompensated"})
_ENDS: Final[Mapping[Ending, Sequence[Sequence[str]]]] = {
    Ending.COMPLETED: [["SagaCompleted"]],
    Ending.COMPENSATED: [["SagaCompensated"]],
    # The last step's reply was lost again and again: all is done, and the log says so.
    Ending.STUCK: [[], ["SagaCompleted"]],
}
"""With which ends in the log an execution may end."""

Place = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Broken:
    """A law that does not hold, and where."""

    law: str
    text: str


@dataclass(frozen=True)
class Story:
    """One run, as the laws look at it.

    Attributes:
        graph: The saga.
        ending: How it ended.
        error: The execution's error, if any.
        commits: The run's commits.
        world: What the stubs have done; None where the handlers are the project's own.
        stream: The saga's stream, where it is a child; empty for the saga that is on trial.
        children: What became of the children that it has started.
    """

    graph: SagaGraph
    ending: Ending
    error: str
    commits: Sequence[Commit]
    world: World | None = None
    stream: str = ""
    children: Sequence[Story] = ()

    @cached_property
    def places(self) -> Mapping[str, Place]:
        """The parts of each slot below the run, by the slot's key."""
        return {self.key(one): place_of(one.slot) for one in self.commits}

    def key(self, commit: Commit) -> str:
        """The idempotency key of the slot that a commit is in."""
        of_step = commit.outcome is not Outcome.COMPENSATED and step_of(commit) in self.services
        return (service_key_of if of_step else key_of)(commit.stream_id, commit.slot)

    @cached_property
    def services(self) -> set[str]:
        """The steps that Step Functions itself does."""
        return {node.name for node in steps_of(self.graph.nodes) if node.service}

    @cached_property
    def silent(self) -> set[str]:
        """The steps that have no effect of their own, however late they land."""
        steps = {n.name for n in steps_of(self.graph.nodes) if n.read_only or n.child}
        return steps | {node.name for node, _ in distributed_of(self.graph.nodes)}

    @cached_property
    def results(self) -> set[str]:
        """The keys of the steps that have an effect and a result."""
        return {
            self.key(commit)
            for commit in self.commits
            if commit.outcome is Outcome.RESULT and step_of(commit) not in self.silent
        }

    @cached_property
    def undone(self) -> set[str]:
        """The keys of the steps that were undone by their results."""
        return {
            commit.causation_id
            for commit in self.commits
            if commit.outcome is Outcome.COMPENSATED
            and found_by(commit) == "result"
            and step_of(commit) not in self.silent
        }

    def named(self, key: str) -> str:
        """The step of a key, as people read it."""
        for commit in self.commits:
            if key == self.key(commit):
                lane = "/".join(map(str, place_of(commit.slot)))
                return f"{step_of(commit)} (slot {lane})"
        return f"a step that the log does not name (key {key})"


def broken_laws(story: Story) -> list[Broken]:
    """Every law that a run breaks, or one of its children, with where it does."""
    of = f"{story.stream}: " if story.stream else ""
    own = [Broken(law, f"{of}{text}") for law, check in LAWS.items() for text in check(story)]
    return own + [one for child in story.children for one in broken_laws(child)]


def place_of(slot: str) -> Place:
    """A slot's parts below the run: ``(2, 1000001, 1)``."""
    return tuple(int(part) for part in slot.split("/")[1:] if part.isdigit())


def step_of(commit: Commit) -> str:
    """The step that a commit tells of; empty where it is the saga."""
    data = (event.data for event in commit.events if isinstance(event.data, dict))
    return next((str(one["step"]) for one in data if "step" in one), "")


def found_by(commit: Commit) -> str:
    """What a compensation was given, by its commit."""
    told = (event.data for event in commit.events if event.type == "StepCompensated")
    return next((str(data["found"]) for data in told), "")


def _ends(story: Story) -> Iterator[str]:
    if story.ending not in {Ending.COMPLETED, Ending.COMPENSATED, Ending.STUCK}:
        yield f"it is {story.ending.value}"
    if story.error in UNCATCHABLE:
        yield f"it died of {story.error}, which nothing can catch"


def _log_ends_as_the_saga_does(story: Story) -> Iterator[str]:
    ends = [e.type for one in story.commits for e in one.events if e.type in TERMINAL]
    undone = story.stream and story.ending is Ending.COMPENSATED
    # A child can be completed, and undone with its parent.
    if ends not in _ENDS.get(story.ending, ()) and not (undone and set(ends) == TERMINAL):
        told = " and ".join(ends) or "no ending"
        yield f"the saga is {story.ending.value}, and the log says {told}"
    first = next(iter(story.commits), None)
    if first and all(event.type != "SagaStarted" for event in first.events):
        yield f"the first commit ({first.slot}) does not say who began the saga"


def _refusals_count(story: Story) -> Iterator[str]:
    tolerated = {node.slot[0] for node, _ in distributed_of(story.graph.nodes)}
    if story.ending is Ending.COMPLETED:
        for commit in story.commits:
            lane = place_of(commit.slot)
            if len(lane) > 1 and lane[0] in tolerated:
                continue  # so much may fail, and is undone
            if commit.outcome is Outcome.REJECTED:
                yield f"{step_of(commit)} was rejected, and the saga is completed"


def _nothing_is_left(story: Story) -> Iterator[str]:
    for step in effects_left(story.commits):
        if step not in story.silent:
            yield f"an effect of {step} landed after its undoing, and stands"
    if story.world and story.ending is Ending.COMPENSATED:
        for key in sorted(story.world.standing):
            yield f"the effect of {story.named(key)} stands"


def _undone_once(story: Story) -> Iterator[str]:
    undone = story.world.undone if story.world else []
    for key in dict.fromkeys(key for key in undone if undone.count(key) > 1):
        yield f"{story.named(key)} was undone {undone.count(key)} times"


def _claimed_once(story: Story) -> Iterator[str]:
    for key in story.world.twice if story.world else []:
        yield f"{story.named(key)} had its effect twice, and is claimed (rule 27)"


def _backwards(story: Story) -> Iterator[str]:
    told = [one for one in story.commits if found_by(one) in {"result", "doubt"}]
    told.sort(key=lambda one: (one.recorded_at, one.slot))
    places = {one.commit_id: place_of(one.slot) for one in told}
    for earlier, later in out_of_order([one.commit_id for one in told], places, forward=True):
        names = {one.commit_id: step_of(one) for one in told}
        yield f"undo {names[earlier]} was recorded before undo {names[later]}"
    if story.world:
        for earlier, later in out_of_order(story.world.done, story.places, forward=True):
            yield f"{story.named(earlier)} had its effect before {story.named(later)}"
        for earlier, later in out_of_order(story.world.undone, story.places, forward=False):
            yield f"{story.named(earlier)} was undone before {story.named(later)}"


def out_of_order(
    keys: Iterable[str], places: Mapping[str, Place], *, forward: bool
) -> Iterator[tuple[str, str]]:
    """Pairs of one lane that came in the wrong order; lanes are beside one another.

    Args:
        keys: In the order in which they came.
        places: Their slots; those that have none are passed over.
        forward: Whether slots count up.
    """
    known = [key for key in keys if key in places]
    for earlier, later in combinations(known, 2):
        one, two = places[earlier], places[later]
        position = next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), None)
        # Slots stand at even positions, and between them the indices of lanes.
        in_one_lane = position is not None and position % 2 == 0
        if in_one_lane and (one < two) is not forward:
            yield earlier, later


def _log_tells(story: Story) -> Iterator[str]:
    if story.world is None:
        return
    for key in sorted(story.results - set(story.world.done)):
        yield f"the log has a result of {story.named(key)}, which had no effect"
    for key in sorted(story.undone - set(story.world.undone)):
        yield f"the log says that {story.named(key)} was undone, and it was not"
    if story.ending is Ending.COMPLETED:
        for key in sorted(story.world.standing ^ (story.results - story.undone)):
            stands = "stands" if key in story.world.standing else "does not stand"
            yield f"the effect of {story.named(key)} {stands}, and the log says otherwise"


def _children_follow(story: Story) -> Iterator[str]:
    """What a saga has started ends as it does."""
    awaited = {event.data["child"] for _, event in _awaited(story)}
    for child in story.children:
        if child.stream not in awaited:
            yield f"nobody waits for {child.stream}"
        if story.ending in {Ending.COMPLETED, Ending.COMPENSATED} and child.ending != story.ending:
            yield f"it is {story.ending.value}, and its child {child.stream} {child.ending.value}"


def _children_come_first(story: Story) -> Iterator[str]:
    """A step has a result, or is undone, after its child is."""
    children = {child.stream: child for child in story.children}
    outcomes = {one.slot: one for one in story.commits}
    for commit, event in _awaited(story):
        told = outcomes.get(commit.slot.partition("/token/")[0])
        child = children.get(event.data["child"])
        if told is None or child is None or told.outcome is Outcome.SEALED:
            continue
        end = "SagaCompleted" if told.outcome is Outcome.RESULT else "SagaCompensated"
        ends = [one for one in child.commits for e in one.events if e.type == end]
        if all(one.recorded_at > told.recorded_at for one in ends):
            yield f"{event.data['step']} is {told.outcome.value}, and {child.stream} was not before"


def _awaited(story: Story) -> Iterator[tuple[Commit, EventRecord]]:
    """Who has waited for which child."""
    for commit in story.commits:
        for event in commit.events:
            if event.type == "ChildAwaited":
                yield commit, event


LAWS: Final[Mapping[str, Callable[[Story], Iterator[str]]]] = {
    "a saga ends completed, compensated or stuck": _ends,
    "the log ends as the saga does": _log_ends_as_the_saga_does,
    "what is rejected is not completed": _refusals_count,
    "what was undone has left nothing": _nothing_is_left,
    "nothing is undone twice": _undone_once,
    "what is claimed happens once": _claimed_once,
    "steps go forward in order, and back in reverse": _backwards,
    "the log tells what has happened": _log_tells,
    "children end as their parent does": _children_follow,
    "a step is done, and undone, when its child is": _children_come_first,
}
"""Each law in words, and where a run breaks it."""
