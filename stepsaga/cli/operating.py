"""What the commands share that change what becomes of deployed sagas."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from stepsaga.cli.deployed import (
    EndpointOption,
    IdArgument,
    SagaOption,
    StackOption,
    client_of,
    find,
)
from stepsaga.cli.exits import PROBLEM
from stepsaga.cli.output import complain, say
from stepsaga.client.operator import Operator
from stepsaga.errors import StepsagaError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepsaga.client import SagaStatus

WhyOption = Annotated[
    str, typer.Option("--why", metavar="TEXT", help="For the record.", show_default=False)
]
ByOption = Annotated[
    str,
    typer.Option("--by", metavar="NAME", help="Who does it; by default the user's name."),
]
OptionalIdArgument = Annotated[
    str | None,
    typer.Argument(metavar="ID", help="order-123, or FulfilOrder#order-123.", show_default=False),
]
ReasonOption = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help="All that are stuck because of an error that contains this.",
        show_default=False,
    ),
]


def command(help_: str, act: Callable[[Operator, SagaStatus, str], None], then: str) -> Any:
    """A command that does something about one saga, and says what becomes of it.

    Args:
        help_: What ``--help`` says of it.
        act: Does it to a saga, for a reason.
        then: What is said; ``{id}`` stands for the ID as it was given.
    """

    def run(  # noqa: PLR0913  # a command's options
        saga_id: IdArgument,
        *,
        why: WhyOption,
        by: ByOption = "",
        saga: SagaOption = None,
        stack: StackOption = None,
        endpoint_url: EndpointOption = None,
    ) -> None:
        operator = operator_of(stack, endpoint_url, by)
        one = found(operator, saga_id, saga)
        act(operator, one, why)
        say(f"{one.saga} {one.id}  {then.format(id=saga_id)}")

    run.__doc__ = help_
    return run


def for_each(
    operator: Operator,
    saga_id: str | None,
    reason: str | None,
    saga: str | None,
    act: Callable[[SagaStatus], object],
) -> None:
    """Let one saga go on, or all that are stuck for a reason; say which do, and which do not.

    Raises:
        UsageError: Neither is given, or both.
        typer.Exit: Of several one does not go on.
        StepsagaError: Why the only one does not.
    """
    if (saga_id is None) == (reason is None):
        raise UsageError("which? Give an ID, or --reason TEXT for all that are stuck because of it")
    if saga_id is not None:
        one = found(operator, saga_id, saga)
        act(one)
        say(f"{one.saga} {one.id}  goes on")
        return
    meant = [one.status for one in operator.stuck(saga) if str(reason) in one.why]
    failed = 0
    for one in meant:
        try:
            act(one)
        except StepsagaError as error:
            failed += 1
            complain(f"{one.saga} {one.id}: {error}")
        else:
            say(f"{one.saga} {one.id}  goes on")
    say(f"{len(meant) - failed} of {len(meant)} go on")
    if failed:
        raise typer.Exit(PROBLEM)


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
