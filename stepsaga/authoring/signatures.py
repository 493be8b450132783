"""A handler's definition, read: whether Lambda can call it, and what its parameters are."""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from stepsaga.authoring.hints import UnreadableError, hints_of
from stepsaga.errors import Problem, Source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FunctionType

EMPTY: Final = inspect.Parameter.empty
_FLEXIBLE: Final = frozenset(
    {
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.VAR_POSITIONAL,
        inspect.Parameter.VAR_KEYWORD,
    }
)


@dataclass(frozen=True, slots=True)
class Signature:
    """What a handler's definition says.

    Attributes:
        reference: ``module:qualname``; empty for a handler that cannot be used.
        module: Its participant.
        parameters: Those that can be filled by name, with evaluated annotations.
        returns: The evaluated return annotation; Any where there is none.
        doc: The docstring.
        source: Where the function stands.
    """

    reference: str = ""
    module: str = ""
    parameters: tuple[inspect.Parameter, ...] = ()
    returns: Any = Any
    doc: str = ""
    source: Source | None = None


def read(
    handler: object, part: str, subject: str, source: Source
) -> tuple[Signature, list[Problem]]:
    """Read a handler's definition.

    Args:
        handler: What the author gave.
        part: What it is to the step: handler, compensation, probe.
        subject: The step, for problems: ``FulfilOrder.charge``.
        source: The line of the step.
    """
    if problem := _unusable(handler, part, subject, source):
        return Signature(), [problem]
    assert inspect.isfunction(handler)  # noqa: S101  # for mypy; _unusable has said so
    function = inspect.unwrap(handler)  # as the runtime does it
    code = function.__code__
    place = Source(code.co_filename, code.co_firstlineno)
    name = f"{part} {handler.__qualname__}"
    try:
        hints = hints_of(handler)
    except UnreadableError as error:
        text = f"the annotations of {name} cannot be read: {error}"
        hint = "import the types when the module is imported, not under `if TYPE_CHECKING`"
        return Signature(), [Problem("S206", subject, text, hint, place)]
    given = inspect.signature(function).parameters.values()
    signature = Signature(
        reference=f"{handler.__module__}:{handler.__qualname__}",
        module=handler.__module__,
        parameters=tuple(
            parameter.replace(annotation=hints.get(parameter.name, EMPTY))
            for parameter in given
            if parameter.kind not in _FLEXIBLE
        ),
        returns=hints.get("return", Any),
        doc=inspect.getdoc(handler) or "",
        source=place,
    )
    return signature, [
        Problem(code_, subject, text, hint, place)
        for code_, text, hint in [*_flexible(given, name), *_unannotated(given, hints, name)]
    ]


_Finding = tuple[str, str, str]


def _flexible(given: Any, name: str) -> list[_Finding]:
    hint = "name each parameter that it needs: by its name it is filled"
    return [
        ("S203", f"{name} has the parameter {parameter}, which has no name to fill it by", hint)
        for parameter in given
        if parameter.kind in _FLEXIBLE
    ]


def _unannotated(given: Any, hints: Mapping[str, Any], name: str) -> list[_Finding]:
    found = [
        (
            "S206",
            f"{name} does not say what {parameter.name!r} is",
            f"annotate it: {parameter.name}: <type>",
        )
        for parameter in given
        if parameter.kind not in _FLEXIBLE and parameter.name not in hints
    ]
    if "return" not in hints:
        text = f"{name} does not say what it returns"
        found.append(("S206", text, "annotate it: -> <type>, or -> None"))
    return found


def _unusable(handler: object, part: str, subject: str, source: Source) -> Problem | None:
    hint = "give a function that stands at the top of a module: def name(...) -> ...: ..."
    if not inspect.isfunction(handler):
        text = f"the {part} is no plain function: {handler!r}"
        if not callable(handler):
            hint = "give the function itself, without calling it"
        return Problem("S201", subject, text, hint, source)
    if handler.__module__ == "__main__":
        text = f"the {part} {handler.__qualname__} stands in the script that is being run"
        return Problem("S209", subject, text, "put handlers in modules of their own", source)
    if not _importable(handler):
        text = f"the {part} cannot be imported as {handler.__module__}:{handler.__qualname__}"
        return Problem("S201", subject, text, hint, source)
    if _runs_later(handler):
        text = f"the {part} {handler.__qualname__} is a coroutine or a generator"
        hint = "write it with def and return: an invocation of Lambda runs one call"
        return Problem("S202", subject, text, hint, source)
    return None


def _importable(handler: FunctionType) -> bool:
    """Lambda finds a handler by its module and name, and must find this one."""
    module = sys.modules.get(handler.__module__)
    return vars(module).get(handler.__qualname__) is handler if module else False


def _runs_later(handler: FunctionType) -> bool:
    function = inspect.unwrap(handler)
    return (
        inspect.iscoroutinefunction(function)
        or inspect.isgeneratorfunction(function)
        or inspect.isasyncgenfunction(function)
    )
