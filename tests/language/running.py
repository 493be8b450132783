"""One run of any saga, and what must be true of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from stepsaga.engines.endings import Ending, ending_of
from stepsaga.engines.simulator import Simulator
from stepsaga.graph import distributed_of
from stepsaga.store.commits import Outcome
from stepsaga.store.counting import CountingStore
from stepsaga.store.events import streams_of_items
from stepsaga.store.memory import MemoryStore
from stepsaga.testing.answering import Answering
from stepsaga.testing.by_hand import fill_by_hand
from stepsaga.testing.children import Nursery
from stepsaga.testing.laws import Story, broken_laws, place_of, step_of
from tests.language.stubs import World

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stepsaga.engines.protocol import ExecutionView
    from stepsaga.graph import StepNode
    from stepsaga.store.commits import Commit
    from stepsaga.store.protocol import EventStore
    from stepsaga.testing.answering import Manner
    from stepsaga.testing.children import ChildRun
    from stepsaga.testing.laws import Broken
    from tests.language.sagas import AnySaga

REDRIVES: Final = 50
"""More than there are Tasks that one fault can make fail, of claimed steps one at a time."""

UNMENDED: Final = 1000
"""So often something goes wrong that does so until it is mended."""
MENDED: Final = 2
"""So many redrives come before the fix."""
IN_VAIN: Final = 3
"""So many redrives do not help where a claim waits for a person."""


@dataclass
class Done:
    """A run that has ended.

    ``transitions``, ``writes`` and ``reads`` are those of children, too; the latter are counted
    where nothing was to fail. ``struck`` are the states in
    which something went wrong as it was wanted; ``called`` says how often each state was called
    for which something was wanted, be it nothing.
    """

    saga: AnySaga
    view: ExecutionView
    world: World
    commits: list[Commit]
    transitions: int
    writes: int
    reads: int
    redrives: int
    struck: set[str]
    called: Mapping[str, int]
    children: tuple[ChildRun, ...]
    stories: tuple[Story, ...]
    broken: Sequence[Broken]

    @property
    def slots(self) -> list[tuple[int, ...]]:
        """Of every step that has a result."""
        return [place_of(one.slot) for one in self.commits if one.outcome is Outcome.RESULT]

    @property
    def undone(self) -> list[str]:
        """The steps whose effects were taken back, in that order."""
        story = Story(self.saga.graph, self.ending, "", self.commits)
        steps = {
            story.key(one): step_of(one) for one in self.commits if one.outcome is Outcome.RESULT
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
    manners: Mapping[str, Manner] | None = None,
    redrive: bool = True,
    bucket: str = "",
) -> Done:
    """Run a saga to its end; what is stuck is redriven, as an operator does after the fix.

    Args:
        saga: The saga.
        faults: What shall go wrong.
        manners: How each question is answered; by default as all goes well.
        redrive: Whether what is stuck is redriven.
        bucket: Where large results go.
    """
    many = any(distributed_of(saga.graph.nodes))
    inner = MemoryStore(bucket=bucket or ("bucket" if many else ""))
    world, counted = World(), CountingStore(inner)
    # Whatever goes wrong may cost what it likes.
    store = inner if faults else counted
    asked = Answering(
        store,
        saga.graph,
        manners or saga.manners,
        saga.value,
        inner=inner,
    )
    saga.handlers.world, saga.handlers.worlds = world, {}

    def fill(stream: str) -> None:
        answer(saga, inner, stream)

    def explained(*_: object) -> str:
        return "what was made to fail" if faults else ""

    nursery = Nursery(saga.family, saga.all_compiled, "Any#one", inner, {}, fill, explained)
    if len(saga.family) > 1:
        for one in saga.all_compiled.values():
            inner.put_definition(one.fingerprint, one.graph)
    simulator = Simulator.for_sagas(
        saga.plan,
        store=asked,
        resolve=saga.handlers.resolve,
        faults=faults,
        watch=nursery,
        services=saga.handlers,
    )
    asked.on_simulator(simulator)
    nursery.on(simulator)
    arn = simulator.start("Any", saga.input, name="one")
    view = simulator.wait(arn)
    redrives = 0
    while redrive and ending_of(view) is Ending.STUCK and redrives < REDRIVES:
        assert view.error != "States.Runtime", view.cause
        if simulator.faults and redrives == MENDED:
            simulator.faults.mend()
        # All is mended by now: what is still stuck waits for a person, and says so.
        if redrives >= IN_VAIN:
            assert view.error == "StepFailedForGood", view.cause
            assert answer(saga, store), view.cause
        simulator.redrive(arn)
        view = simulator.wait(arn)
        redrives += 1
    simulator.settle()
    counts, made = counted.counts, simulator.faults
    own = list(inner.read("Any#one"))
    items = [one for stream in streams_of_items(own) for one in inner.read(stream)]
    children = tuple(nursery.runs())
    return Done(
        saga,
        view,
        world,
        sorted([*own, *items], key=lambda one: one.slot),
        sum(map(simulator.transitions, [arn, *(one.view.arn for one in children)])),
        counts.writes,
        counts.reads,
        redrives,
        {one.state for one in made.injected} if made else set(),
        made.most_attempts() if made else {},
        children,
        nursery.stories(children, saga.handlers.worlds),
        nursery.broken,
    )


def assert_laws(done: Done) -> None:
    """What is true of every saga, however it ended."""
    assert done.ending in {Ending.COMPLETED, Ending.COMPENSATED}, (done.view.error, done.view.cause)
    error = done.view.error or ""
    story = Story(
        done.saga.graph, done.ending, error, done.commits, done.world, children=done.stories
    )
    assert not (broken := [*broken_laws(story), *done.broken]), broken
    assert_given(done.saga, story)


def answer(saga: AnySaga, store: EventStore, stream: str = "Any#one") -> bool:
    """Fill the slots that wait for a person, truthfully; say whether there are any (rule 27)."""

    def value(node: StepNode, key: str) -> Any:
        return {**saga.value(node.name), "key": key}

    graph, handlers = saga.family[stream.partition("#")[0]], saga.handlers
    world = handlers.world if graph is saga.graph else handlers.worlds.get(stream, World())
    return fill_by_hand(graph, stream, world, store, value)


def assert_given(saga: AnySaga, story: Story) -> None:
    """Each handler was given what the steps before it returned: lists where they are in maps."""
    at_root = {
        event.data["step"]
        for commit in story.commits
        if commit.outcome is Outcome.RESULT and len(place_of(commit.slot)) == 1
        for event in commit.events
        if event.type == "StepCompleted"
    }
    # From the log what was not reached may be undone, before a person says what was.
    from_log = any(commit.outcome is Outcome.BEGUN for commit in story.commits)
    for step, given in story.world.given if story.world else ():
        for name, value in given.items():
            # Undoing hears of what stands in the log, or is told that there is nothing.
            undone = step.startswith("undo") and not from_log
            assert value is not None or not undone or name not in at_root
            for leaf in _leaves(value):
                if name.startswith("i"):
                    # An item in the log is what somebody sent; its type fills in the rest.
                    assert set(leaf) == {"k", "sub"} or (from_log and "k" in leaf), (step, name)
                elif leaf is not None:
                    source = saga.value_of(story.graph, name)["step"]
                    assert leaf["step"] == source, (step, name, leaf)
    for child in story.children:
        assert_given(saga, child)


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    return [value]
