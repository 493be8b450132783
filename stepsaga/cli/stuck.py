"""``stepsaga stuck``: the sagas that do not go on by themselves, and what is to be done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

from stepsaga.cli.deployed import (  # noqa: TC001  # typer reads the annotations
    EndpointOption,
    StackOption,
)
from stepsaga.cli.exits import PROBLEM
from stepsaga.cli.operating import operator_of
from stepsaga.cli.output import console, print_json, say
from stepsaga.cli.status import status_json
from stepsaga.cli.values import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepsaga.client.operator import Stuck

LONGEST: Final = 60
"""Characters of a reason, in the table."""


def stuck(
    saga: Annotated[str | None, typer.Argument(help="One saga; all where none is named.")] = None,
    *,
    stack: StackOption = None,
    endpoint_url: EndpointOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a machine.")] = False,
) -> None:
    """List the sagas that do not go on by themselves, why, and the next command for each.

    Exits with 1 where there are any.
    """
    found = operator_of(stack, endpoint_url).stuck(saga)
    if as_json:
        print_json([_json(one) for one in found])
    elif found:
        console().print(_table(found))
        for one in found:
            say(f"{one.status.saga} {one.status.id}: {one.then}")
    else:
        say("nothing is stuck", style="green")
    if found:
        raise typer.Exit(PROBLEM)


def _table(found: Sequence[Stuck]) -> Table:
    table = Table("saga", "id", "left", "why", box=None, pad_edge=False)
    for one in found:
        table.add_row(
            Text(one.status.saga, style="bold"),
            Text(one.status.id),
            Text(", ".join(one.steps) or "?"),
            Text(one_line(one.why, LONGEST), style="red"),
        )
    return table


def _json(one: Stuck) -> dict[str, object]:
    told = {"steps": list(one.steps), "why": one.why, "then": one.then}
    return {**status_json(one.status), **told}
