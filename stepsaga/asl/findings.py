"""What the rules of a definition find, and how they read what may be anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepsaga.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator


class Findings:
    """Problems, each once, in the order in which they were found."""

    def __init__(self) -> None:
        self._problems: dict[Problem, None] = {}

    @property
    def problems(self) -> list[Problem]:
        """All that was found."""
        return list(self._problems)

    def add(self, code: str, subject: str, text: str, hint: str) -> None:
        """A problem of a state, or of the whole definition. A state may have an empty name."""
        self._problems[Problem(code, subject or "''", text, hint)] = None


def table(value: Any) -> dict[str, Any]:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def tables(value: Any) -> list[dict[str, Any]]:
    """The objects of a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def names(value: Any) -> list[str]:
    """The strings of a list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def blocks(block: Any, where: str = "definition") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every block of states, the machine first, then those of branches and maps, however deep."""
    if not isinstance(block, dict):
        return
    yield where, block
    for name, state in table(block.get("States")).items():
        inner = table(state)
        for number, branch in enumerate(tables(inner.get("Branches"))):
            yield from blocks(branch, f"{name}.Branches[{number}]")
        for field in ("ItemProcessor", "Iterator"):
            yield from blocks(inner.get(field), f"{name}.{field}")


def states(block: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The states of a block that are objects."""
    found = table(block.get("States"))
    return {name: state for name, state in found.items() if isinstance(state, dict)}


def targets(state: dict[str, Any]) -> list[tuple[str, str]]:
    """The transitions of a state: the field, and the state that it names."""
    found = [(field, state.get(field)) for field in ("Next", "Default")]
    for field in ("Catch", "Choices"):
        entries = tables(state.get(field))
        found += [(f"{field}[{n}].Next", entry.get("Next")) for n, entry in enumerate(entries)]
    return [(field, target) for field, target in found if isinstance(target, str)]
