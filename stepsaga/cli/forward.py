"""``stepsaga forward``: let sagas that are stuck behind their point of no return go on."""

from __future__ import annotations

from stepsaga.cli.deployed import (  # noqa: TC001  # typer reads the annotations
    EndpointOption,
    SagaOption,
    StackOption,
)
from stepsaga.cli.operating import (
    ByOption,
    OptionalIdArgument,
    ReasonOption,
    WhyOption,
    for_each,
    operator_of,
)


def forward(  # noqa: PLR0913  # a command's options
    saga_id: OptionalIdArgument = None,
    *,
    why: WhyOption,
    reason: ReasonOption = None,
    by: ByOption = "",
    saga: SagaOption = None,
    stack: StackOption = None,
    endpoint_url: EndpointOption = None,
) -> None:
    """Go on from its log with a saga that is stuck behind its point of no return.

    Where its execution cannot be redriven any more: after 14 days, or with its machine gone. Or
    many at once, by the reason that `stepsaga stuck` tells. What is not past its point of no return
    is refused, and exits with 1: `stepsaga undo` is for that.
    """
    operator = operator_of(stack, endpoint_url, by)
    for_each(operator, saga_id, reason, saga, lambda one: operator.forward(one.saga, one.id, why))
