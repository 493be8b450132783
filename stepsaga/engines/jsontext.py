"""JSON as Step Functions has it: compact text, counted in bytes of UTF-8, compared by type."""

from __future__ import annotations

import json
from typing import Any, Final

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


def same(left: Any, right: Any) -> bool:
    """Equality of JSON values: ``true`` is not ``1``, ``1`` is ``1.0``."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return bool(left == right)
