"""Handlers that do nothing, for measuring what is around them."""

from __future__ import annotations


def do() -> None:
    """Have no effect."""


def undo() -> None:
    """Have none either."""
