"""``stepsaga status``: how a deployed saga is doing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from stepsaga.cli.deployed import (
    EndpointOption,
    IdArgument,
    SagaOption,
    StackOption,
    find,
)
from stepsaga.cli.failures import Failure, explained
from stepsaga.cli.operating import operator_of
from stepsaga.cli.output import console, print_json, say
from stepsaga.cli.timeline import LONGEST_REASON
from stepsaga.cli.timeline_view import ENDING_STYLES, ENDINGS, waiting_json, waiting_text
from stepsaga.cli.values import one_line
from stepsaga.cli.words import for_people
from stepsaga.engines.endings import Ending
from stepsaga.engines.protocol import Status

if TYPE_CHECKING:
    from stepsaga.client import SagaStatus
    from stepsaga.client.operator import Awaited


def status(
    saga_id: IdArgument,
    *,
    saga: SagaOption = None,
    stack: StackOption = None,
    endpoint_url: EndpointOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a machine.")] = False,
) -> None:
    """Say how a deployed saga is doing: of its execution, or of its events where that is gone."""
    operator = operator_of(stack, endpoint_url)
    client = operator.client
    found = find(client, saga_id, saga)
    running = found.ending in {Ending.RUNNING, Ending.OPEN}
    waiting = client.waiting(found.saga, found.id) if running else ()
    children = operator.waits_for(found.saga, found.id)
    if as_json:
        told = {
            "waiting": [waiting_json(one) for one in waiting],
            "children": [_child_json(one) for one in children],
        }
        print_json({**status_json(found), **told})
        return
    console().print(_head(found), soft_wrap=True)
    if found.execution:
        say(f"  {found.execution}", style="dim")
    say(f"  {found.ending.value}: {ENDINGS[found.ending]}")
    for one in waiting:
        say(f"  {waiting_text(one)}", style="cyan")
    for child in children:
        say(f"  waits for its child {child.stream}: {_child(child)}", style="cyan")
    if found.status not in (None, Status.RUNNING, Status.SUCCEEDED):
        say(f"  because {one_line(explained(_failure(found)), LONGEST_REASON)}")


def status_json(one: SagaStatus) -> dict[str, Any]:
    """A saga's status for a machine."""
    return {
        "saga": one.saga,
        "id": one.id,
        "ending": one.ending.value,
        "status": None if one.status is None else one.status.value,
        "started": one.started.astimezone(UTC).isoformat(),
        "stopped": None if one.stopped is None else one.stopped.astimezone(UTC).isoformat(),
        "execution": one.execution,
        "error": one.error,
    }


def _child(one: Awaited) -> str:
    """How a child is doing, and where it does not go on, the next command for it."""
    if one.status is None:
        return "not seen yet"
    return f"{one.status.ending.value}{f'; {one.stuck.then}' if one.stuck else ''}"


def _child_json(one: Awaited) -> dict[str, Any]:
    status = None if one.status is None else status_json(one.status)
    return {"child": one.stream, "status": status, "then": one.stuck.then if one.stuck else None}


def lasted(one: SagaStatus) -> str:
    """How long a saga has lasted, until its end or until now; empty where nobody knows."""
    if one.stopped is None and one.ending is not Ending.RUNNING:
        return ""
    seconds = ((one.stopped or datetime.now(UTC)) - one.started).total_seconds()
    return for_people(max(0.0, round(seconds, 2)))


def _head(one: SagaStatus) -> Text:
    word = "for" if one.ending is Ending.RUNNING else "after"
    text = Text.assemble(
        (one.saga, "bold"),
        f" {one.id}  ",
        (one.ending.value.upper(), ENDING_STYLES[one.ending]),
    )
    if took := lasted(one):
        text.append(f" {word} {took}")
    started = one.started.astimezone(UTC)
    return text.append(f"  (started {started:%Y-%m-%d %H:%M:%S} UTC)", style="dim")


def _failure(one: SagaStatus) -> Failure:
    """Why it failed: a compensated saga's cause is the error that was caught, as JSON."""
    try:
        caught = json.loads(one.cause)
    except ValueError:
        caught = None
    if one.ending is Ending.COMPENSATED and isinstance(caught, dict) and "Error" in caught:
        return Failure(str(caught["Error"]), str(caught.get("Cause", "")))
    return Failure(one.error or str(one.status), one.cause)
