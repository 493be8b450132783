"""``stepsaga show``: what happened in a saga, from its events."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import boto3
import typer
from botocore.config import Config

from stepsaga.cli.deployed import client_of
from stepsaga.cli.discovery import PACKAGE, find_sagas
from stepsaga.cli.exits import PROBLEM
from stepsaga.cli.journal import FOLDER, Journal
from stepsaga.cli.output import complain, console, print_json, say
from stepsaga.cli.timeline import runs_of, timeline_of, with_family
from stepsaga.cli.timeline_view import as_json as timeline_json
from stepsaga.cli.timeline_view import view
from stepsaga.errors import UsageError
from stepsaga.recovery.children import parent_of
from stepsaga.store.dynamodb import DynamoDBStore
from stepsaga.store.failures import explained
from stepsaga.store.slots import stream_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepsaga.cli.journal import Entry
    from stepsaga.cli.timeline import Timeline
    from stepsaga.engines.cost import Cost
    from stepsaga.store.protocol import StreamReader

Shown = tuple["Timeline", "Cost | None"]


def show(  # noqa: PLR0913  # a command's options
    saga_id: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="order-123, or FulfilOrder#order-123.", show_default=False
        ),
    ],
    *,
    table: Annotated[
        str | None,
        typer.Option(
            help="A deployed event table; without it, what was run here.", show_default=False
        ),
    ] = None,
    stack: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="A deployed stack, whose event table is read.", show_default=False
        ),
    ] = None,
    endpoint_url: Annotated[
        str | None,
        typer.Option(help="Where AWS is, if it is an emulator.", show_default=False),
    ] = None,
    all_runs: Annotated[
        bool, typer.Option("--all", help="Every run of the name, not only the latest.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For a machine.")] = False,
) -> None:
    """Show what happened in a saga: what was done, what was undone, how it ended and why.

    Without --table and --stack it is one that `stepsaga run` ran in this folder. Sensitive values
    are masked.
    """
    found = _found(saga_id, table, stack, endpoint_url)
    if not found:
        complain(_not_found(saga_id, table, stack))
        raise typer.Exit(PROBLEM)
    chosen = found if all_runs else found[-1:]
    if as_json:
        listed = [timeline_json(*one) for one in chosen]
        print_json(listed if all_runs else listed[0])
        return
    out = console()
    for number, one in enumerate(chosen):
        if number:
            say("")
        out.print(view(*one))
    if len(found) > len(chosen):
        say(f"  the latest of {len(found)} runs of this name: --all shows every one", style="dim")


def _found(
    saga_id: str, table: str | None, stack: str | None, endpoint_url: str | None
) -> list[Shown]:
    if table is not None and stack is not None:
        raise UsageError("--stack says which table it is: leave --table out")
    if stack is not None:
        client = client_of(stack, endpoint_url)
        streams = [stream_of(saga, saga_id) for saga in client.sagas]
        return _in_store(saga_id, client.store, streams)
    if table is not None:
        streams = [] if "#" in saga_id else _streams(saga_id)
        return _in_store(saga_id, _store(table, endpoint_url), streams)
    if endpoint_url is not None:
        raise UsageError("--endpoint-url says where a table is: name it with --table or --stack")
    return _here(saga_id)


def _here(saga_id: str) -> list[Shown]:
    journal = Journal(Path.cwd())
    streams = journal.find(saga_id)
    _refuse_several(saga_id, streams)
    return [(_told(journal, one), one.cost) for stream in streams for one in journal.read(stream)]


def _told(journal: Journal, entry: Entry) -> Timeline:
    told = timeline_of(
        entry.stream_id, entry.run, entry.commits, kept=entry.kept, failure=entry.failure
    )
    return with_family(told, entry.commits, journal.commits, entry.parent)


def _in_store(saga_id: str, store: StreamReader, streams: Sequence[str]) -> list[Shown]:
    """The runs of an id that names its saga, or of the one stream among these that has any."""
    streams = [saga_id] if "#" in saga_id else streams
    there = {stream: found for stream in streams if (found := _runs(store, stream))}
    _refuse_several(saga_id, list(there))
    return [shown for runs in there.values() for shown in runs]


def _runs(store: StreamReader, stream_id: str) -> list[Shown]:
    runs = runs_of(store.read(stream_id))
    parent = parent_of(store, stream_id) if runs else None
    shown: list[Shown] = []
    for run, commits in runs.items():
        kept = store.get_definition(commits[0].fingerprint)
        told = timeline_of(stream_id, run, commits, kept=kept)
        stream = parent.stream if parent else ""
        shown.append((with_family(told, commits, store.read, stream), None))
    return shown


def _store(table: str, endpoint_url: str | None) -> StreamReader:
    config = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 3})
    try:
        with explained(f"table {table!r}"):
            client, s3 = (
                boto3.client(service, endpoint_url=endpoint_url, config=config)
                for service in ("dynamodb", "s3")
            )
    except ValueError as error:  # botocore's word for an address that is none
        if endpoint_url is None:
            raise
        raise UsageError(f"--endpoint-url: {error}") from error
    return DynamoDBStore(client=client, table=table, s3=s3)


def _streams(saga_id: str) -> list[str]:
    """The streams that an id alone can mean: those of the project's sagas."""
    root = Path.cwd()
    if not (root / PACKAGE).is_dir():
        raise UsageError(
            f"which saga's {saga_id}? Write it with its saga, FulfilOrder#{saga_id}, or go to the"
            " project, whose sagas are tried"
        )
    return [stream_of(saga.__name__, saga_id) for saga in find_sagas(root).sagas]


def _refuse_several(saga_id: str, streams: Sequence[str]) -> None:
    if len(streams) > 1:
        raise UsageError(f"{saga_id} can be any of: {', '.join(streams)}; write the one you mean")


def _not_found(saga_id: str, table: str | None, stack: str | None) -> str:
    if table is not None:
        return f"table {table!r} has no saga {saga_id}"
    if stack is not None:
        return f"the event table of stack {stack!r} has no saga {saga_id}"
    known = [stream.partition("#")[2] for stream in Journal(Path.cwd()).streams()]
    hint = f"there are: {', '.join(known[-10:])}" if known else "`stepsaga run` runs one"
    way_out = "--stack and --table read a deployed one"
    return f"no saga {saga_id} was run here (./{FOLDER}); {hint}; {way_out}"
