"""Expressions and payload templates: parsed once when a machine is created, evaluated often.

An expression is a path (``$.charge``), a path of the context object (``$$.State``), or a call of an
intrinsic function. A payload template is JSON in which the keys that end in ``.$`` are computed.
https://docs.aws.amazon.com/step-functions/latest/dg/input-output-inputpath-params.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from stepsaga.engines.jsontext import dump
from stepsaga.engines.simulator.errors import runtime_error
from stepsaga.engines.simulator.intrinsics import (
    FUNCTIONS,
    IntrinsicError,
    escaped,
    format_template,
)
from stepsaga.engines.simulator.paths import Path, PathMissing, read_path
from stepsaga.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet
    from random import Random

_NAME: Final = re.compile(r"States\.\w+(?=\()")
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?")
_CONSTANT: Final = re.compile(r"(true|false|null)\b")
_STRING: Final = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)
_NESTING: Final = 10
_CONSTANTS: Final = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression sees: ``$``, ``$$``, and the source of random numbers."""

    document: Any
    context: Any
    random: Random


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression and the field in which it stands."""

    field: str
    text: str
    run: Callable[[Scope], Any]

    def __call__(self, scope: Scope) -> Any:
        """The value.

        Raises:
            StateError: ``States.Runtime``: a path leads nowhere, or a function cannot do it.
        """
        try:
            return self.run(scope)
        except PathMissing:
            raise runtime_error(
                f"The JSONPath '{self.text}' specified for the field '{self.field}' could not be"
                f" found in the input '{dump(scope.document)}'"
            ) from None
        except IntrinsicError as error:
            raise runtime_error(
                f"The function '{self.text}' had the following error: {error}"
            ) from error


def parse_expression(field: str, text: Any, allowed: AbstractSet[str] | None = None) -> Expression:
    """An expression.

    Args:
        field: Where it stands, for messages.
        text: Its text.
        allowed: The intrinsic functions that may be used here; None for all.

    Raises:
        EngineError: It is none, or uses what the simulator does not know.
    """
    if not isinstance(text, str):
        raise EngineError(f"field {field!r}: an expression must be a string, got: {text!r}")
    parser = _Parser(field, text, allowed)
    return Expression(field, text, parser.whole())


def parse_template(field: str, template: Any) -> Callable[[Scope], Any]:
    """A payload template as a function of the scope. Parts without ``.$`` are shared, not copied.

    Raises:
        EngineError: An expression in it is refused, or a key is there with and without ``.$``.
    """
    made = _template(field, template)
    return made if made is not None else lambda _: template


def _template(field: str, template: Any) -> Callable[[Scope], Any] | None:
    """None for a template without expressions."""
    if isinstance(template, dict):
        return _object(field, template)
    if isinstance(template, list):
        return _list(field, template)
    return None


def _object(field: str, template: dict[str, Any]) -> Callable[[Scope], Any] | None:
    parts: list[tuple[str, Any, Callable[[Scope], Any] | None]] = []
    for key, value in template.items():
        if key.endswith(".$"):
            parts.append((key[:-2], None, parse_expression(f"{field}.{key}", value)))
        else:
            parts.append((key, value, _template(f"{field}.{key}", value)))
    names = [name for name, _, _ in parts]
    if double := sorted({name for name in names if names.count(name) > 1}):
        raise EngineError(f"field {field!r}: {double[0]!r} is given twice, with and without '.$'")
    if all(run is None for _, _, run in parts):
        return None
    return lambda scope: {name: value if run is None else run(scope) for name, value, run in parts}


def _list(field: str, template: list[Any]) -> Callable[[Scope], Any] | None:
    parts = [(item, _template(f"{field}[{index}]", item)) for index, item in enumerate(template)]
    if all(run is None for _, run in parts):
        return None
    return lambda scope: [value if run is None else run(scope) for value, run in parts]


class _Parser:
    def __init__(self, field: str, text: str, allowed: AbstractSet[str] | None) -> None:
        self.field = field
        self.text = text
        self.allowed = allowed
        self.at = 0

    def whole(self) -> Callable[[Scope], Any]:
        if not self.text.startswith(("$", "States.")):
            raise self.refuse("an expression begins with '$' or with an intrinsic function")
        run = self.argument(depth=0, template=False)
        if self.at != len(self.text):
            raise self.refuse(f"{self.text[self.at :]!r} is not understood")
        return run

    def argument(self, *, depth: int, template: bool) -> Callable[[Scope], Any]:
        if self.text.startswith("$", self.at):
            path, self.at = read_path(self.text, self.at)
            return _reader(path)
        if match := self.take(_NAME):
            return self.call(match[0], depth + 1)
        if match := self.take(_STRING):
            return _constant(self.literal(match[1], template=template))
        if match := self.take(_CONSTANT):
            return _constant(_CONSTANTS[match[0]])
        if match := self.take(_NUMBER):
            return _constant(float(match[0]) if match[1] else int(match[0]))
        raise self.refuse(f"{self.text[self.at :]!r} is not understood")

    def call(self, name: str, depth: int) -> Callable[[Scope], Any]:
        if name not in FUNCTIONS:
            raise self.refuse(f"there is no intrinsic function {name!r}")
        if self.allowed is not None and name not in self.allowed:
            raise self.refuse(
                f"{name} cannot be used here; those that can: {_listed(self.allowed)}"
            )
        if depth > _NESTING:
            raise self.refuse(f"more than {_NESTING} functions inside each other")
        arguments = self.arguments(name, depth)
        function, least, most = FUNCTIONS[name]
        if len(arguments) < least or (most is not None and len(arguments) > most):
            raise self.refuse(f"{name} does not take {len(arguments)} arguments")
        return lambda scope: function(scope.random, *(run(scope) for run in arguments))

    def arguments(self, name: str, depth: int) -> list[Callable[[Scope], Any]]:
        self.at += 1
        arguments: list[Callable[[Scope], Any]] = []
        self.blanks()
        while not self.text.startswith(")", self.at):
            if arguments:
                self.expect(",")
            first = name == "States.Format" and not arguments
            arguments.append(self.argument(depth=depth, template=first))
            self.blanks()
        self.at += 1
        return arguments

    def literal(self, raw: str, *, template: bool) -> str:
        """A quoted string; a template keeps its escapes, which mark the braces that are no gaps."""
        try:
            if template:
                format_template(raw)
                return raw
            return re.sub(r"\\(.)", lambda match: escaped(match[1]), raw, flags=re.DOTALL)
        except IntrinsicError as error:
            raise self.refuse(str(error)) from error

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self.text, self.at)
        if match:
            self.at = match.end()
        return match

    def expect(self, mark: str) -> None:
        if not self.text.startswith(mark, self.at):
            raise self.refuse(f"{mark!r} is missing at {self.text[self.at :]!r}")
        self.at += len(mark)
        self.blanks()

    def blanks(self) -> None:
        while self.text.startswith(" ", self.at):
            self.at += 1

    def refuse(self, why: str) -> EngineError:
        return EngineError(f"field {self.field!r}: {self.text!r}: {why}")


def _reader(path: Path) -> Callable[[Scope], Any]:
    if path.context:
        return lambda scope: path.read(scope.context)
    return lambda scope: path.read(scope.document)


def _constant(value: Any) -> Callable[[Scope], Any]:
    return lambda _: value


def _listed(names: AbstractSet[str]) -> str:
    return ", ".join(sorted(names)) or "none"
