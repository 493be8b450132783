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
        environment: Variables of the Lambda function. ``${Name}`` in a value stands for a resource
            of the template, as in CloudFormation's ``!Sub``.
        policies: What the function may do besides recording events: IAM statements
            (``{"Effect": "Allow", "Action": [...], "Resource": "${StockTable.Arn}"}``), texts as in
            ``environment``.
        files: What the handlers read besides the modules that they import: paths in the project, or
            patterns (``handlers/rates/*.json``).

    Raises:
        TypeError, ValueError: Something else was given; says what to write.
    """

    resources: Mapping[str, Factory] = field(default_factory=dict)
    memory: int = 256
    environment: Mapping[str, str] = field(default_factory=dict)
    policies: Sequence[Mapping[str, Any]] = ()
    files: Sequence[str] = ()
    _built: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    _lock: RLock = field(default_factory=RLock, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for option in ("resources", "environment"):
            if not isinstance(given := getattr(self, option), Mapping):
                raise TypeError(f"{option}: a dict by name, got: {given!r}")
        _check_resources(self.resources)
        _check_memory(self.memory)
        if not all(isinstance(text, str) for pair in self.environment.items() for text in pair):
            raise TypeError(f"environment: names and values are texts, got: {self.environment!r}")
        if not _is_list_of(self.policies, Mapping):
            raise TypeError(
                f"policies: a list of statements, each a dict, got: {type(self.policies).__name__}"
            )
        if not _is_list_of(self.files, str):
            raise TypeError(f"files: a list of paths, got: {self.files!r}")
        object.__setattr__(self, "resources", MappingProxyType(dict(self.resources)))
        object.__setattr__(self, "environment", MappingProxyType(dict(self.environment)))
        object.__setattr__(self, "policies", tuple(self.policies))
        object.__setattr__(self, "files", tuple(self.files))

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


def _check_resources(resources: Mapping[str, Factory]) -> None:
    for name, factory in resources.items():
        if not str(name).isidentifier():
            raise ValueError(f"resources: {name!r} cannot be the name of a parameter")
        if not callable(factory):
            raise TypeError(
                f"resources: {name!r} is {type(factory).__name__}; give a function that builds"
                f" it, so that it is built when it is needed: {{{name!r}: lambda: ...}}"
            )


def _check_memory(memory: int) -> None:
    if isinstance(memory, bool) or not isinstance(memory, int):
        raise TypeError(f"memory: a number of MB, got: {memory!r}")
    if not _LEAST_MEMORY <= memory <= _MOST_MEMORY:
        raise ValueError(f"memory: Lambda has {_LEAST_MEMORY} to {_MOST_MEMORY} MB, got: {memory}")


def _is_list_of(given: object, kind: type) -> bool:
    """Whether it can be read more than once, and holds nothing else."""
    listed = isinstance(given, Sequence) and not isinstance(given, str)
    return listed and all(isinstance(item, kind) for item in given)  # type: ignore[attr-defined]  # a sequence


_NONE: Final = Participant()


def participant_of(module: str) -> Participant:
    """The participant that a loaded module defines; one without resources where it defines none."""
    found = getattr(sys.modules.get(module), "participant", None)
    return found if isinstance(found, Participant) else _NONE
