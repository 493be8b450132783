"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What is known after a check."""

    OK = "ok"
    PROBLEM = "problem"
    UNKNOWN = "not known"
    """It could not be looked at, or cannot be."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found.

    Attributes:
        check: The check's name.
        state: Whether it is a problem.
        text: What was found; names the resource.
        hint: The way out, where there is something to do.
    """

    check: str
    state: State
    text: str
    hint: str = ""


def fine(check: str, text: str) -> Finding:
    """Nothing is wrong."""
    return Finding(check, State.OK, text)


def problem(check: str, text: str, hint: str = "") -> Finding:
    """A deployment would fail, or do what nobody wants."""
    return Finding(check, State.PROBLEM, text, hint)


def unknown(check: str, text: str, hint: str = "") -> Finding:
    """Nobody knows: only the deployment will tell."""
    return Finding(check, State.UNKNOWN, text, hint)
