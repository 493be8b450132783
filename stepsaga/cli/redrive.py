"""``stepsaga redrive``: let stuck sagas go on after a fix."""

from __future__ import annotations

from stepsaga.cli.deployed import (  # noqa: TC001  # typer reads the annotations
    EndpointOption,
    SagaOption,
    StackOption,
)
from stepsaga.cli.operating import OptionalIdArgument, ReasonOption, for_each, operator_of


def redrive(
    saga_id: OptionalIdArgument = None,
    *,
    reason: ReasonOption = None,
    saga: SagaOption = None,
    stack: StackOption = None,
    endpoint_url: EndpointOption = None,
) -> None:
    """Let a saga that is stuck go on where it stands, after what failed was mended.

    Or many at once, by the reason that `stepsaga stuck` tells.
    """
    operator = operator_of(stack, endpoint_url)
    for_each(operator, saga_id, reason, saga, lambda one: operator.redrive(one.saga, one.id))
