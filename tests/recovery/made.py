"""Inputs whose lists only their models can tell."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field, field_validator


class Line(BaseModel):
    """An item."""

    k: int


def two_lines() -> list[Line]:
    """What counts where nobody has sent any."""
    return [Line(k=1), Line(k=2)]


class Made(BaseModel):
    """A list that is made where it is left out; its schema does not say so."""

    lines: list[Line] = Field(default_factory=two_lines)


class Written(BaseModel):
    """A list that may be written as a text."""

    lines: list[Line]

    @field_validator("lines", mode="before")
    @classmethod
    def _split(cls, given: Any) -> Any:
        return [{"k": int(one)} for one in given.split(",")] if isinstance(given, str) else given
