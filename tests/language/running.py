"""One run of any saga, and what must be true of it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from stepsaga.asl import build
from stepsaga.engines.endings import Ending, ending_of
from stepsaga.engines.simulator import Simulator
from stepsaga.graph import steps_of
from stepsaga.store.commits import Outcome
from stepsaga.store.counting import CountingStore
from stepsaga.store.memory import MemoryStore
from stepsaga.store.slots import key_of
from tests.language.stubs import Handlers, World

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stepsaga.engines.protocol import ExecutionView
    from stepsaga.store.commits import Commit
    from tests.language.sagas import AnySaga

REDRIVES = 50
"""More than there are Tasks that one fault can make fail, of claimed steps one at a time."""


@dataclass
class Done:
    """A run that has ended."""

    saga: AnySaga
    view: ExecutionView
    world: World
    commits: list[Commit]
    transitions: int
    writes: int
    reads: int
    redrives: int
    struck: bool

    @property
    def slots(self) -> list[tuple[int, ...]]:
        """Of every step that has a result."""
        return [_parts(one.slot) for one in self.commits if one.outcome is Outcome.RESULT]

    @property
    def undone(self) -> list[str]:
        """The steps whose effects were taken back, in that order."""
        steps = {
            key_of(one.stream_id, one.slot): one.events[-1].data["step"]
            for one in self.commits
            if one.outcome is Outcome.RESULT
        }
        return [steps[key] for key in self.world.undone]

    @property
    def ending(self) -> Ending:
        """How it ended."""
        return ending_of(self.view)


def run(
    saga: AnySaga,
    faults: Mapping[str, str | Sequence[str | None]] | None = None,
    *,
    redrive: bool = True,
) -> Done:
    """Run a saga to its end; what is stuck is redriven, as an operator does after the fix."""
    world, store = World(), CountingStore(MemoryStore())
    simulator = Simulator.for_sagas(
        [build(saga.graph)],
        store=store,
        resolve=Handlers(saga.graph, world, saga.values).resolve,
        faults=faults,
    )
    arn = simulator.start("Any", saga.input, name="one")
    view = simulator.wait(arn)
    redrives = 0
    while redrive and ending_of(view) is Ending.STUCK and redrives < REDRIVES:
        assert view.error != "States.Runtime", view.cause
        simulator.redrive(arn)
        view = simulator.wait(arn)
        redrives += 1
    simulator.settle()
    counts = store.counts
    return Done(
        saga,
        view,
        world,
        list(store.read("Any#one")),
        simulator.transitions(arn),
        counts.writes,
        counts.reads,
        redrives,
        bool(simulator.faults and simulator.faults.injected),
    )


def assert_laws(done: Done) -> None:
    """What is true of every saga, however it ended."""
    assert not done.world.twice, "what is claimed is done once (rule 27)"
    if done.ending is Ending.STUCK:
        assert_waits_for_a_person(done)
    else:
        assert done.ending in {Ending.COMPLETED, Ending.COMPENSATED}
    places = {key_of("Any#one", commit.slot): _parts(commit.slot) for commit in done.commits}
    assert_in_order(done.world.done, places, forward=True)
    assert_in_order(done.world.undone, places, forward=False)
    assert len(set(done.world.undone)) == len(done.world.undone)
    if done.ending is Ending.COMPENSATED:
        assert not done.world.standing
    assert_log_tells(done)
    assert_given(done)


def assert_waits_for_a_person(done: Done) -> None:
    """Only a claim without a result stops a saga, where nothing can tell what became of it."""
    told = f"{done.view.error}: {done.view.cause}"
    assert done.view.error == "StepFailedForGood", told
    assert any(_unsettled(done)), told


def _unsettled(done: Done) -> Iterator[str]:
    """The slots of claimed steps that hold nothing, and that no probe can fill."""
    alone = {n.name for n in steps_of(done.saga.graph.nodes) if n.claim and not n.verify}
    filled = {commit.slot for commit in done.commits}
    for commit in done.commits:
        step = next((event.data.get("step") for event in commit.events if "step" in event.data), "")
        slot = commit.slot.removesuffix("/claim")
        if commit.outcome is Outcome.CLAIMED and step in alone and slot not in filled:
            yield slot


def _parts(slot: str) -> tuple[int, ...]:
    return tuple(int(part) for part in slot.split("/")[1:] if part.isdigit())


def assert_in_order(
    keys: Sequence[str], places: Mapping[str, tuple[int, ...]], *, forward: bool
) -> None:
    """In one lane effects come in the order of its slots, and go in the reverse."""
    known = [places[key] for key in keys if key in places]
    for earlier, later in combinations(known, 2):
        position = next(
            (i for i, (a, b) in enumerate(zip(earlier, later, strict=False)) if a != b), None
        )
        if position is not None and position % 2 == 0:
            assert (earlier[position] < later[position]) is forward, (earlier, later)


def assert_log_tells(done: Done) -> None:
    """The log alone tells the same story as the world."""
    silent = {node.name for node in steps_of(done.saga.graph.nodes) if node.read_only}
    results, undone = set(), set()
    ends = []
    for commit in done.commits:
        types = {event.type for event in commit.events}
        ends += [one for one in types if one in {"SagaCompleted", "SagaCompensated"}]
        step = next((event.data.get("step") for event in commit.events if "step" in event.data), "")
        if commit.outcome is Outcome.RESULT and step not in silent:
            results.add(key_of(commit.stream_id, commit.slot))
        if commit.outcome is Outcome.COMPENSATED and any(
            event.data.get("found") == "result" for event in commit.events
        ):
            undone.add(commit.causation_id)
    ended = {Ending.COMPLETED: ["SagaCompleted"], Ending.COMPENSATED: ["SagaCompensated"]}
    assert ends == ended.get(done.ending, [])
    assert any(event.type == "SagaStarted" for event in done.commits[0].events), "who began it?"
    assert results <= set(done.world.done)
    assert undone <= set(done.world.undone)
    if done.ending is Ending.COMPLETED:
        assert done.world.standing == results - undone


def assert_given(done: Done) -> None:
    """Each handler was given what the steps before it returned: lists where they are in maps."""
    at_root = {
        event.data["step"]
        for commit in done.commits
        if commit.outcome is Outcome.RESULT and len(_parts(commit.slot)) == 1
        for event in commit.events
        if event.type == "StepCompleted"
    }
    for step, given in done.world.given:
        for name, value in given.items():
            # Undoing hears of what stands in the log, or is told that there is nothing.
            assert value is not None or not step.startswith("undo") or name not in at_root
            for leaf in _leaves(value):
                if name.startswith("i"):
                    assert set(leaf) == {"k", "sub"}, (step, name)
                elif leaf is not None:
                    assert leaf["step"] == name, (step, name, leaf)


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    return [value]
