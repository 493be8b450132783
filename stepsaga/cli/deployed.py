"""Sagas that are deployed: what the commands share that ask a stack."""

from __future__ import annotations

import re
import sys
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from stepsaga.cli.failures import failure_of
from stepsaga.cli.output import console
from stepsaga.cli.timeline import runs_of, timeline_of, with_family
from stepsaga.client import Client
from stepsaga.client.stack import VARIABLE
from stepsaga.engines.endings import Ending
from stepsaga.errors import SagaMissing, UsageError
from stepsaga.store.slots import began, stream_of

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from stepsaga.cli.failures import Failure
    from stepsaga.cli.timeline import Timeline
    from stepsaga.client import SagaStatus

StackOption = Annotated[
    str | None,
    typer.Option(
        "--stack",
        metavar="NAME",
        envvar=VARIABLE,
        help="The stack under which the sagas are deployed.",
        show_default=False,
    ),
]
EndpointOption = Annotated[
    str | None, typer.Option(help="Where AWS is, if it is an emulator.", show_default=False)
]
IdArgument = Annotated[
    str,
    typer.Argument(metavar="ID", help="order-123, or FulfilOrder#order-123.", show_default=False),
]
SagaOption = Annotated[
    str | None, typer.Option(help="The saga's name, if the ID is without.", show_default=False)
]
_UNITS: Final = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def client_of(stack: str | None, endpoint_url: str | None) -> Client:
    """A client of a stack.

    Raises:
        UsageError: No stack is named.
        SagaNotDeployed, EngineUnreachable: As `Client.of_stack`.
    """
    if not stack:
        raise UsageError(f"which stack? Name it with --stack, or set {VARIABLE}")
    return Client.of_stack(stack, endpoint_url=endpoint_url)


def find(client: Client, saga_id: str, saga: str | None) -> SagaStatus:
    """A saga by its id: with its saga before it, or of whichever saga of the stack has it.

    Raises:
        SagaMissing: Nobody knows it.
        UsageError: Several sagas have one, or two are named.
    """
    named, sign, rest = saga_id.partition("#")
    if sign and saga not in (None, named):
        raise UsageError(f"{saga_id} is one of {named}'s, and --saga says {saga}: leave one out")
    if sign or saga is not None:
        return client.status(named if sign else str(saga), rest if sign else saga_id)
    found = [status for name in client.sagas if (status := _status(client, name, saga_id))]
    if not found:
        text = f"there is no {saga_id}: none of {', '.join(client.sagas)} has a saga of this id"
        raise SagaMissing(text)
    if len(found) > 1:
        streams = ", ".join(stream_of(one.saga, one.id) for one in found)
        raise UsageError(f"{saga_id} can be any of: {streams}; write the one you mean")
    return found[0]


def _status(client: Client, saga: str, saga_id: str) -> SagaStatus | None:
    try:
        return client.status(saga, saga_id)
    except SagaMissing:
        return None


def wait_for(
    client: Client, saga: str, saga_id: str, *, timeout: timedelta | None, started: bool
) -> SagaStatus:
    """Wait until a saga has ended, or the time is up. On a terminal, stderr shows that it is so."""
    with _progress(f"{saga} {saga_id} is running"):
        return client.wait(saga, saga_id, timeout=timeout, started=started)


def _progress(text: str) -> AbstractContextManager[Any]:
    return console(sys.stderr).status(text) if sys.stderr.isatty() else nullcontext()


def story(client: Client, status: SagaStatus) -> Timeline:
    """The timeline of a saga's run, from its events, and from its execution where it is stuck."""
    stream = stream_of(status.saga, status.id)
    runs = runs_of(client.store.read(stream))
    run = next((run for run in runs if began(run, status.started)), status.started.isoformat())
    commits = runs.get(run, [])
    kept = client.store.get_definition(commits[0].fingerprint) if commits else None
    timeline = timeline_of(stream, run, commits, kept=kept, failure=_failure(client, status))
    timeline = with_family(timeline, commits, client.store.read)
    return replace(timeline, ending=status.ending)


def _failure(client: Client, status: SagaStatus) -> Failure | None:
    if status.ending is not Ending.STUCK:
        return None
    engine = client.engine
    return failure_of(engine.describe(status.execution), engine.history(status.execution))


def duration(text: str | None) -> timedelta | None:
    """A duration as it is typed: ``30s``, ``5m``, ``2h``, ``1d``.

    Raises:
        UsageError: It is none.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,6})(s|m|min|h|d)", text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no duration: write 30s, 5m, 2h or 1d")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])
