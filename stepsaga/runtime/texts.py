"""Error texts: of one shape, and cut so that failures fit every document (rule 22)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stepsaga.limits import ERROR_TEXT_BYTES

if TYPE_CHECKING:
    from pydantic import ValidationError

_MOST_FIELDS: Final = 5
_MARK: Final = "…"


def class_text(error: type[BaseException]) -> str:
    """An error's class as people look for it: ``handlers.payments.CardDeclined``, ``KeyError``."""
    if error.__module__ == "builtins":
        return error.__qualname__
    return f"{error.__module__}.{error.__qualname__}"


def message_of(error: BaseException) -> str:
    """An error's text, also where its ``__str__`` fails."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001  # an author's __str__ may raise anything
        return "(its text cannot be shown)"


def describe(error: BaseException) -> str:
    """Class and text of an error."""
    return joined(class_text(type(error)), message_of(error))


def joined(*parts: str) -> str:
    """``charge: handlers.payments.CardDeclined: no funds``; empty parts are left out."""
    return ": ".join(part for part in parts if part)


def cut(text: str, most: int = ERROR_TEXT_BYTES) -> str:
    """At most so many bytes of UTF-8, ending in an ellipsis where something is missing."""
    raw = text.encode("utf-8", "backslashreplace")
    if len(raw) <= most:
        return raw.decode("utf-8")
    return raw[: most - len(_MARK.encode())].decode("utf-8", "ignore") + _MARK


def visible(text: str, instead: str = "") -> str:
    """A text without what is not to be seen, or turns what is around it; its lines stay.

    Args:
        text: The text.
        instead: What stands for each such character.
    """
    return "".join(one if one.isprintable() or one == "\n" else instead for one in text)


def fields_text(name: str, error: ValidationError) -> str:
    """What pydantic found wrong, field by field, without the values.

    Args:
        name: What was validated; it stands before every field.
        error: What was found.
    """
    found = error.errors(include_input=False, include_url=False)
    texts = [
        joined(".".join([name, *map(str, one["loc"])]), one["msg"]) for one in found[:_MOST_FIELDS]
    ]
    if len(found) > _MOST_FIELDS:
        texts.append(f"and {len(found) - _MOST_FIELDS} more")
    return "; ".join(texts)


def fields_in(error: ValidationError) -> tuple[tuple[str, str], ...]:
    """What pydantic found wrong, as fields (``items.0.sku``) and problems; without the values."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    return tuple((".".join(map(str, one["loc"])), one["msg"]) for one in found)
