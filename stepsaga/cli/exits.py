"""The exit codes, as `stepsaga.cli.app` explains them. A shell's ``&&`` goes on after 0 only."""

from __future__ import annotations

from typing import Final

FINE: Final = 0
PROBLEM: Final = 1
USAGE: Final = 2
COMPENSATED: Final = 3
STUCK: Final = 4
