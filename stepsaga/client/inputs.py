"""A saga's input by its class; see `stepsaga.runtime.inputs`."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from stepsaga.authoring import graph_of
from stepsaga.runtime.inputs import SagaInput

if TYPE_CHECKING:
    from stepsaga.authoring import Saga


def to_send(saga: type[Saga], value: Any) -> Any:
    """What an execution of a saga is started with: `SagaInput.to_send`.

    Args:
        saga: Its class.
        value: An instance of its input's model, or what makes one: JSON values, or Python's.

    Raises:
        InputInvalid: It does not fit, cannot be JSON, or is too large. Names fields, no values.
    """
    return input_of(saga).to_send(value)


@lru_cache(maxsize=64)
def input_of(saga: type[Saga]) -> SagaInput:
    """A saga's input. Types are expensive to build, and the same for every start."""
    graph = graph_of(saga)
    return SagaInput(saga.__name__, graph.input.name, graph.input.annotation)


def same_input(saga: type[Saga], sent: Any, known: Any) -> bool:
    """Whether two executions' inputs are the same one: `SagaInput.same`."""
    return input_of(saga).same(sent, known)
