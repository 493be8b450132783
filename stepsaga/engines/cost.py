"""What a run cost, in what AWS counts and at list price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TRANSITIONS_PRICE: Final = 25.0
"""US dollars for a million state transitions of a Standard workflow, us-east-1.

https://aws.amazon.com/step-functions/pricing/
"""
WRITES_PRICE: Final = 0.625
"""US dollars for a million write request units on demand, us-east-1.

https://aws.amazon.com/dynamodb/pricing/on-demand/
"""
READS_PRICE: Final = 0.125
"""US dollars for a million read request units on demand, us-east-1; the same page."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What Step Functions and the event table counted.

    Attributes:
        transitions: State transitions as Step Functions bills them; ``retries`` are among them.
        retries: Attempts after a first one.
        writes: Puts, also those that were refused.
        write_units: What the puts cost; 1 up to 1 KB.
        reads: Gets and queries; each counts as one unit here, which is 4 KB.
    """

    transitions: int
    retries: int
    writes: int
    write_units: int
    reads: int

    @property
    def dollars_per_million(self) -> float:
        """What a million such sagas cost at list price, without Lambda and participants' tables."""
        return (
            self.transitions * TRANSITIONS_PRICE
            + self.write_units * WRITES_PRICE
            + self.reads * READS_PRICE
        )

    def __str__(self) -> str:
        counts = [
            _counted(self.transitions, "transition") + _aside(self.retries, "retry"),
            _counted(self.writes, "write")
            + _aside(self.write_units if self.write_units != self.writes else 0, "unit"),
            _counted(self.reads, "read"),
        ]
        return f"{', '.join(counts)}; ${self.dollars_per_million:,.2f} per million sagas"


def _aside(number: int, what: str) -> str:
    return f" ({_counted(number, what)})" if number else ""


def _counted(number: int, what: str) -> str:
    several = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{number} {what if number == 1 else several}"
