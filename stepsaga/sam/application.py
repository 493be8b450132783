"""What a project deploys: its participants as functions, its sagas as state machines.

Frozen data between the graphs and the template; every later stage reads it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.awaited_events import awaited_in, routed_events
from stepsaga.asl.names import EVENT_TABLE, definition_file, function_name, live_name, participants
from stepsaga.asl.release import build, substitutions
from stepsaga.asl.times import doubt_call, many_call
from stepsaga.errors import DeploymentError
from stepsaga.graph import distributed_of, steps_of, takes_links
from stepsaga.limits import START_SECONDS
from stepsaga.runtime.business_events import PARTICIPANT as EVENTS
from stepsaga.runtime.participant import participant_of
from stepsaga.runtime.service_steps import __name__ as SETTLER  # noqa: N812  # a constant
from stepsaga.sam.asked import check_environment, check_statement
from stepsaga.sam.children import CHILDREN, check_children, children
from stepsaga.sam.destinations import SENDER, addresses, use_of
from stepsaga.sam.sources import closure, globbed, is_here
from stepsaga.sam.starter import starting_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from stepsaga.asl.release import Compiled
    from stepsaga.graph import Call, Destination, SagaGraph, Service
    from stepsaga.runtime.event_router import Routed
    from stepsaga.sam.starter import Starting

OURS: Final = frozenset({SENDER, CHILDREN, EVENTS, SETTLER})
"""Participants of the framework's own: their code is in the layer."""
ROUTER_SECONDS: Final = 60
"""For a batch of business events."""
MOST_SECONDS: Final = 900
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


@dataclass(frozen=True, slots=True)
class Function:
    """A participant's Lambda function.

    Attributes:
        name: Its logical id, and its name in definitions: ``Payments``.
        module: The participant: ``handlers.payments``.
        memory: In MB.
        seconds: Its timeout.
        environment, policies: What the participant asks for.
        files: What it carries, relative to the project.
        answers: The sagas whose questions it asks, and whose Tasks it may tell an answer.
        destinations: Where it sends questions.
        starts: The sagas that it starts, and has undone.
        sagas: All of the project, where it starts any: a child is undone with its own children.
        routes: The business events that it brings to the sagas that wait for them.
        buses: Of each of these, in the same order, the logical id of its bus, or ``default``.
        links: The sagas for whose questions it makes approval links.
    """

    name: str
    module: str
    memory: int
    seconds: int
    environment: Mapping[str, str]
    policies: tuple[Mapping[str, Any], ...]
    files: tuple[Path, ...]
    answers: tuple[str, ...] = ()
    destinations: tuple[Destination, ...] = ()
    starts: tuple[str, ...] = ()
    sagas: tuple[str, ...] = ()
    routes: tuple[Routed, ...] = ()
    buses: tuple[str, ...] = ()
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Machine:
    """A saga's state machine.

    Attributes:
        saga: The saga's name.
        file: Its definition, in the project.
        text: What the file should hold.
        fingerprint, graph: Of the release, for the event table (rule 9).
        pinned: The functions whose version it calls.
        live: The functions whose alias it calls.
        records: Whether it puts the end of a saga into the event table itself.
        services: What it does itself by services.
        maps: Whether it has a distributed map.
    """

    saga: str
    file: str
    text: str
    fingerprint: str
    graph: Mapping[str, Any]
    pinned: tuple[str, ...]
    live: tuple[str, ...]
    records: bool
    services: tuple[Service, ...] = ()
    maps: bool = False

    @property
    def name(self) -> str:
        """Its logical id: ``FulfilOrderMachine``."""
        return f"{self.saga}Machine"


@dataclass(frozen=True, slots=True)
class Application:
    """All functions and machines of a project, by name."""

    functions: tuple[Function, ...]
    machines: tuple[Machine, ...]
    starting: Starting | None = None
    """What starts sagas by triggers, where there are any."""


def application_of(root: Path, graphs: Iterable[SagaGraph]) -> Application:
    """What these sagas need.

    Args:
        root: The project: where the handlers' files are.
        graphs: Sound graphs; the modules of their handlers are imported.

    Raises:
        DeploymentError: Two participants would be one function; a participant asks for what it
            cannot have; a file is missing; a name cannot be one in a template.
    """
    ordered = sorted(graphs, key=lambda graph: graph.name)
    calls: dict[str, list[Call]] = {}
    needs: dict[str, set[str]] = {}
    asking: dict[str, dict[str, None]] = {}
    sent: dict[Destination, None] = {}
    buses: dict[tuple[str, str], str] = {}
    check_children(ordered)
    for graph in ordered:
        _check_id(graph.name, f"the saga {graph.name}")
        for call in _calls(graph):
            calls.setdefault(call.participant, []).append(call)
            needs.setdefault(call.participant, set()).update(_modules(root, graph, call))
        for node in steps_of(graph.nodes):
            if node.question is not None:
                asking.setdefault(node.call.participant, {})[graph.name] = None
                sent |= {node.question.to: None} if node.question.to else {}
        for call, module in _item_models(graph):
            if is_here(root, module) and module not in OURS:
                needs[call.participant].add(module)
        if children(graph):
            asking.setdefault(CHILDREN, {})[graph.name] = None
            needs[CHILDREN] |= _models(root, graph)
        for awaited in awaited_in(graph):
            module = awaited.event.model.partition(":")[0]
            needs[EVENTS] |= {module} if is_here(root, module) else set()
            buses[awaited.event.source, awaited.event.name] = awaited.event.bus
    functions = [
        _function(root, module, calls[module], needs[module], asking.get(module, ()), sent)
        for module in sorted(calls)
    ]
    started = dict.fromkeys(name for graph in ordered for name in children(graph))
    functions = [replace(one, links=_linked(one.module, ordered)) for one in functions]
    functions = [
        replace(one, starts=tuple(started), sagas=tuple(graph.name for graph in ordered))
        if one.module == CHILDREN
        else one
        for one in functions
    ]
    routes = routed_events(ordered)
    functions = [
        replace(
            one,
            seconds=max(one.seconds, ROUTER_SECONDS),
            routes=routes,
            buses=tuple(buses[event.source, event.name] for event in routes),
        )
        if one.module == EVENTS
        else one
        for one in functions
    ]
    _refuse_doubles(functions)
    machines = tuple(_machine(graph) for graph in ordered)
    return Application(tuple(functions), machines, starting_of(root, ordered))


