"""The exit codes, as `stepsaga.cli.app` explains them. A shell's ``&&`` goes on after 0 only."""

from __future__ import annotations

from typing import Final

from stepsaga.engines.endings import Ending

FINE: Final = 0
PROBLEM: Final = 1
USAGE: Final = 2
COMPENSATED: Final = 3
STUCK: Final = 4
ENDING_CODES: Final = {
    Ending.COMPLETED: FINE,
    Ending.COMPENSATED: COMPENSATED,
    Ending.STUCK: STUCK,
    Ending.RUNNING: PROBLEM,
    Ending.OPEN: STUCK,
}
"""What a command exits with that has waited for a saga's end."""
