"""What the alias ``live`` runs once a release is deployed: handlers, as far as they are known."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol, get_type_hints

from stepsaga.asl.awaited_events import awaited_in
from stepsaga.asl.names import participants
from stepsaga.compat.releases import DATA, calls_of
from stepsaga.compat.schemas import Schema, schemas_of
from stepsaga.graph import Origin, steps_of
from stepsaga.runtime.approval_links import ApprovalLinks
from stepsaga.runtime.context import SagaContext
from stepsaga.runtime.participant import participant_of
from stepsaga.runtime.runtime import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stepsaga.compat.releases import LiveCall, Release
    from stepsaga.graph import AwaitedEvent


class Unseen(Exception):  # never leaves the comparison
    """Whether it is there cannot be told from what there is to look at."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A parameter of a handler.

    Attributes:
        name: Its name.
        required: Whether the handler cannot be called without it.
        own: Whether it is filled without the call: the context, a resource.
        reads: What it reads; None where that is not known.
    """

    name: str
    required: bool
    own: bool
    reads: Schema | None


@dataclass(frozen=True, slots=True)
class Handler:
    """A handler: its parameters, and what it writes, if that is known."""

    parameters: tuple[Taken, ...]
    writes: Schema | None


class Code(Protocol):
    """The code of a release."""

    def handler(self, reference: str) -> Handler | None:
        """A handler by ``module:qualname``; None where there is none.

        Raises:
            Unseen: That cannot be told.
        """
        ...

    def model(self, reference: str) -> tuple[Schema, Schema] | None:
        """What an input's model reads, and what it writes; None where there is none of that name.

        Raises:
            Unseen: That cannot be told.
        """
        ...

    def error(self, reference: str) -> bool:
        """Whether there is a class of errors of that name.

        Raises:
            Unseen: That cannot be told.
        """
        ...


class SourceCode:
    """The code as it can be imported here and now."""

    def handler(self, reference: str) -> Handler | None:
        """As `Code.handler`; what is there in part, but cannot be read, is not there."""
        try:
            found = inspect.unwrap(load(reference))
            hints = get_type_hints(found, include_extras=True)
        except Exception:  # noqa: BLE001  # whatever a module does at import: Lambda would see it too
            return None
        resources = participant_of(reference.partition(":")[0]).resources
        given = [
            one
            for one in inspect.signature(found).parameters.values()
            if one.kind not in {one.VAR_POSITIONAL, one.VAR_KEYWORD}
        ]
        reads, writes = _schemas(hints, [one.name for one in given])
        return Handler(
            tuple(
                Taken(
                    one.name,
                    required=one.default is one.empty,
                    own=hints.get(one.name) in {SagaContext, ApprovalLinks}
                    or one.name in resources,
                    reads=reads.get(one.name),
                )
                for one in given
            ),
            writes,
        )

    def model(self, reference: str) -> tuple[Schema, Schema] | None:
        """As `Code.model`."""
        module, _, name = reference.partition(":")
        try:
            kind = attrgetter(name)(import_module(module))
            schemas, shared = schemas_of(
                [("reads", "validation", kind), ("writes", "serialization", kind)]
            )
        except Exception:  # noqa: BLE001  # as above
            return None
        return Schema(schemas["reads"], shared), Schema(schemas["writes"], shared)

    def error(self, reference: str) -> bool:
        """As `Code.error`."""
        module, _, name = reference.partition(":")
        try:
            return isinstance(attrgetter(name)(import_module(module)), type)
        except Exception:  # noqa: BLE001  # as above
            return False


def _schemas(
    hints: Mapping[str, Any], names: Iterable[str]
) -> tuple[dict[str, Schema], Schema | None]:
    """What parameters read and what is returned, as far as pydantic has schemas for their types."""
    found: dict[str, Schema] = {}
    wanted: list[tuple[str, Any]] = [(name, "validation") for name in names]
    for name, mode in [*wanted, ("return", "serialization")]:
        try:
            schemas, shared = schemas_of([(name, mode, hints.get(name, Any))])
        except Exception:  # noqa: BLE001, S112  # resources are of any type
            continue
        found[name] = Schema(schemas[name], shared)
    return found, found.pop("return", None)


class ReleasedCode:
    """The code as far as committed releases tell: the handlers that their definitions call.

    Args:
        releases: Of all sagas, one of each.
    """

    def __init__(self, releases: Iterable[Release]) -> None:
        self._calls: dict[str, tuple[Release, LiveCall]] = {}
        self._models: dict[str, tuple[Schema, Schema]] = {}
        self._errors: set[str] = set()
        for release in releases:
            self._models[release.graph.input.model] = release.input, release.normal
            for one in calls_of(release.graph):
                self._calls.setdefault(one.call.handler, (release, one))
                retry = one.call.retry
                self._errors |= {*retry.only, *retry.never} if retry else set()

    def handler(self, reference: str) -> Handler | None:
        """As `Code.handler`."""
        if reference not in self._calls:
            raise Unseen(reference)
        release, one = self._calls[reference]
        return Handler(
            tuple(
                Taken(
                    parameter.name,
                    required=parameter.required,
                    own=parameter.origin in {Origin.CONTEXT, Origin.LINKS, Origin.RESOURCE},
                    reads=release.taken(one.label, parameter.name)[1]
                    if parameter.origin in DATA
                    else None,
                )
                for parameter in one.call.parameters
            ),
            # A probe returns what its step does.
            release.writes(one.node.name) if not one.undoes else None,
        )

    def model(self, reference: str) -> tuple[Schema, Schema] | None:
        """As `Code.model`."""
        if reference not in self._models:
            raise Unseen(reference)
        return self._models[reference]

    def error(self, reference: str) -> bool:
        """As `Code.error`."""
        if reference not in self._errors:
            raise Unseen(reference)
        return True


@dataclass(frozen=True)
class Deployment:
    """All that a release deploys, to compare old releases with.

    Attributes:
        releases: By saga.
        code: What its functions run.
    """

    releases: Mapping[str, Release]
    code: Code

    def seconds(self, participant: str) -> int | None:
        """The longest time of a call to a participant; None where it has no function."""
        times = [
            one.call.seconds
            for release in self.releases.values()
            for one in calls_of(release.graph)
            if one.call.participant == participant
        ]
        return max(times, default=None)

    def calls(self, handler: str) -> list[LiveCall]:
        """The calls of a handler in the new definitions."""
        return [
            one
            for release in self.releases.values()
            for one in calls_of(release.graph)
            if one.call.handler == handler
        ]

    def participants(self) -> frozenset[str]:
        """The modules that have a function."""
        return frozenset(
            module for release in self.releases.values() for module in participants(release.graph)
        )

    def routes(self, event: AwaitedEvent) -> bool:
        """Whether a saga waits for such an event by that field, so that its router knows it."""
        wanted = event.event.source, event.event.name, event.by
        return any(
            (one.event.source, one.event.name, one.by) == wanted
            for release in self.releases.values()
            for one in awaited_in(release.graph)
        )

    def asks(self, saga: str, step: str) -> bool:
        """Whether a saga's step still asks a question."""
        release = self.releases.get(saga)
        nodes = steps_of(release.graph.nodes) if release else ()
        return any(node.name == step and node.question is not None for node in nodes)
