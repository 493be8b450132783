"""The business events that sagas wait for, as their router needs to know them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepsaga.errors import DeploymentError
from stepsaga.graph import steps_of
from stepsaga.runtime.event_router import Routed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stepsaga.graph import AwaitedEvent, BusinessEvent, SagaGraph


def awaited_in(graph: SagaGraph) -> Iterator[AwaitedEvent]:
    """What a saga waits for, each time that it does."""
    for node in steps_of(graph.nodes):
        if node.question and node.question.event:
            yield node.question.event


def routed_events(graphs: Iterable[SagaGraph]) -> tuple[Routed, ...]:
    """All kinds of events that sagas wait for, each with all fields by which they do.

    Raises:
        DeploymentError: One kind of event is on two buses, or has two models: nothing that is
            delivered would tell which it is.
    """
    kinds: dict[tuple[str, str], BusinessEvent] = {}
    fields: dict[tuple[str, str], dict[tuple[str, ...], None]] = {}
    for graph in graphs:
        for awaited in awaited_in(graph):
            event = awaited.event
            known = kinds.setdefault((event.source, event.name), event)
            if known != event:
                what = f"{event.name} of {event.source}"
                told = f"{known.model} on {known.bus}, and {event.model} on {event.bus}"
                raise DeploymentError(
                    f"{graph.name} waits for {what}, which is two events: {told}. Share one"
                    " BusEvent, or give one of them another detail_type"
                )
            fields.setdefault((event.source, event.name), {})[awaited.by] = None
    return tuple(
        Routed(source, name, kinds[source, name].model, tuple(sorted(by)))
        for (source, name), by in sorted(fields.items())
    )
