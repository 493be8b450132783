"""``stepsaga wait``: wait until a deployed saga has ended, and show what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from stepsaga.cli.deployed import (
    EndpointOption,
    IdArgument,
    SagaOption,
    StackOption,
    client_of,
    duration,
    find,
    story,
    wait_for,
)
from stepsaga.cli.exits import ENDING_CODES
from stepsaga.cli.output import complain, console, print_json
from stepsaga.cli.timeline_view import as_json as timeline_json
from stepsaga.cli.timeline_view import view
from stepsaga.engines.endings import Ending

if TYPE_CHECKING:
    from datetime import timedelta

    from stepsaga.client import Client


def wait(  # noqa: PLR0913  # a command's options
    saga_id: IdArgument,
    *,
    saga: SagaOption = None,
    timeout: Annotated[
        str | None,
        typer.Option(help="How long at most: 30s, 5m, 2h, 1d.", show_default=False),
    ] = None,
    stack: StackOption = None,
    endpoint_url: EndpointOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a machine.")] = False,
) -> None:
    """Wait until a deployed saga has ended, then show what happened, from its events.

    Exits with 0 when the saga completed, with 3 when it was compensated, with 4 when it is stuck;
    with 1 when it still runs after the time.
    """
    patience = duration(timeout)
    client = client_of(stack, endpoint_url)
    found = find(client, saga_id, saga)
    show_end(client, found.saga, found.id, timeout=patience, as_json=as_json)


def show_end(  # noqa: PLR0913  # all but the saga are options by name
    client: Client,
    saga: str,
    saga_id: str,
    *,
    timeout: timedelta | None = None,
    as_json: bool,
    started: bool = False,
) -> None:
    """Wait for a saga's end, and show its story; see `Client.wait`.

    Raises:
        typer.Exit: With the code of its ending.
    """
    status = wait_for(client, saga, saga_id, timeout=timeout, started=started)
    timeline = story(client, status)
    if as_json:
        print_json(timeline_json(timeline))
    else:
        console().print(view(timeline))
    if status.ending is Ending.RUNNING:
        complain(f"{status.saga} {status.id} is still running; it goes on by itself")
    raise typer.Exit(ENDING_CODES[status.ending])
