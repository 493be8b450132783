"""What a release of a saga is to those after it, as JSON that is committed beside its definition.

::

    {"format": 1, "saga": "FulfilOrder", "fingerprint": "9f…", "graph": {the kept form},
     "input": schema of what a sender sends, "normal": schema of what its model writes of it,
     "writes": {"charge": schema of a step's result},
     "calls": {"undo charge": {"charge": {"given": schema, "reads": schema}}},
     "events": {"CardCharged": {"version": 1, "writes": schema, "reads": schema}}, "$defs": {…}}

The graph is the form that is kept beside the events (rule 9). The rest is what a graph does not
say: by which types values are read, with what no JSON schema tells (`stepsaga.compat.schemas`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from stepsaga.asl.fingerprint import canonical, fingerprint
from stepsaga.asl.kept import from_kept, keep
from stepsaga.asl.names import participants
from stepsaga.asl.text import render
from stepsaga.compat.schemas import DEFS, Schema, schemas_of
from stepsaga.errors import UsageError
from stepsaga.graph import Origin, Role, StepNode, steps_of
from stepsaga.store.saga_events import Event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stepsaga.graph import Call, Parameter, SagaGraph

FORMAT: Final = 1
"""Raised when the form changes; old forms stay readable for ever."""
DATA: Final = frozenset({Origin.INPUT, Origin.STEP, Origin.ITEM})
"""What a call brings; all else a handler has of its own."""
_MARK: Final = 12


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A call of a definition.

    Attributes:
        label: ``charge``, ``undo charge``, ``verify ship``.
        node: The step.
        call: The handler's call.
        live: Whether it goes to what is deployed by then, not to the version of its own release
            (rule 12).
    """

    label: str
    node: StepNode
    call: Call
    live: bool

    @property
    def undoes(self) -> bool:
        """Whether it is a compensation's."""
        return self.label.startswith("undo ")

    @property
    def settles(self) -> bool:
        """Whether it is a probe's."""
        return self.label.startswith("verify ")


def calls_of(graph: SagaGraph) -> Iterator[LiveCall]:
    """The calls of handlers in a saga's definition, in its order."""
    for node in steps_of(graph.nodes):
        if not node.call.direct:  # what Step Functions itself does is pinned with the definition
            yield LiveCall(node.name, node, node.call, node.role is Role.RETRIABLE)
        if node.verify:
            yield LiveCall(f"verify {node.name}", node, node.verify, live=True)
        if node.compensation:
            yield LiveCall(f"undo {node.name}", node, node.compensation.call, live=True)


@dataclass(frozen=True)
class Release:
    """A release of a saga, from its form."""

    form: Mapping[str, Any]

    @property
    def saga(self) -> str:
        """The saga's name."""
        return str(self.form["saga"])

    @cached_property
    def mark(self) -> str:
        """What tells it from all others, in short: of all that it says."""
        return hashlib.sha256(canonical(self.form).encode()).hexdigest()[:_MARK]

    @cached_property
    def graph(self) -> SagaGraph:
        """The graph; its types are not known any more."""
        return from_kept(self.form["graph"])

    @property
    def input(self) -> Schema:
        """What a sender may send."""
        return self._schema(self.form["input"])

    @property
    def normal(self) -> Schema:
        """What the input's model makes of it (rule 20)."""
        return self._schema(self.form["normal"])

    def writes(self, step: str) -> Schema:
        """The schema of a step's result."""
        return self._schema(self.form["writes"][step])

    def taken(self, label: str, parameter: str) -> tuple[Schema, Schema]:
        """What a call gives a parameter, and what that reads."""
        found = self.form["calls"][label][parameter]
        return self._schema(found["given"]), self._schema(found["reads"])

    @property
    def events(self) -> dict[str, tuple[int, Schema, Schema]]:
        """By name the version of an event, what is stored of it, and what its class reads."""
        return {
            name: (one["version"], self._schema(one["writes"]), self._schema(one["reads"]))
            for name, one in self.form["events"].items()
        }

    def _schema(self, schema: Mapping[str, Any]) -> Schema:
        return Schema(schema, self.form[DEFS])


def release_of(graph: SagaGraph) -> Release:
    """The release that a saga's source is.

    Args:
        graph: A sound graph, with its types.
    """
    types: list[tuple[str, Any, Any]] = [
        ("input", "validation", graph.input.annotation),
        ("normal", "serialization", graph.input.annotation),
    ]
    types += [
        (f"writes/{node.name}", "serialization", node.call.returns)
        for node in steps_of(graph.nodes)
    ]
    for one in calls_of(graph):
        for parameter in _data(one.call):
            key = f"calls/{one.label}/{parameter.name}"
            types.append((f"{key}/given", _mode(parameter), parameter.given))
            types.append((f"{key}/reads", "validation", parameter.annotation))
    events = _events(graph)
    for name, event in events.items():
        types.append((f"events/{name}/writes", "serialization", event))
        types.append((f"events/{name}/reads", "validation", event))
    schemas, shared = schemas_of(types)
    return Release(
        {
            "format": FORMAT,
            "saga": graph.name,
            "fingerprint": fingerprint(graph),
            "graph": keep(graph),
            "input": schemas["input"],
            "normal": schemas["normal"],
            "writes": {node.name: schemas[f"writes/{node.name}"] for node in steps_of(graph.nodes)},
            "calls": {one.label: _takes(one, schemas) for one in calls_of(graph)},
            "events": {
                name: {
                    "version": event.version,
                    "writes": schemas[f"events/{name}/writes"],
                    "reads": schemas[f"events/{name}/reads"],
                }
                for name, event in events.items()
            },
            DEFS: shared,
        }
    )


def _takes(one: LiveCall, schemas: Mapping[str, Any]) -> dict[str, Any]:
    return {
        parameter.name: {
            what: schemas[f"calls/{one.label}/{parameter.name}/{what}"]
            for what in ("given", "reads")
        }
        for parameter in _data(one.call)
    }


def _data(call: Call) -> list[Parameter]:
    return [parameter for parameter in call.parameters if parameter.origin in DATA]


def _mode(parameter: Parameter) -> str:
    # Input is as its sender writes it; all else was written by the type that it has.
    return "validation" if parameter.origin is Origin.INPUT else "serialization"


def _events(graph: SagaGraph) -> dict[str, type[Event]]:
    """The domain events that a saga's participants know, by the name that is stored."""
    known = {
        value.__name__: value
        for module in participants(graph)
        for value in vars(import_module(module)).values()
        if isinstance(value, type) and issubclass(value, Event) and value is not Event
    }
    return dict(sorted(known.items()))


def text_of(release: Release) -> str:
    """The text of a release's file: the same for the same release."""
    return render(dict(release.form))


def read_release(text: str, place: str) -> Release:
    """A release from its file.

    Raises:
        UsageError: It is none, or of a later format; names the place.
    """
    try:
        form = json.loads(text)
        if form["format"] == FORMAT:
            return _whole(Release(form))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{place} is no release of a saga: {type(error).__name__}: {error}; it is written by"
            " `stepsaga compile`, and not by hand"
        ) from error
    raise UsageError(
        f"{place} has format {form['format']!r}, this release of stepsaga reads {FORMAT}: use the"
        " one that wrote it, or a later one"
    )


def _whole(release: Release) -> Release:
    """The release, once all was looked at that is ever asked of it."""
    for one in calls_of(release.graph):
        for parameter in _data(one.call):
            release.taken(one.label, parameter.name)
    for node in steps_of(release.graph.nodes):
        release.writes(node.name)
    _ = release.input, release.normal, release.events
    return release
