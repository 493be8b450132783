"""A participant that a function of its own runs in the tests."""

from __future__ import annotations

import signal
from typing import Any


def charge(order: dict[str, Any]) -> str:
    """Tell what was charged, and whether the kernel keeps the time."""
    armed = signal.getitimer(signal.ITIMER_REAL)[0] > 0
    return f"paid {order['amount']}, timer {'armed' if armed else 'missing'}"


def scan() -> str:
    """Return far more than a document can hold."""
    return "x" * 200_000


def measure(scan: str) -> int:
    """Take it."""
    return len(scan)
