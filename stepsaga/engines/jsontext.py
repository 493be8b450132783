"""JSON as Step Functions has it: compact text, counted in bytes of UTF-8, compared by type."""

from __future__ import annotations

import json
from typing import Any, Final

from stepsaga.runtime.values import same

__all__ = ["LIMIT", "dump", "fits", "same"]

LIMIT: Final = 262_144
"""The bytes that an input, a result or a document may have.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def dump(value: Any) -> str:
    """Compact JSON text.

    Raises:
        TypeError, ValueError: The value is not JSON.
    """
    return _ENCODER.encode(value)


def fits(text: str) -> bool:
    """Whether a text is within the limit."""
    if len(text) > LIMIT:
        return False
    # No character has more than four bytes: only long texts need to be counted.
    return len(text) * 4 <= LIMIT or len(text.encode("utf-8", "surrogatepass")) <= LIMIT
