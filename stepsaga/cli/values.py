"""Values as a line of a report: short, and with nothing in it that must not be shown."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from stepsaga.runtime.sensitive import mask

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST: Final = 72
LONGEST_TEXT: Final = 40
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def brief(value: Any, schema: Mapping[str, Any] | None) -> str:
    """A JSON value in a few words.

    Args:
        value: The value.
        schema: Its JSON schema, which marks what is sensitive. None where it is not known: then
            nothing is shown.
    """
    if schema is None or value is None:
        return ""
    shown = mask(value, schema)
    if isinstance(shown, dict):
        return one_line("  ".join(f"{key}={_part(part)}" for key, part in shown.items()))
    if isinstance(shown, list):
        return _part(shown)
    return one_line(_part(shown))


def one_line(text: str, longest: int = LONGEST) -> str:
    """A text without line breaks and control characters, cut where it is too long."""
    line = " ".join(text.split())
    line = "".join(one if one.isprintable() else "?" for one in line)
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def _part(value: Any) -> str:
    if isinstance(value, str):
        # A key of 36 characters pushes everything else out; its beginning is enough to know it by.
        return f"{value[:8]}..." if _UUID.fullmatch(value) else one_line(value, LONGEST_TEXT)
    if isinstance(value, list):
        return "1 item" if len(value) == 1 else f"{len(value)} items"
    if isinstance(value, dict):
        return "{...}" if value else "{}"
    return json.dumps(value)
