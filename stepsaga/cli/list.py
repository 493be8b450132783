"""``stepsaga list``: the latest sagas of a stack."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from stepsaga.cli.deployed import EndpointOption, StackOption, client_of
from stepsaga.cli.output import console, print_json, say
from stepsaga.cli.status import lasted, status_json
from stepsaga.cli.timeline_view import ENDING_STYLES
from stepsaga.engines.protocol import Status  # noqa: TC001  # typer reads the annotations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepsaga.client import SagaStatus


def list_sagas(  # noqa: PLR0913  # a command's options
    saga: Annotated[str | None, typer.Argument(help="One saga; all where none is named.")] = None,
    *,
    status: Annotated[
        Status | None,
        typer.Option(case_sensitive=False, help="Of the execution.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option(help="How many at most.")] = 20,
    stack: StackOption = None,
    endpoint_url: EndpointOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a machine.")] = False,
) -> None:
    """List the latest sagas of a stack, the newest first, with their endings.

    Step Functions knows them for 90 days after their end; what has not ended is told for ever.
    """
    listed = client_of(stack, endpoint_url).list(saga, status=status, limit=limit)
    if as_json:
        print_json([status_json(one) for one in listed])
    elif listed:
        console().print(_table(listed))
    else:
        say("no sagas", style="dim")


def _table(listed: Sequence[SagaStatus]) -> Table:
    table = Table("saga", "id", "ending", "started (UTC)", "lasted", box=None, pad_edge=False)
    for one in listed:
        table.add_row(
            Text(one.saga, style="bold"),
            Text(one.id),
            Text(one.ending.value, style=ENDING_STYLES[one.ending]),
            f"{one.started.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
            lasted(one),
        )
    return table
