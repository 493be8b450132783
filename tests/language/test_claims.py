"""A claimed step that nobody can tell about waits for a person, and goes on with the answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from stepsaga.authoring.slots import numbered
from stepsaga.engines.endings import Ending, ending_of
from stepsaga.engines.simulator import Simulator
from stepsaga.graph import (
    Call,
    Compensation,
    InputNode,
    Lane,
    Origin,
    ParallelNode,
    Parameter,
    Role,
    SagaGraph,
    StepNode,
    steps_of,
)
from stepsaga.store.commits import Commit, EventRecord, Outcome
from stepsaga.store.counting import CountingStore
from stepsaga.store.memory import MemoryStore
from stepsaga.store.slots import key_of
from tests.language.running import assert_laws, run
from tests.language.sagas import RETRY, AnySaga
from tests.language.stubs import PARTICIPANT, Handlers, Order, World

if TYPE_CHECKING:
    from stepsaga.graph import Node

CONTEXT = (Parameter("saga", Any, Origin.CONTEXT),)
STREAM = "Any#one"


def call(name: str) -> Call:
    """A call of a stub."""
    return Call(f"{PARTICIPANT}:{name}", PARTICIPANT, CONTEXT, Any, 10, RETRY)


def step(name: str, *, claim: bool = False, probe: bool = False) -> StepNode:
    """A step that can be undone."""
    forward = call(name)
    return StepNode(
        name=name,
        role=Role.COMPENSATABLE,
        call=replace(forward, retry=None) if claim else forward,
        slot=(0,),
        schema={},
        compensation=Compensation(call(f"undo_{name}"), (0,)),
        verify=call(f"find_{name}") if probe else None,
        claim=claim,
    )


def saga(*nodes: Node) -> AnySaga:
    """A saga of these nodes."""
    order = InputNode("order", Order, {}, f"{PARTICIPANT}:Order")
    graph = SagaGraph("Any", f"{PARTICIPANT}:Any", order, numbered(nodes))
    values: dict[str, dict[str, Any]] = {node.name: {} for node in steps_of(nodes)}
    return AnySaga(graph, {"lines": []}, values)


def beside(**options: bool) -> AnySaga:
    """Two steps in branches, of which the first is claimed."""
    lanes = (Lane("a", (step("s2", claim=True, **options),)), Lane("b", (step("s3"),)))
    return saga(step("s1"), ParallelNode("both", lanes, (0,)), step("s4"))


IN_ROW = saga(step("s1"), step("s2", claim=True), step("s3"))


class Stuck:
    """A saga whose claimed step has had its effect and recorded nothing."""

    def __init__(self, found: AnySaga, faults: dict[str, str]) -> None:
        self.world, self.store = World(), MemoryStore()
        self.simulator = Simulator.for_sagas(
            found.plan,
            store=self.store,
            resolve=Handlers(found.graph, found.values, self.world).resolve,
            faults=faults,
        )
        self.arn = self.simulator.start("Any", found.input, name="one")

    def ends(self) -> Ending:
        """Wait for its end."""
        return ending_of(self.simulator.wait(self.arn))

    def redriven(self) -> Ending:
        """Redrive it, and wait for its end."""
        self.simulator.redrive(self.arn)
        return self.ends()

    def fill(self, outcome: Outcome, event: EventRecord) -> None:
        """Put what a person has found out into the step's slot."""
        claim = next(c for c in self.store.read(STREAM) if c.outcome is Outcome.CLAIMED)
        [slot] = self.claimed()
        self.store.append(replace(claim, slot=slot, outcome=outcome, events=(event,)))

    def claimed(self) -> list[str]:
        """The slots of which there are claims."""
        claims = [c for c in self.store.read(STREAM) if c.outcome is Outcome.CLAIMED]
        return [claim.slot.removesuffix("/claim") for claim in claims]

    def state(self) -> str:
        """Where it is stuck."""
        history = self.simulator.history(self.arn)
        entered = [e.details["name"] for e in history if e.type.endswith("StateEntered")]
        return str(entered[-1])


