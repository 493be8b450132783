"""What an item weighs: DynamoDB's documented rules, in bytes and in write units.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

UNIT_BYTES: Final = 1024
"""One write unit pays for one item of up to 1 KB."""

ITEM_LIMIT_BYTES: Final = 400 * 1024
"""DynamoDB's largest item, attribute names included."""

COLLECTION_BYTES: Final = 3
"""Overhead of a list or a map, whatever is in it."""

ELEMENT_BYTES: Final = 1
"""Overhead of each element of a list or a map."""


def item_bytes(item: Mapping[str, Any]) -> int:
    """The size of an item in DynamoDB JSON (``{"slot": {"S": "..."}}``), in bytes."""
    return sum(attribute_bytes(name, value) for name, value in item.items())


def write_units(size: int) -> int:
    """The write units that one put of an item of this many bytes costs."""
    return max(1, -(-size // UNIT_BYTES))


def attribute_bytes(name: str, value: Mapping[str, Any]) -> int:
    """One attribute's share: its name and its value."""
    return _utf8(name) + value_bytes(value)


def value_bytes(value: Mapping[str, Any]) -> int:
    """The size of one value in DynamoDB JSON.

    Raises:
        ValueError: It is none of DynamoDB's types.
    """
    [(kind, content)] = value.items()
    match kind:
        case "S" | "B":
            return _utf8(content) if isinstance(content, str) else len(content)
        case "N":
            return _number(content)
        case "BOOL" | "NULL":
            return 1
        case "L":
            return COLLECTION_BYTES + sum(ELEMENT_BYTES + value_bytes(one) for one in content)
        case "M":
            return COLLECTION_BYTES + sum(
                ELEMENT_BYTES + attribute_bytes(name, one) for name, one in content.items()
            )
        case "SS" | "NS" | "BS":
            return sum(value_bytes({kind[0]: one}) for one in content)
    raise ValueError(f"DynamoDB has no type {kind!r}")


def _utf8(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _number(text: str) -> int:
    """One byte for two significant digits, and one more; a sign is one more."""
    mantissa = text.lower().partition("e")[0]
    digits = mantissa.lstrip("+-").replace(".", "").strip("0")
    return (len(digits) + 1) // 2 + 1 + text.startswith("-")
