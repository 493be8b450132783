"""What the comparison of releases finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Weight(StrEnum):
    """What a finding asks for."""

    BREAK = "break"
    """Sagas would be stuck, or events lost to their readers: mend it, or acknowledge it."""
    NOTE = "note"
    """To be known, and nothing to be done."""


class Whom(StrEnum):
    """For whom it matters."""

    UNDONE = "sagas that are undone"
    """Running ones that fail before their pivot, and later undo from the log."""
    DOUBT = "steps in doubt"
    PASSED = "sagas past their pivot"
    WAITING = "sagas that wait for an answer"
    RUNNING = "running sagas"
    STORED = "events already stored"
    NEW = "new sagas"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a new release means for what there is already.

    Attributes:
        code: Stable, explained in ``docs/errors.md``: ``S703``.
        subject: What it is about: ``FulfilOrder.charge``.
        weight: Whether anything has to be done.
        whom: For whom it matters.
        text: What it is.
        hint: The way out; empty where there is nothing to do.
        releases: The marks of the old releases that it is found in.
    """

    code: str
    subject: str
    weight: Weight
    whom: Whom
    text: str
    hint: str
    releases: tuple[str, ...]