def _item_models(graph: SagaGraph) -> Iterator[tuple[Call, str]]:
    """The calls that validate items, and the modules of the items' models."""
    for node, many in distributed_of(graph.nodes):
        if many.model:
            yield many_call(node), many.model.partition(":")[0]


def _calls(graph: SagaGraph) -> Iterator[Call]:
    yield from (many_call(node) for node, _ in distributed_of(graph.nodes))
    for node in steps_of(graph.nodes):
        # An action is no call: only what settles it is, in the function of its participant.
        yield doubt_call(node) if node.service else node.call
        if node.verify:
            yield node.verify
        if node.compensation:
            yield node.compensation.call


def _linked(module: str, graphs: Iterable[SagaGraph]) -> tuple[str, ...]:
    """The sagas that a participant makes approval links for."""
    return tuple(
        graph.name
        for graph in graphs
        if any(
            node.call.participant == module and takes_links(node.call)
            for node in steps_of(graph.nodes)
        )
    )


def _modules(root: Path, graph: SagaGraph, call: Call) -> set[str]:
    """The project's modules that the runtime imports for a call: the input's model, and errors.

    What is not the project's comes with the layer.
    """
    retry = call.retry
    references = [call.handler, graph.input.model, *(retry.only + retry.never if retry else ())]
    modules = {reference.partition(":")[0] for reference in references if reference}
    return {module for module in modules if is_here(root, module) and module not in OURS}


def _models(root: Path, graph: SagaGraph) -> set[str]:
    """The project's modules with the models of what children are started with."""
    models = {node.child.model.partition(":")[0] for node in steps_of(graph.nodes) if node.child}
    return {module for module in models if module and is_here(root, module)}


def _function(  # noqa: PLR0913, PLR0917  # what one pass over the graphs has found
    root: Path,
    module: str,
    calls: list[Call],
    needs: set[str],
    answers: Iterable[str],
    sent: Iterable[Destination],
) -> Function:
    import_module(module)
    destinations = tuple(sent) if module == SENDER else ()
    asked = participant_of(module)
    name = function_name(module)
    _check_id(name, f"the module {module}")
    check_environment(module, asked.environment)
    for statement in asked.policies:
        check_statement(module, statement)
    return Function(
        name=name,
        module=module,
        memory=asked.memory,
        seconds=min(max(call.seconds for call in calls) + START_SECONDS, MOST_SECONDS),
        environment={**asked.environment, **addresses(destinations)},
        policies=(*asked.policies, *map(use_of, destinations)),
        files=tuple(
            sorted(
                {
                    *closure(root, {module, *needs} - OURS),
                    *globbed(root, module, asked.files),
                }
            )
        ),
        answers=tuple(answers),
        destinations=destinations,
    )


def _check_id(name: str, what: str) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resources-section-structure.html."""
    if not (name.isascii() and name.isalnum()):
        raise DeploymentError(
            f"{what} would have resources called {name}: CloudFormation takes letters a to z and"
            " digits in the names of resources, so rename it"
        )


def _refuse_doubles(functions: Iterable[Function]) -> None:
    homes: dict[str, str] = {}
    for function in functions:
        other = homes.setdefault(function.name, function.module)
        if other != function.module:
            raise DeploymentError(
                f"{other} and {function.module} would both be the function {function.name}: give"
                " one of the modules another last name"
            )


def _machine(graph: SagaGraph) -> Machine:
    compiled: Compiled = build(graph)
    used = set(substitutions(graph))
    modules = participants(graph)
    return Machine(
        saga=graph.name,
        file=definition_file(graph.name),
        text=compiled.text,
        fingerprint=compiled.fingerprint,
        graph=compiled.graph,
        pinned=tuple(name for m in modules if (name := function_name(m)) in used),
        live=tuple(function_name(m) for m in modules if live_name(m) in used),
        records=EVENT_TABLE in used,
        services=tuple(node.service for node in steps_of(graph.nodes) if node.service),
        maps=any(distributed_of(graph.nodes)),
    )
