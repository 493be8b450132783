"""``stepsaga start``: start a deployed saga, once for each id."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from stepsaga.cli.deployed import EndpointOption, StackOption, client_of
from stepsaga.cli.discovery import find_sagas
from stepsaga.cli.output import print_json, say
from stepsaga.cli.run import read_input
from stepsaga.cli.wait import show_end


def start(  # noqa: PLR0913  # a command's options
    saga: Annotated[str, typer.Argument(help="The saga's name.", show_default=False)],
    *,
    input_file: Annotated[
        str, typer.Option("--input", metavar="FILE", help="Its input, JSON; - is stdin.")
    ],
    saga_id: Annotated[str, typer.Option("--id", help="The saga's id; again is the same as once.")],
    stack: StackOption = None,
    endpoint_url: EndpointOption = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for its end, and show it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For a machine.")] = False,
) -> None:
    """Start a deployed saga; the same id with the same input is the same saga, for ever.

    The input is checked against the model of the project's saga before anything is started. With
    --wait it exits as `stepsaga wait` does.
    """
    value = read_input(input_file)
    found = find_sagas(Path.cwd()).named(saga)
    client = client_of(stack, endpoint_url)
    started = client.start(found, value, id=saga_id)
    if not as_json:
        said = "started" if started.new else "was started before, with this input"
        say(f"{started.saga} {started.id}  {said}")
        if started.execution:
            say(f"  {started.execution}", style="dim")
    elif not wait:
        print_json(asdict(started))
    if wait:
        show_end(client, started.saga, saga_id, as_json=as_json, started=True)
