"""``stepsaga event``: what has come of a business event, and who waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepsaga.authoring import graph_of
from stepsaga.checks.fields import did_you_mean
from stepsaga.cli.deployed import EndpointOption, StackOption, client_of
from stepsaga.cli.discovery import find_sagas
from stepsaga.cli.output import print_json, say
from stepsaga.cli.values import brief
from stepsaga.errors import UsageError
from stepsaga.graph import steps_of
from stepsaga.runtime.event_stream import held, taken_in
from stepsaga.store.slots import events_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from stepsaga.graph import SagaGraph
    from stepsaga.runtime.event_stream import Held
    from stepsaga.store.protocol import StreamReader


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of event, and one of the fields by which it is waited for."""

    source: str
    name: str
    by: str
    schema: Mapping[str, Any]


def event(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="Its detail type: PaymentReceived.", show_default=False
        ),
    ],
    key: Annotated[str, typer.Argument(help="Whose it is: order-123.", show_default=False)],
    *,
    stack: StackOption = None,
    endpoint_url: EndpointOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a machine.")] = False,
) -> None:
    """Show the business events of one key that have come, and which sagas have waited for them.

    Also those that came twice, too late, or for nobody. Sensitive values are masked.
    """
    graphs = [graph_of(one) for one in find_sagas(Path.cwd()).sagas]
    told = told_of(name, key, graphs, client_of(stack, endpoint_url).store)
    if as_json:
        print_json(told)
        return
    for one in told:
        say(f"{name} of {one['source']} with {one['by']} {key}")
        for came in one["events"]:
            say(f"  came  {came['at']}  {came['id']}  {came['detail']}")
        for wait in one["waits"]:
            say(f"  {wait['what']}  {wait['saga']}  {wait['step']}  {wait['event']}".rstrip())
        if not one["events"] and not one["waits"]:
            say("  none has come, and nobody has waited for one", style="dim")


def told_of(
    name: str, key: str, graphs: Iterable[SagaGraph], store: StreamReader
) -> list[dict[str, Any]]:
    """What has come of an event, and who has waited for it: one for each field that has the key.

    Raises:
        UsageError: None of these sagas waits for such an event.
    """
    return [
        _told(kind, held(store, events_of(kind.source, kind.name, kind.by, key)), store)
        for kind in _kinds(name, graphs)
    ]


def _kinds(name: str, graphs: Iterable[SagaGraph]) -> list[_Kind]:
    known = {(one.source, one.name, one.by): one for graph in graphs for one in _waited(graph)}
    found = [one for one in known.values() if one.name == name]
    if not found:
        names = sorted({one.name for one in known.values()})
        there = f"there are: {', '.join(names)}" if names else "no saga waits for any"
        hint = did_you_mean(name, names) or there
        raise UsageError(f"no saga of this project waits for an event called {name!r}; {hint}")
    return found


def _waited(graph: SagaGraph) -> Iterator[_Kind]:
    for node in steps_of(graph.nodes):
        if node.question and (awaited := node.question.event):
            event = awaited.event
            yield _Kind(event.source, event.name, ".".join(awaited.by), node.schema)


def _told(kind: _Kind, found: Held, store: StreamReader) -> dict[str, Any]:
    return {
        "event": kind.name,
        "source": kind.source,
        "by": kind.by,
        "events": [
            {"id": one.id, "at": one.at, "detail": brief(one.form, kind.schema)}
            for one in found.arrived
        ],
        "waits": [
            {"saga": one.stream, "step": one.step, **_outcome(store, one.stream, one.slot)}
            for one in found.waiting
        ],
    }


def _outcome(store: StreamReader, stream: str, slot: str) -> dict[str, str]:
    """What became of a wait, as its slot tells."""
    stored = next((one for one in store.read(stream, slot) if one.slot == slot), None)
    if stored is None:
        return {"what": "waits", "event": ""}
    taken = taken_in(stored)
    return {"what": "took" if taken else stored.outcome.value, "event": taken or ""}
