"""One run of any saga, and what must be true of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl import build
from stepsaga.engines.endings import Ending, ending_of
from stepsaga.engines.simulator import Simulator
from stepsaga.graph import Role, steps_of
from stepsaga.store.commits import EventRecord, Outcome
from stepsaga.store.counting import CountingStore
from stepsaga.store.memory import MemoryStore
from stepsaga.store.slots import key_of
from tests.language.answering import Asked
from tests.language.stubs import Handlers, World

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stepsaga.engines.protocol import ExecutionView
    from stepsaga.store.commits import Commit
    from stepsaga.store.protocol import EventStore
    from tests.language.sagas import AnySaga

REDRIVES: Final = 50
"""More than there are Tasks that one fault can make fail, of claimed steps one at a time."""

IN_VAIN: Final = 3
"""So many redrives do not help where a claim waits for a person."""


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
    bucket: str = "",
) -> Done:
    """Run a saga to its end; what is stuck is redriven, as an operator does after the fix."""
    inner = MemoryStore(bucket=bucket)
    world, store = World(), CountingStore(inner)
    asked = Asked(store, inner, saga.manners, saga.values)
    simulator = Simulator.for_sagas(
        [build(saga.graph)],
        store=asked,
        resolve=Handlers(saga.graph, world, saga.values).resolve,
        faults=faults,
    )
    asked.simulator = simulator
    arn = simulator.start("Any", saga.input, name="one")
    view = simulator.wait(arn)
    redrives = 0
    while redrive and ending_of(view) is Ending.STUCK and redrives < REDRIVES:
        assert view.error != "States.Runtime", view.cause
        if redrives >= IN_VAIN and answer(saga, world, store):
            assert view.error == "StepFailedForGood", view.cause
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
    assert done.ending in {Ending.COMPLETED, Ending.COMPENSATED}, (done.view.error, done.view.cause)
    places = {key_of("Any#one", commit.slot): _parts(commit.slot) for commit in done.commits}
    assert_in_order(done.world.done, places, forward=True)
    assert_in_order(done.world.undone, places, forward=False)
    assert len(set(done.world.undone)) == len(done.world.undone)
    if done.ending is Ending.COMPENSATED:
        assert not done.world.standing
    assert_log_tells(done)
    assert_given(done)


def answer(saga: AnySaga, world: World, store: EventStore) -> bool:
    """Fill the slots that wait for a person, truthfully; say whether there are any (rule 27).

    They are those of claimed steps that hold nothing, and that no probe can fill. What did not
    happen after the pivot, where nothing is undone, is done by hand.
    """
    steps = {node.name: node for node in steps_of(saga.graph.nodes)}
    alone = {name for name, node in steps.items() if node.claim and not node.verify}
    commits = list(store.read("Any#one"))
    filled = {commit.slot for commit in commits}
    waiting = False
    for claim in commits:
        step, slot = claim.events[-1].data.get("step"), claim.slot.removesuffix("/claim")
        if claim.outcome is not Outcome.CLAIMED or step not in alone or slot in filled:
            continue
        key = key_of(claim.stream_id, slot)
        if steps[step].role is Role.RETRIABLE and key not in world.standing:
            world.act_again(key)
        value = {"step": step, "key": key, **saga.values[step]}
        outcome, told = Outcome.SEALED, [EventRecord("StepSealed", 1, {"step": step})]
        if key in world.standing:
            data = {"step": step, "value": value}
            outcome, told = Outcome.RESULT, [EventRecord("StepCompleted", 1, data)]
            closes = step == saga.graph.nodes[-1].name
            told += [EventRecord("SagaCompleted", 1, {})] if closes else []
        # As the step would have: the claim says who began, if the step may be the first.
        events = (*claim.events[:-1], *told)
        store.append(replace(claim, slot=slot, commit_id=key, outcome=outcome, events=events))
        waiting = True
    return waiting


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
    assert ends == ["SagaCompleted" if done.ending is Ending.COMPLETED else "SagaCompensated"]
    if any(commit.outcome is Outcome.REJECTED for commit in done.commits):
        assert done.ending is Ending.COMPENSATED, "what was rejected counts, whoever heard of it"
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
