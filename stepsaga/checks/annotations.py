"""Annotations as authors write them, taken apart."""

from __future__ import annotations

import inspect
import types
import typing
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

from pydantic import (
    BeforeValidator,
    PlainSerializer,
    PlainValidator,
    RootModel,
    WrapSerializer,
    WrapValidator,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

_UNIONS: Final = (typing.Union, types.UnionType)
_CUSTOM: Final = (BeforeValidator, WrapValidator, PlainValidator, PlainSerializer, WrapSerializer)


def bare(annotation: Any) -> Any:
    """A type without what only names or decorates it: ``Annotated``, ``NewType``, an alias."""
    while True:
        if annotation is None:
            return type(None)
        if get_origin(annotation) in {typing.Annotated, typing.Required, typing.NotRequired}:
            annotation = get_args(annotation)[0]
        elif isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":  # `type Name = ...` since Python 3.12
            annotation = annotation.__value__
        elif isinstance(annotation, type) and issubclass(annotation, RootModel):
            if "root" not in annotation.model_fields:
                return annotation
            annotation = annotation.model_fields["root"].annotation  # its JSON is its root's
        else:
            return annotation


def arms(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, or the type alone; each bare."""
    kind = bare(annotation)
    if get_origin(kind) in _UNIONS:
        return tuple(arm for member in get_args(kind) for arm in arms(member))
    return (kind,)


def is_custom(metadata: Iterable[object]) -> bool:
    """Whether something reads or writes a value by a function of its own."""
    return any(isinstance(one, _CUSTOM) for one in metadata)


def is_open(annotation: Any) -> bool:
    """Whether a type says nothing: Any, object, a type variable, no annotation, own functions."""
    while get_origin(annotation) is typing.Annotated:
        if is_custom(annotation.__metadata__):
            return True
        annotation = get_args(annotation)[0]
    return (
        annotation is Any
        or annotation is object
        or annotation is inspect.Parameter.empty
        or isinstance(annotation, typing.TypeVar)
    )


def accepts_none(annotation: Any) -> bool:
    """Whether None is a value of a type."""
    return any(arm is type(None) or is_open(arm) for arm in arms(annotation))


def name_of(annotation: Any) -> str:
    """A type as an author would write it."""
    while get_origin(annotation) is typing.Annotated:
        annotation = get_args(annotation)[0]
    if annotation is type(None) or annotation is None:
        return "None"
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return annotation.__name__
    if get_origin(annotation) in _UNIONS:
        return " | ".join(map(name_of, get_args(annotation)))
    if get_origin(annotation) is not None and get_args(annotation):
        name = getattr(get_origin(annotation), "__name__", str(get_origin(annotation)))
        return f"{name}[{', '.join(map(name_of, get_args(annotation)))}]"
    if annotation is Ellipsis:
        return "..."
    return getattr(annotation, "__name__", repr(annotation))


def importable_name(annotation: Any) -> str:
    """A class as ``module:qualname``; empty where nothing can be imported by that name."""
    if not isinstance(annotation, type) or get_origin(annotation) is not None:
        return ""
    if "<locals>" in annotation.__qualname__ or annotation.__module__ == "__main__":
        return ""
    return f"{annotation.__module__}:{annotation.__qualname__}"
