"""JSON schemas of inputs and results, by pydantic."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping

Mode = Literal["validation", "serialization"]


class NoSchemaError(Exception):
    """A type cannot be read from JSON, or written as it."""


def schema_of(annotation: Any, mode: Mode) -> Mapping[str, Any]:
    """The JSON schema of a type.

    Raises:
        NoSchemaError: pydantic makes none of it; the first line of its reason.
    """
    try:
        return _schema(annotation, mode)
    except TypeError:  # an annotation without a hash cannot be remembered
        return _schema.__wrapped__(annotation, mode)


@functools.lru_cache(maxsize=1024)
def _schema(annotation: Any, mode: Mode) -> Mapping[str, Any]:
    if isinstance(annotation, str):
        raise NoSchemaError("a name in quotes is no type")
    try:
        return TypeAdapter(annotation).json_schema(mode=mode)
    except Exception as error:  # pydantic's own errors, and whatever authors' schema hooks raise
        reason = str(error).splitlines() or [type(error).__name__]
        raise NoSchemaError(reason[0].partition(". ")[0]) from error
