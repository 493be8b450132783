"""What the commands share that change what becomes of deployed sagas."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from stepsaga.cli.deployed import client_of, find
from stepsaga.client.operator import Operator

if TYPE_CHECKING:
    from stepsaga.client import SagaStatus

WhyOption = Annotated[
    str, typer.Option("--why", metavar="TEXT", help="For the record.", show_default=False)
]
ByOption = Annotated[
    str,
    typer.Option("--by", metavar="NAME", help="Who does it; by default the user's name."),
]


def operator_of(stack: str | None, endpoint_url: str | None, by: str = "") -> Operator:
    """An operator of a stack; see `stepsaga.cli.deployed.client_of`."""
    client = client_of(stack, endpoint_url)
    # A client of a stack has a whole store; its protocol only asks for less.
    return Operator(client, cast("Any", client.store), by=by or _user())


def found(operator: Operator, saga_id: str, saga: str | None) -> SagaStatus:
    """The saga that is meant; see `stepsaga.cli.deployed.find`."""
    return find(operator.client, saga_id, saga)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return ""
