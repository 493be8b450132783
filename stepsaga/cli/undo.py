"""``stepsaga undo``: undo a saga from its log."""

from __future__ import annotations

from stepsaga.cli.deployed import (  # noqa: TC001  # typer reads the annotations
    EndpointOption,
    IdArgument,
    SagaOption,
    StackOption,
)
from stepsaga.cli.operating import ByOption, WhyOption, found, operator_of
from stepsaga.cli.output import say


def undo(  # noqa: PLR0913  # a command's options
    saga_id: IdArgument,
    *,
    why: WhyOption,
    by: ByOption = "",
    saga: SagaOption = None,
    stack: StackOption = None,
    endpoint_url: EndpointOption = None,
) -> None:
    """Undo a saga from its log: one that has failed, and also one that is completed.

    Its release may be long gone: the graph is kept beside the events. Past its point of no return
    nothing is undone; that is said, and exits with 1.
    """
    operator = operator_of(stack, endpoint_url, by)
    one = found(operator, saga_id, saga)
    operator.undo(one.saga, one.id, why)
    say(f"{one.saga} {one.id}  is being undone from its log. `stepsaga show {saga_id}` tells")
