"""A handler's signature, read once in a process."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, get_type_hints

from stepsaga.runtime.approval_links import ApprovalLinks
from stepsaga.runtime.context import SagaContext
from stepsaga.runtime.values import JsonType

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class HandlerParameter:
    """One parameter: ``context`` where it takes `SagaContext`, ``links`` where `ApprovalLinks`."""

    name: str
    type: JsonType
    context: bool
    required: bool
    links: bool = False


@dataclass(frozen=True, slots=True)
class HandlerSignature:
    """What the runtime must know to call a handler."""

    parameters: tuple[HandlerParameter, ...]
    returns: JsonType


def signature_of(handler: Callable[..., Any]) -> HandlerSignature:
    """A handler's signature. A wrapper that sets ``__wrapped__`` has that of what it wraps.

    Raises:
        NameError, TypeError: The annotations cannot be resolved.
    """
    return _read(inspect.unwrap(handler))


@lru_cache(maxsize=1024)
def _read(handler: Callable[..., Any]) -> HandlerSignature:
    hints = get_type_hints(handler, include_extras=True)
    empty = inspect.Parameter.empty
    return HandlerSignature(
        parameters=tuple(
            HandlerParameter(
                name=name,
                type=JsonType(hints.get(name, empty)),
                context=hints.get(name) is SagaContext,
                required=parameter.default is empty,
                links=hints.get(name) is ApprovalLinks,
            )
            for name, parameter in inspect.signature(handler).parameters.items()
            if parameter.kind not in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}
        ),
        returns=JsonType(hints.get("return", empty)),
    )
