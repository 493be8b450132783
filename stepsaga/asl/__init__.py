"""A graph as Amazon States Language. Pure: no AWS, no files."""

from __future__ import annotations

from stepsaga.asl.release import Compiled, build

__all__ = ["Compiled", "build"]
