"""``stepsaga resolve``: close on the record what a person has settled outside."""

from __future__ import annotations

from typing import Annotated

import typer

from stepsaga.cli.deployed import (  # noqa: TC001  # typer reads the annotations
    EndpointOption,
    IdArgument,
    SagaOption,
    StackOption,
)
from stepsaga.cli.operating import ByOption, WhyOption, found, operator_of
from stepsaga.cli.output import say
from stepsaga.errors import UsageError


def resolve(  # noqa: PLR0913  # a command's options
    saga_id: IdArgument,
    step: Annotated[str, typer.Argument(help="The step.", show_default=False)],
    *,
    why: WhyOption,
    done_by_hand: Annotated[
        bool, typer.Option("--done-by-hand", help="It was undone outside.")
    ] = False,
    never_happened: Annotated[
        bool, typer.Option("--never-happened", help="It had no effect, and will have none.")
    ] = False,
    lane: Annotated[
        str,
        typer.Option(metavar="SLOT", help="One lane, as `show` has it; all that are open."),
    ] = "",
    by: ByOption = "",
    saga: SagaOption = None,
    stack: StackOption = None,
    endpoint_url: EndpointOption = None,
) -> None:
    """Record what a person has done about a step that a saga is stuck at; then `redrive` goes on.

    One of --done-by-hand and --never-happened.
    """
    if done_by_hand == never_happened:
        raise UsageError("what was it? Give one of --done-by-hand and --never-happened")
    operator = operator_of(stack, endpoint_url, by)
    one = found(operator, saga_id, saga)
    count = operator.resolve(one.saga, one.id, step, why, lane=lane, happened=done_by_hand)
    lanes = f" in {count} lanes" if count > 1 else ""
    say(f"{one.saga} {one.id}  {step} is resolved{lanes}. `stepsaga redrive {saga_id}` goes on")
