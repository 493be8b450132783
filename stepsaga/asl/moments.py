"""Timestamps as the Amazon States Language takes them: RFC 3339, with capital ``T`` and ``Z``."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def moment_of(text: Any) -> datetime | None:
    """The moment that a timestamp names; None where it is none."""
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
