"""``stepsaga answer``: answer what a deployed saga asks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepsaga.cli.deployed import EndpointOption, StackOption, client_of
from stepsaga.cli.discovery import find_sagas
from stepsaga.cli.output import print_json, say
from stepsaga.client.answers import is_approval
from stepsaga.errors import UsageError
from stepsaga.runtime.approved import Approved

if TYPE_CHECKING:
    from stepsaga.authoring import Saga


def answer(  # noqa: PLR0913  # a command's options
    saga: Annotated[str, typer.Argument(help="The saga's name.", show_default=False)],
    saga_id: Annotated[str, typer.Argument(metavar="ID", help="Its id.", show_default=False)],
    step: Annotated[str, typer.Argument(help="The step that asks.", show_default=False)],
    *,
    approve: Annotated[bool, typer.Option("--approve", help="Approve an approval.")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="Reject: the saga is undone.")] = False,
    value: Annotated[
        str | None,
        typer.Option(
            metavar="JSON", help="The value that a callback asks for.", show_default=False
        ),
    ] = None,
    by: Annotated[str, typer.Option(metavar="NAME", help="Who approves or rejects.")] = "",
    why: Annotated[str, typer.Option(metavar="TEXT", help="What is to be said to it.")] = "",
    lane: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="Which item of a map asks, from 0; 0.2 in a map in a map.",
            show_default=False,
        ),
    ] = None,
    stack: StackOption = None,
    endpoint_url: EndpointOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a machine.")] = False,
) -> None:
    """Answer what a deployed saga asks; the same answer twice is the same as once.

    One of --approve, --reject and --value. Another answer than the one that is recorded, or one to
    a saga that has ended, changes nothing, and exits with 1.
    """
    if sum((approve, reject, value is not None)) != 1:
        raise UsageError("what is the answer? Give one of --approve, --reject and --value JSON")
    found = find_sagas(Path.cwd()).named(saga)
    given = None if reject else _value(found, step, value, Approved(by=by, note=why))
    client = client_of(stack, endpoint_url)
    if reject:
        new = client.reject(found, saga_id, step, by=by, why=why, lane=lane)
    else:
        new = client.answer(found, saga_id, step, given, lane=lane)
    what = "rejected" if reject else "approved" if approve else "answered"
    if as_json:
        print_json({"saga": found.__name__, "id": saga_id, "step": step, what: True, "new": new})
        return
    said = what if new else f"was {what} before, with the same answer"
    say(f"{found.__name__} {saga_id}  {step} {said}")


def _value(saga: type[Saga], step: str, value: str | None, approved: Approved) -> Any:
    """What is answered, where it is no rejection.

    Raises:
        UsageError: An approval is given a value, or a callback none; or the value is no JSON.
        NothingAsked: The step asks nothing.
    """
    if is_approval(saga, step):
        if value is not None:
            raise UsageError(f"{step!r} asks for an approval: --approve or --reject")
        return approved
    if value is None:
        raise UsageError(f"{step!r} asks for a value: --value JSON, or --reject")
    if approved != Approved():
        raise UsageError("--by and --why are of --approve and --reject; leave them out")
    try:
        return json.loads(value)
    except ValueError as error:
        raise UsageError(f"--value is no JSON: {error}") from error
