"""``stepsaga redrive``: let stuck sagas go on after a fix."""

from __future__ import annotations

from typing import Annotated

import typer

from stepsaga.cli.deployed import (  # noqa: TC001  # typer reads the annotations
    EndpointOption,
    SagaOption,
    StackOption,
)
from stepsaga.cli.exits import PROBLEM
from stepsaga.cli.operating import found, operator_of
from stepsaga.cli.output import complain, say
from stepsaga.errors import StepsagaError, UsageError


def redrive(
    saga_id: Annotated[
        str | None,
        typer.Argument(
            metavar="ID", help="order-123, or FulfilOrder#order-123.", show_default=False
        ),
    ] = None,
    *,
    reason: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="All that are stuck because of an error that contains this.",
            show_default=False,
        ),
    ] = None,
    saga: SagaOption = None,
    stack: StackOption = None,
    endpoint_url: EndpointOption = None,
) -> None:
    """Let a saga that is stuck go on where it stands, after what failed was mended.

    Or many at once, by the reason that `stepsaga stuck` tells.
    """
    if (saga_id is None) == (reason is None):
        raise UsageError("which? Give an ID, or --reason TEXT for all that are stuck because of it")
    operator = operator_of(stack, endpoint_url)
    if saga_id is not None:
        one = found(operator, saga_id, saga)
        operator.redrive(one.saga, one.id)
        say(f"{one.saga} {one.id}  goes on")
        return
    meant = [one.status for one in operator.stuck(saga) if str(reason) in one.why]
    failed = 0
    for one in meant:
        try:
            operator.redrive(one.saga, one.id)
        except StepsagaError as error:
            failed += 1
            complain(f"{one.saga} {one.id}: {error}")
        else:
            say(f"{one.saga} {one.id}  goes on")
    say(f"{len(meant) - failed} of {len(meant)} go on")
    if failed:
        raise typer.Exit(PROBLEM)
