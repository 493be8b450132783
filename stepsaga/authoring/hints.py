"""The type hints of handlers, read once."""

from __future__ import annotations

import functools
import inspect
import typing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class UnreadableError(Exception):
    """A handler's annotations cannot be evaluated."""


@functools.lru_cache(maxsize=4096)
def hints_of(handler: Callable[..., Any]) -> Mapping[str, Any]:
    """The evaluated annotations of a handler, or what it wraps; ``Annotated`` included.

    Raises:
        UnreadableError: An annotation names what its module does not have at run time.
    """
    try:
        return typing.get_type_hints(inspect.unwrap(handler), include_extras=True)
    except Exception as error:  # an annotation is any expression, and can raise anything
        raise UnreadableError(str(error)) from error


def returns(handler: object) -> Any:
    """A handler's return type; Any where it cannot be told, which a check reports."""
    if not callable(handler):
        return Any
    try:
        return hints_of(handler).get("return", Any)
    except (UnreadableError, TypeError):  # TypeError: a callable without a hash
        return Any
