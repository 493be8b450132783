"""``stepsaga cancel``: stop a saga that runs, and have it undone."""

from __future__ import annotations

from stepsaga.cli.deployed import (  # noqa: TC001  # typer reads the annotations
    EndpointOption,
    IdArgument,
    SagaOption,
    StackOption,
)
from stepsaga.cli.operating import ByOption, WhyOption, found, operator_of
from stepsaga.cli.output import say


def cancel(  # noqa: PLR0913  # a command's options
    saga_id: IdArgument,
    *,
    why: WhyOption,
    by: ByOption = "",
    saga: SagaOption = None,
    stack: StackOption = None,
    endpoint_url: EndpointOption = None,
) -> None:
    """Cancel a saga that runs: it is compensated, never just stopped.

    Past its point of no return it is not, and goes on; that is said, and exits with 1.
    """
    operator = operator_of(stack, endpoint_url, by)
    one = found(operator, saga_id, saga)
    operator.cancel(one.saga, one.id, why)
    say(f"{one.saga} {one.id}  cancelled: it is being undone. `stepsaga wait {saga_id}` waits")
