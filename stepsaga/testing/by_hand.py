"""What a person does where a saga waits for one: finds out what happened, and says so (rule 27)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stepsaga.graph import Role, closing_step, steps_of
from stepsaga.store.commits import EventRecord, Outcome
from stepsaga.store.events import streams_of_items
from stepsaga.store.slots import key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stepsaga.graph import SagaGraph, StepNode
    from stepsaga.store.commits import Commit
    from stepsaga.store.protocol import EventStore
    from stepsaga.testing.world import World


def waiting_for_a_person(graph: SagaGraph, commits: list[Commit]) -> Iterator[Commit]:
    """The claims of steps whose slots hold nothing, and that no probe can fill."""
    alone = {node.name for node in steps_of(graph.nodes) if node.claim and not node.verify}
    filled = {commit.slot for commit in commits}
    for claim in commits:
        slot = claim.slot.removesuffix("/claim")
        claimed = claim.outcome is Outcome.CLAIMED and claim.events[-1].data.get("step") in alone
        if claimed and slot not in filled:
            yield claim


def fill_by_hand(
    graph: SagaGraph,
    stream_id: str,
    world: World,
    store: EventStore,
    value: Callable[[StepNode, str], Any],
) -> bool:
    """Fill the slots that wait for a person, truthfully; say whether there are any.

    What did not happen after the pivot, where nothing is undone, is done by hand.

    Args:
        graph: The saga.
        stream_id: Of the run.
        world: What has happened.
        store: Where it is recorded.
        value: What a step has returned, as JSON values, by its idempotency key.
    """
    steps = {node.name: node for node in steps_of(graph.nodes)}
    closing = closing_step(graph)
    waiting = False
    own = list(store.read(stream_id))
    items = [commit for stream in streams_of_items(own) for commit in store.read(stream)]
    for claim in waiting_for_a_person(graph, [*own, *items]):
        node, slot = steps[claim.events[-1].data["step"]], claim.slot.removesuffix("/claim")
        key = key_of(claim.stream_id, slot)
        if node.role is Role.RETRIABLE and key not in world.standing:
            world.act_again(key)
        outcome, told = Outcome.SEALED, [EventRecord("StepSealed", 1, {"step": node.name})]
        if key in world.standing:
            data = {"step": node.name, "value": value(node, key)}
            outcome, told = Outcome.RESULT, [EventRecord("StepCompleted", 1, data)]
            told += [EventRecord("SagaCompleted", 1, {})] if node is closing else []
        # As the step would have: the claim says who began, if the step may be the first.
        events = (*claim.events[:-1], *told)
        store.append(replace(claim, slot=slot, commit_id=key, outcome=outcome, events=events))
        waiting = True
    return waiting
