"""A saga's input on its way to an execution: checked, brought into one form, compared."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from stepsaga.authoring import graph_of
from stepsaga.engines.jsontext import same
from stepsaga.errors import InputInvalid
from stepsaga.limits import DOCUMENT_BYTES
from stepsaga.runtime.values import JsonType, Unfit, compact

if TYPE_CHECKING:
    from stepsaga.authoring import Saga


def to_send(saga: type[Saga], value: Any) -> Any:
    """A saga's input as the JSON values that its execution is started with.

    One form, however the caller has it: the model's JSON, by alias, defaults filled in, secrets as
    they are. So a dict and an instance of the model make the same execution, and a default that is
    made anew each time (``default_factory=uuid4``) is made once, not by every step that reads it.

    Args:
        saga: Its class.
        value: An instance of its input's model, or what makes one: JSON values, or Python's.

    Raises:
        InputInvalid: It does not fit, cannot be JSON, or is too large. Names fields, no values.
    """
    name, kind = _input_of(saga)
    try:
        read = kind.read(name, value) if _is_json(value) else value
        sent = kind.write(read, name)
        kind.read(name, sent)  # as every step will
        size = len(compact(sent))
    except Unfit as unfit:
        raise InputInvalid(f"{saga.__name__}: {unfit}; nothing was started") from None
    if size > DOCUMENT_BYTES:
        raise InputInvalid(
            f"{saga.__name__}: {name} has {size:,} bytes as JSON, over {DOCUMENT_BYTES:,}; keep"
            " what is large elsewhere, in S3 for instance, and say in the input where it is"
        )
    return sent


def same_input(saga: type[Saga], sent: Any, known: Any) -> bool:
    """Whether two executions' inputs are the same one, as JSON values.

    Args:
        saga: Its class.
        sent: What `to_send` made.
        known: What another execution was started with; perhaps from the console, so that defaults
            are not filled in, or by a release whose model had fewer fields.
    """
    if same(sent, known):
        return True
    name, kind = _input_of(saga)
    try:
        return same(sent, kind.write(kind.read(name, known), name))
    except Unfit:
        return False


def differing(sent: Any, known: Any) -> str:
    """Where two inputs differ, in words: names of fields, never values."""
    if not (isinstance(sent, dict) and isinstance(known, dict)):
        return "its value"
    nothing = object()
    names = [
        name
        for name in dict.fromkeys([*sent, *known])
        if not same(sent.get(name, nothing), known.get(name, nothing))
    ]
    return ", ".join(names)


@lru_cache(maxsize=64)
def _input_of(saga: type[Saga]) -> tuple[str, JsonType]:
    """The input's name and type. Types are expensive to build, and the same for every start."""
    node = graph_of(saga).input
    return node.name, JsonType(node.annotation)


def _is_json(value: Any) -> bool:
    """Whether a value is JSON already; else pydantic is given the Python objects themselves.

    An instance written as JSON first would lose its secrets: pydantic writes asterisks for them.
    """
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True