def result(key: str) -> EventRecord:
    """What the step would have recorded."""
    return EventRecord("StepCompleted", 1, {"step": "s2", "value": {"step": "s2", "key": key}})


SEALED = EventRecord("StepSealed", 1, {"step": "s2"})


def test_in_doubt_it_is_stuck_where_it_is_settled() -> None:
    """It happened, nobody knows, and no redrive makes it happen again (rule 27)."""
    stuck = Stuck(IN_ROW, {"s2": "crashes after"})
    assert stuck.ends() is Ending.STUCK
    for _ in range(3):
        assert stuck.state() == "settle s2"
        assert stuck.redriven() is Ending.STUCK
    assert len(stuck.world.done) == 2
    assert not stuck.world.undone


def test_a_person_says_that_it_happened() -> None:
    """The slot is filled with the result: the saga goes forward (rule 27)."""
    stuck = Stuck(IN_ROW, {"s2": "crashes after"})
    assert stuck.ends() is Ending.STUCK
    stuck.fill(Outcome.RESULT, result(stuck.world.done[-1]))
    assert stuck.redriven() is Ending.COMPLETED
    assert len(stuck.world.done) == 3


def test_a_person_says_that_it_did_not_happen() -> None:
    """The slot is sealed: what came before is undone, and it is not (rule 27)."""
    stuck = Stuck(IN_ROW, {"s2": "raises"})
    assert stuck.ends() is Ending.STUCK
    stuck.fill(Outcome.SEALED, SEALED)
    assert stuck.redriven() is Ending.COMPENSATED
    assert not stuck.world.standing
    assert len(stuck.world.undone) == 1


@pytest.mark.parametrize(("fault", "happened"), [("crashes after", True), ("raises", False)])
def test_in_a_lane_the_undoing_waits_for_a_person(fault: str, *, happened: bool) -> None:
    """The others are undone meanwhile; then the claimed step is, or needs not be (rule 27)."""
    stuck = Stuck(beside(), {"both.a.s2": fault})
    assert stuck.ends() is Ending.STUCK
    assert stuck.redriven() is Ending.STUCK
    assert stuck.state() == "settle undo both"
    assert len(stuck.world.done) == 3 - (not happened)
    assert len(stuck.world.undone) == 1, "the branch beside it"
    if happened:
        [key] = stuck.world.standing & {key_of(STREAM, slot) for slot in stuck.claimed()}
        stuck.fill(Outcome.RESULT, result(key))
    else:
        stuck.fill(Outcome.SEALED, SEALED)
    assert stuck.redriven() is Ending.COMPENSATED
    assert not stuck.world.standing


def test_in_a_lane_a_probe_that_is_mended_is_asked_again() -> None:
    """It could not tell while the lane ran, and not when undoing began (rules 17, 27)."""
    found = beside(probe=True)
    done = run(
        found,
        {
            "both.a.s2": "crashes after",
            "verify both.a.s2": ["raises"] * 10,
            "verify undo both.a.s2": ["raises"] * 3,
        },
    )
    assert done.ending is Ending.COMPENSATED
    assert_laws(done)


def test_a_claim_costs_one_write() -> None:
    """The bound on the path where nothing fails: a write a step, one more a claim, no read."""
    store = CountingStore(MemoryStore())
    found = saga(step("s1", claim=True), step("s2"), step("s3", claim=True, probe=True))
    simulator = Simulator.for_sagas(
        found.plan,
        store=store,
        resolve=found.handlers.resolve,
    )
    arn = simulator.start("Any", found.input, name="one")
    assert ending_of(simulator.wait(arn)) is Ending.COMPLETED
    assert simulator.transitions(arn) == 3
    assert (store.counts.writes, store.counts.reads) == (5, 0)


def test_a_stream_that_begins_with_a_claim_says_who_began() -> None:
    """The claim of the first step can be all that there is: it carries SagaStarted (rule 8)."""
    stuck = Stuck(saga(step("s1", claim=True)), {"s1": "crashes after"})
    assert stuck.ends() is Ending.STUCK
    [claim] = stuck.store.read(STREAM)
    assert isinstance(claim, Commit)
    assert [event.type for event in claim.events] == ["SagaStarted", "StepClaimed"]
