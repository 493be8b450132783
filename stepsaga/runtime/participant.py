"""A participant: one module of handlers, one Lambda function, and what its handlers use."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import RLock
from types import MappingProxyType
from typing import Any, Final

_LEAST_MEMORY: Final = 128
_MOST_MEMORY: Final = 10_240

Factory = Callable[[], Any]


@dataclass(frozen=True, kw_only=True)
class Participant:
    """What a module of handlers needs besides code: ``participant = Participant(...)`` in it.

    Attributes:
        resources: By parameter name, a function without parameters that builds what the handlers
            use: a client, a table, settings. It is called once in a process, when a handler first
            asks for it.
        memory: Of the Lambda function, in MB.
        environment: Variables of the Lambda function.
        policies: IAM statements or SAM policy templates, as the template has them.

    Raises:
        TypeError, ValueError: Something else was given; says what to write.
    """

    resources: Mapping[str, Factory] = field(default_factory=dict)
    memory: int = 256
    environment: Mapping[str, str] = field(default_factory=dict)
    policies: Sequence[Mapping[str, Any]] = ()
    _built: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    _lock: RLock = field(default_factory=RLock, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for option in ("resources", "environment"):
            if not isinstance(given := getattr(self, option), Mapping):
                raise TypeError(f"{option}: a dict by name, got: {given!r}")
        for name, factory in self.resources.items():
            if not str(name).isidentifier():
                raise ValueError(f"resources: {name!r} cannot be the name of a parameter")
            if not callable(factory):
                raise TypeError(
                    f"resources: {name!r} is {type(factory).__name__}; give a function that builds"
                    f" it, so that it is built when it is needed: {{{name!r}: lambda: ...}}"
                )
        if isinstance(self.memory, bool) or not isinstance(self.memory, int):
            raise TypeError(f"memory: a number of MB, got: {self.memory!r}")
        if not _LEAST_MEMORY <= self.memory <= _MOST_MEMORY:
            raise ValueError(
                f"memory: Lambda has {_LEAST_MEMORY} to {_MOST_MEMORY} MB, got: {self.memory}"
            )
        if not all(isinstance(text, str) for pair in self.environment.items() for text in pair):
            raise TypeError(f"environment: names and values are texts, got: {self.environment!r}")
        if isinstance(self.policies, str | Mapping) or not all(
            isinstance(policy, Mapping) for policy in self.policies
        ):
            raise TypeError("policies: a list of statements, each a dict")
        object.__setattr__(self, "resources", MappingProxyType(dict(self.resources)))
        object.__setattr__(self, "environment", MappingProxyType(dict(self.environment)))
        object.__setattr__(self, "policies", tuple(self.policies))

    def resource(self, name: str) -> Any:
        """The resource of that name, built at most once, also between threads.

        Raises:
            KeyError: There is none.
        """
        if name not in self._built:
            # Reentrant, because one factory may use another's resource.
            with self._lock:
                if name not in self._built:
                    self._built[name] = self.resources[name]()
        return self._built[name]


_NONE: Final = Participant()


def participant_of(module: str) -> Participant:
    """The participant that a loaded module defines; one without resources where it defines none."""
    found = getattr(sys.modules.get(module), "participant", None)
    return found if isinstance(found, Participant) else _NONE
